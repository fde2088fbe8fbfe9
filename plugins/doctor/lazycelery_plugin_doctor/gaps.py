"""When was nothing heard, why, and how many tasks were missed then?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lazycelery_core.arranging import arranged
from lazycelery_core.gaps import missed_names
from lazycelery_core.looks import WARNING
from lazycelery_core.model import Gap
from lazycelery_core.pane import HEALTH, Cell, Column, DrawContext, Rows, Slot, TablePane
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.text import UNKNOWN, clock, count, duration
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_doctor.pane import link_name


@dataclass(frozen=True, slots=True)
class SourceGap:
    """A gap of one source, and what is said about the tasks missed in it. `tasks` is their number, None if unknown."""

    source: str
    gap: Gap
    missed: str
    tasks: int | None

    @property
    def cause(self) -> str:
        """Why nothing was heard."""
        return self.gap.cause


def gaps_of(snapshot: Snapshot) -> list[SourceGap]:
    """The gaps of all sources, the newest first."""
    found = [_told(link_name(link), gap) for link in snapshot.links for gap in link.gaps]
    return sorted(found, key=lambda each: (-each.gap.start, each.source))


def _told(source: str, gap: Gap) -> SourceGap:
    if gap.missed is None:
        return SourceGap(source, gap, gap.note or UNKNOWN, None)
    tasks = sum(gap.missed.values())
    told = f"{count(tasks)}: {missed_names(gap)}" if tasks else "none"
    return SourceGap(source, gap, f"{told} ({gap.note})" if gap.note else told, tasks)


def _start(each: SourceGap, context: DrawContext) -> Cell:
    return line(clock(each.gap.start, context.time_mode, context.snapshot.now))


def _end(each: SourceGap, context: DrawContext) -> Cell:
    if each.gap.end is None:
        return line(("now", Tone.FAILURE))
    return line(clock(each.gap.end, context.time_mode, context.snapshot.now))


def lasted(gap: Gap, now: float) -> float:
    """Seconds, so far for one that is not over."""
    return (now if gap.end is None else gap.end) - gap.start


def _lasted(each: SourceGap, context: DrawContext) -> Cell:
    return line(duration(lasted(each.gap, context.snapshot.now)))


def _missed(gap: SourceGap, context: DrawContext) -> Cell:
    tone = Tone.DIM if gap.tasks is None else Tone.WARN if gap.tasks else Tone.TEXT
    return line((gap.missed, tone))


class GapList(TablePane):
    """Every time in which events were missed, the newest first."""

    id = "health.gaps"
    view = HEALTH
    title = "Gaps"
    slot = Slot("centre", row=1)
    on: ClassVar[str] = "gap"
    markable = False
    columns = (
        Column("start", "from", _start, 8, sort=lambda each: each.gap.start, value=lambda each: each.gap.start),
        Column("end", "to", _end, 8, priority=1, sort=lambda each: each.gap.end, value=lambda each: each.gap.end),
        Column("lasted", "lasted", _lasted, 6, align="right"),
        Column("source", "source", lambda gap, _: line((gap.source, Tone.DIM)), 13, min_width=12, priority=3,
               sort=lambda gap: gap.source, value=lambda gap: gap.source),
        Column("missed", "tasks missed", _missed, 24, min_width=16, grow=3,
               sort=lambda gap: gap.tasks, value=lambda gap: gap.missed),
        Column("cause", "cause", lambda gap, _: line(gap.cause), 24, min_width=12, grow=2, priority=2,
               sort=lambda gap: gap.cause, value=lambda gap: gap.cause),
    )  # fmt: skip

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """All gaps."""
        return arranged(gaps_of(snapshot), self.columns, query, snapshot.now)

    def key(self, item: Any) -> str:
        """Where and when."""
        return f"{item.source} {item.gap.start!r}"

    def info(self, context: DrawContext) -> Line:
        """How many."""
        return line((count(len(gaps_of(context.snapshot))), Tone.DIM))

    def summary(self, snapshot: Snapshot) -> Line:
        """`▲2`, `0`."""
        found = len(gaps_of(snapshot))
        return line((f"{WARNING}{found}", Tone.WARN)) if found else line(("0", Tone.DIM))

    def empty(self, context: DrawContext, query: RowQuery) -> Sequence[Line]:
        """Nothing was missed."""
        since = clock(context.snapshot.since, context.time_mode, context.snapshot.now) or UNKNOWN
        return (line((f"No gap since {since}: every event that was published was heard.", Tone.DIM)),)
