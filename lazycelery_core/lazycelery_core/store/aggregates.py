"""How many, how often, how long? Numbers kept while events come in, so that asking costs nothing."""

from array import array
from collections import Counter
from math import log

from lazycelery_core.model import TaskState
from lazycelery_core.store.rings import BUCKETS, FAILED, GROWTH, LEAST, OUTCOMES, RETRIED, SUCCEEDED, Histogram, Ring

WINDOW = 900  # s of rates kept
WORKER_STEP = 5  # s; a second a step would cost 11 KB a worker
STATES = len(TaskState)
_SCALE = 1 / log(GROWTH)
_OFFSET = -log(LEAST) * _SCALE
_OUTCOME = {TaskState.SUCCESS: SUCCEEDED, TaskState.FAILURE: FAILED, TaskState.RETRY: RETRIED}


class Aggregates:
    """Counts since start: tasks by name x state, ends by outcome, runtimes by name.

    `by_state[(name code + 1) * 8 + state]` are tasks; it and the lists by name grow with `fit_names`.
    """

    __slots__ = ("by_state", "ends", "runtimes")

    def __init__(self) -> None:
        self.by_state = array("q", bytes(8 * STATES))
        self.runtimes: list[Histogram | None] = [None]
        self.ends = Ring(1, WINDOW)

    def fit_names(self, count: int) -> None:
        """Make room for `count` names."""
        missing = count + 1 - len(self.runtimes)
        if missing > 0:
            self.by_state.extend([0] * (STATES * missing))
            self.runtimes.extend([None] * missing)

    def renamed(self, old: int, new: int, state: int) -> None:
        """A task in this state goes from one name code to another."""
        self.by_state[(old + 1) * STATES + state] -= 1
        self.by_state[(new + 1) * STATES + state] += 1

    def took(self, name: int, runtime: float) -> None:
        """A task of this name succeeded after so many seconds."""
        add(self.runtimes, name + 1, runtime)

    def of_name(self, name: int) -> dict[TaskState, int]:
        """Tasks by state of one name."""
        first = (name + 1) * STATES
        counts = self.by_state[first : first + STATES]
        return {state: counts[state] for state in TaskState if counts[state]}

    def totals(self) -> list[int]:
        """(8,) tasks by state, all names."""
        return [sum(self.by_state[state::STATES]) for state in range(STATES)]


class WorkerCounts:
    """What each worker did, by worker code: counts, the last 15 minutes, runtimes. Grows with `fit`."""

    __slots__ = ("ends", "received", "rings", "runtimes", "seen")

    def __init__(self) -> None:
        self.received = array("q")
        self.seen = array("d")  # arrival of the last task event
        self.ends = tuple(array("q") for _ in range(OUTCOMES))
        self.rings: list[Ring | None] = []
        self.runtimes: list[Histogram | None] = []

    def fit(self, count: int) -> None:
        """Make room for `count` workers."""
        for _ in range(count - len(self.rings)):
            self.received.append(0)
            self.seen.append(0.0)
            for counts in self.ends:
                counts.append(0)
            self.rings.append(None)
            self.runtimes.append(None)

    def ended(self, worker: int, outcome: int, now: float) -> None:
        """A task ended, or will be tried again, on this worker."""
        self.ends[outcome][worker] += 1
        ring = self.rings[worker]
        if ring is None:
            ring = self.rings[worker] = Ring(WORKER_STEP, WINDOW // WORKER_STEP)
        ring.add(outcome, now)

    def took(self, worker: int, runtime: float) -> None:
        """A task succeeded on this worker after so many seconds."""
        if worker >= 0:
            add(self.runtimes, worker, runtime)


def add(histograms: list[Histogram | None], index: int, seconds: float) -> None:
    """Count a duration in one of these histograms, which is made when first used."""
    histogram = histograms[index]
    if histogram is None:
        histogram = histograms[index] = Histogram()
    bucket = int(log(seconds) * _SCALE + _OFFSET) if seconds > LEAST else 0
    histogram.counts[bucket if bucket < BUCKETS else BUCKETS - 1] += 1
    histogram.total += 1


class Tally(Counter[str]):
    """Counts by reason, with a bound on the reasons: a sender may invent them."""

    MOST = 100

    def count(self, reason: str) -> None:
        """One more of this."""
        reason = reason if len(reason) <= 80 else reason[:79] + "…"
        self[reason if reason in self or len(self) < self.MOST else "(other)"] += 1
