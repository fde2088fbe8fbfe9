"""What does a program show in a real terminal? A pty with a screen behind it that is read like a person reads it.

The bytes a program writes are kept too, for tests that look for what must never be written. pyte draws the screen.
"""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import pyte

PATIENCE = 60.0  # s; only what never happens takes so long, on a busy machine the rest may take much of it
AT_HOME = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
AFTER_ESCAPE = 0.3  # s; Textual waits for the rest of a sequence, at most 0.2 s
KEYS = {"enter": "\r", "escape": "\x1b", "tab": "\t", "backspace": "\x7f", "up": "\x1b[A", "down": "\x1b[B",
        "right": "\x1b[C", "left": "\x1b[D", "pagedown": "\x1b[6~", "pageup": "\x1b[5~", "f5": "\x1b[15~"}  # fmt: skip
# pyte does not know these and would draw their letters
UNKNOWN = re.compile(rb"\x1b\[[<>=?][\d;]*[a-zA-Z]|\x1b\[[\d;]*\$[a-z]|\x1b\[>?\d*u")
CUT = re.compile(rb"\x1b(?:\[[<>=?]?[\d;]*\$?)?\Z")  # a sequence of which the rest was not read yet


def _set_size(descriptor: int, columns: int, rows: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Terminal:
    """A program in a pty of `columns` x `rows`; ends with the block. `written` holds all bytes it wrote."""

    def __init__(
        self, argv: Sequence[str], columns: int = 120, rows: int = 36, environment: Mapping[str, str] | None = None
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.written = bytearray()
        self._stream = pyte.ByteStream(self.screen)
        self._held = b""
        variables = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        for name in ("NO_COLOR", "COLUMNS", "LINES", "TMUX"):  # of the terminal the tests run in
            variables.pop(name, None)
        self._fd, inside = os.openpty()
        _set_size(inside, columns, rows)  # before the program can ask for it
        self._process = subprocess.Popen(
            [sys.executable, "-c", AT_HOME, *argv], stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
            env={**variables, **(environment or {})},
        )  # fmt: skip
        os.close(inside)

    @property
    def pid(self) -> int:
        """The program's process."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit code, None while the program runs."""
        return self._process.poll()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def resize(self, columns: int, rows: int) -> None:
        """Change the size, as a person dragging a corner does."""
        self.screen.resize(rows, columns)
        _set_size(self._fd, columns, rows)
        self.signal(signal.SIGWINCH)

    def type(self, *keys: str) -> None:
        """Press keys: names of KEYS, `ctrl+x`, or text that is typed as it stands."""
        for key in keys:
            text = chr(ord(key[5:].upper()) - 64) if key.startswith("ctrl+") else KEYS.get(key, key)
            os.write(self._fd, text.encode())
            if key == "escape":
                self.read_for(AFTER_ESCAPE)  # a key right behind it would make another key of both

    def signal(self, number: int) -> None:
        """Send a signal to the program, if it still runs."""
        self._process.send_signal(number)

    def text(self) -> str:
        """What the screen shows now, rows without trailing blanks."""
        return "\n".join(row.rstrip() for row in self.rows())

    def rows(self) -> list[str]:
        """The rows of the screen; the second cell of a wide character is no character.

        Not pyte's `display`: that can't read a row whose wide character is half overwritten, between two reads.
        """
        self.read(0.0)
        lines, columns = self.screen.buffer, range(self.screen.columns)
        return ["".join(lines[y][x].data for x in columns) for y in range(self.screen.lines)]

    def read(self, seconds: float) -> bool:
        """Take in what the program writes within `seconds`; False when it has ended."""
        ready, _, _ = select.select([self._fd], [], [], seconds)
        while ready:
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                data = b""
            if not data:
                return False
            self.written += data
            self._draw(self._held + data)
            ready, _, _ = select.select([self._fd], [], [], 0.0)
        return True

    def _draw(self, data: bytes) -> None:
        cut = CUT.search(data)
        end = cut.start() if cut else len(data)
        self._held = data[end:]
        self._stream.feed(UNKNOWN.sub(b"", data[:end]))

    def read_for(self, seconds: float) -> None:
        """Take in what the program writes for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self.read(left):
            pass

    def wait_for(self, wanted: str | Callable[[str], object], seconds: float = PATIENCE) -> str:
        """The screen's text as soon as it contains `wanted` (or `wanted(text)` is true); else an AssertionError with
        the whole screen."""
        found: Callable[[str], object] = (lambda text: wanted in text) if isinstance(wanted, str) else wanted
        deadline = time.monotonic() + seconds
        while not found(text := self.text()):
            running = self.read(0.05)
            if time.monotonic() > deadline or (not running and not found(self.text())):
                raise AssertionError(f"not on the screen after {seconds:g} s: {wanted}\n{text}")
        return text

    def wait(self, seconds: float = PATIENCE) -> int:
        """The exit code, once the program has ended by itself; TimeoutError after `seconds`."""
        deadline = time.monotonic() + seconds
        while (status := self.status) is None:
            self.read(0.05)
            if time.monotonic() > deadline:
                raise TimeoutError(f"still running after {seconds:g} s:\n{self.text()}")
        self.read(0.0)
        return status

    def end(self) -> None:
        """End the program, politely first."""
        for number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            if self.status is None:
                self.signal(number)
                try:
                    self.wait(patience)
                except TimeoutError:
                    continue
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
