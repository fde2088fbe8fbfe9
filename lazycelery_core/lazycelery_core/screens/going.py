"""Where does an action lead? To a view, filtered and with the cursor in place, or to one record on the whole screen."""

from typing import TYPE_CHECKING, Any

from lazycelery_core.action import Go, Open, Outcome
from lazycelery_core.pane import DetailPane
from lazycelery_core.screens.dispatcher import handles
from lazycelery_core.screens.state import Record
from lazycelery_core.text import zone_of
from lazycelery_core.tones import Tone

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen
    from lazycelery_core.widgets.pane_widget import PaneWidget


class Going:
    """Follows the outcomes of actions that only look."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen

    def follow(self, outcome: Outcome) -> bool:
        """Go where an outcome leads; False when it leads nowhere (a copy, replies)."""
        if isinstance(outcome, Go):
            self.go(outcome)
        elif isinstance(outcome, Open):
            self.open_record(outcome.on, outcome.item)
        else:
            return False
        return True

    def go(self, go: Go) -> None:
        """Open a view one step deeper, with its filter, cursor and focus. Raises FilterError for a wrong filter."""
        screen = self._screen
        parsed = None
        if not screen.state.open(go.view, go.select or go.filter or screen.state.title(go.view)):
            screen.say(f"There is no view {go.view} here: no plugin brings it.", Tone.WARN)
            return
        if go.pane:
            screen.state.focus[go.view] = go.pane
        screen.rearrange()
        widget = screen.stage.focused()
        if widget is None or widget.table is None:
            return
        if go.filter:
            from lazycelery_core.query import parse

            now = screen.snapshot.now if screen.snapshot is not None else 0.0
            parsed = parse(go.filter, now, widget.table.pane.on, zone_of(screen.state.time_mode, now))
        widget.table.set_filter(parsed)
        if go.select:
            widget.table.stand_on_key(go.select)
        widget.ask()

    def open_record(self, on: str, item: Any) -> None:
        """Show the detail tabs of a record on the whole screen."""
        self._screen.state.show(Record(on, item, label_of(item)))
        self._screen.rearrange()

    @handles("item.next", "item.previous")
    def beside(self, where: str) -> None:
        """The next record of the list that the details were opened from, or the one before."""
        screen = self._screen
        record, origin = screen.state.record, self._origin()
        if record is None or origin is None or origin.table is None:
            return
        table = origin.table
        before = table.item()
        origin.changed(lambda: table.move(1 if where == "next" else -1))
        item = table.item()
        if item is not None and item is not before:
            screen.state.record = Record(record.on, item, label_of(item))
            screen.state.trail[-1] = screen.state.trail[-1]._replace(label=label_of(item))
            screen.state.selected[table.pane.id] = item
            screen.rearrange()

    def _origin(self) -> "PaneWidget | None":
        """The list below the details."""
        state = self._screen.state
        here = [self._screen.stage.made(pane.id) for pane in state.panes_of(state.view)]
        focus = state.focus.get(state.view, "")
        tables = [widget for widget in here if widget is not None and widget.table is not None]
        kind = state.record.on if state.record is not None else ""
        fits = [widget for widget in tables if widget.table is not None and widget.table.pane.on == kind]
        return next((widget for widget in fits if widget.pane.id == focus), fits[0] if fits else None)

    @handles("open.details")
    def details(self, _: str) -> None:
        """Focus the details of the record under the cursor where they are on the screen, else fill the screen."""
        screen = self._screen
        widget = screen.stage.focused()
        if widget is None or widget.table is None or screen.stage.panes is None:
            return
        pane, item = widget.table.pane, widget.table.item()
        shown = (each.pane for each in screen.stage.shown())
        beside = next((each.id for each in shown if isinstance(each, DetailPane) and each.of == pane.id), "")
        if beside:
            screen.state.focus[screen.state.view] = beside
            screen.rearrange()
        elif item is not None and screen.stage.panes.tabs(pane.on):
            self.open_record(pane.on, item)


def label_of(item: Any) -> str:
    """What a record is called in the breadcrumbs: its name and the start of its id."""
    name = getattr(item, "name", "") or getattr(item, "hostname", "") or getattr(item, "task", "")
    number = str(getattr(item, "id", "") or getattr(item, "task_id", ""))[:6]
    return f"{name}[{number}]" if number else str(name) or type(item).__name__
