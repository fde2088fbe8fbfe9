"""What does a block of cold storage hold, and how does it become bytes? Columns, as the hot store has them."""

import struct
from bisect import bisect_right
from itertools import accumulate, islice, pairwise
from typing import NamedTuple

EVENT, RESULT, SEEN = range(3)  # kinds of messages
_COUNTS = struct.Struct("<3I")  # records, messages, messages that are no events


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
        counts = len(self.previous), len(self.bodies), len(self.kinds)
        columns = struct.pack(
            _columns(*counts), *counts, *self.previous, *self.firsts, *self.kinds, *self.parts, *map(len, self.bodies),
            *self.kinds.values(),
        )  # fmt: skip
        return b"".join((columns, *self.bodies))


def unpacked(data: bytes, start: int) -> Records:
    """The records that became these bytes."""
    counts = _COUNTS.unpack_from(data)
    layout = _columns(*counts)
    numbers = iter(struct.unpack_from(layout, data)[len(counts) :])
    records, messages, others = counts
    found = Records(start)
    found.previous, found.firsts = [*islice(numbers, records)], [*islice(numbers, messages)]
    places = [*islice(numbers, others)]
    found.parts, sizes = [*islice(numbers, records)], [*islice(numbers, messages)]
    found.kinds = dict(zip(places, numbers, strict=True))
    ends = [*accumulate(sizes, initial=struct.calcsize(layout))]
    found.bodies = [data[begin:end] for begin, end in pairwise(ends)]
    return found


def _columns(records: int, messages: int, others: int) -> str:
    """All columns but the bodies, in the order in which `packed` writes them."""
    return f"<3I{records}q{messages}q{others}q{records}I{messages}I{others}B"
