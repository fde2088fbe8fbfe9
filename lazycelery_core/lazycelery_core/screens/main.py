"""What does the main screen show, and when? Header, breadcrumbs, the panes of one view, status and keys.

`start` gives it something to watch, `frame` a new picture; between frames only what the user does is drawn. Popups are
screens of their own above this one, which then stands still. A prompt takes the place of the breadcrumbs: `take_line`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widget import Widget

from lazycelery_core.action import Go, Open, Outcome
from lazycelery_core.frame import Painted
from lazycelery_core.keys import Command
from lazycelery_core.layout import Arrangement, Rect, SizeClass, arrange
from lazycelery_core.pane import DetailPane, DrawContext, Pane, TablePane
from lazycelery_core.screens.chrome import Chrome
from lazycelery_core.screens.contract import Watch
from lazycelery_core.screens.dispatcher import Dispatcher
from lazycelery_core.screens.moving import Moving
from lazycelery_core.screens.navigation import Navigation
from lazycelery_core.screens.panes import Panes, up_to_date
from lazycelery_core.screens.state import RECORD_PANE, Record, ScreenState
from lazycelery_core.snapshot import Filter, Snapshot
from lazycelery_core.text import Safe
from lazycelery_core.tones import Tone
from lazycelery_core.widgets import header
from lazycelery_core.widgets.body import Body
from lazycelery_core.widgets.header import starting_line
from lazycelery_core.widgets.key_line import KeyLine
from lazycelery_core.widgets.lines import LinesWidget
from lazycelery_core.widgets.pane_widget import PaneWidget
from lazycelery_core.widgets.reader import Reader
from lazycelery_core.widgets.skin import Skin
from lazycelery_core.widgets.status import StatusLine, banner_line
from lazycelery_core.widgets.toasts import Toasts


class MainScreen(Screen[None]):
    """The frame around the panes of one view at a time."""

    AUTO_FOCUS = ""

    def __init__(self, skin: Skin, connection: str = "") -> None:
        super().__init__()
        self.skin, self.connection = skin, connection
        self.state = ScreenState()
        self.watched: Watch | None = None
        self.snapshot: Snapshot | None = None  # what is drawn
        self.latest: Snapshot | None = None  # what is known; another one while paused
        self.arrangement = Arrangement(SizeClass.NORMAL)
        self.dispatcher = Dispatcher(self)
        self.act: Callable[[Command, Sequence[Any]], None] = lambda command, targets: None
        self.when_begun: Callable[[str], None] = lambda begun: None
        self.reader = Reader()
        self.header, self.crumbs = header.Header(skin, id="header"), header.WordsLine(skin, id="crumbs")
        self.summary, self.banner = LinesWidget(skin, id="summary"), LinesWidget(skin, id="banner")
        self.status, self.keys = StatusLine(skin, id="status"), KeyLine(skin, id="keys")
        self.message, self.toasts = LinesWidget(skin, id="message"), Toasts(skin, id="toasts")
        self.body, self.second_line = Body(), Container(self.crumbs, id="second-line")
        self._chrome = Chrome(self)
        self._panes: Panes | None = None
        self._lost = False
        self.navigation = Navigation(self)
        for controller in (self.navigation, Moving(self)):
            self.dispatcher.add(controller)

    def compose(self) -> ComposeResult:
        """The lines and the body between them."""
        yield self.header
        yield self.second_line
        with self.body:
            yield self.summary
            yield self.banner
            yield self.message
        yield self.status
        yield self.keys
        yield self.toasts

    def starting(self) -> None:
        """Draw the frame while plugins and broker clients are loaded."""
        self._chrome.draw()
        self.message.show([Painted(before=starting_line(self.connection))])
        self.body.put({self.message: Rect(1, 0, max(0, self.size.width - 1), 1)})

    # --- pictures -----------------------------------------------------------------------------------------------------

    def start(self, watch: Watch) -> None:
        """Show this from now on; again when plugins came late."""
        self.watched = watch
        self.state.panes = tuple(watch.plugins.panes)
        self.dispatcher.keys = watch.keys
        if self._panes is None:
            self._panes = Panes(self.body, self.skin, self.reader, watch.plugins)
        if not self.state.view and self.state.views:
            self.state.open(self.state.views[0].id)
        self.rearrange()

    def frame(self, snapshot: Snapshot) -> None:
        """Show a new picture, unless the user paused it or a popup stands above."""
        self.latest = snapshot
        if self.state.frozen is not None or not self.is_current:
            self._chrome.draw_status()
            return
        self.snapshot = snapshot
        lost = banner_line(snapshot, self.state.time_mode, self.size.width)
        self.banner.show([] if lost is None else [lost])
        if (lost is not None) != self._lost:
            self._lost = self.skin.stale = lost is not None
            self.rearrange()
            self.repaint()
        self.show_again()

    def show_again(self) -> None:
        """Draw the present picture anew: something about how it is looked at has changed."""
        context = self.context()
        if context is None:
            return
        for widget in self.shown_panes():
            self._freshen(widget)
            widget.update(context)
        self._chrome.draw()

    def _freshen(self, widget: PaneWidget) -> None:
        record, detail = self.state.record, widget.detail
        if record is not None and detail is not None and widget.pane.id == RECORD_PANE and self.snapshot is not None:
            detail.pinned = up_to_date(record, self.snapshot)

    def repaint(self) -> None:
        """Draw every cell again: the theme, the glyphs or the age of the picture have changed."""
        for widget in self.query(LinesWidget):
            widget.repaint()

    def context(self) -> DrawContext | None:
        """What panes are drawn with, without their size; None before there is a picture."""
        if self.snapshot is None:
            return None
        state = self.state
        return DrawContext(
            self.snapshot, time_mode=state.time_mode, selected=dict(state.selected), paused=state.frozen is not None
        )

    # --- panes --------------------------------------------------------------------------------------------------------

    def rearrange(self) -> None:
        """Put the panes of the view into their boxes: the view, the focus, the zoom or the size have changed."""
        if self._panes is None:
            return
        state = self.state
        size = self.size
        self.arrangement = arrange(
            state.panes_of(state.view), size.width, size.height,
            main=state.focused, zoomed=state.zoomed, above=int(self._lost),
        )  # fmt: skip
        if state.record is not None and not self.arrangement.message:
            box = Rect(0, int(self._lost), size.width, size.height - 4 - int(self._lost))
            self.arrangement = Arrangement(self.arrangement.size, {RECORD_PANE: box})
        self._place(self._panes)
        self._tell_focus()
        self.show_again()

    def _place(self, panes: Panes) -> None:
        arrangement, state = self.arrangement, self.state
        widgets = panes.widgets([pane for pane in state.panes_of(state.view) if pane.id in arrangement.numbers])
        if state.record is not None:
            widgets = [panes.record(state.record)]
        boxes: dict[Widget, Rect] = {}
        for widget in widgets:
            rect = arrangement.rects.get(widget.pane.id)
            if rect is not None:
                boxes[widget] = rect
                number = arrangement.numbers.get(widget.pane.id, 0)
                widget.place(rect, number, widget.pane.id == state.focused)
        width = self.size.width
        if arrangement.line is not None:
            boxes[self.summary] = Rect(0, arrangement.line, width, 1)
        if self._lost:
            boxes[self.banner] = Rect(0, 0, width, 1)
        if arrangement.message:
            boxes[self.message] = Rect(0, 0, width, 1)
            self.message.show([Painted(before=((Safe(arrangement.message), Tone.WARN),))])
        self.body.put(boxes)

    def _tell_focus(self) -> None:
        """Tell the pollers which records and view are looked at."""
        if self.watched is None:
            return
        topics = {f"view:{self.state.view}"}
        for pane in self.state.panes_of(self.state.view):
            item = self.state.selected.get(pane.id)
            if isinstance(pane, TablePane) and pane.on in ("worker", "queue") and item is not None:
                topics.add(f"{pane.on}:{pane.key(item)}")
        self.watched.deployment.focus(frozenset(topics))

    def shown_panes(self) -> list[PaneWidget]:
        """The widgets of the panes that have a box now, in reading order."""
        if self._panes is None:
            return []
        found = (self._panes.get(pane_id) for pane_id in self.arrangement.rects)
        return [widget for widget in found if widget is not None]

    def focused_pane(self) -> PaneWidget | None:
        """The widget of the focused pane."""
        return None if self._panes is None else self._panes.get(self.state.focused)

    def panes_made(self, pane: Pane) -> PaneWidget | None:
        """The widget of that pane, None when its view was never opened."""
        return None if self._panes is None else self._panes.get(pane.id)

    def squashed(self) -> list[Pane]:
        """The panes of the view that have no box, in reading order."""
        by_id = {pane.id: pane for pane in self.state.panes_of(self.state.view)}
        return [by_id[pane_id] for pane_id in self.arrangement.squashed]

    def set_filter(self, widget: PaneWidget, chosen: Filter | None) -> None:
        """Show only rows that match in that table; None shows all."""
        if widget.table is not None:
            widget.table.set_filter(chosen)
            widget.ask()
            self._chrome.draw()

    def take_line(self, widget: Widget) -> None:
        """Put a prompt in the place of the breadcrumbs and give it the keys."""
        self.crumbs.display = False
        self.second_line.mount(widget)
        widget.focus()

    def give_line_back(self, widget: Widget) -> None:
        """Take the prompt away."""
        widget.remove()
        self.crumbs.display = True
        self.set_focus(None)

    # --- what keys, actions and the mouse do --------------------------------------------------------------------------

    def scopes(self) -> list[str]:
        """The scopes of keys that are live, narrow first."""
        widget = self.focused_pane()
        if widget is None:
            return ["global"]
        kind = self.kind_here()
        return [*([f"on:{kind}"] if kind else []), widget.view.scope, "global"]

    def kind_here(self) -> str:
        """The kind of record that the focused pane shows, "" for none."""
        widget = self.focused_pane()
        if self.state.record is not None:
            return self.state.record.on
        pane = widget.pane if widget is not None else None
        return pane.on if isinstance(pane, TablePane | DetailPane) else ""

    def targets(self) -> list[Any]:
        """The records that an action would apply to: marked, under the cursor, or the one whose details are focused."""
        widget, context = self.focused_pane(), self.context()
        if widget is None or context is None:
            return []
        if widget.table is not None:
            return widget.table.targets()
        item = widget.detail.item(context) if widget.detail is not None else None
        return [] if item is None else [item]

    def run_plugin_action(self, command: Command) -> None:
        """Run a plugin's action on the targets."""
        self.act(command, self.targets())

    def sequence_changed(self, begun: str) -> None:
        """Show the keys of a begun sequence."""
        self._chrome.begun = begun
        self._chrome.draw()
        self.when_begun(begun)

    def show(self, outcome: Outcome) -> bool:
        """Go where an action's outcome leads; False when it is not for the screen (a copy, a reply)."""
        if isinstance(outcome, Go):
            self._go(outcome)
        elif isinstance(outcome, Open):
            self.show_record(outcome.on, outcome.item)
        else:
            return False
        return True

    def _go(self, go: Go) -> None:
        if not self.state.open(go.view, go.select or go.filter or self.state.title(go.view)):
            return
        if go.pane:
            self.state.focus[go.view] = go.pane
        self.rearrange()
        widget = self.focused_pane()
        if widget is None or widget.table is None:
            return
        if go.filter:
            from lazycelery_core.query import parse

            now = self.snapshot.now if self.snapshot is not None else 0.0
            widget.table.set_filter(parse(go.filter, now, widget.table.pane.on))
        if go.select:
            widget.table.stand_on_key(go.select)
        widget.ask()

    def show_record(self, on: str, item: Any) -> None:
        """Show the detail tabs of a record on the whole screen."""
        self.state.show(Record(on, item, label_of(item)))
        self.rearrange()

    def details(self) -> None:
        """Focus the details of the focused table's record, or show them on the whole screen."""
        widget = self.focused_pane()
        if widget is None or widget.table is None or self._panes is None:
            return
        pane, item = widget.table.pane, widget.table.item()
        beside = [each for each in self.shown_panes() if isinstance(each.pane, DetailPane) and each.pane.of == pane.id]
        if beside:
            self.state.focus[self.state.view] = beside[0].pane.id
            self.rearrange()
        elif item is not None and self._panes.tabs(pane.on):
            self.show_record(pane.on, item)

    def ask_again(self) -> None:
        """Ask the broker anew, and give panes that were switched off another chance."""
        for widget in self._panes or ():
            widget.guard.again()
        if self.watched is not None:
            self.watched.deployment.refresh()
        self.show_again()

    # --- events -------------------------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Every key that no prompt took."""
        if self.focused is None and self.dispatcher.press(event.key):
            event.stop()
            event.prevent_default()

    def on_resize(self) -> None:
        """Stand anew in another size."""
        self.rearrange()
        self._chrome.draw()

    def on_command(self, event: header.Command) -> None:
        """A word of the frame was clicked."""
        self.dispatcher.run_named(event.name)

    def on_pane_widget_pressed(self, event: PaneWidget.Pressed) -> None:
        """A pane was clicked."""
        self.navigation.focus_widget(event.widget)
        if event.command:
            self.dispatcher.run_named(event.command)

    def on_pane_widget_moved(self, event: PaneWidget.Moved) -> None:
        """Another record is under a cursor: what shows it elsewhere is drawn anew."""
        table = event.widget.table
        context = self.context()
        if table is None or context is None:
            return
        pane, item = table.pane, table.item()
        before = self.state.selected.get(pane.id)
        self.state.selected[pane.id] = item
        other_record = item is None or before is None or pane.key(before) != pane.key(item)
        context = self.context()
        for widget in self.shown_panes():
            if widget is event.widget or context is None:
                continue
            if other_record or (isinstance(widget.pane, DetailPane) and widget.pane.of == pane.id):
                widget.update(context)
        if other_record:
            self._tell_focus()
        self._chrome.draw()


def label_of(item: Any) -> str:
    """What a record is called in the breadcrumbs: its name and the start of its id."""
    name = getattr(item, "name", "") or getattr(item, "hostname", "") or getattr(item, "task", "")
    number = str(getattr(item, "id", "") or getattr(item, "task_id", ""))[:6]
    return f"{name}[{number}]" if number else str(name) or type(item).__name__
