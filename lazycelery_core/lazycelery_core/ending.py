"""How does the screen end when it is told to from outside? In order: the terminal is given back, the broker is left.

SIGTERM and SIGHUP end the screen like `q` does, with the exit code that shells give such a process: 143 and 129.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

NUMBERS = (signal.SIGTERM, signal.SIGHUP)
BY_SIGNAL = 128  # plus the signal's number


@contextmanager
def ended_by_signals(end: Callable[[int], bool]) -> Iterator[None]:
    """While this holds, a signal calls `end(exit code)`; where that says there is nothing to end yet, the process exits
    as an exception does, so that everything around is cleaned up."""

    def told(number: int, _: FrameType | None) -> None:
        if not end(BY_SIGNAL + number):
            raise SystemExit(BY_SIGNAL + number)

    before = {number: signal.signal(number, told) for number in NUMBERS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
