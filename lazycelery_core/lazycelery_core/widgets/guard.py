"""What happens when a pane fails to draw? The failure stays in its own box, named; three in a row switch it off."""

import traceback
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Protocol, TypeVar

from lazycelery_core.redact import Redactor
from lazycelery_core.tones import Line, Tone, line
from lazycelery_core.widgets.watchdog import Watchdog

LIMIT = 3  # failures in a row; a single one may be a record that is gone with the next snapshot
FRAMES = 6  # of the traceback; the innermost ones tell the cause
Result = TypeVar("Result")


class Health(Protocol):
    """Where failures and durations are written down; `plugin_health.PluginHealth` is one."""

    def report(self, plugin: str, where: str, error: BaseException) -> None:
        """Write down a failure."""

    def timed(self, plugin: str, where: str, seconds: float) -> None:
        """Add one call's duration."""


class Guard:
    """Calls a pane's functions and keeps what they raise. `off` after LIMIT failures in a row, until `again()`."""

    def __init__(self, plugin: str, where: str, health: Health, watchdog: Watchdog | None = None) -> None:
        self.plugin, self.where, self._health = plugin, where, health
        self._watchdog = watchdog or Watchdog()
        self.failures = 0
        self.error: Exception | None = None
        self.seconds = 0.0  # of the last call

    @property
    def off(self) -> bool:
        """Whether the pane is not asked any more."""
        return self.failures >= LIMIT

    def again(self) -> None:
        """The user asked for the pane: try it once more."""
        self.failures, self.error = 0, None

    def attempt(self, call: Callable[[], Result]) -> Result | None:
        """What the call returns, None when it raised or the pane is off."""
        if self.off:
            return None
        started = perf_counter()
        try:
            with self._watchdog.watching(f"{self.where} of plugin {self.plugin}"):
                result = call()
        except Exception as error:  # noqa: BLE001 - guard "pane draw"
            self.failures += 1
            self.error = error
            self._health.report(self.plugin, self.where, error)
            return None
        finally:
            self.seconds = perf_counter() - started
            self._health.timed(self.plugin, self.where, self.seconds)
        return result

    def recovered(self) -> None:
        """A whole drawing succeeded."""
        self.failures, self.error = 0, None

    def card(self) -> list[Line]:
        """The lines shown instead of the pane: what failed, in which plugin, where; without values of variables."""
        error = self.error
        if error is None:
            return []
        said = Redactor().text(f"{type(error).__name__}: {error}")
        plugin = self.plugin or "the host"
        advice = "It is switched off; r tries again." if self.off else "The rest of the screen is not affected."
        frames = [
            line((f"  {Path(frame.filename).name}:{frame.lineno} in {frame.name}", Tone.DIM))
            for frame in traceback.extract_tb(error.__traceback__)[-FRAMES:]
        ]
        return [
            line(("This pane failed to draw.", Tone.ERROR)),
            line((f"{self.where} of plugin {plugin}", Tone.DIM)),
            (),
            line((said, Tone.FAILURE)),
            *frames,
            (),
            line((advice, Tone.WARN)),
        ]
