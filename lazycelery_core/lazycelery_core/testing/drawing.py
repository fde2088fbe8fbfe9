"""How does a pane look in a test? As text, frame and all, the same that the screen draws."""

from collections.abc import Mapping, Sequence
from typing import Any

from lazycelery_core.pane import DetailPane, DetailTab, DrawContext, Pane, TablePane
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.table import first_rows, snapshot_text

SIZE = (80, 24)


def draw(
    pane: Pane,
    snapshot: Snapshot,
    size: tuple[int, int] = SIZE,
    *,
    selected: Mapping[str, Any] | None = None,
    tabs: Sequence[DetailTab] = (),
    tab: int = 0,
    **context: Any,
) -> str:
    """The pane in a box of (columns, rows) cells.

    selected: pane id -> the record under that pane's cursor. tabs: those of a detail pane, `tab` the open one.
    context: further fields of `DrawContext`, such as `focused` or `time_mode`.
    """
    return snapshot_text(pane, snapshot, *size, selected=selected, tabs=tabs, tab=tab, **context)


def draw_tab(tab: DetailTab, item: Any, snapshot: Snapshot, size: tuple[int, int] = SIZE, **context: Any) -> str:
    """One detail tab about a record."""

    class Alone(DetailPane):
        id, title, on, of = "testing.detail", "Detail", tab.on, "testing.list"

    return draw(Alone(), snapshot, size, selected={Alone.of: item}, tabs=(tab,), **context)


def records(pane: TablePane, snapshot: Snapshot, **context: Any) -> Sequence[Any]:
    """The records of a table, in the order in which it first shows them."""
    return first_rows(pane, DrawContext(snapshot, *SIZE, **context))[0].items
