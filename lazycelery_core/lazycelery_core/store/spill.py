"""Where does text go when memory is short? Into unlinked temporary files that vanish with the process."""

import os
import tempfile
from typing import IO

FILE = 64 << 20  # bytes a file; a file is freed as a whole, when nothing in it is needed any more


class SpillFile:
    """An unlinked file of blocks. It is closed, and its space freed, when the last reference to it is gone."""

    __slots__ = ("_file", "size")

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="lazycelery-")  # noqa: SIM115 - lives as long as we do
        self.size = 0

    def write(self, block: bytes) -> int:
        """Append a block; its place in the file comes back. Raises OSError when the disk is full."""
        at = self.size
        written = 0
        while written < len(block):
            written += os.pwrite(self._file.fileno(), block[written:], at + written)
        self.size += len(block)
        return at

    def read(self, at: int, size: int) -> bytes:
        """The bytes of a block."""
        return os.pread(self._file.fileno(), size, at)
