"""How little does a change cost? Only the cells that changed are written, and of a style only what differs.

Textual writes each changed line from the start of its widget, every run with its full style and a reset: over ssh the
clock alone would cost 600 bytes a second. It also asks every widget for all of its lines; here only the changed ones
are made, which halves the time of a frame. This leans on private parts of Textual (`textual._compositor`); tests
compare what arrives on a terminal with what Textual itself would have written.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor, CompositorUpdate, LayoutUpdate, ReflowResult
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from lazycelery_core.widgets.lines import LinesWidget

RESET = "\x1b[0m"
_ATTRIBUTES = ("bold", "dim", "italic", "underline", "blink", "reverse", "strike")
_CODES = ("1", "2", "3", "4", "5", "7", "9")


class Pen(NamedTuple):
    """How a terminal draws at this moment: SGR codes of attributes, foreground and background."""

    attributes: frozenset[str] = frozenset()
    front: str = "39"
    back: str = "49"

    def to(self, other: "Pen") -> str:
        """The shortest sequence after which the terminal draws like `other`."""
        if self == other:
            return ""
        codes = []
        now = self
        if self.attributes - other.attributes:
            codes.append("0")
            now = Pen()
        codes += sorted(other.attributes - now.attributes)
        codes += [other.front] if other.front != now.front else []
        codes += [other.back] if other.back != now.back else []
        return f"\x1b[{';'.join(codes)}m"


@lru_cache(2048)
def pen(style: Style | None, colors: ColorSystem) -> Pen:
    """What a style means on a terminal with so many colours."""
    if style is None:
        return Pen()
    pairs = zip(_ATTRIBUTES, _CODES, strict=True)
    attributes = frozenset(code for name, code in pairs if getattr(style, name))
    front = ";".join(style.color.downgrade(colors).get_ansi_codes(foreground=True)) if style.color else "39"
    back = ";".join(style.bgcolor.downgrade(colors).get_ansi_codes(foreground=False)) if style.bgcolor else "49"
    return Pen(attributes, front, back)


@lru_cache(8192)
def stroke(before: Style | None, after: Style | None, colors: ColorSystem | None) -> str:
    """The shortest sequence after which a terminal draws in one style instead of another; None is its own."""
    return "" if colors is None else pen(before, colors).to(pen(after, colors))


class Run(NamedTuple):
    """Cells to write at (x, y): those from `start` to before `end` of a strip."""

    y: int
    x: int
    strip: Strip
    start: int
    end: int


class NarrowUpdate(CompositorUpdate):
    """A partial update that writes the changed cells only."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = runs

    def render_segments(self, console: Console) -> str:
        """The bytes for the terminal."""
        parts: list[str] = []
        drawn: Style | None = None
        for run in self.runs:
            parts.append(f"\x1b[{run.y + 1};{run.x + 1}H")
            drawn = _write(parts, _between(run.strip, run.start, run.end), console, drawn)
        return _ended(parts, drawn, console)


class NarrowLayout(LayoutUpdate):
    """A full update that writes of a style only what differs."""

    def render_segments(self, console: Console) -> str:
        """The bytes for the terminal."""
        parts: list[str] = []
        drawn: Style | None = None
        for y, line in enumerate(self.strips, self.region.y):
            parts.append(f"\x1b[{y + 1};{self.region.x + 1}H")
            for strip in line:
                drawn = _write(parts, strip, console, drawn)
        return _ended(parts, drawn, console)


def _write(parts: list[str], segments: Iterable[Segment], console: Console, drawn: Style | None) -> Style | None:
    """Append segments; the style they leave the terminal with."""
    colors = console._color_system  # noqa: SLF001 - Textual's own strips ask the console the same way
    for text, style, control in segments:
        if control:
            continue
        if style is not drawn:
            parts.append(stroke(drawn, style, colors))
            drawn = style
        parts.append(text)
    return drawn


def _ended(parts: list[str], drawn: Style | None, console: Console) -> str:
    """All parts, and back to the terminal's own style."""
    colors = console._color_system  # noqa: SLF001
    return "".join(parts) + (RESET if colors is not None and pen(drawn, colors) != Pen() else "")


def _between(strip: Strip, start: int, end: int) -> Iterator[Segment]:
    """The segments of some cells of a strip. As `Strip.crop`, which makes a strip with all its caches for them."""
    at = 0
    for segment in strip:
        if at >= end:
            return
        size = len(segment.text) if segment.text.isascii() else segment.cell_length
        first, last = max(0, start - at), min(size, end - at)
        at += size
        if first == 0 and last == size:
            yield segment
        elif first < last:
            yield segment.split_cells(last)[0].split_cells(first)[1]


class NarrowCompositor(Compositor):
    """Textual's compositor with narrow updates."""

    def reflow(self, parent: Widget, size: Size) -> ReflowResult:
        """Put widgets in their places, then draw the whole screen.

        Textual draws what moved since the last arrangement; but it makes that anew when a widget is drawn that has just
        got its place, and then nothing seems to have moved, and cells of the view before stay between ours.
        """
        self._dirty_regions.add(size.region)
        return super().reflow(parent, size)

    def render_full_update(self, simplify: bool = False) -> LayoutUpdate:
        """The whole screen."""
        update = super().render_full_update(simplify)
        return NarrowLayout(update.strips, update.region)

    def render_partial_update(self) -> NarrowUpdate | None:  # type: ignore[override]  # Textual needs no more of it
        """What changed since the last update, None when nothing has."""
        spans = list(self._regions_to_spans(self._dirty_regions))
        runs = self._runs(spans)
        if runs is None:
            update = super().render_partial_update()
            return None if update is None else NarrowUpdate(runs_of(update))
        self._dirty_regions.clear()
        return NarrowUpdate(runs) if runs else None

    def _runs(self, spans: Iterable[tuple[int, int, int]]) -> list[Run] | None:
        """What stands in spans (y, start, end) of the screen; None where that is not only lines of ours."""
        widgets = [
            (widget, region, region.intersection(clip)) for widget, (region, clip) in self.visible_widgets.items()
        ]
        found: list[Run] = []
        for y, start, end in spans:
            left = [(start, end)]
            for widget, region, seen in widgets:  # those in front come first
                if seen.y <= y < seen.bottom and any(first < seen.right and last > seen.x for first, last in left):
                    if not isinstance(widget, LinesWidget):
                        return None
                    left = _take(found, left, y, widget, region, seen)
                    if not left:
                        break
            if left:
                return None
        return found


def _take(
    found: list[Run], left: list[tuple[int, int]], y: int, widget: LinesWidget, region: Region, seen: Region
) -> list[tuple[int, int]]:
    """Add the runs of a line that a widget has in these stretches; what is left of them."""
    rest = []
    for first, last in left:
        start, end = max(first, seen.x), min(last, seen.right)
        if start >= end:
            rest.append((first, last))
            continue
        found.append(Run(y, start, widget.render_line(y - region.y), start - region.x, end - region.x))
        rest += [part for part in ((first, start), (end, last)) if part[0] < part[1]]
    return rest


def runs_of(update: ChopsUpdate) -> list[Run]:
    """What Textual has made for its own kind of update."""
    found = []
    for y, start, end in update.spans:
        for chop_end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            left, right = max(x, start), min(chop_end, end)
            if strip is not None and left < right:
                found.append(Run(y, left, strip, left - x, right - x))
    return found
