"""What is known about a deployment right now? The fold of all events; one writer at a time, any number of readers."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from lazycelery_core.events import (
    Event,
    QueueGone,
    QueueSample,
    ResultMeta,
    RoutingSample,
    TaskSeen,
    WireEvent,
    WorkerCensus,
    WorkerReply,
)
from lazycelery_core.model import Gap, Queue, Routing, Worker
from lazycelery_core.redact import Redactor
from lazycelery_core.snapshot import Totals
from lazycelery_core.store.aggregates import Aggregates, Tally, WorkerCounts
from lazycelery_core.store.counting import Counting
from lazycelery_core.store.limits import Limits
from lazycelery_core.store.merge import Merge
from lazycelery_core.store.order import Order
from lazycelery_core.store.queues import Queues
from lazycelery_core.store.rings import Ring
from lazycelery_core.store.secrets import as_redactor
from lazycelery_core.store.table import Table
from lazycelery_core.store.tasks import StoreTasks
from lazycelery_core.store.told import Told
from lazycelery_core.store.workers import Workers

MOST_GAPS = 100
RATE_WINDOW = 5  # s
SMOOTH = 0.1  # share of a new batch in the shown lag
MOST_LATE = 600.0  # s; no broker keeps events that long: a clock is wrong, and no heartbeat tells so


class Store:
    """The state of one deployment. `apply` may be called from several threads; each batch is taken in whole.

    limits: bounds. redactor: hides secrets in what is kept hot and in what is read back. started_at: when listening
    began, Unix seconds.
    """

    def __init__(self, limits: Limits, redactor: Redactor | Callable[[str], str], started_at: float) -> None:
        self._lock = threading.Lock()
        self._redactor = as_redactor(redactor)
        self._since = self._now = started_at
        self.version = 0
        self._rejected, self._ignored = Tally(), Tally()
        self._aggregates, self._counts = Aggregates(), WorkerCounts()
        self._table = Table(limits, self._redactor.text, self._lock)
        order = Order(self._table, self._aggregates, self._counts, self._rejected)
        self._merge, self._told = Merge(order), Told(order)
        self._workers = Workers(limits, self._table.hosts, self._counts, self._merge.starts)
        self._queues = Queues(limits, self._table.queues, self._merge.sent_to)
        self._arrivals = Ring(1, 60)
        self._events = self._heartbeats = 0
        self._lag: float | None = None
        self._gaps: deque[Gap] = deque(maxlen=MOST_GAPS)
        self._asked_row = -1
        self._counting = Counting()

    def apply(self, events: Sequence[Event], now: float) -> None:
        """Take a batch in, at most a few hundred events; now: when it arrived, Unix seconds."""
        if not events:
            return
        with self._lock:
            self._begin(now)
            others = self._merge.apply(events, now, self.version & 0xFFFFFFFF)
            self._count(len(events) - len(others) + sum(isinstance(event, WireEvent) for event in others), now)
            for event in others:
                self._other(event, now)
            self._workers.seen_by_tasks(now)
            self._measure_lag(events[-1], now)
        for event in others:
            if isinstance(event, WorkerReply):  # may be megabytes: secrets are hidden while nobody waits for the lock
                value = self._redactor.value(event.value)
                with self._lock:
                    self._workers.reply(event, value)

    def tasks(self, now: float | None = None) -> StoreTasks:
        """The table of tasks as it is now."""
        with self._lock:
            return StoreTasks(
                self._table, self._aggregates, self._counts, self._redactor, self._counting, tuple(self._gaps),
                self._since,
                self._now if now is None else now,
            )  # fmt: skip

    def workers(self, now: float) -> tuple[Worker, ...]:
        """All workers by name; the same tuple while nothing changes."""
        with self._lock:
            return self._workers.all(now)

    def queues(self, now: float) -> tuple[Queue, ...]:
        """All queues by name; the same tuple while nothing changes."""
        with self._lock:
            return self._queues.all(self._workers.all(now))

    def routing(self) -> Routing | None:
        """How messages get into queues, None where no broker told it."""
        with self._lock:
            return self._queues.routing

    def queue_names(self, most: int) -> list[str]:
        """At most so many names of queues that events and workers told of."""
        with self._lock:
            return self._table.queues.values[:most]

    def totals(self, now: float) -> Totals:
        """Counters since start."""
        with self._lock:
            return Totals(
                events=self._events,
                event_rate=self._arrivals.last(0, RATE_WINDOW, now),
                lag=self._lag,
                heartbeats=self._heartbeats,
                dropped=self._workers.left_out + self._queues.left_out + self._table.cold.dropped,
                rejected=dict(self._rejected),
                ignored=dict(self._ignored),
                left_out=self._left_out(),
            )

    def _left_out(self) -> dict[str, int]:
        """What there was no room for, by the bound that was reached."""
        told = {
            "workers that were quiet longest": self._workers.left_out,
            "samples of queues beyond the limit": self._queues.left_out,
            "texts of old messages": self._table.cold.dropped,
        }
        return {what: number for what, number in told.items() if number} | self._table.left_out()

    def gap(self, gap: Gap, asked: bool = False) -> None:
        """Events were missed in this time: charts show it. asked: whether workers will tell what they began in it."""
        with self._lock:
            self._gaps.append(gap)
            self._merge.starts.missed(gap, self._workers.with_task_events(), asked)

    def gaps(self, now: float) -> Sequence[Gap]:
        """All gaps so far, oldest first, with the tasks missed in each as far as they are counted."""
        with self._lock:
            return self._merge.starts.told(now)

    def unfinished(self, limit: int, after_gap: bool) -> Sequence[str]:
        """Ids of tasks without an end, after a gap all, else those silent for a while. The next call goes on."""
        tasks = self.tasks()
        found = tasks.unfinished(limit, None if after_gap else self._now - SILENT, self._asked_row)
        self._asked_row = found[-1].row if found else -1
        return [task.id for task in found]

    def _begin(self, now: float) -> None:
        self.version += 1
        if int(now) != int(self._now):
            self._aggregates.tick(now)
            self._counts.tick(now)
        self._now = now

    def _count(self, heard: int, now: float) -> None:
        """What workers and clients said of their own accord; samples and answers are no events."""
        self._events += heard
        if heard:
            self._arrivals.add(0, now, heard)

    def _other(self, event: Event, now: float) -> None:
        match event:
            case WireEvent():
                self._wire(event, now)
            case ResultMeta():
                self._told.result(event, self.version & 0xFFFFFFFF)
            case TaskSeen():
                self._told.seen(event, self.version & 0xFFFFFFFF)
            case WorkerCensus():
                self._workers.census(event)
            case QueueSample():
                self._queues.sample(event)
            case QueueGone():
                self._queues.gone(event)
            case RoutingSample():
                self._queues.routing = event.routing

    def _wire(self, event: WireEvent, now: float) -> None:
        if event.type.startswith("worker-"):
            self._heartbeats += event.type == "worker-heartbeat"
            self._workers.event(event, now, self._ignored)
        elif event.type.startswith("task-"):
            self._told.custom(event, now, self.version & 0xFFFFFFFF)
        else:
            self._ignored.count(event.type)

    def late(self, event: Event, now: float) -> float | None:
        """Seconds from the event's own time to its arrival, its worker's skew removed; None where it tells no time."""
        if not isinstance(event, WireEvent) or not 0.0 < event.timestamp < 2 * now:
            return None
        late = now - event.timestamp + self._workers.skew(event.hostname)
        return max(0.0, late) if late < MOST_LATE else None

    def _measure_lag(self, event: Event, now: float) -> None:
        late = self.late(event, now)
        if late is not None:
            self._lag = late if self._lag is None else self._lag + SMOOTH * (late - self._lag)


SILENT = 30.0  # s without news after which a task's end may have been missed
