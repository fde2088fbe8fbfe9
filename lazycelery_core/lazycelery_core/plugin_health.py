"""How do the plugins behave? What they raised and how long they took, counted by plugin and place."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lazycelery_core.model import Incident, PlaceTime
from lazycelery_core.redact import Redactor
from lazycelery_core.text import Safe, safe

log = logging.getLogger("lazycelery.plugins")
SLOW = 0.1  # s; a tenth of a second on the screen's thread is felt
KEPT = 50  # incidents; enough for a health view, bounded for a plugin that raises ten times a second
LOGGED = 5  # tracebacks of one place; what raises with every picture tells nothing new
Answer = TypeVar("Answer")


@dataclass
class Timing:
    """Calls of one plugin at one place: seconds in all and of the slowest."""

    calls: int = 0
    total: float = 0.0
    worst: float = 0.0


class PluginHealth:
    """Thread-safe record of incidents and timings of all plugins. redact: takes the secrets out of their messages."""

    def __init__(self, redact: Callable[[str], str] | None = None) -> None:
        self._redact = redact or Redactor().text
        self.incidents: deque[Incident] = deque(maxlen=KEPT)
        self.counts: dict[str, int] = {}
        self.timings: dict[tuple[str, str], Timing] = {}
        self._logged: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def report(self, plugin: str, where: str, error: BaseException) -> None:
        """Write down a failure; the traceback goes to the log file, never to the screen."""
        with self._lock:
            logged = self._logged[plugin, where] = self._logged.get((plugin, where), 0) + 1
        if logged <= LOGGED:
            last = "" if logged < LOGGED else " (further ones here are counted, not logged)"
            log.error("plugin %s failed in %s%s", plugin, where, last, exc_info=error)
        with self._lock:
            self.incidents.append(Incident(plugin, where, self.told(error)))
            self.counts[plugin] = self.counts.get(plugin, 0) + 1

    def told(self, error: BaseException, where: str = "") -> Safe:
        """`ValueError in lazycelery_panes: no luck`, without secrets."""
        return safe(self._redact(f"{type(error).__name__}{where}: {error}"), 300)

    def refused(self, plugin: str, why: str) -> None:
        """Write down that the host does not use a plugin."""
        log.warning("plugin %s is not used: %s", plugin, why)
        with self._lock:
            self.incidents.append(Incident(plugin, "not used", safe(why, 300)))
            self.counts[plugin] = self.counts.get(plugin, 0) + 1

    def asked(self, plugin: str, where: str, call: Callable[[], Answer], otherwise: Answer) -> Answer:
        """What a plugin's object answers, `otherwise` when it raises: that is written down and goes no further."""
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - guard "plugin ask"
            self.report(plugin, where, error)
            return otherwise

    def timed(self, plugin: str, where: str, seconds: float) -> None:
        """Add one call's duration."""
        with self._lock:
            timing = self.timings.setdefault((plugin, where), Timing())
            timing.calls += 1
            timing.total += seconds
            timing.worst = max(timing.worst, seconds)

    def times(self) -> tuple[PlaceTime, ...]:
        """All durations, by plugin and place."""
        with self._lock:
            taken = sorted(self.timings.items())
        return tuple(PlaceTime(*place, each.calls, each.total, each.worst) for place, each in taken)

    def slow(self) -> list[tuple[str, str, float]]:
        """(plugin, place, worst seconds) of everything that once took longer than SLOW, worst first."""
        with self._lock:
            found = [(name, where, timing.worst) for (name, where), timing in self.timings.items()]
        return sorted((each for each in found if each[2] > SLOW), key=lambda each: -each[2])
