"""Which rows match, in which order? Numpy over the segments; loaded when first asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lazycelery_core.model import Task, TaskState
from lazycelery_core.redact import Redactor
from lazycelery_core.snapshot import Filter, RowQuery, TaskPage
from lazycelery_core.store.cold import ColdReader
from lazycelery_core.store.dictionary import Dictionary
from lazycelery_core.store.segment import STATE, Segment
from lazycelery_core.store.story import read_texts
from lazycelery_core.store.table import Table

Array = np.ndarray[Any, Any]

_TYPES = {
    "retries": np.uint16, "parent": np.int64, "root": np.int64, "sent": np.float64,
    "received": np.float64, "started": np.float64, "updated": np.float64, "runtime": np.float64,
}  # fmt: skip
_TEXTS = ("name", "worker", "queue", "exception")


class SegmentColumns:
    """Fulfils `snapshot.Columns` over the memory of a segment: nothing is copied."""

    def __init__(self, table: Table, segment: Segment, size: int, reader: ColdReader, redactor: Redactor) -> None:
        self.size = size
        self._table, self._segment, self._reader, self._redactor = table, segment, reader, redactor

    @property
    def ids(self) -> Sequence[str]:
        return self._segment.ids[: self.size]

    def codes(self, field: str) -> Array:
        return np.frombuffer(getattr(self._segment, field), np.int32)[: self.size]

    def values(self, field: str) -> Sequence[str]:
        return _dictionary(self._table, field).values

    def numbers(self, field: str) -> Array:
        if field == "state":
            return np.frombuffer(self._segment.mark, np.uint8)[: self.size] & np.uint8(STATE)
        if field == "eta":
            return self._sparse(self._segment.eta)
        return np.frombuffer(getattr(self._segment, field), _TYPES[field])[: self.size]

    def texts(self, rows: Sequence[int]) -> Iterator[tuple[int, Mapping[str, str]]]:
        for row in rows:
            yield row, read_texts(self._segment.ref[row], self._table, self._reader, self._redactor)

    def _sparse(self, known: Mapping[int, float]) -> Array:
        values = np.full(self.size, np.nan)
        for place, value in list(known.items()):
            if place < self.size:
                values[place] = value
        return values


class Search:
    """Answers over the rows first <= row < end, newest first unless another order is asked for."""

    def __init__(
        self, table: Table, segments: Sequence[Segment], first: int, end: int, redactor: Redactor, now: float
    ) -> None:
        self._table, self._first, self._end, self._now = table, first, end, now
        reader = ColdReader(table.cold)
        self._segments = [
            (segment, SegmentColumns(table, segment, size, reader, redactor))
            for segment in reversed(segments)
            if (size := min(segment.size, end - (segment.number << table.shift))) > 0
        ]

    def select(self, query: RowQuery, limit: int) -> TaskPage:
        """The page of a query with a filter, an order, or both."""
        held = self._end - self._first
        if query.sort in SORTS:
            rows, matched = self._sorted(query, limit)
        else:
            rows, matched = self._newest(query, limit)
        return TaskPage(rows, matched, held)

    def children(self, task: Task, limit: int) -> list[int]:
        """Rows whose parent is this task, oldest first."""
        key = hash(task.id)
        found: list[int] = []
        for segment, columns in reversed(self._segments):
            rows = np.flatnonzero(columns.numbers("parent") == key)
            found += (rows[: limit - len(found)] + self._base(segment)).tolist()
            if len(found) >= limit:
                break
        return [row for row in found if row != task.row]

    def active(self, limit: int) -> list[int]:
        """Rows that run, wait at a worker, or wait for a retry, in this order, each longest first."""
        rows, since, state = [], [], []
        for segment, columns in self._segments:
            states = columns.numbers("state")
            at = np.flatnonzero((states - np.uint8(1)) < 3)  # RECEIVED, STARTED, RETRY
            if at.size:
                found = states[at]
                times = np.where(
                    found == TaskState.STARTED, columns.numbers("started")[at], columns.numbers("updated")[at]
                )
                rows.append(at + self._base(segment))
                since.append(times)
                state.append(found)
        if not rows:
            return []
        order = np.lexsort((np.concatenate(since), _ACTIVE_ORDER[np.concatenate(state)]))
        return [int(row) for row in np.concatenate(rows)[order[:limit]]]

    def unfinished(self, limit: int, silent_since: float | None, after: int) -> list[int]:
        """Rows without an end, oldest first, beginning after the row `after`, then from the start again."""
        rows = []
        for segment, columns in reversed(self._segments):
            wanted = columns.numbers("state") < TaskState.SUCCESS
            if silent_since is not None:
                wanted &= columns.numbers("updated") < silent_since
            rows.append(np.flatnonzero(wanted) + self._base(segment))
        found = np.concatenate(rows) if rows else np.empty(0, np.int64)
        start = int(np.searchsorted(found, after, side="right"))
        return [int(row) for row in np.concatenate((found[start:], found[:start]))[:limit]]

    def _base(self, segment: Segment) -> int:
        return segment.number << self._table.shift

    def _mask(self, wanted: Filter | None, columns: SegmentColumns) -> Array:
        if wanted is None:
            return np.ones(columns.size, np.bool_)
        return wanted.mask(columns, self._now)

    def _newest(self, query: RowQuery, limit: int) -> tuple[list[int], int]:
        found: list[int] = []
        matched = 0
        for segment, columns in reversed(self._segments) if query.reverse else self._segments:
            mask = self._mask(query.filter, columns)
            if len(found) >= limit:
                matched += int(np.count_nonzero(mask))
                continue
            rows = np.flatnonzero(mask)
            matched += rows.size
            rows = rows if query.reverse else rows[::-1]
            found += (rows[: limit - len(found)] + self._base(segment)).tolist()
        return found, matched

    def _sorted(self, query: RowQuery, limit: int) -> tuple[list[int], int]:
        """The first rows by a column, unknown values last, of equal values the newest first."""
        key = SORTS[query.sort]
        rows, keys = [], []
        for segment, columns in self._segments:
            at = np.flatnonzero(self._mask(query.filter, columns))[::-1]
            rows.append(at + self._base(segment))
            keys.append(key(self._table, columns, at))
        if not rows:
            return [], 0
        row, value = np.concatenate(rows), np.concatenate(keys).astype(np.float64)
        value = np.where(np.isnan(value), np.inf, -value if query.reverse else value)
        if row.size > limit:
            first = np.argpartition(value, limit - 1)[:limit]
            # every row that ties with the last of the page may stand there: the newest of them do
            near = np.flatnonzero(value <= value[first].max()) if np.isfinite(value[first].max()) else first
            order = near[np.argsort(value[near], kind="stable")][:limit]
        else:
            order = np.argsort(value, kind="stable")
        return [int(each) for each in row[order]], int(row.size)


def _dictionary(table: Table, field: str) -> Dictionary:
    by_field: dict[str, Dictionary] = {
        "name": table.names, "worker": table.hosts, "queue": table.queues, "exception": table.exceptions,
    }  # fmt: skip
    return by_field[field]


def _by_number(field: str) -> Callable[[Table, SegmentColumns, Array], Array]:
    return lambda _table, columns, at: columns.numbers(field)[at]


def _by_text(field: str) -> Callable[[Table, SegmentColumns, Array], Array]:
    """By alphabet: each code's place among the sorted texts."""

    def keys(table: Table, columns: SegmentColumns, at: Array) -> Array:
        values = list(_dictionary(table, field).values)
        places = np.full(len(values) + 1, np.nan)  # the last one is for code -1
        places[np.argsort(np.array(values, dtype=object), kind="stable")] = np.arange(len(values))
        return places[columns.codes(field)[at]]

    return keys


def _by_difference(end: str, start: str) -> Callable[[Table, SegmentColumns, Array], Array]:
    return lambda _table, columns, at: columns.numbers(end)[at] - columns.numbers(start)[at]


SORTS: Mapping[str, Callable[[Table, SegmentColumns, Array], Array]] = {
    **{field: _by_number(field) for field in _TYPES if field not in ("parent", "root")},
    "eta": _by_number("eta"),
    "state": _by_number("state"),
    **{field: _by_text(field) for field in _TEXTS},
    "wait": _by_difference("started", "received"),
}
_ACTIVE_ORDER = np.array([3, 1, 0, 2, 3, 3, 3, 3])  # by state: STARTED, RECEIVED, RETRY
