"""What do keys do to the place where the user is? Views, panes, zoom, the way back, pause and the clock."""

from typing import TYPE_CHECKING

from lazycelery_core.layout import Rect, ordered
from lazycelery_core.screens.dispatcher import handles
from lazycelery_core.widgets.pane_widget import PaneWidget

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen


class Navigation:
    """Handlers that move between views and panes."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen

    @handles("view.*")
    def open_view(self, view: str) -> None:
        """Open a view from the top."""
        if self._screen.state.open(view):
            self._screen.rearrange()

    @handles("view.last")
    def last_view(self, _: str) -> None:
        """The view before this one."""
        self.open_view(self._screen.state.last_view)

    @handles("crumb.*")
    def to_crumb(self, index: str) -> None:
        """Back to a step of the trail."""
        state = self._screen.state
        while len(state.trail) > int(index) and state.back():
            pass
        self._screen.rearrange()

    @handles("app.back")
    def back(self, _: str) -> None:
        """Clear marks, else the filter, else leave zoom, else one step back."""
        screen, widget = self._screen, self._screen.stage.focused()
        table = widget.table if widget is not None else None
        screen.toasts.clear()
        if widget is not None and table is not None and table.clear_marks():
            widget.redraw()
        elif widget is not None and table is not None and table.filter is not None:
            screen.set_filter(widget, None)
        elif screen.state.zoomed:
            self.zoom("")
        elif screen.state.back():
            screen.rearrange()

    @handles("pane.next", "pane.previous")
    def next_pane(self, where: str) -> None:
        """The next pane in reading order, or the one before."""
        state, numbers = self._screen.state, self._screen.stage.arrangement.numbers
        panes = [pane.id for pane in ordered(state.panes_of(state.view)) if pane.id in numbers]
        if panes:
            here = panes.index(state.focused) if state.focused in panes else 0
            self._focus(panes[(here + (1 if where == "next" else -1)) % len(panes)])

    @handles("pane.*")
    def pane_by_number(self, number: str) -> None:
        """The pane with that number."""
        numbers = self._screen.stage.arrangement.numbers
        chosen = next((pane for pane, its in numbers.items() if number.isdigit() and its == int(number)), "")
        if chosen:
            self._focus(chosen)

    @handles("pane.left", "pane.right")
    def pane_beside(self, where: str) -> None:
        """The pane beside this one; where there is none, the next or previous."""
        here = self._screen.stage.arrangement.rects.get(self._screen.state.focused)
        beside = [
            (self._distance(here, rect), pane)
            for pane, rect in self._screen.stage.arrangement.rects.items()
            if here is not None and self._is_beside(here, rect, where)
        ]
        if beside:
            self._focus(min(beside)[1])
        else:
            self.next_pane("next" if where == "right" else "previous")

    @staticmethod
    def _is_beside(here: Rect, there: Rect, where: str) -> bool:
        return there.x >= here.x + here.width if where == "right" else there.x + there.width <= here.x

    @staticmethod
    def _distance(here: Rect, there: Rect) -> int:
        return abs(here.x - there.x) + 2 * abs(here.y - there.y)

    def _focus(self, pane: str) -> None:
        state = self._screen.state
        state.focus[state.view] = pane
        if state.zoomed:
            state.zoomed = pane
        self._screen.rearrange()

    def focus_widget(self, widget: PaneWidget) -> None:
        """Give the focus to a pane that was clicked."""
        if self._screen.state.focused != widget.pane.id:
            self._focus(widget.pane.id)

    @handles("zoom.toggle")
    def zoom(self, _: str) -> None:
        """Let the focused pane fill the screen, or give the others their room back."""
        state = self._screen.state
        state.zoomed = "" if state.zoomed else state.focused
        self._screen.rearrange()

    @handles("pause.toggle")
    def pause(self, _: str) -> None:
        """Let the picture stand still, or go on."""
        state = self._screen.state
        state.frozen = None if state.frozen is not None else self._screen.snapshot
        self._screen.show_again()

    @handles("time.cycle")
    def cycle_time(self, _: str) -> None:
        """UTC, local, ago."""
        self._screen.state.next_time_mode()
        self._screen.show_again()

    @handles("app.refresh")
    def refresh(self, _: str) -> None:
        """Ask everything anew; panes that were switched off get another chance."""
        self._screen.ask_again()

    @handles("app.redraw")
    def redraw(self, _: str) -> None:
        """Draw the whole screen again: another program has written over it."""
        self._screen.refresh(layout=True)

    @handles("app.quit")
    def quit(self, _: str) -> None:
        """Leave."""
        self._screen.app.exit()
