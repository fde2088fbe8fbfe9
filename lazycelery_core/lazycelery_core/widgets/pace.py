"""When is the next picture due? Often while keys are pressed, seldom while only data streams, never without news.

Every cell sent costs the line bytes; what streams may not use more of it than a slow ssh connection has.
"""

PRESSED_FOR = 1.0  # s after a key during which the screen counts as in use
STREAMING = 0.25  # s between pictures nobody asked for; four a second read as live
CELLS_A_SECOND = 12_000  # at about 3 bytes a cell with its colours: 36 KB/s
BURST = 8_000  # cells; a whole screen at 120x40 is 4,800


class Pace:
    """Decides whether to draw. All times are seconds of one monotonic clock, passed in."""

    def __init__(self, frames: int = 10) -> None:
        self._active = 1 / frames
        self._pressed = self._drawn = self._refilled = float("-inf")
        self._version = -1
        self._second = -1
        self._budget = float(BURST)

    def pressed(self, now: float) -> None:
        """A key or the mouse was used."""
        self._pressed = now

    def due(self, now: float) -> bool:
        """Whether enough time has passed to look for news, and the line has room for it."""
        in_use = now - self._pressed < PRESSED_FOR
        wait = self._active if in_use else max(STREAMING, self._active)
        if now - self._drawn < wait - 0.01:  # timers are a little early at times
            return False
        self._budget = min(BURST, self._budget + (now - self._refilled) * CELLS_A_SECOND)
        self._refilled = now
        return self._budget >= 0

    def news(self, now: float, version: int, second: int) -> bool:
        """Whether a picture of this version, at this second of the clock, differs from the last one."""
        self._drawn = now
        same = (version, second) == (self._version, self._second)
        self._version, self._second = version, second
        return not same

    def spent(self, cells: int) -> None:
        """So many cells were sent for the last picture."""
        self._budget -= cells
