"""How long does each plugin take, where, and what did it do wrong?"""

from collections.abc import Sequence
from typing import Any, ClassVar

from lazycelery_core.arranging import arranged
from lazycelery_core.model import PlaceTime
from lazycelery_core.pane import HEALTH, Cell, Column, DrawContext, Rows, Slot, TablePane
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.text import count, duration, short_count
from lazycelery_core.tones import Line, Tone, line

SLOW = 0.1  # s; a tenth of a second on the screen's thread is felt
INCIDENTS = 3  # shown below the table


def mean(place: PlaceTime) -> float | None:
    """Seconds of a call, on average."""
    return place.total / place.calls if place.calls else None


def _seconds(seconds: float | None) -> Cell:
    return line((duration(seconds), Tone.WARN if (seconds or 0.0) >= SLOW else Tone.TEXT))


def failures(snapshot: Snapshot) -> int:
    """Incidents of all plugins."""
    return sum(snapshot.host.failures.values())


class PluginTimes(TablePane):
    """Where plugins spend time, the most expensive first, with the last incidents below."""

    id = "health.plugins"
    view = HEALTH
    title = "Plugins"
    slot = Slot("centre", row=3, order=1, height=9)
    on: ClassVar[str] = "plugin time"
    markable = False
    columns = (
        Column("plugin", "plugin", lambda place, _: line(place.plugin), 9, min_width=6,
               sort=lambda place: place.plugin, value=lambda place: place.plugin),
        Column("where", "where", lambda place, _: line((place.where, Tone.DIM)), 22, min_width=12, grow=1,
               sort=lambda place: place.where, value=lambda place: place.where, cut="middle"),
        Column("calls", "calls", lambda place, _: line(short_count(place.calls)), 5, priority=2, align="right",
               sort=lambda place: place.calls, value=lambda place: place.calls),
        Column("mean", "mean", lambda place, _: _seconds(mean(place)), 6, priority=1, align="right",
               sort=mean, value=mean),
        Column("worst", "worst", lambda place, _: _seconds(place.worst), 6, align="right",
               sort=lambda place: place.worst, value=lambda place: place.worst),
        Column("total", "total", lambda place, _: line(duration(place.total)), 6, priority=3, align="right",
               sort=lambda place: place.total, value=lambda place: place.total),
    )  # fmt: skip

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """All places that were timed, the worst call first."""
        ordered = sorted(snapshot.host.times, key=lambda place: (-place.worst, place.plugin, place.where))
        return arranged(ordered, self.columns, query, snapshot.now)

    def key(self, item: Any) -> str:
        """Plugin and place."""
        return f"{item.plugin} {item.where}"

    def info(self, context: DrawContext) -> Line:
        """How often one failed."""
        found = failures(context.snapshot)
        return line((f"{count(found)} incident{'' if found == 1 else 's'}", Tone.FAILURE if found else Tone.DIM))

    def summary(self, snapshot: Snapshot) -> Line:
        """`✗2`: incidents."""
        found = failures(snapshot)
        return line((f"✗{short_count(found)}", Tone.FAILURE)) if found else line(("fine", Tone.DIM))

    def footnotes(self, context: DrawContext, rows: Rows) -> Sequence[Line]:
        """The last incidents, the newest first."""
        newest = context.snapshot.host.incidents[: -INCIDENTS - 1 : -1]
        return [line((f"✗ {each.plugin or 'host'}: {each.where}: {each.error}", Tone.FAILURE)) for each in newest]

    def empty(self, context: DrawContext, query: RowQuery) -> Sequence[Line]:
        """Nothing was timed yet."""
        return (line(("No call of a plugin was timed yet.", Tone.DIM)),)
