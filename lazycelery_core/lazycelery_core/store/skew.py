"""How far is a worker's clock ahead of ours? What heartbeats tell: their own time against their arrival."""

WINDOW = 60.0  # s; the least delay of the last one to two windows counts


class Skew:
    """arrival - timestamp is delay minus skew, and the delay is never below zero: the least value seen is nearest.

    Two windows, so that a clock that was set right is believed after two minutes.
    """

    __slots__ = ("_before", "_least", "_since")

    def __init__(self) -> None:
        self._least: float | None = None
        self._before: float | None = None
        self._since = 0.0

    def add(self, arrival: float, timestamp: float) -> None:
        """A heartbeat: when it arrived by our clock and when it was sent by the worker's."""
        late = arrival - timestamp
        if self._least is None or arrival - self._since > WINDOW or arrival < self._since:
            self._before, self._least, self._since = self._least, late, arrival
        elif late < self._least:
            self._least = late

    @property
    def value(self) -> float | None:
        """Seconds ahead of our clock, None before the first heartbeat."""
        if self._least is None:
            return None
        return -(self._least if self._before is None else min(self._least, self._before))
