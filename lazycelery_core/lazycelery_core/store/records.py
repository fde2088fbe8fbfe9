"""What does a block of cold storage hold, and how does it become bytes? Columns, as the hot store has them."""

import struct
from array import array
from bisect import bisect_right
from typing import NamedTuple

EVENT, RESULT, SEEN = range(3)  # kinds of messages
_COUNTS = struct.Struct("<III")  # records, messages, messages that are no events


class Record(NamedTuple):
    """One report about a task. `previous` is the place of the one before, 0 for none.

    `body` is the same object for reports that came in one message, if they are read from one block.
    """

    kind: int
    part: int
    body: bytes
    previous: int


class Records:
    """The records of one block, from the place `start` on; those that came in one message stand side by side.

    By record: `previous`, `parts`. By message: `firsts`, the place of its first record, and `bodies`. `kinds`, by that
    place, of the messages that are no events.
    """

    __slots__ = ("bodies", "firsts", "kinds", "parts", "previous", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.previous: list[int] = []
        self.parts: list[int] = []
        self.firsts: list[int] = []
        self.bodies: list[bytes] = []
        self.kinds: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.previous)

    def record(self, place: int) -> Record:
        """The record at a place in this block."""
        at = place - self.start
        message = bisect_right(self.firsts, place) - 1
        kind = self.kinds.get(self.firsts[message], EVENT)
        return Record(kind, self.parts[at], self.bodies[message], self.previous[at])

    def copy(self) -> "Records":
        """The same records, while these go on growing."""
        copy = Records(self.start)
        copy.previous, copy.parts, copy.firsts = self.previous[:], self.parts[:], self.firsts[:]
        copy.bodies, copy.kinds = self.bodies[:], self.kinds.copy()
        return copy

    def clear(self, start: int) -> None:
        """Begin anew from a place; the lists stay the same objects."""
        self.start = start
        for column in (self.previous, self.parts, self.firsts, self.bodies, self.kinds):
            column.clear()

    def packed(self) -> bytes:
        """As bytes."""
        return b"".join((
            _COUNTS.pack(len(self.previous), len(self.bodies), len(self.kinds)),
            array("q", self.previous).tobytes(), array("q", self.firsts).tobytes(), array("q", self.kinds).tobytes(),
            array("I", self.parts).tobytes(), array("I", map(len, self.bodies)).tobytes(),
            bytes(self.kinds.values()), *self.bodies,
        ))  # fmt: skip


def unpacked(data: bytes, start: int) -> Records:
    """The records that became these bytes."""
    records, messages, others = _COUNTS.unpack_from(data)
    column = _Columns(data)
    found = Records(start)
    found.previous, found.firsts = column.numbers("q", records), column.numbers("q", messages)
    places = column.numbers("q", others)
    found.parts, sizes = column.numbers("I", records), column.numbers("I", messages)
    found.kinds = dict(zip(places, column.bytes(others), strict=True))
    found.bodies = [column.bytes(size) for size in sizes]
    return found


class _Columns:
    """Reads one column after another."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, _COUNTS.size

    def bytes(self, size: int) -> bytes:
        at, self._at = self._at, self._at + size
        return self._data[at : self._at]

    def numbers(self, kind: str, count: int) -> list[int]:
        column = array(kind)
        column.frombytes(self.bytes(count * column.itemsize))
        return column.tolist()
