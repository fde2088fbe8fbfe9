"""How does a table look as text? Header, rows, cursor, marks, footnotes and the empty state, drawn without a terminal.

The screen, the text snapshots of tests and the one-shot commands all draw with `render`; `snapshot_text` draws any pane
whole, with its frame.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lazycelery_core import columns
from lazycelery_core.canvas import Canvas
from lazycelery_core.detail import detail_rows, tab_names
from lazycelery_core.frame import Frame, Row, as_text, centred, draw_frame, indented
from lazycelery_core.pane import CanvasPane, Column, DetailPane, DetailTab, DrawContext, Pane, Rows, TablePane
from lazycelery_core.snapshot import RowQuery, Snapshot
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


def render(pane: TablePane, rows: Rows, context: DrawContext, state: TableState) -> list[Row]:
    """The inside of a table in `context.width` x `context.height` cells: header, rows, notes; or the empty state."""
    if not len(rows.items):
        empty = [part for each in pane.empty(context, state.query) for part in wrap_line(each, context.width - 2)]
        return centred(empty, context.width, context.height)
    placed = placed_columns(pane, context.width, state.skipped, state.columns)
    notes = footnotes(pane, rows, context)
    height = max(1, context.height - titled(pane) - len(notes))
    between = columns.gap(context.width)
    drawn = []
    if titled(pane):
        blank = Span(Safe(" " * margin(pane)), Tone.TEXT)
        drawn.append(Row((blank, *columns.header(placed, between, state.sort, state.reverse))))
    each_context = columns.contexts(placed, context)
    for index in range(state.offset, min(state.offset + height, len(rows.items))):
        item = rows.items[index]
        cells = GONE if item is None else columns.cells(placed, each_context, item, between)
        key = pane.key(item) if item is not None and (state.marks or state.found) else ""
        margins = _margin(pane, index == state.cursor, key in state.marks, key in state.found)
        drawn.append(Row((*margins, *cells), index == state.cursor))
    return [*drawn, *indented(notes)]


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


def visible_rows(pane: TablePane, rows: Rows, context: DrawContext) -> int:
    """How many rows fit between the header and the footnotes."""
    return max(1, context.height - titled(pane) - len(footnotes(pane, rows, context)))


def titled(pane: TablePane) -> int:
    """Lines of the header: none where no column has a title."""
    return int(any(column.title for column in pane.columns))


def _margin(pane: TablePane, cursor: bool, marked: bool, found: bool) -> Line:
    sign, tone = (CURSOR, Tone.ACCENT) if cursor else (FOUND, Tone.WARN) if found else (" ", Tone.TEXT)
    left = Span(Safe(f" {sign} "), tone)
    if not pane.markable:
        return (left,)
    return (left, Span(Safe(f"{MARK} " if marked else "  "), Tone.ACCENT if marked else Tone.TEXT))


def foot(pane: TablePane, rows: Rows, context: DrawContext, state: TableState) -> Line:
    """What stands in the lower border: `row 4 of 342 · 3 marked · runtime ▼`."""
    parts: list[Line] = []
    shown = len(rows.items)
    if context.focused and shown > visible_rows(pane, rows, context) and state.cursor >= 0:
        total = rows.matched if rows.matched is not None else shown
        parts.append(line((f"row {count(state.cursor + 1)} of {count(max(total, shown))}", Tone.DIM)))
    if state.marks:
        parts.append(line((f"{len(state.marks):,} marked", Tone.DIM)))
    column = column_named(pane, state.sort)
    if context.focused and column is not None:
        mark = columns.DOWN if state.reverse else columns.UP
        parts.append(line((f"{column.title or column.id} {mark}", Tone.DIM)))
    return join(parts, SEPARATOR)


def column_named(pane: TablePane, column_id: str) -> Column | None:
    """The column of that id."""
    return next((column for column in pane.columns if column.id == column_id), None)


def first_rows(pane: TablePane, context: DrawContext) -> tuple[Rows, TableState]:
    """A table as it stands when it is first opened: its default order, no filter, the cursor on the first row."""
    query = RowQuery(sort=pane.default_sort, reverse=pane.default_reverse)
    rows = pane.rows(context.snapshot, query, context)
    state = TableState(0 if len(rows.items) else -1, sort=query.sort, reverse=query.reverse, query=query)
    return rows, state


def snapshot_text(
    pane: Pane,
    snapshot: Snapshot,
    width: int,
    height: int,
    *,
    selected: Mapping[str, Any] | None = None,
    tabs: Sequence[DetailTab] = (),
    tab: int = 0,
    **context: Any,
) -> str:
    """A whole pane with its frame as text. selected: pane id -> record; tabs: those a detail pane shows, `tab` the open
    one; anything else goes into the `DrawContext` (`focused`, `time_mode`, `folded` ...)."""
    base = DrawContext(snapshot, max(0, width - 2), max(0, height - 2), selected=dict(selected or {}), **context)
    frame, body = _drawn(pane, base, tabs, tab)
    return as_text(draw_frame(frame, body, width, height))


def _drawn(pane: Pane, context: DrawContext, tabs: Sequence[DetailTab], tab: int) -> tuple[Frame, list[Row]]:
    frame = Frame(pane.heading(context), info=pane.info(context), focused=context.focused)
    if isinstance(pane, TablePane):
        rows, state = first_rows(pane, context)
        return frame._replace(foot=foot(pane, rows, context, state)), render(pane, rows, context, state)
    if isinstance(pane, CanvasPane):
        return frame, canvas_rows(pane, context)
    if isinstance(pane, DetailPane):
        item = context.selected.get(pane.of)
        shown = [each for each in tabs if item is not None and each.applies(item, context.snapshot)]
        rows_of_tab, _ = detail_rows(pane, shown[tab] if tab < len(shown) else None, item, context)
        return frame._replace(info=tab_names(shown, tab) or frame.info), rows_of_tab
    return frame, []


def canvas_rows(pane: CanvasPane, context: DrawContext) -> list[Row]:
    """What a canvas pane draws, with one blank cell at its left and right."""
    canvas = Canvas(max(0, context.width - 2), context.height)
    pane.draw(canvas, replace(context, width=canvas.width, height=canvas.height))
    return indented(canvas.lines())
