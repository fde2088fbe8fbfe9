"""How does a widget show lines, and send the terminal only what changed? The base of every widget of ours."""

from collections.abc import Sequence
from typing import ClassVar

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from lazycelery_core.frame import Painted
from lazycelery_core.text import width
from lazycelery_core.theme import Ink, Part
from lazycelery_core.tones import Tone
from lazycelery_core.widgets.skin import Skin

JOINED = 6  # cells; moving the terminal's cursor costs as much as writing so many
HAVE_BACKGROUND = frozenset([Tone.BADGE, Tone.DANGER, Part.CURRENT])
Cells = list[tuple[str, Ink | None]]


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
            runs = changed_cells(old, new, self.size.width)
            regions += [Region(start, y, end - start, 1) for start, end in runs]
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
            strip = self.skin.strip(line, cells, getattr(self.skin.theme.surfaces, self.surface))
            for each in self.get_line_filters():
                strip = strip.apply_filter(each, self.background_colors[1])
            self._strips[y] = strip
        return strip

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips of a part; Textual's own way there knows borders, padding and opacity, which we have not."""
        strips = [self.render_line(y) for y in crop.line_range]
        if crop.column_span == (0, self.size.width):
            return strips
        return [strip.crop(*crop.column_span) for strip in strips]


def changed_cells(old: Painted, new: Painted, cells: int) -> list[tuple[int, int]]:
    """(first, end) of each run of cells in which two lines differ, near ones joined; all where a cursor came or
    went, or its tint has another place."""
    if old.cursor != new.cursor or (new.cursor and _around(old) != _around(new)):
        return [(0, cells)]
    before, after = _cells(old), _cells(new)
    blank = (" ", None)
    runs: list[tuple[int, int]] = []
    for x in range(min(cells, max(len(before), len(after)))):
        one = before[x] if x < len(before) else blank
        other = after[x] if x < len(after) else blank
        if one == other:
            continue
        start = x - 1 if x and "" in (one[0], other[0]) else x  # a wide character is drawn whole
        if runs and start - runs[-1][1] < JOINED:
            runs[-1] = (runs[-1][0], x + 1)
        else:
            runs.append((start, x + 1))
    return [(start, end + 1 if _is_wide(before, after, end) else end) for start, end in runs]


def _around(line: Painted) -> object:
    """What decides where the tint of a cursor row begins and ends."""
    return line.before, sum(width(text) for text, _ in line.inside), line.after


def _is_wide(before: Cells, after: Cells, end: int) -> bool:
    """Whether the cell after a run is the second half of a character in it."""
    return any(end < len(cells) and cells[end][0] == "" for cells in (before, after))


def _cells(line: Painted) -> Cells:
    """Every cell with what can be seen in it: of a blank only an ink with a background of its own."""
    found: Cells = []
    for pieces in (line.before, line.inside, line.after):
        for text, ink in pieces:
            blank = (" ", ink if ink in HAVE_BACKGROUND else None)
            if text.isascii():
                found += [blank if char == " " else (char, ink) for char in text]
                continue
            for char in text:
                size = width(char)
                if size:
                    found += [blank if char == " " else (char, ink), ("", ink)][:size]
                elif found:
                    found[-1] = (found[-1][0] + char, found[-1][1])
    return found
