"""What is different about the terminal's driver? It counts its bytes, leaves the broker before it is suspended, and
survives being stopped from outside.

Over ssh the bytes are what the screen costs. Textual takes every SIGCONT for the end of its own Ctrl+Z: after a plain
SIGSTOP a second thread would read keys beside the first, and the terminal would be left raw at the end.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from textual.driver import Driver


def metered(
    driver: type[Driver], count: Callable[[int], None], resting: Callable[[], AbstractContextManager[None] | None]
) -> type[Driver]:
    """The same driver, telling `count` the bytes of each write, suspended only inside `resting()`."""

    class Metered(driver):  # type: ignore[valid-type, misc]  # which driver it is depends on the system
        def write(self, data: str) -> Any:
            count(len(data.encode(errors="replace")))
            return super().write(data)

        def _sigtstp_application(self, *args: Any) -> None:
            with resting() or nullcontext():
                super()._sigtstp_application(*args)

        def _sigcont_application(self, *args: Any) -> None:
            if self._auto_restart and not self._must_signal_resume:
                self.suspend_application_mode()
            super()._sigcont_application(*args)

    return Metered
