"""Where are the messages themselves, with args, results and tracebacks, so that a detail can show them?

One append-only stream of records, cut into blocks that are compressed, then spilled to a file. A record is a header and
the received bytes. Every record knows the place of the record before it of the same task: a row keeps only the last.
A message that carried many events is stored once, the other events point back at it.
"""

import struct
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import zstandard

from lazycelery_core.store.limits import Limits
from lazycelery_core.store.spill import FILE, SpillFile

BLOCK = 256 << 10  # bytes; larger blocks compress no better and take longer to open
_ZSTD = zstandard.ZstdCompressionParameters(  # level 1 with longer matches: 8 % faster and 3 % smaller on events
    strategy=zstandard.STRATEGY_FAST, window_log=18, hash_log=13, min_match=7
)
CACHED = 8  # open blocks a reader keeps

EVENT, SHARED, RESULT, SEEN = range(4)  # kinds of records; SHARED: the body is that of an earlier record
_HEADER = struct.Struct("<IIHB")  # distance back to the task's record before (0: none), size (or distance), part, kind
pack = _HEADER.pack
HEADER = _HEADER.size
FAR = 0xFFFFFFFF  # the record before is further back than 4 GiB


class Record(NamedTuple):
    """One report about a task. `previous` is the place of the one before, 0 for none, -1 when it is out of reach.

    `body` is the same object for reports that came in one message, if they are read one after another.
    """

    kind: int
    part: int
    body: bytes
    previous: int


@dataclass(slots=True)
class _Block:
    size: int  # bytes, uncompressed
    last_row: int  # the newest row when it was closed
    data: bytes | None
    stored: int  # bytes, compressed
    file: SpillFile | None = None
    at: int = 0


class Cold:
    """The stream. `newest` tells the newest row; a block is dropped when all rows of its time are.

    The writer holds `lock` for as long as it writes a batch; `read` takes it, for any thread. The loop that takes
    events in writes records itself, because a call an event is too much: it appends to `parts` what `pack` gives and
    the body, keeps `end`, `body`, `body_at` up to date, and calls `seal` when `end` reaches `full`. `append` is that.
    """

    def __init__(self, limits: Limits, newest: Callable[[], int], lock: threading.Lock) -> None:
        self._limits, self._newest, self._lock = limits, newest, lock
        self._compress = zstandard.ZstdCompressor(compression_params=_ZSTD).compress
        self.parts: list[bytes] = []  # headers and bodies of the open block
        self.end = 1  # place of the next record; 0 means "no record"
        self.full = BLOCK
        self.body = b""  # the last body, and the place of its record
        self.body_at = 0
        self._base = 1  # place of the first byte of the open block
        self._starts: list[int] = []
        self._blocks: list[_Block] = []
        self._spilled = 0  # blocks before this one are in files
        self._file: SpillFile | None = None
        self.ram = self.disk = self.dropped = 0  # bytes compressed in memory, in files; blocks dropped for want of room

    def append(self, body: bytes, part: int, previous: int, kind: int) -> int:
        """Store one report; returns its place. previous: the place that the last report of the same task got."""
        here = self.end
        back = min(here - previous, FAR) if previous else 0
        if body is self.body and kind == EVENT:
            self.parts.append(pack(back, here - self.body_at, part, SHARED))
            self.end = here + HEADER
        else:
            self.body, self.body_at = body, here
            kept = body if len(body) <= self._limits.body else b""
            self.parts += (pack(back, len(kept), part, kind), kept)
            self.end = here + HEADER + len(kept)
        if self.end >= self.full:
            self.seal()
        return here

    def seal(self) -> None:
        """Close the open block: compress it, and make room for it."""
        block = b"".join(self.parts)
        packed = bytes(memoryview(self._compress(block)))  # a copy: the result is cut from a piece 10 times as large
        self._starts.append(self._base)
        self._blocks.append(_Block(len(block), self._newest(), packed, len(packed)))
        self.parts = []
        self._base = self.end
        self.full = self.end + BLOCK
        self.ram += len(packed)
        while self.ram > self._limits.cold_ram and self._spilled < len(self._blocks):
            self._spill()
        self._keep_within_disk()

    def drop(self, first_row: int) -> None:
        """Forget the blocks that only rows before `first_row` can need."""
        count = 0
        while count < len(self._blocks) and self._blocks[count].last_row < first_row:
            count += 1
        self._drop_oldest(count)

    def read(self, place: int) -> tuple[int, bytes] | None:
        """(place of its first byte, the bytes) of the block around a place; None when it is gone."""
        with self._lock:
            if place >= self._base:
                return self._base, b"".join(self.parts)
            index = bisect_right(self._starts, place) - 1
            if index < 0 or place >= self._starts[index] + self._blocks[index].size:
                return None
            start, block = self._starts[index], self._blocks[index]
        try:
            packed = block.data if block.file is None else block.file.read(block.at, block.stored)
            return start, zstandard.ZstdDecompressor().decompress(packed or b"", max_output_size=block.size)
        except (OSError, zstandard.ZstdError):
            return None

    def _spill(self) -> None:
        block = self._blocks[self._spilled]
        try:
            if self._file is None or self._file.size >= FILE:
                self._file = SpillFile()
            block.at = self._file.write(block.data or b"")
        except OSError:  # no room for temporary files: the oldest text is given up instead
            self.dropped += 1
            self._drop_oldest(self._spilled + 1)
            return
        block.file, block.data = self._file, None
        self._spilled += 1
        self.ram -= block.stored
        self.disk += block.stored

    def _keep_within_disk(self) -> None:
        count, excess = 0, self.disk - self._limits.cold_disk
        while excess > 0 and count < self._spilled:
            excess -= self._blocks[count].stored
            count += 1
        self.dropped += count
        self._drop_oldest(count)

    def _drop_oldest(self, count: int) -> None:
        for block in self._blocks[:count]:
            if block.file is None:
                self.ram -= block.stored
            else:
                self.disk -= block.stored
        del self._blocks[:count], self._starts[:count]
        self._spilled = max(0, self._spilled - count)


class ColdReader:
    """Reads records back, with a few open blocks at hand. For one thread."""

    def __init__(self, cold: Cold) -> None:
        self._cold = cold
        self._blocks: OrderedDict[int, bytes] = OrderedDict()  # by place of the first byte, recently used last
        self._body = (0, b"")  # the last body read, and the place of its record

    def record(self, place: int) -> Record | None:
        """The record at a place, None when it is gone."""
        found = self._around(place)
        if found is None:
            return None
        start, block = found
        at = place - start
        back, size, part, kind = _HEADER.unpack_from(block, at)
        previous = 0 if not back else -1 if back == FAR else place - back
        if kind != SHARED:
            if self._body[0] != place:
                self._body = place, block[at + HEADER : at + HEADER + size]
            return Record(kind, part, self._body[1], previous)
        shared = self.record(place - size)
        return None if shared is None else Record(EVENT, part, shared.body, previous)

    def _around(self, place: int) -> tuple[int, bytes] | None:
        for start in reversed(self._blocks):
            if start <= place < start + len(self._blocks[start]):
                self._blocks.move_to_end(start)
                return start, self._blocks[start]
        found = self._cold.read(place)
        if found is not None:
            self._blocks[found[0]] = found[1]
            self._blocks.move_to_end(found[0])
            if len(self._blocks) > CACHED:
                self._blocks.popitem(last=False)
        return found
