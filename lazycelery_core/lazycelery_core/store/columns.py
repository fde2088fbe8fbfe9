"""How does a filter see the memory of a segment? As numpy arrays over it; nothing is copied."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from lazycelery_core.store.segment import STATE, Segment
from lazycelery_core.store.table import Table
from lazycelery_core.store.texts import TextReader

Array = np.ndarray[Any, Any]

NUMBERS = {
    "retries": np.uint16, "parent": np.int64, "root": np.int64, "sent": np.float64, "received": np.float64,
    "started": np.float64, "updated": np.float64, "runtime": np.float64,
}  # fmt: skip
CODES = {"name": np.int16, "queue": np.int16, "worker": np.int32, "exception": np.int32}


class SegmentColumns:
    """Fulfils `snapshot.Columns` over the memory of a segment: nothing is copied."""

    def __init__(self, table: Table, segment: Segment, size: int, reader: TextReader) -> None:
        self.size = size
        self._table, self._segment, self._reader = table, segment, reader

    @cached_property
    def ids(self) -> Sequence[str]:
        return self._segment.ids[: self.size]

    def codes(self, field: str) -> Array:
        return np.frombuffer(getattr(self._segment, field), CODES[field])[: self.size]

    def values(self, field: str) -> Sequence[str]:
        return self._table.dictionary(field).values

    def numbers(self, field: str) -> Array:
        if field == "state":
            return np.frombuffer(self._segment.mark, np.uint8)[: self.size] & np.uint8(STATE)
        if field == "eta":
            return self._sparse(self._segment.eta)
        return np.frombuffer(getattr(self._segment, field), NUMBERS[field])[: self.size]

    def texts(self, rows: Sequence[int]) -> Iterator[tuple[int, Mapping[str, str]]]:
        for row in rows:
            name = self._table.names.text(self._segment.name[row])
            yield row, self._reader.of(self._segment.ref[row], name)

    def _sparse(self, known: Mapping[int, float]) -> Array:
        values = np.full(self.size, np.nan)
        for place, value in list(known.items()):
            if place < self.size:
                values[place] = value
        return values
