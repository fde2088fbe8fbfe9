"""Which of two reports about a task counts? The rules of states, attempts and late arrivals, for every report."""

from datetime import UTC, datetime
from enum import Enum

from lazycelery_core.model import TaskState
from lazycelery_core.store.aggregates import Aggregates, Tally, WorkerCounts
from lazycelery_core.store.attempts import NEVER, Attempts
from lazycelery_core.store.segment import BY_RESULT, MARKS, RETRIED, STATE, Segment
from lazycelery_core.store.table import Table

PENDING, RECEIVED, STARTED, RETRY, SUCCESS, FAILURE, REVOKED, REJECTED = map(int, TaskState)
# By state: celery.states.PRECEDENCE turned round, except that success and failure are equal.
RANK = (0, 6, 8, 2, 12, 12, 10, 4)
REVOKED_BY_RESULT = 7  # below STARTED: a revoke writes REVOKED while the task may still run elsewhere
LONGEST_ID = 1_000
MOST_RETRIES = 0xFFFF


class Change(Enum):
    """What a report did: nothing, its time and worker count now, or also the state is another."""

    NONE = 0
    DETAIL = 1
    STATE = 2


class Order:
    """Changes of rows, with the counts that hang on them. Everything that writes a state goes through here.

    `advance` and `retried` make the same state of the same reports in any order, as far as one clock told their times.
    """

    def __init__(self, table: Table, counts: Aggregates, workers: WorkerCounts, rejected: Tally) -> None:
        self.table, self.counts, self.workers = table, counts, workers
        self._rejected = rejected

    def add(self, task_id: str) -> int:
        """A row for a new task, PENDING and without a name; -1 when the id can't be one."""
        if not task_id or len(task_id) > LONGEST_ID:
            self._rejected.count("a task id that is too long" if task_id else "a task event without an id")
            return -1
        self.counts.by_state[-1][PENDING] += 1
        return self.table.add(task_id)

    def host(self, hostname: str | None) -> int:
        """The code of a worker that may be new."""
        code = self.table.hosts.codes.get(hostname)
        if code is None:
            code = self.table.hosts.add(hostname)
            self.workers.fit(len(self.table.hosts.values))
        return code

    def name(self, name: str | None) -> int:
        """The code of a task name that may be new."""
        code = self.table.names.codes.get(name)
        if code is None:
            code = self.table.names.add(name)
            self.counts.fit_names(len(self.table.names.values))
        return code

    def rename(self, segment: Segment, place: int, name: str) -> None:
        """Set a task's name, and count it under that name."""
        code, old = self.name(name), segment.name[place]
        self.counts.renamed(old, code, segment.mark[place] & STATE)
        segment.name[place] = code
        if old < 0 and segment.started[place] >= 0.0:
            self.workers.start_named(segment.worker[place], code)

    def excepted(self, segment: Segment, place: int, exception: str | None) -> None:
        """Set a task's exception, if there is one."""
        code = self.table.exceptions.add(exception)
        if code >= 0:
            segment.exception[place] = code

    def ended(self, outcome: int, worker: int) -> None:
        """Count an attempt that ended."""
        self.counts.ends[outcome] += 1
        self.workers.ends[outcome][worker] += 1

    def attempt(self, segment: Segment, place: int, retries: int) -> None:
        """Note the number of an attempt; the highest one stays."""
        if retries > segment.retries[place]:
            segment.retries[place] = min(retries, MOST_RETRIES)

    def received_again(
        self, segment: Segment, place: int, retries: int, at: float, worker: int, is_first: bool
    ) -> None:
        """Attempt number `retries` > 0 reached a worker. If not the one that asked for it, the clock is another now.

        is_first: it is the first attempt that is known to have been received.
        """
        self.attempt(segment, place, retries)
        attempts = segment.attempts.get(place)
        if attempts is None:
            attempts = segment.attempts[place] = Attempts(retries if is_first else 0)
        attempts.received(retries)
        if retries == segment.retries[place]:
            segment.receiver[place] = worker
            waits = segment.mark[place] & STATE in (PENDING, RETRY)
            if waits and worker != segment.worker[place] and at < segment.barrier.get(place, at):
                segment.barrier[place] = attempts.last = at
        self._close(segment, place)

    def advance(self, segment: Segment, place: int, new: int, at: float, worker: int) -> Change:
        """Go to a state if it outranks the present one."""
        mark = segment.mark[place]
        if mark > STATE:
            if not self._outranks(segment, place, mark, new, at):
                return Change.NONE
        elif RANK[new] <= RANK[mark] and (RANK[new] < RANK[mark] or at < segment.updated[place]):
            return Change.NONE
        segment.updated[place] = at
        segment.worker[place] = worker
        old, flags = mark & STATE, mark & RETRIED
        segment.mark[place] = new | flags
        if new == old:
            return Change.DETAIL
        self._moved(segment, place, old, new)
        return Change.STATE

    def move(self, segment: Segment, place: int, new: int, at: float) -> None:
        """Go to a state whatever its rank."""
        mark = segment.mark[place]
        segment.updated[place] = at
        segment.mark[place] = new | mark & ~STATE
        self._moved(segment, place, mark & STATE, new)

    def received(
        self, segment: Segment, place: int, retries: int | None, at: float, worker: int, is_first: bool
    ) -> None:
        """A task-received that is not the first thing that happened to the task; `is_first`: but the first of them."""
        if retries:
            self.received_again(segment, place, retries, at, worker, is_first)
        elif retries is None and segment.mark[place] & STATE == RETRY:
            segment.retries[place] += 1
        elif place in segment.attempts:
            segment.attempts[place].received(0)
            self._close(segment, place)
        self.advance(segment, place, RECEIVED, at, worker)

    def retried(self, segment: Segment, place: int, at: float, worker: int) -> bool:
        """An attempt ended in a retry, as `worker` said. False: told before."""
        news = self._attempts(segment, place).event(at, worker)
        self._close(segment, place)
        return news

    def retried_by_result(self, segment: Segment, place: int, at: float, worker: int) -> bool:
        """As `retried`, told by a stored result. It came at `at` of our clock; all known of the task was before it."""
        times = segment.received[place], segment.started[place], segment.updated[place]
        known = max((each for each in times if each >= 0.0), default=0.0)
        news = self._attempts(segment, place).result(known, worker)
        self._close(segment, place)
        if segment.mark[place] & STATE == RETRY:
            segment.updated[place] = at
        return news

    def _attempts(self, segment: Segment, place: int) -> Attempts:
        known = segment.attempts.get(place)
        if known is None:
            known = segment.attempts[place] = Attempts(0 if segment.received[place] >= 0.0 else None)
        return known

    def _close(self, segment: Segment, place: int) -> None:
        """What was reported before the last retry belongs to an attempt that has ended, what came after stays."""
        attempts, received = segment.attempts[place], segment.received[place]
        at, worker = attempts.last, attempts.worker
        receiver = segment.receiver.get(place, worker)
        elsewhere = received <= at and (receiver != worker or not attempts.closed)
        if elsewhere:  # the next attempt is known; its worker's clock is behind, or was faster than the report
            at = received
        if at == segment.barrier.get(place, NEVER):
            return
        segment.barrier[place] = at
        mark = segment.mark[place]
        segment.mark[place] = mark & ~BY_RESULT | RETRIED
        if mark & STATE >= SUCCESS and segment.updated[place] > at:
            segment.mark[place] = mark | RETRIED
        elif segment.started[place] > at:
            self.move(segment, place, STARTED, segment.started[place])
        elif elsewhere or received > at:
            self.move(segment, place, RECEIVED, received)
            segment.worker[place] = receiver
        elif segment.sent[place] > at:
            self.move(segment, place, PENDING, segment.sent[place])
        else:
            self.move(segment, place, RETRY, at)
            segment.worker[place] = worker

    def _outranks(self, segment: Segment, place: int, mark: int, new: int, at: float) -> bool:
        """For tasks that were retried, or whose state came from a stored result."""
        old = mark & STATE
        if mark & RETRIED:
            if at < segment.barrier[place]:
                return False
            if old == RETRY:
                return True
        rank = REVOKED_BY_RESULT if old == REVOKED and mark & BY_RESULT else RANK[old]
        return RANK[new] > rank or (RANK[new] == rank and not at < segment.updated[place])

    def _moved(self, segment: Segment, place: int, old: int, new: int) -> None:
        counts = self.counts.by_state[segment.name[place]]
        counts[old] -= 1
        counts[new] += 1


def before(state: int) -> tuple[bool, ...]:
    """By mark: whether this state follows at once. Never so for marks with flags, they need care."""
    return tuple(mark <= STATE and RANK[mark & STATE] < RANK[state] and mark != RETRY for mark in range(MARKS))


def moment(text: str) -> float | None:
    """ISO 8601 -> Unix seconds; UTC where no offset is told; None when it is no time."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
