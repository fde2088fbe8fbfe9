"""How is the screen run? The app wires settings, loading, pictures and failures; what is drawn stands elsewhere.

The first frame needs Textual only: plugins, broker clients and numpy are loaded on a thread while it is drawn.
"""

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual._context import active_message_pump
from textual.app import App
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.filter import LineFilter
from textual.screen import Screen
from textual.widget import Widget

from lazycelery_core import theme
from lazycelery_core.config import UISettings
from lazycelery_core.errors import FAILED, LazyCeleryError
from lazycelery_core.screens.contract import Running
from lazycelery_core.screens.keyboard import Keyboard
from lazycelery_core.screens.starting import Starting
from lazycelery_core.text import TimeMode
from lazycelery_core.theme import Theme
from lazycelery_core.tones import Tone
from lazycelery_core.widgets.line_filter import SafeText
from lazycelery_core.widgets.metered import metered
from lazycelery_core.widgets.pace import Pace

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen
    from lazycelery_core.widgets.skin import Skin

ALWAYS = ("ctrl+c", "quit"), ("ctrl+z", "suspend_process")  # whatever is open


class LazyCeleryApp(App[None]):
    """The screen of one run. load: makes the watch, on a thread; reports: the folder for crash reports."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding(*each, show=False, priority=True) for each in ALWAYS]
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self, load: Callable[[], Running], ui: UISettings, connection: str, reports: Path, no_color: bool = False
    ) -> None:
        self.unsafe = SafeText()
        super().__init__()
        self.watched: Running | None = None
        self.failure: LazyCeleryError | None = None  # why there is nothing to watch
        self.report: Path | None = None  # of a bug that ended the app
        self._load, self._reports, self._connection = load, reports, connection
        self._ui, self._first_theme = ui, theme.choose(ui.theme, no_color)
        self._encoding = sys.stdout.encoding or "ascii"  # Textual puts something else in its place
        self._pace, self._keyboard = Pace(ui.frames), Keyboard(self)
        self.seconds: float | None = None  # to run; for ever when None
        self._brought = self._sent = self._written = 0  # panes and tabs, cells drawn, bytes that the terminal got

    @cached_property
    def skin(self) -> "Skin":
        """The theme and the glyphs of all widgets."""
        from lazycelery_core.widgets.skin import skin_of

        return skin_of(self._ui, self._first_theme, self._encoding)

    @cached_property
    def main(self) -> "MainScreen":
        """The main screen; made once the first frame has been drawn without it."""
        from lazycelery_core.screens.main import MainScreen

        main = MainScreen(self.skin, self._connection)
        main.state.time_mode = TimeMode(self._ui.time)
        return main

    def get_default_screen(self) -> Screen[None]:
        """What is seen until there is something to watch."""
        return Starting(self._first_theme, self._connection, self._begin)

    def _begin(self) -> None:
        if self.seconds is not None:
            self.set_timer(self.seconds, self.exit)
        self.run_worker(self._start(), exit_on_error=True)

    async def _start(self) -> None:
        try:
            watch = await asyncio.to_thread(self._loaded)
        except LazyCeleryError as error:
            self.failure = error
            self.exit(return_code=error.exit_code)
            return
        watch.start()
        self.set_theme(self.skin.theme)
        await self.push_screen(self.main)
        self.watched = watch
        self._bring(watch)
        self.set_interval(1 / 20, self._tick)
        for note in watch.notes:
            self.say(note, Tone.WARN)
        gc.collect()
        gc.freeze()  # what is here now stays; collections look at new objects only

    def _loaded(self) -> Running:
        """What is watched; and the modules of the screen that the first frame did without."""
        watch = self._load()
        for module in ("main", "popups", "crash"):
            import_module(f"lazycelery_core.screens.{module}")
        return watch

    def _bring(self, watch: Running) -> None:
        """Take in what the plugins brought so far; some come late."""
        self._brought = _brought(watch)
        self.main.start(watch)

    def _tick(self) -> None:
        """Draw the next picture when it is due and anything is new."""
        now, clock, watch = time.monotonic(), time.time(), self.watched
        self.main.toasts.tick(now)
        if watch is None or not self._pace.due(now):
            return
        if _brought(watch) != self._brought:
            watch.rebind()
            self._bring(watch)
        watch.deployment.cost.sent = self._written
        snapshot = watch.deployment.snapshot(clock)
        if self._pace.news(now, snapshot.version, int(clock)):
            self.main.frame(snapshot)
            self._pace.spent(self.main.sent - self._sent)
            self._sent = self.main.sent

    async def on_event(self, event: events.Event) -> None:
        """Notice that the user is there, then go on as usual."""
        if isinstance(event, events.Key | events.MouseDown | events.MouseScrollDown | events.MouseScrollUp):
            self._pace.pressed(time.monotonic())
        if not isinstance(event, events.Key):
            await super().on_event(event)
        elif not await self._check_bindings(event.key, priority=True):
            self._keyboard.press(event)

    def end(self, code: int) -> bool:
        """Leave with that exit code, called from a signal handler; False when the screen does not run yet."""
        if self._loop is not None and not self._exit:
            self._loop.call_soon_threadsafe(partial(self.exit, return_code=code))
        return self._loop is not None or self._exit

    def say(self, text: str, tone: Tone = Tone.TEXT) -> None:
        """Say a sentence in passing; text of any origin."""
        self.main.say(text, tone)

    def set_theme(self, chosen: Theme) -> None:
        """Draw with this theme from now on."""
        from lazycelery_core.widgets.skin import textual_theme

        self.skin.theme = chosen
        self.register_theme(textual_theme(chosen))
        self.theme = chosen.name
        self.main.repaint()

    def get_driver_class(self) -> type[Driver]:
        """Textual's driver, counting the bytes that it writes."""
        driver = super().get_driver_class()
        return metered(driver, self._wrote, lambda: self.watched.deployment.resting() if self.watched else None)

    def _wrote(self, size: int) -> None:
        self._written += size

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, and the net that keeps unsafe text from the terminal."""
        return [*super().get_line_filters(), self.unsafe]

    def _handle_exception(self, error: Exception) -> None:
        """A bug in the host: report it to a file; hide the widget it happened in, end where it was no widget's."""
        from lazycelery_core.screens.crash import write_report

        self.report = write_report(self._reports, error, time.time(), self.watched)
        self.log.error(error)
        where = active_message_pump.get(None)
        if isinstance(where, Widget) and not isinstance(where, Screen):
            where.display = False
            self.say(f"A part of the screen failed and is hidden: {type(error).__name__}. {self._told()}", Tone.ERROR)
            return
        self._return_code = FAILED
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()

    def _told(self) -> str:
        return f"The report is in {self.report}." if self.report is not None else "No report could be written."


def _brought(watch: Running) -> int:
    return len(watch.plugins.panes) + len(watch.plugins.tabs)
