"""What does a program in a terminal write, and when? A pty that notes the moment and the bytes of every frame.

It answers Textual's question for synchronized output, so that the end of a frame is known exactly. No screen is drawn
here: that would cost more than the program that is measured.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Self

COLUMNS, ROWS = 120, 40
ASKS, ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;1$y"
BEGIN, END = b"\x1b[?2026h", b"\x1b[?2026l"
PATIENCE = 60.0  # s


class Frame(NamedTuple):
    """One frame: when its last byte was there (monotonic seconds), and its bytes."""

    at: float
    data: bytes


class Terminal:
    """A program in a pty; ends with the block. `written` counts its bytes, `frames` are those since `forget`."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.written = 0
        self.frames: list[Frame] = []
        self._rest = b""
        self.began = time.monotonic()
        variables = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        variables.pop("NO_COLOR", None)
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            os.execvpe(argv[0], list(argv), {**variables, **(environment or {})})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + 8
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
            self.read(0.05)
        os.close(self._fd)

    @property
    def cpu(self) -> float:
        """Seconds of processor time of the program so far; Linux only."""
        return time.clock_gettime((~self.pid << 3) | 2)  # what clock_getcpuclockid(3) makes of a pid

    def type(self, keys: str) -> float:
        """Press keys; the moment when."""
        now = time.monotonic()
        os.write(self._fd, keys.encode())
        return now

    def forget(self) -> None:
        """Begin a new list of frames."""
        self.frames = []

    def read(self, seconds: float) -> bool:
        """Take in what comes within that time, at most one piece; whether anything came."""
        if not select.select([self._fd], [], [], max(0.0, seconds))[0]:
            return False
        try:
            data = os.read(self._fd, 1 << 20)
        except OSError:  # it ended
            return False
        now = time.monotonic()
        self.written += len(data)
        if ASKS in data:
            os.write(self._fd, ANSWER)
        *frames, self._rest = (self._rest + data).split(END)
        self.frames += [Frame(now, frame) for frame in frames]
        return True

    def watch(self, seconds: float) -> None:
        """Take in everything that comes within that time."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.read(left)

    def frame(self, wanted: Callable[[bytes], object], seconds: float = PATIENCE) -> Frame | None:
        """The next frame, of those not forgotten, that is wanted; None when none came in time."""
        until = time.monotonic() + seconds
        seen = 0
        while True:
            for frame in self.frames[seen:]:
                if wanted(frame.data):
                    return frame
            seen = len(self.frames)
            left = until - time.monotonic()
            if left <= 0 or (not self.read(left) and left > 1 and not self._alive()):
                return None

    def shows(self, text: bytes, seconds: float = PATIENCE) -> float:
        """The moment when a text arrived, in a frame or before the program knew of synchronized output."""
        until = time.monotonic() + seconds
        while not (text in self._rest or any(text in frame.data for frame in self.frames)):
            left = until - time.monotonic()
            if left <= 0 or not (self.read(left) or self._alive()):
                raise TimeoutError(f"{text!r} did not come in {seconds:g} s; last: {self._rest[-500:]!r}")
        return time.monotonic()

    def _alive(self) -> bool:
        return os.path.exists(f"/proc/{self.pid}/stat")  # noqa: PTH110 - called in a loop
