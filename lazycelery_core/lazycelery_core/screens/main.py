"""What does the main screen show, and when? Header, breadcrumbs, the panes of one view, status and keys.

`start` gives it something to watch, `frame` a new picture; between frames only what the user does is drawn. Popups are
screens of their own above this one, which then stands still. A prompt takes the place of the breadcrumbs: `take_line`.
"""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.timer import Timer
from textual.worker import Worker

from lazycelery_core.keys import Command
from lazycelery_core.pane import DetailPane, DrawContext, TablePane
from lazycelery_core.screens.chrome import Chrome
from lazycelery_core.screens.contract import Watch
from lazycelery_core.screens.dispatcher import Dispatcher
from lazycelery_core.screens.going import Going
from lazycelery_core.screens.moving import Moving
from lazycelery_core.screens.navigation import Navigation
from lazycelery_core.screens.panes import up_to_date
from lazycelery_core.screens.stage import Stage
from lazycelery_core.screens.state import RECORD_PANE, ScreenState
from lazycelery_core.snapshot import Filter, Snapshot
from lazycelery_core.tones import Tone
from lazycelery_core.widgets import header
from lazycelery_core.widgets.key_line import KeyLine
from lazycelery_core.widgets.lines import LinesWidget
from lazycelery_core.widgets.narrow import NarrowCompositor
from lazycelery_core.widgets.pane_widget import PaneWidget
from lazycelery_core.widgets.skin import Skin
from lazycelery_core.widgets.status import StatusLine, banner_line
from lazycelery_core.widgets.toasts import Toasts

if TYPE_CHECKING:
    from lazycelery_core.screens.prompt import Prompt

FRAME = 1 / 120  # s; Textual's own 1 / 60 would be most of the time from a key to its frame
SAID_FOR = 6.0  # s; a sentence is read twice in that time


class MainScreen(Screen[None]):
    """The frame around the panes of one view at a time.

    Whoever adds commands adds a controller to `dispatcher`; `act(command, targets)` runs plugins' actions, `when_begun`
    is told the keys of a sequence that waits for its next one.
    """

    AUTO_FOCUS = ""
    CSS_PATH = "../styles.tcss"  # of popups, too

    def __init__(self, skin: Skin, connection: str = "") -> None:
        super().__init__()
        self._compositor = NarrowCompositor()
        self._updates: Timer | None = None
        self.skin, self.connection = skin, connection
        self.state = ScreenState()
        self.watched: Watch | None = None
        self.snapshot: Snapshot | None = None  # what is drawn
        self.latest: Snapshot | None = None  # what is known; another one while paused
        self.act: Callable[[Command, Sequence[Any]], None] = lambda command, targets: None
        self.when_begun: Callable[[str], None] = lambda begun: None
        self.header, self.crumbs = header.Header(skin, id="header"), header.WordsLine(skin, id="crumbs")
        self.second_line = Container(self.crumbs, id="second-line")
        self.typing: Prompt | None = None  # what stands there instead of the breadcrumbs
        self.status, self.keys = StatusLine(skin, id="status"), KeyLine(skin, id="keys")
        self.toasts = Toasts(skin, id="toasts")
        self.stage, self.chrome = Stage(self), Chrome(self)
        self.navigation, self.going = Navigation(self), Going(self)
        self.dispatcher = Dispatcher(self)
        for controller in (self.navigation, self.going, Moving(self)):
            self.dispatcher.add(controller)

    @property
    def _update_timer(self) -> Timer:
        """Textual's timer of frames, but a faster one."""
        if self._updates is None:
            self._updates = self.set_interval(FRAME, self._on_timer_update, name="frames", pause=True)
        return self._updates

    def compose(self) -> ComposeResult:
        """The lines and the body between them."""
        yield self.header
        yield self.second_line
        with self.stage.body:
            yield self.stage.summary
            yield self.stage.banner
            yield self.stage.message
        yield self.status
        yield self.keys
        yield self.toasts

    # --- pictures -----------------------------------------------------------------------------------------------------

    def start(self, watch: Watch) -> None:
        """Show this from now on; again when plugins came late."""
        from lazycelery_core.screens import popups  # far more than the first frame needs

        if self.watched is None:
            popups.attach(self)
        self.watched = watch
        self.state.panes = tuple(watch.plugins.panes)
        self.dispatcher.keys = watch.keys
        self.stage.fill(watch.plugins)
        if not self.state.view and self.state.views:
            self.state.open(self.state.views[0].id)
        self.rearrange()

    def frame(self, snapshot: Snapshot) -> None:
        """Show a new picture, unless the user paused it or a popup stands above."""
        self.latest = snapshot
        if self.state.frozen is not None or not self.is_active:
            self.chrome.draw_status()
            return
        self.snapshot = snapshot
        lost = banner_line(snapshot, self.state.time_mode, self.size.width)
        self.stage.banner.show([] if lost is None else [lost])
        if (lost is not None) != self.stage.lost:
            self.stage.lost = self.skin.stale = lost is not None
            self.rearrange()
            self.repaint()
        self.show_again()

    def show_again(self) -> None:
        """Draw the present picture anew: something about how it is looked at has changed."""
        for widget in self.stage.shown():  # whatever became of the message that told of a cursor's last move
            if widget.table is not None:
                self.state.selected[widget.pane.id] = widget.table.item()
        context = self.context()
        if context is None:
            return
        for widget in self.stage.shown():
            self._freshen(widget)
            widget.update(context)
        self.chrome.draw()

    def _freshen(self, widget: PaneWidget) -> None:
        record, detail = self.state.record, widget.detail
        if record is not None and detail is not None and widget.pane.id == RECORD_PANE and self.snapshot is not None:
            detail.pinned = up_to_date(record, self.snapshot)

    def rearrange(self) -> None:
        """The view, the focus, the zoom or the size have changed: put everything in its place."""
        self.stage.arrange()
        self._tell_sources()
        for widget in self.stage.shown():
            widget.wake()
        self.show_again()

    def _tell_sources(self) -> None:
        if self.watched is not None:
            self.watched.deployment.focus(self.stage.topics())

    def repaint(self) -> None:
        """Draw every cell again: the theme, the glyphs or the age of the picture have changed."""
        for widget in self.query(LinesWidget):
            widget.repaint()

    @property
    def sent(self) -> int:
        """Cells that were refreshed since the start."""
        return sum(widget.sent for widget in self.query(LinesWidget))

    def context(self) -> DrawContext | None:
        """What panes are drawn with, without their size; None before there is a picture."""
        if self.snapshot is None:
            return None
        state = self.state
        return DrawContext(
            self.snapshot, time_mode=state.time_mode, selected=dict(state.selected), paused=state.frozen is not None
        )

    def ask_again(self) -> None:
        """Ask the broker anew, and give panes that were switched off another chance."""
        for widget in self.stage.panes or ():
            widget.guard.again()
        if self.watched is not None:
            self.watched.deployment.refresh()
        self.show_again()

    def say(self, text: str, tone: Tone = Tone.TEXT) -> None:
        """Say a sentence in passing; text of any origin."""
        self.toasts.say(text, tone, time.monotonic(), SAID_FOR)

    def draw_now(self) -> None:
        """Draw what a key has changed in panes: a frame would come after whatever waits, and not before its time."""
        if self._layout_required or self._scroll_required or self._repaint_required or not self.is_current:
            return
        changed = {widget for widget in self.stage.shown() if widget.changed_lines}
        if changed and not self.app._batch_count and self.stage.stands(changed):  # noqa: SLF001 - as Textual's frames
            self._compositor.update_widgets(self._dirty_widgets | changed)
            self._compositor_refresh()

    # --- what commands ask --------------------------------------------------------------------------------------------

    def scopes(self) -> list[str]:
        """The scopes of keys that are live, narrow first."""
        widget = self.stage.focused()
        if widget is None:
            return ["global"]
        kind = self.kind_here()
        return [*([f"on:{kind}"] if kind else []), widget.view.scope, "global"]

    def kind_here(self) -> str:
        """The kind of record that the focused pane shows, "" for none."""
        if self.state.record is not None:
            return self.state.record.on
        widget = self.stage.focused()
        pane = widget.pane if widget is not None else None
        return pane.on if isinstance(pane, TablePane | DetailPane) else ""

    def applies(self, command: str) -> bool:
        """Whether a command of the host does anything in the focused pane."""
        widget = self.stage.focused()
        table = widget.table if widget is not None else None
        if command == "follow.toggle":
            return table is not None and table.pane.follows
        if command.startswith("mark."):
            return table is not None and table.pane.markable
        return True

    def targets(self) -> list[Any]:
        """The records that an action would apply to: marked, under the cursor, or the one whose details are focused."""
        widget, context = self.stage.focused(), self.context()
        if widget is None or context is None:
            return []
        if widget.table is not None:
            return widget.table.targets()
        item = widget.detail.item(context) if widget.detail is not None else None
        return [] if item is None else [item]

    def set_filter(self, widget: PaneWidget, chosen: Filter | None) -> None:
        """Show only rows that match in that table; None shows all."""
        if widget.table is not None:
            widget.table.set_filter(chosen)
            widget.ask()
            self.chrome.draw()

    def take_line(self, widget: "Prompt") -> None:
        """Put a prompt in the place of the breadcrumbs and give it the keys."""
        self.typing = widget
        self.crumbs.display = False
        self.second_line.mount(widget)
        widget.focus()

    def give_line_back(self, widget: "Prompt") -> None:
        """Take the prompt away."""
        self.typing = None
        widget.remove()
        self.crumbs.display = True
        self.set_focus(None)

    def run_plugin_action(self, command: Command) -> None:
        """Run a plugin's action on the targets."""
        self.act(command, self.targets())

    def sequence_changed(self, begun: str) -> None:
        """Show the keys of a begun sequence."""
        self.chrome.begun = begun
        self.chrome.draw()
        self.when_begun(begun)

    # --- events -------------------------------------------------------------------------------------------------------

    def press(self, event: events.Key) -> None:
        """Take a key: typed into the prompt while there is one, else a command's."""
        if self.typing is not None:
            self.typing.take_key(event)
        else:
            self.dispatcher.press(event.key)

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted is typed into the prompt, and never taken for keys where there is none."""
        if self.typing is not None:
            self.typing.paste(event.text)

    def takes_keys(self) -> bool:
        """Whether a key would meet what its typist expects: not before the rows it is about are there."""
        widget = self.stage.focused()
        awaited = self.watched is None if widget is None else widget.awaits_rows
        return self.typing is not None or not awaited

    def on_mount(self) -> None:
        """Name whoever holds up the screen."""
        self.stage.watchdog.start()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Say so when something that runs beside the screen fails by a bug."""
        from lazycelery_core.screens.crash import failed_beside

        if event.worker.error is not None and self.watched is not None and self.latest is not None:
            self.say(failed_beside(event.worker.error, self.latest.now, self.watched), Tone.ERROR)

    def on_unmount(self) -> None:
        """Leave no thread behind."""
        self.stage.watchdog.stop()
        self.stage.reader.stop()

    def on_resize(self) -> None:
        """Stand anew in another size."""
        self.rearrange()
        self.chrome.draw()

    def on_command(self, event: header.Command) -> None:
        """A word of the frame was clicked."""
        self.dispatcher.run_named(event.name)

    def on_pane_widget_pressed(self, event: PaneWidget.Pressed) -> None:
        """A pane was clicked."""
        self.navigation.focus_widget(event.widget)
        if event.command:
            self.dispatcher.run_named(event.command)

    def on_pane_widget_moved(self, event: PaneWidget.Moved) -> None:
        """A cursor stands on another record, or on a newer state of it: what shows it elsewhere is drawn anew."""
        table = event.widget.table
        if table is None:
            return
        pane, item = table.pane, table.item()
        before = self.state.selected.get(pane.id)
        self.state.selected[pane.id] = item
        keys = [pane.key(each) if each is not None else "" for each in (before, item)]
        another = keys[0] != keys[1]
        context = self.context()
        for widget in self.stage.shown():
            details = isinstance(widget.pane, DetailPane) and widget.pane.of == pane.id
            if widget is not event.widget and context is not None and (another or details):
                if another:
                    widget.wake()
                widget.update(context)
        if another:
            self._tell_sources()
        self.chrome.draw()
