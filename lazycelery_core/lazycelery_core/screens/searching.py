"""Where is the next row that matches? A search hides nothing: it marks what it finds and moves the cursor.

What matches is asked of the pane itself, with the search as a filter, on the thread that reads rows; so it finds what a
filter would, in the order of the list.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lazycelery_core.pane import Rows
from lazycelery_core.query import Expression, both
from lazycelery_core.snapshot import Filter
from lazycelery_core.text import count
from lazycelery_core.tones import Line, Tone, line
from lazycelery_core.widgets.pane_widget import PaneWidget
from lazycelery_core.widgets.table_view import TableView

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

MOST = 5_000  # matches that are marked and walked; more is a case for a filter


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a search began: what was found before, and the row that the cursor stood on."""

    searched: str
    found: Mapping[str, int]
    cursor: int
    key: str
    follow: bool


class Search:
    """The searches of all tables; what is found stands in the table's view."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen
        self._filters: dict[str, Expression] = {}  # pane -> what is searched for
        self._origin: Origin | None = None
        self._wrapped = ""
        self._matched: int | None = None

    def filter(self, widget: PaneWidget) -> Filter | None:
        """What is searched for in that table."""
        return self._filters.get(widget.pane.id)

    def begin(self, widget: PaneWidget) -> None:
        """Remember where the user is."""
        table = _table(widget)
        item = table.item()
        key = "" if item is None else table.pane.key(item)
        self._origin = Origin(table.searched, table.found, table.cursor, key, table.follow)

    def undo(self, widget: PaneWidget) -> None:
        """Back to where the search began."""
        table, origin = _table(widget), self._origin
        if origin is None:
            return
        if not origin.searched:
            self._filters.pop(widget.pane.id, None)
        table.searched, table.found = origin.searched, origin.found
        moved = table.cursor != origin.cursor
        table.follow = origin.follow
        if moved and origin.key:
            table.stand_on_key(origin.key)
            table.follow = origin.follow
            widget.ask()
        widget.redraw()

    def forget(self, widget: PaneWidget) -> None:
        """Search for nothing."""
        self._filters.pop(widget.pane.id, None)
        table = _table(widget)
        table.searched, table.found = "", {}
        widget.redraw()

    def find(self, widget: PaneWidget, wanted: Expression | None) -> None:
        """Mark what matches and go to the first match from where the search began."""
        if wanted is None:
            self.forget(widget)
            return
        self._filters[widget.pane.id] = wanted
        self._ask(widget, wanted, 0)

    def walk(self, widget: PaneWidget, step: int) -> None:
        """To the next match, or the one before."""
        wanted = self._filters.get(widget.pane.id)
        if wanted is None or widget.table is None:
            self._screen.app.bell()
            return
        self._origin = None
        self._ask(widget, wanted, step)

    def _ask(self, widget: PaneWidget, wanted: Expression, step: int) -> None:
        table, context = _table(widget), widget.context
        if context is None:
            return
        query = replace(table.query(), filter=_both(table.filter, wanted))

        def job() -> None:
            rows = widget.guard.attempt(lambda: table.pane.rows(context.snapshot, query, context))
            keys = widget.guard.attempt(lambda: _keys(table, rows)) if rows is not None else None
            if keys is not None:
                self._screen.call_later(self._adopt, widget, wanted, keys, rows.matched if rows else None, step)

        self._screen.stage.reader.read(f"search {widget.pane.id}", job)

    def _adopt(
        self, widget: PaneWidget, wanted: Expression, keys: Mapping[str, int], matched: int | None, step: int
    ) -> None:
        if self._filters.get(widget.pane.id) is not wanted:
            return
        table = _table(widget)
        table.searched, table.found, self._matched = wanted.text, keys, matched
        if step:
            start = table.cursor + step
        else:
            start = self._origin.cursor if self._origin is not None else table.cursor
            step = 1
        target = self._next(table, max(0, start) if step > 0 else start, step)
        widget.changed(lambda: table.move(target - table.cursor) if target >= 0 else None)

    def _next(self, table: TableView, start: int, step: int) -> int:
        """The index of the next row found from `start` on, going on at the other end; -1 for none."""
        items = table.rows.items if table.rows is not None else ()
        self._wrapped = ""
        total = len(items)
        for walked in range(total if table.found else 0):
            index = (start + walked * step) % total
            item = items[index]
            if item is not None and table.pane.key(item) in table.found:
                over = not 0 <= start + walked * step < total
                self._wrapped = ("from the top again" if step > 0 else "from the end again") if over else ""
                return index
        return -1

    def told(self, widget: PaneWidget) -> Line:
        """`3 of 17 match`."""
        table = _table(widget)
        if not table.searched:
            return ()
        if not table.found:
            return line(("nothing matches", Tone.WARN))
        item = table.item()
        place = table.found.get(table.pane.key(item)) if item is not None else None
        shown = count(self._matched if self._matched is not None else len(table.found))
        wrapped = f"{self._wrapped}  " if self._wrapped else ""
        here = f"{place + 1} of " if place is not None else ""
        return line((wrapped, Tone.WARN), ("✓ ", Tone.DIM), (f"{here}{shown}", Tone.STRONG), (" match", Tone.DIM))


def _table(widget: PaneWidget) -> TableView:
    assert widget.table is not None
    return widget.table


def _keys(table: TableView, rows: Rows) -> dict[str, int]:
    found = (rows.items[index] for index in range(min(MOST, len(rows.items))))
    return {table.pane.key(item): place for place, item in enumerate(found) if item is not None}


def _both(filtered: Filter | None, wanted: Expression) -> Filter:
    return both(filtered, wanted) if isinstance(filtered, Expression) else wanted
