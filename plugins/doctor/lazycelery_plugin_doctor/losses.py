"""What came and is not shown as it came: rejected, repaired, ignored, left out, evicted, and why?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lazycelery_core.arranging import arranged
from lazycelery_core.looks import WARNING
from lazycelery_core.pane import HEALTH, Cell, Column, DrawContext, Rows, Slot, TablePane
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.text import count, short_count
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_doctor.pane import link_name

TONES = {"rejected": Tone.WARN, "left out": Tone.WARN, "evicted": Tone.TEXT}
STORE = "store"


@dataclass(frozen=True, slots=True)
class Loss:
    """So many times this happened to what came from `source`."""

    what: str
    why: str
    number: int
    source: str


def losses_of(snapshot: Snapshot) -> list[Loss]:
    """The worst kind first, of each kind the most frequent first."""
    kinds = ("rejected", "left out", "evicted", "repaired", "ignored")
    return sorted(_all(snapshot), key=lambda loss: (kinds.index(loss.what), -loss.number, loss.why, loss.source))


def _all(snapshot: Snapshot) -> Iterator[Loss]:
    totals = snapshot.totals
    for link in snapshot.links:
        yield from _each("rejected", link.rejected, link_name(link))
        yield from _each("repaired", link.repaired, link_name(link))
        if link.dropped:
            yield Loss("left out", "a bound was reached", link.dropped, link_name(link))
    yield from _each("rejected", totals.rejected, STORE)
    yield from _each("ignored", totals.ignored, STORE)
    yield from _each("left out", totals.left_out, STORE)
    if snapshot.tasks.evicted:
        yield Loss("evicted", "tasks beyond the limit, the oldest first", snapshot.tasks.evicted, STORE)


def _each(what: str, counts: Mapping[str, int], source: str) -> Iterator[Loss]:
    return (Loss(what, why, number, source) for why, number in counts.items() if number)


def _what(loss: Loss, context: DrawContext) -> Cell:
    return line((loss.what, TONES.get(loss.what, Tone.DIM)))


class LossList(TablePane):
    """What could not be taken as it came, by reason."""

    id = "health.losses"
    view = HEALTH
    title = "Losses"
    slot = Slot("centre", row=2, order=0, height=9)
    on: ClassVar[str] = "loss"
    markable = False
    columns = (
        Column("what", "what", _what, 8, sort=lambda loss: loss.what, value=lambda loss: loss.what),
        Column("number", "number", lambda loss, _: line(short_count(loss.number)), 6, align="right",
               sort=lambda loss: loss.number, value=lambda loss: loss.number),
        Column("why", "why", lambda loss, _: line(loss.why), 26, min_width=12, grow=3,
               sort=lambda loss: loss.why, value=lambda loss: loss.why),
        Column("source", "source", lambda loss, _: line((loss.source, Tone.DIM)), 13, min_width=8, priority=2,
               sort=lambda loss: loss.source, value=lambda loss: loss.source),
    )  # fmt: skip

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """All of them."""
        return arranged(losses_of(snapshot), self.columns, query, snapshot.now)

    def key(self, item: Any) -> str:
        """What, where and why."""
        return f"{item.what} {item.source} {item.why}"

    def info(self, context: DrawContext) -> Line:
        """Of how many events."""
        return line((f"of {count(context.snapshot.totals.events)} events", Tone.DIM))

    def summary(self, snapshot: Snapshot) -> Line:
        """`▲12`: what was rejected or left out."""
        bad = sum(loss.number for loss in losses_of(snapshot) if loss.what in ("rejected", "left out"))
        return line((f"{WARNING}{short_count(bad)}", Tone.WARN)) if bad else line(("0", Tone.DIM))

    def empty(self, context: DrawContext, query: RowQuery) -> Sequence[Line]:
        """Everything was taken."""
        return (line(("Nothing was rejected, repaired, ignored, left out or evicted.", Tone.DIM)),)
