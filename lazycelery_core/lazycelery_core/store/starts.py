"""How many tasks did workers begin of which nothing was heard? Their own counts, against the events that came.

A worker's `stats` tell how many tasks of each name its process accepted, and its logical clock; each event carries that
clock too. So the starts heard up to a clock can be set against the count at that clock. Done before a gap and after it,
the difference of the two is what was missed in between, name by name, without a wall clock in it.
Source: celery/worker/state.py (`total_count`), celery/worker/control.py (`stats`), celery/events/dispatcher.py.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lazycelery_core.events import HUGE
from lazycelery_core.model import Gap
from lazycelery_core.store.aggregates import WorkerCounts
from lazycelery_core.store.dictionary import UNKNOWN
from lazycelery_core.store.segment import Segment
from lazycelery_core.store.table import Table

CALM = 1.0  # s after a heartbeat with a later clock: task events that Celery buffered beside it have come by then
DEADLINE = 45.0  # s after a gap until a worker that could not be counted is named instead
RECENT = 16_384  # starts whose clocks are kept: more than a second of the busiest stream
GAPS = 100
NAMES = 20_000  # of one answer
NAMED = 3  # workers named in a note

NOT_ASKED = "unknown: workers are not asked"
COUNTING = "being counted"
NEXT = "counted with the next gap"
NO_EVENTS = "no worker sends task events"


@dataclass
class Count:
    """How many tasks of each name a worker's process had begun at a moment of its logical clock.

    after: starts heard with a later clock, by name code. heard: those up to this clock, once it is settled.
    later_at: when a heartbeat with a later clock came.
    """

    pid: int
    clock: int
    total: Mapping[str, int]
    asked_at: float
    after: Counter[int] = field(default_factory=Counter)
    heard: dict[int, int] = field(default_factory=dict)
    later_at: float | None = None


@dataclass
class Counted:
    """One gap and how far its tasks are counted. waiting: codes of workers that have yet to be counted."""

    gap: Gap
    waiting: set[int]
    note: str = ""
    missed: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, list[str]] = field(default_factory=dict)  # why -> host names
    nameless: int = 0

    def told(self) -> Gap:
        """The gap with what was missed in it: None as long as that is not known, and why."""
        if self.note or self.waiting:
            return replace(self.gap, missed=None, note=self.note or COUNTING)
        parts = [f"{_listed(names)} not counted: {why}" for why, names in self.left_out.items()]
        if self.nameless > 0:
            parts.append(f"{self.nameless} of them may have been heard without their name")
        return replace(self.gap, missed=dict(self.missed.most_common()), note="; ".join(parts))


class Starts:
    """Counts of workers and the gaps between them. Changed by the fold alone, under its lock.

    counts: `counts.starts[worker code]` are starts heard by name code. What `add` does, the fold has written out.
    """

    def __init__(self, counts: WorkerCounts, table: Table) -> None:
        self._counts, self._table = counts, table
        self.rows, self.clocks = array("q"), array("q")  # of the starts heard last
        self._settled: dict[int, Count] = {}
        self._fresh: dict[int, Count] = {}
        self._gaps: list[Counted] = []
        self._ended_at = 0.0  # the last gap

    def add(self, segment: Segment, place: int, worker: int, clock: int) -> None:
        """A task-started was heard."""
        heard, name = self._counts.starts[worker], segment.name[place]
        heard[name] = heard.get(name, 0) + 1
        self.rows.append((segment.number << self._table.shift) + place)
        self.clocks.append(clock)

    def trim(self) -> None:
        """Forget the older half of the recent starts once there are many."""
        if len(self.rows) > RECENT:
            self._forget(RECENT // 2)

    def answered(self, worker: int, stats: Any, at: float, latency: float | None) -> None:
        """A worker's `stats`, whatever is in them; what was asked before the last gap ended tells nothing new."""
        count = _count(stats, at - (latency or 0.0))
        if count is None or worker in self._fresh or count.asked_at < self._ended_at:
            return
        before = self._settled.get(worker)
        if before is None or before.pid != count.pid:
            self._drop(worker)
        self._fresh[worker] = count

    def beat(self, worker: int, pid: int | None, clock: int | None, now: float) -> None:
        """A heartbeat: what the worker did up to its clock has been heard, or never will be."""
        count = self._fresh.get(worker)
        if count is not None and count.later_at is None and count.pid == pid and (clock or 0) > count.clock:
            count.later_at = now

    def missed(self, gap: Gap, workers: Iterable[int], asked: bool) -> None:
        """Events were missed. workers: codes of those whose task events should have come; asked: whether they are."""
        self._settle(gap.start)
        self._fresh.clear()
        self._ended_at = gap.end or gap.start
        for each in self._gaps:
            if each.waiting:
                each.waiting, each.note = set(), NEXT
        counted = Counted(gap, set(workers) if asked else set(), "" if asked else NOT_ASKED)
        if asked and not counted.waiting:
            counted.note = NO_EVENTS
        for worker in [each for each in counted.waiting if each not in self._settled]:
            self._leave_out(counted, worker, "not asked before the gap")
        self._gaps = [*self._gaps[1 - GAPS :], counted]

    def told(self, now: float) -> list[Gap]:
        """All gaps with what is known of them by now."""
        self._settle(now)
        for counted in self._gaps:
            if counted.waiting and now - (counted.gap.end or now) > DEADLINE:
                for worker in sorted(counted.waiting):
                    self._leave_out(counted, worker, "no answer since")
        return [counted.told() for counted in self._gaps]

    def _settle(self, now: float) -> None:
        due = [(worker, each) for worker, each in self._fresh.items() if each.later_at and now - each.later_at >= CALM]
        if due:
            self._forget(len(self.rows))
        for worker, count in due:
            del self._fresh[worker]
            heard = self._counts.starts[worker]
            count.heard = {name: number - count.after[name] for name, number in heard.items()}
            before, self._settled[worker] = self._settled.get(worker), count
            self._counts.starts_before[worker] = count.heard
            self._compare(worker, before, count)

    def _compare(self, worker: int, before: Count | None, count: Count) -> None:
        for counted in self._gaps:
            if worker not in counted.waiting:
                continue
            if before is None or before.pid != count.pid:
                self._leave_out(counted, worker, "restarted meanwhile")
                continue
            counted.waiting.discard(worker)
            counted.missed += self._difference(before, count)  # += keeps what is above zero
            counted.nameless += count.heard.get(UNKNOWN, 0) - before.heard.get(UNKNOWN, 0)

    def _difference(self, before: Count, count: Count) -> Counter[str]:
        """Tasks begun between two counts and not heard of, by name."""
        begun: Counter[str] = Counter()
        for name, number in count.total.items():
            begun[self._table.names.kept(name)] += number - before.total.get(name, 0)
        for name in begun:
            code = self._table.names.codes.get(name, UNKNOWN)
            if code != UNKNOWN:
                begun[name] -= count.heard.get(code, 0) - before.heard.get(code, 0)
        return begun

    def _leave_out(self, counted: Counted, worker: int, why: str) -> None:
        counted.waiting.discard(worker)
        counted.left_out.setdefault(why, []).append(self._table.hosts.text(worker))

    def _forget(self, number: int) -> None:
        """Take the oldest recent starts out, noting which of them came after a count that is not settled yet."""
        if self._fresh:
            for row, clock in zip(self.rows[:number], self.clocks[:number], strict=True):
                worker, name = self._place(row)
                count = self._fresh.get(worker)
                if count is not None and clock > count.clock:
                    count.after[name] += 1
        del self.rows[:number], self.clocks[:number]

    def _drop(self, worker: int) -> None:
        """The worker has a new process, with a new clock: recent starts of the old one compare with nothing."""
        kept = [pair for pair in zip(self.rows, self.clocks, strict=True) if self._place(pair[0])[0] != worker]
        self.rows[:], self.clocks[:] = array("q", (row for row, _ in kept)), array("q", (clock for _, clock in kept))

    def _place(self, row: int) -> tuple[int, int]:
        """The codes of worker and name of a row."""
        segment = self._table.segments.get(row >> self._table.shift)
        place = row & self._table.mask
        return (UNKNOWN, UNKNOWN) if segment is None else (segment.worker[place], segment.name[place])


def _count(stats: Any, asked_at: float) -> Count | None:
    """What an answer tells, None where it does not tell all of it."""
    if not isinstance(stats, dict):
        return None
    pid, clock, total = stats.get("pid"), _whole(stats.get("clock")), stats.get("total")
    if not isinstance(pid, int) or clock is None or not isinstance(total, dict) or len(total) > NAMES:
        return None
    counts = {name: number for name, number in total.items() if isinstance(name, str) and type(number) is int}
    return Count(pid, clock, counts, asked_at)


def _whole(value: object) -> int | None:
    """The clock, which Celery tells as text."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 16:
        value = int(value)
    return value if type(value) is int and 0 <= value < HUGE else None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
