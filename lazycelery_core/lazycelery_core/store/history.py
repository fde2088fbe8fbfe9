"""How was it over the last quarter of an hour? One value for every 5 seconds, for sparklines."""

from collections import deque

STEP = 5  # s
STEPS = 180  # 15 minutes
BRIDGED = 2  # steps without a value that repeat the last one; longer silence reads as 0


class History:
    """The last value of each step."""

    __slots__ = ("_head", "_values")

    def __init__(self) -> None:
        self._head = 0
        self._values: deque[float] = deque(maxlen=STEPS)

    def set(self, value: float, now: float) -> None:
        """The value at a moment; the last one of a step stays."""
        head = int(now) // STEP
        silent = head - self._head - 1
        if not self._values or silent >= STEPS:
            self._values.clear()
        elif silent >= 0:
            self._values.extend([self._values[-1] if silent <= BRIDGED else 0.0] * silent)
        elif head <= self._head:
            self._values.pop()
            head = self._head
        self._values.append(value)
        self._head = head

    def values(self) -> tuple[float, ...]:
        """(n,) values, oldest first."""
        return tuple(self._values)
