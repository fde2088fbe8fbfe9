"""What does a table show of its rows? One sheet: placed columns, drawn cells, notes below, all for one picture.

Moving the cursor over a sheet draws only rows that were not seen before; a new picture makes a new sheet.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from lazycelery_core import columns
from lazycelery_core.frame import Row, centred, indented
from lazycelery_core.pane import Column, DrawContext, Rows, TablePane
from lazycelery_core.snapshot import RowQuery
from lazycelery_core.spans import join, wrap_line
from lazycelery_core.text import Safe, count
from lazycelery_core.tones import Line, Span, Tone, line

CURSOR, MARK, FOUND = "▸", "■", "•"
SEPARATOR = Span(Safe(" · "), Tone.DIM)
GONE: Line = (Span(Safe("no longer held: dropped to keep within the memory budget"), Tone.DIM),)


@dataclass(frozen=True, slots=True)
class TableState:
    """Where the user stands in a table. `cursor` is the index of the cursor row in the rows, -1 for none; `offset` the
    first row shown; `skipped` columns are scrolled away; `marks` are keys, `found` those of rows that a search matches;
    `columns` those to show, () for the pane's own."""

    cursor: int = -1
    offset: int = 0
    skipped: int = 0
    sort: str = ""
    reverse: bool = False
    marks: frozenset[str] = field(default_factory=frozenset)
    found: Collection[str] = ()
    columns: Sequence[Column] = ()
    query: RowQuery = field(default_factory=RowQuery)


def margin(pane: TablePane) -> int:
    """Cells before the first column: a blank, the cursor, a blank and, where rows can be marked, two for the mark."""
    return 5 if pane.markable else 3


def placed_columns(
    pane: TablePane, inside: int, skipped: int = 0, wanted: Sequence[Column] = ()
) -> list[columns.Placed]:
    """The columns that a table shows in `inside` cells: the `wanted` ones, else the pane's."""
    right = 0 if inside < columns.NARROW else 1
    return columns.place(wanted or pane.columns, max(1, inside - margin(pane) - right), columns.gap(inside), skipped)


class Sheet:
    """The rows of a table in one picture. `visible` is how many of them fit between the header and the notes.

    columns: those to show, () for the pane's own; skipped: how many are scrolled away.
    """

    def __init__(
        self, pane: TablePane, rows: Rows, context: DrawContext, skipped: int = 0, wanted: Sequence[Column] = ()
    ) -> None:
        self.pane, self.rows, self.context = pane, rows, context
        self._placed = placed_columns(pane, context.width, skipped, wanted)
        self._between = columns.gap(context.width)
        self._contexts = columns.contexts(self._placed, context)
        self._notes = footnotes(pane, rows, context) if len(rows.items) else []
        self._cells: dict[int, Line] = {}
        self.visible = max(1, context.height - titled(pane) - len(self._notes))

    def draw(self, state: TableState) -> list[Row]:
        """Header, rows and notes; or the empty state."""
        if not len(self.rows.items):
            return self._empty(state.query)
        drawn = []
        if titled(self.pane):
            blank = Span(Safe(" " * margin(self.pane)), Tone.TEXT)
            titles = columns.header(self._placed, self._between, state.sort, state.reverse)
            drawn.append(Row((blank, *titles)))
        end = min(state.offset + self.visible, len(self.rows.items))
        return [*drawn, *(self._row(index, state) for index in range(state.offset, end)), *indented(self._notes)]

    def _empty(self, query: RowQuery) -> list[Row]:
        width, height = self.context.width, self.context.height
        said = [part for each in self.pane.empty(self.context, query) for part in wrap_line(each, width - 2)]
        return centred(said, width, height)

    def _row(self, index: int, state: TableState) -> Row:
        key = ""
        if state.marks or state.found:
            item = self.rows.items[index]
            key = "" if item is None else self.pane.key(item)
        margins = _margin(self.pane, index == state.cursor, key in state.marks, key in state.found)
        return Row((*margins, *self._drawn_cells(index)), index == state.cursor)

    def _drawn_cells(self, index: int) -> Line:
        cells = self._cells.get(index)
        if cells is None:
            item = self.rows.items[index]
            cells = GONE if item is None else columns.cells(self._placed, self._contexts, item, self._between)
            self._cells[index] = cells
        return cells

    def foot(self, state: TableState) -> Line:
        """What stands in the lower border: `row 4 of 342 · 3 marked · runtime ▼`."""
        parts: list[Line] = []
        shown, focused = len(self.rows.items), self.context.focused
        if focused and shown > self.visible and state.cursor >= 0:
            total = self.rows.matched if self.rows.matched is not None else shown
            parts.append(line((f"row {count(state.cursor + 1)} of {count(max(total, shown))}", Tone.DIM)))
        if state.marks:
            parts.append(line((f"{len(state.marks):,} marked", Tone.DIM)))
        column = column_named(self.pane, state.sort)
        if focused and column is not None:
            mark = columns.DOWN if state.reverse else columns.UP
            parts.append(line((f"{column.title or column.id} {mark}", Tone.DIM)))
        return join(parts, SEPARATOR)


def footnotes(pane: TablePane, rows: Rows, context: DrawContext) -> list[Line]:
    """The lines below the rows: never more than a third of the box, and a single one where rows have to give way."""
    notes = [*pane.footnotes(context, rows), *requests(pane, context)]
    if rows.note:
        notes.append(line((rows.note, Tone.WARN)))
    wrapped = [part for each in notes for part in wrap_line(each, max(1, context.width - 2))]
    spare = context.height - titled(pane) - len(rows.items)
    return wrapped[: max(1, min(spare, context.height // 3))]


def requests(pane: TablePane, context: DrawContext) -> list[Line]:
    """What became of writes to records of this kind: sent, and not reported back yet."""
    states = [status for name, status in context.snapshot.requests.items() if name.startswith(f"{pane.on}:")]
    said = ", ".join(f"{states.count(status)} {status}" for status in sorted(set(states), reverse=True))
    why = "what was sent is believed when the broker reports it"
    return [line((f"{said}: {why}", Tone.WARN))] if said else []


def titled(pane: TablePane) -> int:
    """Lines of the header: none where no column has a title."""
    return int(any(column.title for column in pane.columns))


def _margin(pane: TablePane, cursor: bool, marked: bool, found: bool) -> Line:
    sign, tone = (CURSOR, Tone.ACCENT) if cursor else (FOUND, Tone.WARN) if found else (" ", Tone.TEXT)
    left = Span(Safe(f" {sign} "), tone)
    if not pane.markable:
        return (left,)
    return (left, Span(Safe(f"{MARK} " if marked else "  "), Tone.ACCENT if marked else Tone.TEXT))


def column_named(pane: TablePane, column_id: str) -> Column | None:
    """The column of that id."""
    return next((column for column in pane.columns if column.id == column_id), None)
