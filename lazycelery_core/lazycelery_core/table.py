"""How does a table look as text? Header, rows, cursor, marks, footnotes and the empty state, drawn without a terminal.

The screen, the text snapshots of tests and the one-shot commands all draw with `render`; `snapshot_text` draws any pane
whole, with its frame.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lazycelery_core.canvas import Canvas
from lazycelery_core.detail import detail_rows, tab_names
from lazycelery_core.frame import Frame, Row, as_text, draw_frame, indented
from lazycelery_core.pane import CanvasPane, DetailPane, DetailTab, DrawContext, Pane, Rows, TablePane
from lazycelery_core.sheet import Sheet, TableState
from lazycelery_core.snapshot import RowQuery, Snapshot

__all__ = ["TableState", "canvas_rows", "first_rows", "render", "snapshot_text"]


def render(pane: TablePane, rows: Rows, context: DrawContext, state: TableState) -> list[Row]:
    """The inside of a table in `context.width` x `context.height` cells: header, rows, notes; or the empty state."""
    return Sheet(pane, rows, context, state.skipped, state.columns).draw(state)


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
        sheet = Sheet(pane, rows, context)
        return frame._replace(foot=sheet.foot(state)), sheet.draw(state)
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
