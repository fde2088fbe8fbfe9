"""How does a widget show lines, and send the terminal only what changed? The base of every widget of ours."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.color import Color
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from lazycelery_core.frame import Painted
from lazycelery_core.text import Safe, width
from lazycelery_core.theme import Ink, Part
from lazycelery_core.tones import Tone
from lazycelery_core.widgets.skin import Skin

JOINED = 6  # cells; moving the terminal's cursor costs as much as writing so many
HAVE_BACKGROUND = frozenset([Tone.BADGE, Tone.DANGER, Part.CURRENT])
Piece = tuple[Safe, Ink]
Cells = list[tuple[str, Ink | None]]
BLANK: tuple[str, Ink | None] = (" ", None)


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
            runs = changed_cells(old, new, self.outer_size.width)
            regions += [Region(start, y, end - start, 1) for start, end in runs]
        if regions:
            self.sent += sum(region.width for region in regions)
            self.refresh(*regions)

    @property
    def changed_lines(self) -> bool:
        """Whether lines have changed that the terminal has not got yet."""
        return self._repaint_required

    def repaint(self) -> None:
        """Draw everything again: the theme or the glyphs are others now."""
        self._strips.clear()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The strip of line y."""
        cells = self.outer_size.width
        if cells != self._strip_width:
            self._strips.clear()
            self._strip_width = cells
        strip = self._strips.get(y)
        if strip is None:
            line = self.lines[y] if y < len(self.lines) else Painted()
            surface: str = getattr(self.skin.theme.surfaces, self.surface)
            strip = self.skin.strip(line, cells, surface)
            strip = self._strips[y] = self._filtered(strip, Color.parse(surface))
        return strip

    def _filtered(self, strip: Strip, background: Color) -> Strip:
        """What the app's filters leave of a strip; as `Strip.apply_filter`, which makes one for each of them."""
        before = after = list(strip)
        for each in self.get_line_filters():
            after = each.apply(after, background)
        return strip if after == before else Strip(after, strip.cell_length)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips of a part; Textual's own way there knows borders, padding and opacity, which we have not."""
        strips = [self.render_line(y) for y in crop.line_range]
        if crop.column_span == (0, self.outer_size.width):
            return strips
        return [strip.crop(*crop.column_span) for strip in strips]


def changed_cells(old: Painted, new: Painted, cells: int) -> list[tuple[int, int]]:
    """(first, end) of each run of cells in which two lines differ, near ones joined; all where a cursor came or
    went, or its tint has another place."""
    if old.cursor != new.cursor or (new.cursor and _around(old) != _around(new)):
        return [(0, cells)]
    runs: list[tuple[int, int]] = []
    for x, before, after in _stretches(old, new):
        if x >= cells:
            break
        _compare(runs, x, _cells(before), _cells(after), cells)
    return runs


def _stretches(old: Painted, new: Painted) -> Iterator[tuple[int, list[Piece], list[Piece]]]:
    """(first cell, pieces of one line, pieces of the other) between cells where pieces begin in both; not equal ones.

    Columns of a table begin at the same cells: only those that changed are looked at cell by cell.
    """
    before, after = _pieces(old), _pieces(new)
    ours: list[Piece] = []
    theirs: list[Piece] = []
    x = 0
    ahead = 0  # cells that `theirs` is longer than `ours` by
    one, other = next(before, None), next(after, None)
    while one is not None or other is not None:
        if not ahead and one == other:
            x += width(one[0]) if one is not None else 0
            one, other = next(before, None), next(after, None)
            continue
        if other is None or (one is not None and ahead >= 0):
            assert one is not None
            ours.append(one)
            ahead -= width(one[0])
            one = next(before, None)
        else:
            theirs.append(other)
            ahead += width(other[0])
            other = next(after, None)
        if not ahead:
            yield x, ours, theirs
            x += sum(width(text) for text, _ in ours)
            ours, theirs = [], []
    yield x, ours, theirs


def _pieces(line: Painted) -> Iterator[Piece]:
    return (piece for pieces in (line.before, line.inside, line.after) for piece in pieces if piece[0])


def _compare(runs: list[tuple[int, int]], first: int, before: Cells, after: Cells, cells: int) -> None:
    """Add the run of cells in which two stretches differ, the first of which is the cell `first` of the line."""
    size = max(len(before), len(after))
    before += [BLANK] * (size - len(before))
    after += [BLANK] * (size - len(after))
    start, end = 0, size
    while start < end and before[start] == after[start]:
        start += 1
    while end > start and before[end - 1] == after[end - 1]:
        end -= 1
    if start == end or first + start >= cells:
        return
    start -= start > 0 and "" in (before[start][0], after[start][0])  # a wide character is drawn whole
    end += end < size and "" in (before[end][0], after[end][0])
    if runs and first + start - runs[-1][1] < JOINED:
        runs[-1] = (runs[-1][0], first + end)
    else:
        runs.append((first + start, first + end))


def _around(line: Painted) -> object:
    """What decides where the tint of a cursor row begins and ends."""
    return line.before, sum(width(text) for text, _ in line.inside), line.after


def _cells(pieces: Sequence[Piece]) -> Cells:
    """Every cell with what can be seen in it: of a blank only an ink with a background of its own."""
    found: Cells = []
    for text, ink in pieces:
        blank = (" ", ink) if ink in HAVE_BACKGROUND else BLANK
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
