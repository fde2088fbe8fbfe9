"""How do frames get to the terminal? At once and whole; what it does not take yet, a thread writes as soon as it does.

Textual hands every piece to a thread. That thread needs the interpreter, which the screen's and the ingest's threads
want too: a frame would wait for it up to a millisecond and a half. Here the terminal is opened a second time so that
writing to it never blocks, without a change to what shells and pipes share with us.
"""

import os
import threading
from collections import deque
from io import TextIOWrapper

from textual.drivers._writer_thread import MAX_QUEUED_WRITES, WriterThread


class Outlet(WriterThread):
    """Textual's writer thread, which is needed only while the terminal is slower than the program."""

    def __init__(self, file: TextIOWrapper) -> None:
        super().__init__(file)
        self._encoding = file.encoding, file.errors or "replace"
        self._terminal = _opened_again(file)
        self._late: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._ended = False

    def write(self, text: str) -> None:
        """Write text; waits while a slow terminal has this many texts before it."""
        data = text.encode(*self._encoding)
        with self._changed:
            if not self._late:
                data = data[self._taken(data) :]
            if data:
                self._changed.wait_for(lambda: len(self._late) < MAX_QUEUED_WRITES or self._ended)
                self._late.append(data)
                self._changed.notify_all()

    def _taken(self, data: bytes) -> int:
        """How many bytes the terminal takes without delay."""
        if self._terminal is None:
            return 0
        try:
            return os.write(self._terminal, data)
        except OSError:  # it has no room now, or it is gone, which the thread will meet as well
            return 0

    def run(self) -> None:
        """Write what was late, in order, until `stop` or the end of the terminal."""
        try:
            while data := self._next():
                self._write_all(data)
        except OSError:  # the terminal is gone; a signal tells the app
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _write_all(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._file.fileno(), data) :]
        with self._changed:
            self._late.popleft()
            self._changed.notify_all()

    def _next(self) -> bytes:
        """The first text that waits; it keeps its place until it is written. b"" at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._late or self._ended)
            return self._late[0] if self._late else b""

    def stop(self) -> None:
        """End once everything is written."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self.join()
        terminal, self._terminal = self._terminal, None
        if terminal is not None:
            os.close(terminal)


def _opened_again(file: TextIOWrapper) -> int | None:
    """The terminal behind a file, opened so that writing does not block; None where that can't be."""
    try:
        return os.open(os.ttyname(file.fileno()), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return None
