"""Which columns does a table show, how wide, and what stands in their cells?

Whole columns are dropped by priority, values are never cut in half: a column gets at least its `min_width` or is left
out. Scrolling sideways leaves the first column where it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lazycelery_core.pane import Column, DrawContext
from lazycelery_core.spans import fit_line
from lazycelery_core.text import Safe, cut, fit
from lazycelery_core.tones import Line, Span, Tone

NARROW = 60  # cells; below it columns stand closer
DOWN, UP = "▼", "▲"


@dataclass(frozen=True, slots=True)
class Placed:
    """A column and the cells it got."""

    column: Column
    width: int


def gap(inside: int) -> int:
    """Blank cells between columns."""
    return 1 if inside < NARROW else 2


def place(columns: Sequence[Column], room: int, between: int, skipped: int = 0) -> list[Placed]:
    """The columns that fit into `room` cells, with their widths. `skipped`: how many after the first are hidden."""
    shown = [*columns[:1], *columns[1 + min(skipped, max(0, len(columns) - 2)) :]]
    while len(shown) > 1 and _needed(shown, between) > room:
        shown.remove(max(shown, key=lambda column: (column.priority, shown.index(column))))
    widths = {column.id: _least(column) for column in shown}
    spare = room - _needed(shown, between)
    for column in sorted(shown, key=lambda column: column.priority):
        more = min(max(0, spare), column.width - widths[column.id])
        widths[column.id] += more
        spare -= more
    _grow(shown, widths, spare)
    return [Placed(column, max(1, min(room, widths[column.id]))) for column in shown]


def _least(column: Column) -> int:
    return min(column.min_width or column.width, column.width)


def _needed(columns: Sequence[Column], between: int) -> int:
    return sum(map(_least, columns)) + between * (len(columns) - 1)


def _grow(columns: Sequence[Column], widths: dict[str, int], spare: int) -> None:
    """Give the spare cells to the columns that want them, by their shares."""
    total = sum(column.grow for column in columns)
    if spare <= 0 or not total:
        return
    left = spare
    growing = [column for column in columns if column.grow]
    for column in growing:
        more = left if column is growing[-1] else spare * column.grow // total
        widths[column.id] += more
        left -= more


def header(placed: Sequence[Placed], between: int, sort: str, reverse: bool) -> Line:
    """The line of titles; the sorted column carries ▼ (greatest first) or ▲."""
    blank = Span(Safe(" " * between), Tone.DIM)
    spans: list[Span] = []
    for each in placed:
        column = each.column
        right = column.align == "right"
        spans += [blank] if spans else []
        if column.id == sort:
            title = Safe(cut(Safe(column.title), each.width - 1) + (DOWN if reverse else UP))
            spans.append(Span(fit(title, each.width, right), Tone.ACCENT))
        else:
            spans.append(Span(fit(Safe(column.title), each.width, right), Tone.DIM))
    return tuple(spans)


def contexts(placed: Sequence[Placed], context: DrawContext) -> list[DrawContext]:
    """What each column's cells are drawn with: the same context, as wide as the column."""
    return [replace(context, width=each.width, height=1) for each in placed]


def cells(placed: Sequence[Placed], each_context: Sequence[DrawContext], item: Any, between: int) -> Line:
    """A record as a line: every cell exactly as wide as its column."""
    blank = Span(Safe(" " * between), Tone.TEXT)
    spans: list[Span] = []
    for each, context in zip(placed, each_context, strict=True):
        column = each.column
        spans += [blank] if spans else []
        cell = column.cell(item, context)
        spans.extend(fit_line(cell, each.width, column.align == "right", column.cut == "middle"))
    return tuple(spans)


def column_at(placed: Sequence[Placed], between: int, x: int) -> Column | None:
    """The column whose title stands at cell x of the header, for mouse clicks."""
    start = 0
    for each in placed:
        if start <= x < start + each.width + between:
            return each.column
        start += each.width + between
    return None
