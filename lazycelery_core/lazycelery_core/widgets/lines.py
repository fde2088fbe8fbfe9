"""How does a widget show lines, and send the terminal only what changed? The base of every widget of ours."""

from collections.abc import Sequence
from typing import ClassVar

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from lazycelery_core.frame import Painted
from lazycelery_core.text import width
from lazycelery_core.widgets.skin import Skin


class LinesWidget(Widget):
    """Shows lines that were drawn elsewhere. `surface` names the colour below them in the theme's surfaces."""

    can_focus = False
    surface: ClassVar[str] = "background"

    def __init__(self, skin: Skin, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.skin = skin
        self.lines: list[Painted] = []
        self._strips: dict[int, Strip] = {}
        self._strip_width = 0
        self.sent = 0  # cells that were refreshed since start: what streaming costs the line

    def show(self, lines: Sequence[Painted]) -> None:
        """Draw these lines; only cells that differ from the lines before are sent."""
        before, self.lines = self.lines, list(lines)
        regions = []
        for y in range(max(len(before), len(lines))):
            old = before[y] if y < len(before) else Painted()
            new = lines[y] if y < len(lines) else Painted()
            if old == new:
                continue
            self._strips.pop(y, None)
            start, end = changed_cells(old, new, self.size.width)
            regions.append(Region(start, y, max(1, end - start), 1))
        if regions:
            self.sent += sum(region.width for region in regions)
            self.refresh(*regions)

    def repaint(self) -> None:
        """Draw everything again: the theme or the glyphs are others now."""
        self._strips.clear()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The strip of line y."""
        cells = self.size.width
        if cells != self._strip_width:
            self._strips.clear()
            self._strip_width = cells
        strip = self._strips.get(y)
        if strip is None:
            line = self.lines[y] if y < len(self.lines) else Painted()
            strip = self._strips[y] = self.skin.strip(line, cells, getattr(self.skin.theme.surfaces, self.surface))
        return strip


def changed_cells(old: Painted, new: Painted, cells: int) -> tuple[int, int]:
    """(first, end) of the cells in which two lines differ; all of them where the cursor came or went."""
    if old.cursor != new.cursor or (new.cursor and (old.before, old.after) != (new.before, new.after)):
        return 0, cells
    ours = (*old.before, *old.inside, *old.after)
    theirs = (*new.before, *new.inside, *new.after)
    same = 0
    start = 0
    for one, other in zip(ours, theirs, strict=False):
        if one != other:
            start += _common_start(one, other)
            break
        start += width(one[0])
        same += 1
    tail = 0
    end = sum(width(text) for text, _ in theirs)
    if end != sum(width(text) for text, _ in ours):
        return start, cells
    for one, other in zip(reversed(ours[same:]), reversed(theirs[same:]), strict=False):
        if one != other:
            break
        tail += width(one[0])
    return start, max(start + 1, end - tail)


def _common_start(one: tuple[str, object], other: tuple[str, object]) -> int:
    """Cells that two pieces of one ink have in common at their start."""
    if one[1] != other[1] or not (one[0].isascii() and other[0].isascii()):
        return 0
    limit = min(len(one[0]), len(other[0]))
    return next((index for index in range(limit) if one[0][index] != other[0][index]), limit)
