"""Did this program stand still? A tick that comes late tells of Ctrl+Z, a debugger, a laptop that slept, starvation.

A program that does not run can't notice it: whoever asks first after it goes on finds the last tick too old.
"""

import threading
import time

PERIOD = 0.5  # s between two ticks
LATE = 2.0  # s beyond that; a busy machine is late, too, but not so much
# Linux counts sleep in its own clock only; where there is none, the monotonic clock has to do.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def seconds() -> float:
    """Seconds of a clock that never goes back and does not stop while the machine sleeps."""
    return time.clock_gettime(CLOCK)


class Pulse:
    """Ticks from `start()` to `stop()`. `stood_still(since)` may be asked from any thread."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._last: float | None = None
        self._stall = 0.0, 0.0

    def start(self) -> None:
        """Begin to tick."""
        self._last = seconds()
        threading.Thread(target=self._tick, name="pulse", daemon=True).start()

    def stop(self) -> None:
        """Tick no more."""
        self._ended.set()

    def stood_still(self, since: float) -> float:
        """For how many seconds the program stood still, if it went on only after `since`, in `seconds()`; else 0."""
        self._look(seconds())
        begun, ended = self._stall
        return ended - begun if ended > since else 0.0

    def _tick(self) -> None:
        while not self._ended.wait(PERIOD):
            self._look(seconds())
            self._last = seconds()

    def _look(self, now: float) -> None:
        with self._lock:
            last = self._last
            if last is not None and now - last > PERIOD + LATE:
                self._stall, self._last = (last, now), now
