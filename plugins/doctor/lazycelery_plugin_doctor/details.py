"""What is there to know about one source, or one gap? All of it, in lines."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lazycelery_core.gaps import missed_names
from lazycelery_core.looks import LINK_STATES, WARNING
from lazycelery_core.model import Link
from lazycelery_core.pane import DetailLine, DetailTab, DrawContext
from lazycelery_core.text import clock, count, duration, rate, timestamp
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_doctor.gaps import SourceGap, lasted

LABEL = 10  # cells
EVERY_NAME = 200  # task names of a gap


def _fact(label: str, text: str, tone: Tone = Tone.TEXT) -> Line:
    return line((label.ljust(LABEL), Tone.DIM), (text, tone))


class GapDetails(DetailTab):
    """When, why, and what was missed."""

    on, id, title, order = "gap", "details", "Details", 0

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """The gap."""
        return list(_gap(item, context)) if isinstance(item, SourceGap) else []


def _gap(each: SourceGap, context: DrawContext) -> Iterator[Line]:
    gap, now = each.gap, context.snapshot.now
    yield _fact("source", each.source)
    yield _fact("from", timestamp(gap.start, context.time_mode))
    yield _fact("to", "now" if gap.end is None else timestamp(gap.end, context.time_mode))
    yield _fact("lasted", duration(lasted(gap, now)))
    yield _fact("cause", gap.cause)
    yield ()
    if each.tasks is None:
        yield line((f"Tasks missed: {gap.note or 'not known'}.", Tone.DIM))
        return
    yield line(f"{count(each.tasks)} tasks began of which nothing was heard." if each.tasks else "No task was missed.")
    names = missed_names(gap, EVERY_NAME)
    yield from (line(f"  {name}") for name in (names.split(", ") if names else ()))
    if gap.note:
        yield line((f"{WARNING} {gap.note}", Tone.WARN))
    if each.tasks:
        yield line(("What became of tasks known before was looked up; of these only the number is known.", Tone.DIM))


class SourceDetails(DetailTab):
    """State, figures, and what was not taken."""

    on, id, title, order = "source", "details", "Details", 0

    def lines(self, item: Any, context: DrawContext) -> Sequence[DetailLine]:
        """The source."""
        return [DetailLine(each, hang=LABEL) for each in _source(item, context)] if isinstance(item, Link) else []


def _source(link: Link, context: DrawContext) -> Iterator[Line]:
    look, now = LINK_STATES[link.state], context.snapshot.now
    yield line(("state".ljust(LABEL), Tone.DIM), *look.line, f" since {clock(link.since, context.time_mode, now)}")
    if link.error:
        yield _fact("why", f"{link.error} {link.hint}".strip(), look.tone)
    if link.next_try is not None:
        yield _fact("next try", f"in {duration(max(0.0, link.next_try - now))}")
    yield _fact("latency", duration(link.latency))
    yield _fact("lag", duration(link.lag))
    yield _fact("events", f"{count(link.events)}, {rate(link.rate)}")
    yield _fact("asks", f"{rate(link.commands)} of the broker")
    if link.notice:
        yield _fact("left out", link.notice, Tone.WARN)
    for label, counts in (("rejected", link.rejected), ("repaired", link.repaired)):
        yield from _counted(label, counts)


def _counted(label: str, counts: Mapping[str, int]) -> Iterator[Line]:
    for why, number in sorted(counts.items(), key=lambda pair: -pair[1]):
        yield _fact(label, f"{count(number)} {why}", Tone.WARN)
