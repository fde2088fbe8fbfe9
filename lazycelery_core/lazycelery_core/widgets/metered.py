"""What is different about the terminal's driver? It writes whole frames at once, counts its bytes, leaves the broker
before it is suspended, and survives being stopped from outside.

Over ssh the bytes are what the screen costs. Textual takes every SIGCONT for the end of its own Ctrl+Z: after a plain
SIGSTOP a second thread would read keys beside the first, and the terminal would be left raw at the end.
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from textual._ansi_sequences import SYNC_END, SYNC_START
from textual.driver import Driver


def metered(
    driver: type[Driver], count: Callable[[int], None], resting: Callable[[], AbstractContextManager[None] | None]
) -> type[Driver]:
    """The same driver, telling `count` the bytes of each write, suspended only inside `resting()`."""

    class Metered(driver):  # type: ignore[valid-type, misc]  # which driver it is depends on the system
        _frame: list[str] | None = None  # the pieces of one that is not complete
        _outlet: Any = None

        @property
        def _writer_thread(self) -> Any:
            return self._outlet

        @_writer_thread.setter
        def _writer_thread(self, made: Any) -> None:
            self._outlet = made if made is None or sys.platform == "win32" else _outlet(self._file)

        def write(self, data: str) -> Any:
            if data == SYNC_START:
                self._frame = []
            if self._frame is not None:
                self._frame.append(data)
                if data != SYNC_END:
                    return None
                data, self._frame = "".join(self._frame), None
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


def _outlet(file: Any) -> Any:
    from lazycelery_core.widgets.outlet import Outlet

    return Outlet(file)
