"""What do keys do inside the focused pane? Cursor, scrolling, tabs, marks, order, follow."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lazycelery_core.screens.dispatcher import handles
from lazycelery_core.widgets.table_view import TableView
from lazycelery_core.widgets.views import DetailView

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

PAGES = {"half_down": 0.5, "half_up": -0.5, "page_down": 1.0, "page_up": -1.0}


class Moving:
    """Handlers that work on the focused pane."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen

    @handles("cursor.*")
    def move(self, how: str) -> None:
        """Up, down, by pages, to the edges."""
        widget = self._screen.stage.focused()
        if widget is None:
            return
        if how in ("top", "bottom"):
            widget.changed(lambda: widget.view.to_edge(how == "bottom"))
            return
        height = max(2, widget.rect.height - 3)
        lines = int(PAGES[how] * height) if how in PAGES else 1 if how == "down" else -1
        widget.changed(lambda: widget.view.move(lines))

    @handles("columns.*")
    def scroll_columns(self, where: str) -> None:
        """Sideways by whole columns."""
        self._in_table(lambda table: table.scroll_columns(1 if where == "right" else -1))

    @handles("mark.toggle")
    def mark(self, _: str) -> None:
        """Mark the row and go on to the next; open the menu where nothing can be marked or the user wants that."""
        watched = self._screen.watched
        if not self._screen.applies("mark.toggle") or (watched and watched.settings.ui.space == "menu"):
            self._screen.dispatcher.run_named("menu.open")
            return

        def mark_and_go_on(table: TableView) -> None:
            table.toggle_mark()
            table.move(1)

        self._in_table(mark_and_go_on)

    @handles("mark.range")
    def mark_range(self, _: str) -> None:
        """Begin or end a range."""
        self._in_table(TableView.toggle_range)

    @handles("mark.all")
    def mark_all(self, _: str) -> None:
        """Mark all rows shown."""
        self._in_table(TableView.mark_all)

    @handles("sort.next")
    def sort_next(self, _: str) -> None:
        """Sort by the next column."""
        self._ask_anew(TableView.sort_next)

    @handles("sort.reverse")
    def turn_order(self, _: str) -> None:
        """Turn the order round."""
        self._ask_anew(TableView.turn_order)

    @handles("follow.toggle")
    def follow(self, _: str) -> None:
        """Hold the newest row in view, or let go of it."""
        self._in_table(TableView.toggle_follow)

    @handles("tab.next", "tab.previous")
    def turn_tab(self, where: str) -> None:
        """Open the next tab of the pane, or of the one that shows details."""
        step = 1 if where == "next" else -1
        self._in_detail(lambda detail: detail.turn(step))

    @handles("text.wrap")
    def wrap(self, _: str) -> None:
        """Wrap long lines, or cut them."""

        def turn(detail: DetailView) -> None:
            detail.wrap = not detail.wrap

        self._in_detail(turn)

    @handles("text.fold")
    def fold(self, _: str) -> None:
        """Show the lines of libraries, or fold them."""

        def turn(detail: DetailView) -> None:
            detail.folded = not detail.folded

        self._in_detail(turn)

    def _in_table(self, change: Callable[[TableView], Any]) -> None:
        widget = self._screen.stage.focused()
        if widget is not None and widget.table is not None:
            table = widget.table
            widget.changed(lambda: change(table))

    def _ask_anew(self, change: Callable[[TableView], Any]) -> None:
        widget = self._screen.stage.focused()
        if widget is not None and widget.table is not None:
            change(widget.table)
            widget.redraw()
            widget.ask()

    def _in_detail(self, change: Callable[[DetailView], Any]) -> None:
        """The focused pane if it has tabs, else the first one on the screen that has."""
        focused = self._screen.stage.focused()
        widgets = [*([focused] if focused is not None else []), *self._screen.stage.shown()]
        chosen = next((widget for widget in widgets if widget.detail is not None), None)
        if chosen is not None and chosen.detail is not None:
            detail = chosen.detail
            chosen.changed(lambda: change(detail))
