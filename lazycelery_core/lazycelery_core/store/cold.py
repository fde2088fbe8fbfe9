"""Where are the messages themselves, with args, results and tracebacks, so that a detail can show them?

One append-only stream of records, counted from 1 on, cut into blocks that are compressed, then spilled to a file. Every
record knows the place of the record before it of the same task: a row keeps only the last. A message that carried many
events is stored once.
"""

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import zstandard

from lazycelery_core.store.limits import Limits
from lazycelery_core.store.records import EVENT, Record, Records, unpacked
from lazycelery_core.store.spill import FILE, SpillFile

BLOCK = 256 << 10  # bytes of messages; larger blocks compress no better and take longer to open
_ZSTD = zstandard.ZstdCompressionParameters(  # level 1 with longer matches: 8 % faster and 3 % smaller on events
    strategy=zstandard.STRATEGY_FAST, window_log=18, hash_log=13, min_match=7
)
CACHED = 8  # open blocks a reader keeps


@dataclass(slots=True)
class _Block:
    start: int  # place of its first record
    last_row: int  # the newest row when it was closed
    data: bytes | None
    size: int  # bytes, uncompressed
    stored: int  # bytes, compressed
    file: SpillFile | None = None
    at: int = 0


class Cold:
    """The stream. `newest` tells the newest row; a block is dropped when all rows of its time are.

    The writer holds `lock` for as long as it writes a batch; `read` takes it, for any thread. The loop that takes
    events in writes records itself, because a call an event is too much: for each message what `begin` does, for each
    record what `append` does.
    """

    def __init__(self, limits: Limits, newest: Callable[[], int], lock: threading.Lock) -> None:
        self._limits, self._newest, self._lock = limits, newest, lock
        self._compress = zstandard.ZstdCompressor(compression_params=_ZSTD).compress
        self.end = 1  # place of the next record; 0 means "no record"
        self.open = Records(1)
        self.size = 0  # bytes of messages in it
        self._blocks: list[_Block] = []
        self._spilled = 0  # blocks before this one are in files
        self._file: SpillFile | None = None
        self.ram = self.disk = self.dropped = 0  # bytes compressed in memory, in files; blocks dropped for want of room

    def begin(self, body: bytes, kind: int) -> None:
        """The next records came in this message, perhaps as those before them."""
        if kind == EVENT and self.open.bodies and body is self.open.bodies[-1]:
            return
        if self.size >= BLOCK:
            self.seal()
        if kind != EVENT:
            self.open.kinds[self.end] = kind
        kept = body if len(body) <= self._limits.body else b""
        self.open.firsts.append(self.end)
        self.open.bodies.append(kept)
        self.size += len(kept)

    def append(self, part: int, previous: int) -> int:
        """Store one report; returns its place. previous: the place that the last report of the same task got."""
        here = self.end
        self.open.previous.append(previous)
        self.open.parts.append(part)
        self.end = here + 1
        return here

    def seal(self) -> None:
        """Close the open block: compress it, and make room for it."""
        records = self.open
        block = records.packed()
        packed = bytes(memoryview(self._compress(block)))  # a copy: the result is cut from a piece 10 times as large
        self._blocks.append(_Block(records.start, self._newest(), packed, len(block), len(packed)))
        records.clear(self.end)
        self.size = 0
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

    def read(self, place: int) -> Records | None:
        """The block around a place; None when it is gone."""
        with self._lock:
            if place >= self.open.start:
                return self.open.copy() if place < self.end else None
            index = bisect_right(self._blocks, place, key=lambda block: block.start) - 1
            if index < 0:
                return None
            block = self._blocks[index]
        try:
            packed = block.data if block.file is None else block.file.read(block.at, block.stored)
            data = zstandard.ZstdDecompressor().decompress(packed or b"", max_output_size=block.size)
        except (OSError, zstandard.ZstdError):
            return None
        return unpacked(data, block.start)

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
        del self._blocks[:count]
        self._spilled = max(0, self._spilled - count)


class ColdReader:
    """Reads records back, with a few open blocks at hand. For one thread."""

    def __init__(self, cold: Cold) -> None:
        self._cold = cold
        self._blocks: OrderedDict[int, Records] = OrderedDict()  # by place of the first record, recently used last

    def record(self, place: int) -> Record | None:
        """The record at a place, None when it is gone."""
        records = self._around(place)
        return None if records is None else records.record(place)

    def _around(self, place: int) -> Records | None:
        for start in reversed(self._blocks):
            if 0 <= place - start < len(self._blocks[start]):
                self._blocks.move_to_end(start)
                return self._blocks[start]
        found = self._cold.read(place)
        if found is not None:
            self._blocks[found.start] = found
            self._blocks.move_to_end(found.start)
            if len(self._blocks) > CACHED:
                self._blocks.popitem(last=False)
        return found
