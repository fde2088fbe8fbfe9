"""What do task events, in whatever order they arrive, make of a task?

Celery's own rule (celery/events/state.py): the state of the highest rank wins, of two equal ones the later. Two
differences: a retry is a barrier in time instead of in order of arrival, so that a late `task-retried` does not undo
the attempt that came after it; and of success and failure the later one wins (a second delivery).

This is the road that every event takes: the usual order of events is written out flat, all else goes to `order.py`.
"""

from collections.abc import Callable, Sequence
from math import log

from lazycelery_core.events import Event, WireEvent
from lazycelery_core.store.aggregates import BUCKETS, LEAST, OFFSET, SCALE, took
from lazycelery_core.store.cold import EVENT, HEADER, SHARED, pack
from lazycelery_core.store.cold import FAR as FAR_BACK
from lazycelery_core.store.order import (
    FAILURE,
    PENDING,
    RECEIVED,
    REJECTED,
    RETRY,
    REVOKED,
    STARTED,
    SUCCESS,
    Change,
    Order,
    before,
    moment,
)  # fmt: skip
from lazycelery_core.store.rings import FAILED, RETRIED, SUCCEEDED
from lazycelery_core.store.segment import STATE, Segment
from lazycelery_core.store.starts import Starts
from lazycelery_core.store.traceback import real_exception

FAR = 10 * 365 * 86_400.0  # s; a time further away than ten years is no time
_BEFORE_RECEIVED, _BEFORE_STARTED, _BEFORE_END = before(RECEIVED), before(STARTED), before(SUCCESS)

Handler = Callable[[Segment, int, WireEvent, float], None]


class Merge:
    """The fold of task events into the table. One writer."""

    def __init__(self, order: Order) -> None:
        table, self._order = order.table, order
        self._table = table
        self._names, self._hosts, self._queues = table.names.codes, table.hosts.codes, table.queues.codes
        self._by_state, self._ends, self._runtimes = order.counts.by_state, order.counts.ends, order.counts.runtimes
        self._received_by = order.workers.received
        self._ended_by, self._runtimes_by = order.workers.ends, order.workers.runtimes
        self._starts_by, self.starts = order.workers.starts, Starts(order.workers, table)
        self._recent_rows, self._recent_clocks = self.starts.rows.append, self.starts.clocks.append
        self.sent_to: list[int] = []  # task-sent events by queue code
        self._handlers: dict[str, Handler] = {
            "task-sent": self._sent,
            "task-received": self._received,
            "task-started": self._started,
            "task-succeeded": self._succeeded,
            "task-failed": self._failed,
            "task-retried": self._retried,
            "task-revoked": self._revoked,
            "task-rejected": self._rejected,
        }

    def apply(self, events: Sequence[Event], now: float, version: int) -> list[Event]:
        """Take in the task events of a batch; the others come back.

        Long, because it runs for every event: finding the row, and writing the report to cold storage (`Cold.append`
        written out; events of one message share its body), would cost a quarter more as calls.
        """
        table, cold, others = self._table, self._table.cold, []
        segments, shards, handlers = table.segments, table.index.shards, self._handlers
        shift, mask = table.shift, table.mask
        end, full, last, last_at, write = cold.end, cold.full, cold.body, cold.body_at, cold.parts.append
        earliest, latest, most = max(0.0, now - FAR), now + FAR, table.limits.body
        for event in events:
            if type(event) is not WireEvent or (handler := handlers.get(event.type)) is None:
                others.append(event)
                continue
            task_id = event.uuid
            row = shards[hash(task_id) & 255].get(task_id, -1)
            segment = segments.get(row >> shift)
            if segment is None:
                row = self._order.add(task_id)
                if row < 0:
                    continue
                segments = table.segments
                segment = segments[row >> shift]
            place = row & mask
            at = event.timestamp
            handler(segment, place, event, at if earliest < at < latest else now)
            segment.changed[place] = version
            body = event.body
            if not body:
                continue
            ref = segment.ref
            back = ref[place]
            if back:
                back = end - back
                back = min(back, FAR_BACK)
            ref[place] = end
            if body is last:
                write(pack(back, end - last_at, event.part, SHARED))
                end += HEADER
            else:
                last, last_at = body, end
                size = len(body)
                if size > most:
                    body, size = b"", 0
                write(pack(back, size, event.part, EVENT))
                write(body)
                end += HEADER + size
            if end >= full:
                cold.end = end
                cold.seal()
                full, write = cold.full, cold.parts.append
        cold.end, cold.body, cold.body_at = end, last, last_at
        self.starts.trim()
        return others

    def _sent(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        order = self._order
        if not at < segment.sent[place]:
            segment.sent[place] = at
            if segment.name[place] < 0 or not at < segment.received[place]:
                self._identify(segment, place, event)
        if event.retries:
            order.attempt(segment, place, event.retries)
        queue = self._queues.get(event.queue)
        if queue is None:
            queue = self._table.queues.add(event.queue)
        if queue >= 0:
            segment.queue[place] = queue
            if queue >= len(self.sent_to):
                self.sent_to.extend([0] * (queue + 1 - len(self.sent_to)))
            self.sent_to[queue] += 1
        mark = segment.mark[place]
        if mark == PENDING:
            if not at < segment.updated[place]:
                segment.updated[place] = at
        elif mark & STATE == RETRY:
            order.advance(segment, place, PENDING, at, segment.worker[place])

    def _received(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        worker = self._hosts.get(event.hostname)
        if worker is None:
            worker = self._order.host(event.hostname)
        self._received_by[worker] += 1
        mark = segment.mark[place]
        if _BEFORE_RECEIVED[mark]:
            segment.received[place] = segment.updated[place] = at
            segment.worker[place] = worker
            segment.mark[place] = RECEIVED
            first = (segment.name[place] + 1) << 3
            counts = self._by_state
            counts[first + mark] -= 1
            counts[first + RECEIVED] += 1
            if self._names.get(event.name) != segment.name[place] or not segment.root[place] or event.eta:
                self._identify(segment, place, event)
            if event.retries:
                self._order.received_again(segment, place, event.retries, at, worker, True)
        else:
            is_first = not segment.received[place] >= 0.0
            if not at < segment.received[place]:
                self._identify(segment, place, event)
                segment.received[place] = at
            self._order.received(segment, place, event.retries, at, worker, is_first)

    def _started(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        worker = self._hosts.get(event.hostname)
        if worker is None:
            worker = self._order.host(event.hostname)
        heard, name = self._starts_by[worker], segment.name[place]
        heard[name] = heard.get(name, 0) + 1
        self._recent_rows(segment.number * segment.rows + place)
        self._recent_clocks(event.clock or 0)
        mark = segment.mark[place]
        if _BEFORE_STARTED[mark]:
            segment.started[place] = segment.updated[place] = at
            segment.worker[place] = worker
            segment.mark[place] = STARTED
            first = (segment.name[place] + 1) << 3
            counts = self._by_state
            counts[first + mark] -= 1
            counts[first + STARTED] += 1
        else:
            if not at < segment.started[place]:
                segment.started[place] = at
            self._order.advance(segment, place, STARTED, at, worker)

    def _succeeded(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        worker = self._hosts.get(event.hostname)
        if worker is None:
            worker = self._order.host(event.hostname)
        mark = segment.mark[place]
        name = segment.name[place]
        if _BEFORE_END[mark]:
            segment.updated[place] = at
            segment.worker[place] = worker
            segment.mark[place] = SUCCESS
            counts = self._by_state
            counts[((name + 1) << 3) + mark] -= 1
            counts[((name + 1) << 3) + SUCCESS] += 1
            self._ends[SUCCEEDED] += 1
            self._ended_by[SUCCEEDED][worker] += 1
        else:
            change = self._order.advance(segment, place, SUCCESS, at, worker)
            if change is Change.NONE:
                return
            if change is Change.STATE:
                self._order.ended(SUCCEEDED, worker)
        runtime = event.runtime
        if runtime is not None and 0.0 <= runtime < FAR:
            if not segment.runtime[place] >= 0.0:  # each task once, even if told again
                bucket = int(log(runtime) * SCALE + OFFSET) if runtime > LEAST else 0
                bucket = bucket if bucket < BUCKETS else BUCKETS - 1
                took(self._runtimes, name, bucket)
                took(self._runtimes_by, worker, bucket)
            segment.runtime[place] = runtime

    def _failed(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        order = self._order
        worker = order.host(event.hostname)
        change = order.advance(segment, place, FAILURE, at, worker)
        if change is not Change.NONE:
            order.excepted(segment, place, real_exception(event.exception, event.body, event.part))
        if change is Change.STATE:
            order.ended(FAILED, worker)

    def _retried(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        order = self._order
        worker = order.host(event.hostname)
        if order.retried(segment, place, at, worker):
            order.ended(RETRIED, worker)
            if segment.mark[place] & STATE != FAILURE and not at < segment.attempts[place].last:
                order.excepted(segment, place, real_exception(event.exception, event.body, event.part))

    def _revoked(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        self._order.advance(segment, place, REVOKED, at, self._order.host(event.hostname))

    def _rejected(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        self._order.advance(segment, place, REJECTED, at, self._order.host(event.hostname))

    def _identify(self, segment: Segment, place: int, event: WireEvent) -> None:
        """Name, parent and root, as sent and received tell them. A retry names itself as parent: not a parent."""
        name = self._names.get(event.name)
        if name is None:
            name = self._order.name(event.name)
        old = segment.name[place]
        if name != old and name >= 0:
            segment.name[place] = name
            if old < 0 and segment.started[place] >= 0.0:
                self._order.workers.start_named(segment.worker[place], name)
            state = segment.mark[place] & STATE
            counts = self._by_state
            counts[((old + 1) << 3) + state] -= 1
            counts[((name + 1) << 3) + state] += 1
        if not segment.root[place]:
            root, parent = event.root_id, event.parent_id
            if root:
                segment.root[place] = hash(root)
            if parent and parent != event.uuid:
                segment.parent[place] = hash(parent)
        if event.eta:
            due = moment(event.eta)
            if due is not None:
                segment.eta[place] = due
