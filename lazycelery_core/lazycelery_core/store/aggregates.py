"""How many, how often, how long? Numbers kept while events come in, so that asking costs nothing.

Lists of int, not arrays: adding one to an item of a list is three times as fast.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from math import log

from lazycelery_core.model import TaskState
from lazycelery_core.snapshot import NameStats
from lazycelery_core.store.rings import OUTCOMES, Ring

WINDOW = 900  # s of rates kept
WORKER_STEP = 5  # s; a second a step would cost 11 KB a worker
STATES = len(TaskState)
SHARES = (0.5, 0.95, 0.99)

GROWTH = 1.04  # width of a bucket of runtimes: percentiles are right to 2 %
LEAST = 1e-4  # s
BUCKETS = 591  # up to 12 days; 2.3 KiB a histogram, however many are added
SCALE = 1 / log(GROWTH)
OFFSET = 1 - log(LEAST) * SCALE


class Aggregates:
    """Counts since start: tasks by name x state, ends by outcome, runtimes by name.

    `by_state[name code][state]` are tasks; it and `runtimes[name code]` grow with `fit_names`; their last item is for
    tasks without a name (code -1).
    """

    __slots__ = ("_counted", "_ring", "_second", "_stats", "by_state", "ends", "runtimes")

    def __init__(self) -> None:
        self.by_state = [[0] * STATES]
        self.runtimes: list[array[int] | None] = [None]
        self.ends = [0] * OUTCOMES
        self._ring, self._second = Ring(1, WINDOW), 0
        self._counted = [0] * OUTCOMES
        self._stats: dict[int, tuple[list[int], NameStats]] = {}

    def fit_names(self, count: int) -> None:
        """Make room for `count` names."""
        missing = count + 1 - len(self.runtimes)
        self.by_state[-1:-1] = [[0] * STATES for _ in range(missing)]
        self.runtimes[-1:-1] = [None] * missing

    def renamed(self, old: int, new: int, state: int) -> None:
        """A task in this state goes from one name code to another."""
        self.by_state[old][state] -= 1
        self.by_state[new][state] += 1

    def stats(self, code: int, name: str) -> NameStats:
        """Counts and percentiles of a name; the same object as long as its counts are the same."""
        counts = self.by_state[code][:]
        known = self._stats.get(code)
        if known is None or known[0] != counts:
            runtimes = self.runtimes[code]
            shares = percentiles(runtimes, SHARES) if runtimes is not None else (None, None, None)
            by_state = {state: count for state, count in zip(TaskState, counts, strict=True) if count}
            known = self._stats[code] = counts, NameStats(name, by_state, *shares)
        return known[1]

    def totals(self) -> list[int]:
        """(8,) tasks by state, all names."""
        return [sum(counts) for counts in zip(*self.by_state, strict=True)]

    def tick(self, now: float) -> None:
        """Put what ended since the last tick into the second that it happened in."""
        for outcome in range(OUTCOMES):
            new = self.ends[outcome] - self._counted[outcome]
            if new:
                self._ring.add(outcome, self._second, new)
                self._counted[outcome] += new
        self._second = int(now)

    def ring(self, now: float) -> Ring:
        """Ends by second, up to now."""
        self.tick(now)
        return self._ring


class WorkerCounts:
    """What each worker did, by code: received, ends by outcome, runtimes. The last item is for no worker (code -1).

    `seen[code]` is when the last task events came, to 5 s. `starts[code]` are task-started events by name code (-1: the
    name was not known then), and `starts_before[code]` the same at an earlier moment, where that is kept.
    """

    __slots__ = ("_counted", "_step", "ends", "received", "rings", "runtimes", "seen", "starts", "starts_before")

    def __init__(self) -> None:
        self.received = [0]
        self.ends: tuple[list[int], ...] = tuple([0] for _ in range(OUTCOMES))
        self.runtimes: list[array[int] | None] = [None]
        self.seen = [0.0]
        self.rings: list[Ring | None] = [None]
        self.starts: list[dict[int, int]] = [{}]
        self.starts_before: dict[int, dict[int, int]] = {}
        self._counted = [(0, 0, 0, 0)]
        self._step = 0

    def fit(self, count: int) -> None:
        """Make room for `count` workers."""
        missing = count + 1 - len(self.received)
        if missing:
            for counts in (self.received, *self.ends):
                counts[-1:-1] = [0] * missing
            self.seen[-1:-1] = [0.0] * missing
            self.runtimes[-1:-1] = [None] * missing
            self.rings[-1:-1] = [None] * missing
            self.starts[-1:-1] = [{} for _ in range(missing)]
            self._counted[-1:-1] = [(0, 0, 0, 0)] * missing

    def start_named(self, code: int, name: int) -> None:
        """A task whose start was counted without a name has one now."""
        for starts in (self.starts[code], self.starts_before.get(code, {})):
            if starts.get(-1):
                starts[-1] -= 1
                starts[name] = starts.get(name, 0) + 1

    def tick(self, now: float) -> None:
        """Every 5 s: put what each worker did since then into its ring."""
        step = int(now) // WORKER_STEP
        if step == self._step:
            return
        at = self._step * WORKER_STEP
        self._step = step
        for code, told in enumerate(zip(self.received, *self.ends, strict=True)):
            if told != self._counted[code]:
                self._count(code, told, at)

    def _count(self, code: int, told: tuple[int, ...], at: float) -> None:
        before = self._counted[code]
        self._counted[code] = told[0], told[1], told[2], told[3]
        self.seen[code] = at + WORKER_STEP
        ring = self.rings[code]
        if ring is None:
            ring = self.rings[code] = Ring(WORKER_STEP, WINDOW // WORKER_STEP)
        for outcome in range(OUTCOMES):
            ring.add(outcome, at, told[outcome + 1] - before[outcome + 1])


def took(histograms: "list[array[int] | None]", code: int, bucket: int) -> None:
    """Count a runtime in the histogram of a code."""
    (histograms[code] or histogram_of(histograms, code))[bucket] += 1


def histogram_of(histograms: "list[array[int] | None]", code: int) -> "array[int]":
    """The histogram of a code, made when it is first used."""
    histogram = histograms[code]
    if histogram is None:
        histogram = histograms[code] = array("I", bytes(4 * BUCKETS))
    return histogram


def bucket_of(seconds: float) -> int:
    """The number of the bucket that a duration falls into."""
    bucket = int(log(seconds) * SCALE + OFFSET) if seconds > LEAST else 0
    return bucket if bucket < BUCKETS else BUCKETS - 1


def percentiles(histogram: "array[int]", shares: Sequence[float]) -> list[float | None]:
    """The durations below which these shares of all lie; None of an empty histogram."""
    passed = list(accumulate(histogram))
    if not passed[-1]:
        return [None] * len(shares)
    buckets = [bisect_left(passed, max(1, round(share * passed[-1]))) for share in shares]
    return [LEAST * GROWTH ** (bucket - 0.5) for bucket in buckets]


class Tally(Counter[str]):
    """Counts by reason, with a bound on the reasons: a sender may invent them."""

    MOST = 100

    def count(self, reason: str) -> None:
        """One more of this."""
        reason = reason if len(reason) <= 80 else reason[:79] + "…"
        self[reason if reason in self or len(self) < self.MOST else "(other)"] += 1
