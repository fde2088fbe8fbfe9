"""Who holds up the screen? A thread that looks twice a second; it can't interrupt, but it names the plugin."""

import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

log = logging.getLogger("lazycelery.screen")
LONG = 1.0  # s; a screen that stands still for longer is felt as broken
LOOKS = 0.5  # s between two looks


class Watchdog:
    """Watches what the screen's thread draws; what takes longer than LONG is logged once, with where it stands."""

    def __init__(self) -> None:
        self._drawing: tuple[str, float] | None = None
        self._told: tuple[str, float] | None = None
        self._thread: threading.Thread | None = None
        self._watched = 0
        self._ended = threading.Event()

    @contextmanager
    def watching(self, what: str) -> Iterator[None]:
        """Watch what this thread does now; other threads may take their time."""
        if threading.get_ident() != self._watched:
            yield
            return
        self._drawing = (what, monotonic())
        try:
            yield
        finally:
            self._drawing = None

    def start(self) -> None:
        """Watch the calling thread from now on."""
        self._watched = threading.get_ident()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(LOOKS):
            self.look(monotonic())

    def look(self, now: float) -> bool:
        """Log what has been drawing for too long; whether there was anything new to say."""
        drawing = self._drawing
        if drawing is None or drawing == self._told or now - drawing[1] < LONG:
            return False
        self._told = drawing
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - the only way to see another thread's stack
        stack = "".join(traceback.format_stack(frame)[-8:]) if frame is not None else ""
        log.error("%s has held up the screen for %.1f s:\n%s", drawing[0], now - drawing[1], stack)
        return True
