"""How is each line to the broker: alive, how fast, how far behind, how busy, and what does it leave out?"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from lazycelery_core.arranging import arranged
from lazycelery_core.looks import LINK_STATES, WARNING
from lazycelery_core.model import Link, LinkState
from lazycelery_core.pane import HEALTH, Cell, Column, DrawContext, Rows, Slot, TablePane
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.spans import join
from lazycelery_core.text import UNKNOWN, Safe, age, count, duration, rate, short_count
from lazycelery_core.tones import Line, Span, Tone, line

LATE = 2.0  # s of lag that are drawn as a warning
WELL = (LinkState.LIVE, LinkState.STARTING)


def link_name(link: Link) -> str:
    """`redis.events`."""
    return f"{link.plugin}.{link.source}" if link.plugin else link.source


def rejected(link: Link) -> int:
    """Messages and events that could not be taken."""
    return sum(link.rejected.values())


def _state(link: Link, context: DrawContext) -> Cell:
    return LINK_STATES[link.state].line


def _since(link: Link, context: DrawContext) -> Cell:
    return line((age(max(0.0, context.snapshot.now - link.since)), Tone.DIM))


def _lag(link: Link, context: DrawContext) -> Cell:
    tone = Tone.DIM if link.lag is None else Tone.WARN if link.lag >= LATE else Tone.TEXT
    return line((duration(link.lag), tone))


def _figure(
    read: Callable[[Link], float | None], shown: Callable[[Any], Safe], tone: Tone = Tone.TEXT
) -> Callable[[Link, DrawContext], Cell]:
    """A number; dim where it is nothing or not known."""

    def cell(link: Link, context: DrawContext) -> Cell:
        value = read(link)
        return line((UNKNOWN if value is None else shown(value), tone if value else Tone.DIM))

    return cell


def _per_second(value: float) -> Safe:
    return Safe(rate(value).removesuffix("/s"))


def _column(
    column_id: str, title: str, width: int, read: Callable[[Link], float | None], shown: Callable[[Any], Safe],
    priority: int, tone: Tone = Tone.TEXT,
) -> Column:  # fmt: skip
    cell = _figure(read, shown, tone)
    return Column(column_id, title, cell, width, priority=priority, align="right", sort=read, value=read)


class SourceList(TablePane):
    """Every source of what is shown, with what is wrong with it below."""

    id = "health.sources"
    view = HEALTH
    title = "Sources"
    slot = Slot("centre", row=0, height=10, main=True)
    on: ClassVar[str] = "source"
    markable = False
    columns = (
        Column("source", "source", lambda link, _: line(link_name(link)), 15, min_width=13, grow=1,
               sort=link_name, value=link_name),
        Column("state", "state", _state, 10, sort=lambda link: link.state.value, value=lambda link: link.state.value),
        Column("since", "for", _since, 4, priority=4, align="right",
               sort=lambda link: link.since, value=lambda link: link.since),
        _column("latency", "latency", 7, lambda link: link.latency, duration, 1),
        Column("lag", "lag", _lag, 6, priority=1, align="right",
               sort=lambda link: link.lag, value=lambda link: link.lag),
        _column("rate", "events/s", 8, lambda link: link.rate, _per_second, 2),
        _column("events", "events", 7, lambda link: link.events, short_count, 5),
        _column("commands", "asks/s", 6, lambda link: link.commands, _per_second, 3),
        _column("gaps", "gaps", 4, lambda link: len(link.gaps), count, 2, Tone.WARN),
        _column("rejected", "rejected", 8, rejected, short_count, 2, Tone.WARN),
    )  # fmt: skip

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """All sources, in the order in which the plugins brought them unless a column sorts."""
        return arranged(list(snapshot.links), self.columns, query, snapshot.now)

    def key(self, item: Any) -> str:
        """Plugin and source."""
        return link_name(item)

    def info(self, context: DrawContext) -> Line:
        """How many work."""
        links = context.snapshot.links
        well = sum(link.state is LinkState.LIVE for link in links)
        return line((f"{well} of {len(links)} live", Tone.DIM if well == len(links) else Tone.WARN))

    def summary(self, snapshot: Snapshot) -> Line:
        """`●3 ✗1`: by state."""
        states = [link.state for link in snapshot.links]
        found = [(LINK_STATES[state], states.count(state)) for state in LinkState if state in states]
        return join([line((f"{look.glyph}{number}", look.tone)) for look, number in found], Span(Safe(" ")))

    def footnotes(self, context: DrawContext, rows: Rows) -> Sequence[Line]:
        """What is wrong, what helps, and what is left out."""
        return [each for link in rows.items for each in _notes(link)]

    def empty(self, context: DrawContext, query: RowQuery) -> Sequence[Line]:
        """No plugin reads this broker."""
        return (line(("No source: no plugin here reads this broker.", Tone.DIM)),)


def _notes(link: Link) -> list[Line]:
    look = LINK_STATES[link.state]
    notes = []
    if link.state not in WELL and link.error:
        hint = f" {link.hint}" if link.hint else ""
        notes.append(line((f"{look.glyph} {link_name(link)}: {link.error}", look.tone), (hint, Tone.DIM)))
    if link.notice:
        notes.append(line((f"{WARNING} {link_name(link)}: {link.notice}", Tone.WARN)))
    return notes
