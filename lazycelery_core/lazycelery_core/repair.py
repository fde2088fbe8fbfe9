"""What became of tasks whose end was not heard? Stored results are looked up for tasks that stay unfinished.

Runs after every gap, and slowly all the time: a task without an end event for half a minute may have ended unheard
(a killed worker, a gap, events switched off). Bounded: at most 200 ids a turn.
"""

import threading
import time
from collections.abc import Callable, Sequence

from lazycelery_core.control import Control, Level, StoresResults
from lazycelery_core.decode import meta_of
from lazycelery_core.errors import LazyCeleryError
from lazycelery_core.events import Event
from lazycelery_core.source import Source

PERIOD = 10.0  # s between two turns
PAGE = 200  # ids a turn


class Repair(Source):
    """A poller that asks the result backend for the ends of unfinished tasks.

    unfinished(limit, after_gap) -> ids of tasks without an end, those that have been silent longest first.
    """

    name = "results"
    plugin = "core"

    def __init__(self, unfinished: Callable[[int, bool], Sequence[str]], clock: Callable[[], float]) -> None:
        self._unfinished, self._clock = unfinished, clock
        self._results: StoresResults | None = None
        self._due = time.monotonic() + PERIOD
        self._wanted = threading.Event()

    def bind(self, control: Control, level: Level) -> None:
        self._results = control.get(StoresResults)

    def after_gap(self) -> None:
        """Look now, at everything that is unfinished."""
        self._wanted.set()

    refresh = after_gap

    def open(self) -> None:
        """Nothing to connect: the ability owns its connection."""

    def close(self) -> None:
        """Nothing to free."""

    def read(self, timeout: float) -> Sequence[Event]:
        asked = self._wanted.wait(timeout)
        if self._results is None or not (asked or time.monotonic() >= self._due):
            self._wanted.clear()
            return ()
        self._wanted.clear()
        self._due = time.monotonic() + PERIOD
        ids = self._unfinished(PAGE, asked)
        return self._look_up(self._results, ids) if ids else ()

    def _look_up(self, results: StoresResults, ids: Sequence[str]) -> Sequence[Event]:
        try:
            metas = results.results(ids)
        except LazyCeleryError:
            return ()  # the source that owns the connection says so on its own line
        now = self._clock()
        found = [meta_of(body, now) for body in metas.values()]
        return [meta for meta in found if meta is not None]
