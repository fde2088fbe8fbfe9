"""What do task events, in whatever order they arrive, make of a task?

Celery's own rule (celery/events/state.py): the state of the highest rank wins, of two equal ones the later. Two
differences: a retry is a barrier in time instead of in order of arrival, so that a late `task-retried` does not undo
the attempt that came after it; and of success and failure the later one wins (a second delivery).
"""

from array import array
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from lazycelery_core.events import Event, WireEvent
from lazycelery_core.model import TaskState
from lazycelery_core.store.aggregates import Aggregates, Tally, WorkerCounts
from lazycelery_core.store.rings import FAILED, RETRIED, SUCCEEDED
from lazycelery_core.store.segment import BY_RESULT, Segment
from lazycelery_core.store.segment import RETRIED as WAS_RETRIED
from lazycelery_core.store.table import Table
from lazycelery_core.store.traceback import real_exception

PENDING, RECEIVED, STARTED, RETRY = map(
    int, (TaskState.PENDING, TaskState.RECEIVED, TaskState.STARTED, TaskState.RETRY)
)
SUCCESS, FAILURE, REVOKED, REJECTED = map(
    int, (TaskState.SUCCESS, TaskState.FAILURE, TaskState.REVOKED, TaskState.REJECTED)
)
# By state. celery.states.PRECEDENCE turned round; a state that a stored result told counts one less.
RANK = (0, 6, 8, 2, 12, 12, 10, 4)
REVOKED_BY_RESULT = 7  # below STARTED: a revoke writes REVOKED while the task may still run elsewhere
LONGEST_ID = 1_000
FAR = 10 * 365 * 86_400.0  # s; a time further away than ten years is no time
NO_CHANGE, SAME, CHANGED = range(3)

Handler = Callable[[Segment, int, WireEvent, float], None]


class Merge:
    """The fold of task events into the table. One writer."""

    def __init__(self, table: Table, aggregates: Aggregates, workers: WorkerCounts, rejected: Tally) -> None:
        self._table, self._aggregates, self._workers, self._rejected = table, aggregates, workers, rejected
        self._names, self._hosts, self._queues = table.names.codes, table.hosts.codes, table.queues.codes
        self.sent_to = array("q")  # task-sent events by queue code
        self.now = 0.0
        self._handlers: dict[str, Handler] = {
            "task-sent": self._sent,
            "task-received": self._received,
            "task-started": self._started,
            "task-succeeded": self._succeeded,
            "task-failed": self._failed,
            "task-retried": self._retried,
            "task-revoked": self._revoked,
            "task-rejected": self._reject,
        }

    def apply(self, events: Sequence[Event], now: float, version: int) -> list[Event]:
        """Take in the task events of a batch; the others come back. The loop that every event goes through."""
        table, others = self._table, []
        segments, shards, handlers, append = table.segments, table.index.shards, self._handlers, table.cold.append
        shift, mask = table.shift, table.mask
        earliest, latest = max(0.0, now - FAR), now + FAR
        self.now = now
        for event in events:
            if type(event) is not WireEvent or (handler := handlers.get(event.type)) is None:
                others.append(event)
                continue
            task_id = event.uuid
            row = shards[hash(task_id) & 255].get(task_id, -1)
            segment = segments.get(row >> shift)
            if segment is None:
                row = self.add(task_id)
                if row < 0:
                    continue
                segments = table.segments
                segment = segments[row >> shift]
            at = event.timestamp
            if not earliest < at < latest:
                at = now
            place = row & mask
            handler(segment, place, event, at)
            segment.changed[place] = version
            body = event.body
            if body:
                segment.ref[place] = append(body, event.part, segment.ref[place])
        return others

    def add(self, task_id: str) -> int:
        """A row for a new task, PENDING and without a name; -1 when the id can't be one."""
        if not task_id or len(task_id) > LONGEST_ID:
            self._rejected.count("a task id that is too long" if task_id else "a task event without an id")
            return -1
        self._aggregates.by_state[PENDING] += 1
        return self._table.add(task_id)

    def host(self, hostname: str | None) -> int:
        """The code of a worker that may be new."""
        code = self._table.hosts.add(hostname)
        self._workers.fit(len(self._table.hosts.values))
        return code

    def rename(self, segment: Segment, place: int, name: str | None) -> None:
        """Set a task's name, and count it under that name."""
        code = self._names.get(name)
        if code is None:
            code = self._table.names.add(name)
            self._aggregates.fit_names(len(self._table.names.values))
        old = segment.name[place]
        if code >= 0 and code != old:
            self._aggregates.renamed(old, code, segment.state[place])
            segment.name[place] = code

    def identify(self, segment: Segment, place: int, event: WireEvent) -> None:
        """Name, parent and root, as sent and received tell them. A retry names itself as parent: not a parent."""
        if self._names.get(event.name, -2) != segment.name[place]:
            self.rename(segment, place, event.name)
        if not segment.root[place]:
            parent, root = event.parent_id, event.root_id
            if root:
                segment.root[place] = hash(root)
            if parent and parent != event.uuid:
                segment.parent[place] = hash(parent)
        if event.eta:
            due = moment(event.eta)
            if due is not None:
                segment.eta[place] = due

    def advance(self, segment: Segment, place: int, new: int, at: float, worker: int) -> int:
        """Go to a state if it outranks the present one: NO_CHANGE, SAME (the same state, told again) or CHANGED."""
        old = segment.state[place]
        if segment.flags[place]:
            if not self._outranks(segment, place, new, at):
                return NO_CHANGE
        elif RANK[new] <= RANK[old] and (RANK[new] < RANK[old] or at < segment.updated[place]):
            return NO_CHANGE
        segment.updated[place] = at
        segment.worker[place] = worker
        if new == old:
            return SAME
        self.moved(segment, place, old, new)
        return CHANGED

    def moved(self, segment: Segment, place: int, old: int, new: int) -> None:
        """Set the state and count the task there."""
        segment.state[place] = new
        first = (segment.name[place] + 1) << 3
        counts = self._aggregates.by_state
        counts[first + old] -= 1
        counts[first + new] += 1

    def ended(self, worker: int, outcome: int) -> None:
        """Count an attempt that ended."""
        self._aggregates.ends.add(outcome, self.now)
        if worker >= 0:
            self._workers.ended(worker, outcome, self.now)
            self._workers.seen[worker] = self.now

    def _outranks(self, segment: Segment, place: int, new: int, at: float) -> bool:
        """`advance` for tasks that were retried, or whose state came from a stored result."""
        flags, old = segment.flags[place], segment.state[place]
        if flags & WAS_RETRIED:
            if at < segment.barrier[place]:
                return False
            if old == RETRY:
                return True
        rank = REVOKED_BY_RESULT if old == REVOKED and flags & BY_RESULT else RANK[old]
        wins = RANK[new] > rank or (RANK[new] == rank and not at < segment.updated[place])
        if wins:
            segment.flags[place] = flags & ~BY_RESULT
        return wins

    def _sent(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        if not at < segment.sent[place]:
            if segment.name[place] < 0 or not at < segment.received[place]:
                self.identify(segment, place, event)
            segment.sent[place] = at
        if event.retries and event.retries > segment.retries[place]:
            segment.retries[place] = min(event.retries, 0xFFFF)
        queue = self._queues.get(event.queue)
        if queue is None:
            queue = self._table.queues.add(event.queue)
        if queue >= 0:
            segment.queue[place] = queue
            if queue >= len(self.sent_to):
                self.sent_to.extend([0] * (queue + 1 - len(self.sent_to)))
            self.sent_to[queue] += 1
        state = segment.state[place]
        if state == PENDING and not at < segment.updated[place]:
            segment.updated[place] = at
        elif state == RETRY:
            self.advance(segment, place, PENDING, at, segment.worker[place])

    def _received(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        worker = self._hosts.get(event.hostname)
        if worker is None:
            worker = self.host(event.hostname)
        if not at < segment.received[place]:
            self.identify(segment, place, event)
            segment.received[place] = at
        if event.retries:
            self._next_attempt(segment, place, event.retries, at, worker)
        elif event.retries is None and segment.state[place] == RETRY:
            segment.retries[place] += 1
        if worker >= 0:
            self._workers.received[worker] += 1
            self._workers.seen[worker] = self.now
        self.advance(segment, place, RECEIVED, at, worker)

    def _next_attempt(self, segment: Segment, place: int, retries: int, at: float, worker: int) -> None:
        """A higher attempt on another worker begins after the retry, whatever the clocks of the two say."""
        if retries > segment.retries[place]:
            segment.retries[place] = min(retries, 0xFFFF)
            if (
                segment.state[place] == RETRY
                and worker != segment.worker[place]
                and at < segment.barrier.get(place, at)
            ):
                segment.barrier[place] = at

    def _started(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        worker = self._hosts.get(event.hostname)
        if worker is None:
            worker = self.host(event.hostname)
        if not at < segment.started[place]:
            segment.started[place] = at
        self.advance(segment, place, STARTED, at, worker)

    def _succeeded(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        worker = self._hosts.get(event.hostname)
        if worker is None:
            worker = self.host(event.hostname)
        change = self.advance(segment, place, SUCCESS, at, worker)
        if change == NO_CHANGE:
            return
        runtime = event.runtime
        if runtime is not None and 0.0 <= runtime < FAR:
            if not segment.runtime[place] >= 0.0:  # each task once, even if told again
                self._aggregates.took(segment.name[place], runtime)
                self._workers.took(worker, runtime)
            segment.runtime[place] = runtime
        if change == CHANGED:
            self.ended(worker, SUCCEEDED)

    def _failed(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        worker = self.host(event.hostname)
        change = self.advance(segment, place, FAILURE, at, worker)
        if change != NO_CHANGE:
            self.excepted(segment, place, real_exception(event.exception, event.body, event.part))
        if change == CHANGED:
            self.ended(worker, FAILED)

    def excepted(self, segment: Segment, place: int, exception: str | None) -> None:
        """Set a task's exception, if there is one."""
        code = self._table.exceptions.add(exception)
        if code >= 0:
            segment.exception[place] = code

    def _revoked(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        self.advance(segment, place, REVOKED, at, self.host(event.hostname))

    def _reject(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        self.advance(segment, place, REJECTED, at, self.host(event.hostname))

    def _retried(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        """Close an attempt: what was reported before `at` belongs to it, what came after stays."""
        worker = self.host(event.hostname)
        if at <= segment.barrier.get(place, -1.0):
            return  # told again, or an earlier retry told late
        old = segment.state[place]
        elsewhere = segment.retries[place] and worker != segment.worker[place] and old not in (PENDING, RETRY)
        if elsewhere and segment.received[place] < at:  # the next attempt runs on a host with another clock
            at = segment.received[place]
        segment.flags[place] |= WAS_RETRIED
        segment.barrier[place] = at
        self.ended(worker, RETRIED)
        new = old if elsewhere else self._after_retry(segment, place, at)
        if new == RETRY:
            segment.worker[place], segment.updated[place] = worker, at
        if new != FAILURE:
            self.excepted(segment, place, real_exception(event.exception, event.body, event.part))
        if new != old:
            self.moved(segment, place, old, new)

    def _after_retry(self, segment: Segment, place: int, at: float) -> int:
        """The state by what is known to have happened after a retry."""
        state = segment.state[place]
        if TaskState(state).ended and segment.updated[place] > at:
            return state
        for after, times in ((STARTED, segment.started), (RECEIVED, segment.received), (PENDING, segment.sent)):
            if times[place] > at:
                segment.updated[place] = times[place]
                return after
        return RETRY


def moment(text: str) -> float | None:
    """ISO 8601 -> Unix seconds; UTC where no offset is told; None when it is no time."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
