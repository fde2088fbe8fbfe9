"""Which theme, which columns? Small menus that show what is chosen now."""

from typing import TYPE_CHECKING, Any

from lazycelery_core.screens.dispatcher import handles
from lazycelery_core.screens.menu import MenuScreen
from lazycelery_core.theme import THEMES
from lazycelery_core.widgets.menu_box import Item

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

CHOSEN, OTHER = "●", "○"


class Choosing:
    """The handlers of these menus."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen

    @handles("theme.choose")
    def theme(self, _: str) -> None:
        """Offer the themes; the one that is picked is drawn with at once."""
        screen = self._screen
        app: Any = screen.app
        items = [Item(name, CHOSEN if screen.skin.theme is theme else OTHER, name) for name, theme in THEMES.items()]

        def chosen(name: str | None) -> None:
            if name is not None:
                app.set_theme(THEMES[name])

        app.push_screen(MenuScreen(screen, "Theme", [items], chosen=screen.skin.theme.name), chosen)

    @handles("columns.choose")
    def columns(self, _: str) -> None:
        """Offer the columns of the focused table, to be shown or hidden one by one."""
        self._columns("")

    def _columns(self, last: str) -> None:
        screen = self._screen
        widget = screen.stage.focused()
        if widget is None or widget.table is None:
            return
        table = widget.table
        shown = {column.id for column in table.columns}
        items = [
            Item(column.id, CHOSEN if column.id in shown else OTHER, column.title or column.id)
            for column in table.pane.columns
        ]

        def chosen(name: str | None) -> None:
            if name is None:
                return
            kept = shown ^ {name}
            table.columns = [column for column in table.pane.columns if column.id in kept] or table.pane.columns
            table.skipped = 0
            widget.redraw()
            screen.call_after_refresh(self._columns, name)

        screen.app.push_screen(MenuScreen(screen, "Columns", [items], chosen=last), chosen)
