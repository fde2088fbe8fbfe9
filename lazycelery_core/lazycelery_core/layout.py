"""Where does each pane stand? From the slots of a view's panes and the size of the terminal to rectangles.

Nothing moves but by size: panes that are not there close the gap. Coordinates count from the first line below the
breadcrumbs; header, breadcrumbs, status and key line are not part of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import groupby
from typing import NamedTuple

from lazycelery_core.pane import Pane

LEAST_WIDTH, LEAST_HEIGHT = 60, 16
CHROME = 4  # lines: header, breadcrumbs, status, keys
AREAS = ("left", "centre", "right", "bottom")
LEAST_PANE = 4  # lines: a frame around two
SQUASHED_BOTTOM = 5  # lines of the bottom pane in a small terminal


class SizeClass(Enum):
    """How much a terminal has room for."""

    TOO_SMALL = "too small"
    SMALL = "small"  # one main pane, the others in a line
    NORMAL = "normal"
    WIDE = "wide"  # tables gain a detail pane
    HUGE = "huge"  # three columns


class Rect(NamedTuple):
    """A box in cells."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Which pane stands where. `numbers` are the digits of all panes of the view; `squashed` those that have no box and
    are told in one line at `line` (None: no such line); `message` replaces everything."""

    size: SizeClass
    rects: Mapping[str, Rect] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    squashed: tuple[str, ...] = ()
    line: int | None = None
    message: str = ""


def size_class(columns: int, rows: int) -> SizeClass:
    """What a terminal of that size has room for."""
    if columns < LEAST_WIDTH or rows < LEAST_HEIGHT:
        return SizeClass.TOO_SMALL
    if columns < 100 or rows < 30:
        return SizeClass.SMALL
    if columns >= 220 and rows >= 50:
        return SizeClass.HUGE
    return SizeClass.WIDE if columns >= 160 else SizeClass.NORMAL


def ordered(panes: Iterable[Pane]) -> list[Pane]:
    """Panes in reading order: the left column, the centre row by row, the right column, the bottom. Their numbers."""
    return sorted(panes, key=lambda pane: (AREAS.index(pane.slot.area), pane.slot.row, pane.slot.order))


def main_pane(panes: Sequence[Pane]) -> str:
    """The id of the pane that is focused first, "" where there is none."""
    mains = [pane for pane in panes if pane.slot.main]
    centre = [pane for pane in ordered(panes) if pane.slot.area == "centre"]
    return next((pane.id for pane in (*mains, *centre, *panes)), "")


def arrange(
    panes: Sequence[Pane], columns: int, rows: int, *, main: str = "", zoomed: str = "", above: int = 0
) -> Arrangement:
    """The boxes of a view's panes in a terminal of that size. main: the pane shown in a small terminal; zoomed: the one
    that fills the screen; above: lines that something else takes at the top of the panes."""
    size = size_class(columns, rows)
    if size is SizeClass.TOO_SMALL:
        needs = f"Needs {LEAST_WIDTH}x{LEAST_HEIGHT}, have {columns}x{rows}."
        return Arrangement(size, message=needs)
    shown = ordered(pane for pane in panes if pane.slot.min_width <= columns)
    numbers = {pane.id: number for number, pane in enumerate(shown, 1)}
    box = Rect(0, above, columns, rows - CHROME - above)
    if zoomed in numbers:
        return Arrangement(size, {zoomed: box}, numbers)
    if size is SizeClass.SMALL:
        return _small(shown, numbers, box, main)
    return Arrangement(size, _boxes(shown, box), numbers)


def _small(panes: Sequence[Pane], numbers: Mapping[str, int], box: Rect, main: str) -> Arrangement:
    main = main if main in numbers else main_pane(panes)
    bottom = next((pane.id for pane in panes if pane.slot.area == "bottom" and pane.id != main), "")
    if box.height < SQUASHED_BOTTOM * 3:
        bottom = ""
    squashed = tuple(pane.id for pane in panes if pane.id not in (main, bottom))
    line = 1 if squashed else 0
    below = SQUASHED_BOTTOM if bottom else 0
    rects = {main: Rect(0, box.y + line, box.width, box.height - line - below)} if main else {}
    if bottom:
        rects[bottom] = Rect(0, box.y + box.height - below, box.width, below)
    return Arrangement(SizeClass.SMALL, rects, numbers, squashed, box.y if line else None)


def _boxes(panes: Sequence[Pane], box: Rect) -> dict[str, Rect]:
    """Bottom rows first, then the columns beside the centre."""
    by_area = {area: [pane for pane in panes if pane.slot.area == area] for area in AREAS}
    rects: dict[str, Rect] = {}
    bottom = _rows(by_area["bottom"])
    if bottom and not any(by_area[area] for area in ("left", "centre", "right")):
        return _stacked(bottom, box)
    below = min(sum(_height(row, 7) for row in bottom), box.height // 2)
    if bottom:
        rects |= _stacked(bottom, Rect(box.x, box.y + box.height - below, box.width, below))
    upper = box._replace(height=box.height - below)
    left = _side(by_area["left"], box.width) if by_area["centre"] or by_area["right"] else box.width
    right = _side(by_area["right"], box.width) if by_area["centre"] else box.width - left
    rects |= _stacked([[pane] for pane in by_area["left"]], upper._replace(width=left))
    centre = upper.width - left - right
    rects |= _stacked(_rows(by_area["centre"]), upper._replace(x=upper.x + left, width=centre))
    return rects | _stacked([[pane] for pane in by_area["right"]], upper._replace(x=box.width - right, width=right))


def _rows(panes: Sequence[Pane]) -> list[list[Pane]]:
    return [list(row) for _, row in groupby(panes, key=lambda pane: pane.slot.row)]


def _height(row: Sequence[Pane], default: int) -> int:
    return max((pane.slot.height for pane in row if pane.slot.height is not None), default=default)


def _side(panes: Sequence[Pane], columns: int) -> int:
    """Cells of a side column: 36 at 120, never more than 48, unless its panes ask for something else."""
    if not panes:
        return 0
    wish = max((pane.slot.width or 0 for pane in panes), default=0)
    return min(columns // 2, wish or max(30, min(48, round(columns * 0.3))))


def _stacked(rows: Sequence[Sequence[Pane]], box: Rect) -> dict[str, Rect]:
    """The rows one below the other; those without a height share what is left, else the last one takes it."""
    rows = rows[: max(1, box.height // LEAST_PANE)]
    if not rows:
        return {}
    wishes = [_wish(row, lambda pane: pane.slot.height) for row in rows]
    rects: dict[str, Rect] = {}
    y = box.y
    for row, height in zip(rows, _shared(wishes, box.height, LEAST_PANE), strict=True):
        x = box.x
        widths = _shared([pane.slot.width for pane in row] if len(row) > 1 else [None], box.width, 12)
        for pane, width in zip(row, widths, strict=True):
            rects[pane.id] = Rect(x, y, width, height)
            x += width
        y += height
    return rects


def _wish(row: Sequence[Pane], size: Callable[[Pane], int | None]) -> int | None:
    """The greatest wish of a row, None when a pane of it takes what is left."""
    sizes = [size(pane) for pane in row]
    known = [each for each in sizes if each is not None]
    return max(known) if len(known) == len(sizes) else None


def _shared(wishes: Sequence[int | None], room: int, least: int) -> list[int]:
    """Whole numbers that add up to `room`: wishes as far as they can be met, what is left shared by the others, by the
    last one where there are no others."""
    least = min(least, room // max(1, len(wishes)))
    open_ends = [index for index, wish in enumerate(wishes) if wish is None]
    sizes = [wish or 0 for wish in wishes]
    spare = room - sum(sizes) - least * len(open_ends)
    while spare < 0:  # take from the largest until it fits
        largest = max(range(len(sizes)), key=lambda index: sizes[index])
        taken = min(-spare, max(1, sizes[largest] - least)) if sizes[largest] > least else -spare
        sizes[largest] -= taken
        spare += taken
    for place, index in enumerate(open_ends):
        sizes[index] = least + spare // len(open_ends) + (1 if place < spare % len(open_ends) else 0)
    if not open_ends:
        sizes[-1] += spare
    return [max(0, size) for size in sizes]
