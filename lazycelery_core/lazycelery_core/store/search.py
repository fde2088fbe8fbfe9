"""Which rows match, in which order? Numpy over the segments; loaded when first asked for."""

from collections.abc import Sequence

import numpy as np

from lazycelery_core.model import Task, TaskState
from lazycelery_core.redact import Redactor
from lazycelery_core.snapshot import Filter, RowQuery, TaskPage
from lazycelery_core.store.cold import ColdReader
from lazycelery_core.store.columns import Array, SegmentColumns
from lazycelery_core.store.counting import ROWS, Count, Counting
from lazycelery_core.store.segment import Segment
from lazycelery_core.store.sorting import SORTS, Best, sort_key
from lazycelery_core.store.table import Table
from lazycelery_core.store.texts import TextReader


class Search:
    """Answers over these segments up to the row before `end`, newest first unless another order is asked for."""

    def __init__(
        self, table: Table, segments: Sequence[Segment], end: int, redactor: Redactor, counting: Counting, now: float
    ) -> None:
        self._table, self._end, self._counting, self._now = table, end, counting, now
        reader = TextReader(ColdReader(table.cold), redactor)
        self._segments = [
            (segment, SegmentColumns(table, segment, size, reader))
            for segment in reversed(segments)
            if (size := min(segment.size, end - (segment.number << table.shift))) > 0
        ]

    def select(self, query: RowQuery, limit: int) -> TaskPage:
        """The page of a query with a filter, an order, or both."""
        held = sum(columns.size for _, columns in self._segments)
        rows, matched = self._sorted(query, limit) if query.sort in SORTS else self._newest(query, limit)
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

    def _newest(self, query: RowQuery, limit: int) -> tuple[list[int], int | None]:
        """The page, by arrival; then some of the segments that were not looked at for it are counted."""
        key = (query.filter.text if query.filter is not None else "", query.marked)
        count = self._counting.begin(key)
        found: list[int] = []
        for segment, columns in reversed(self._segments) if query.reverse else self._segments:
            if len(found) >= limit:
                break
            rows = np.flatnonzero(self._mask(query.filter, columns))
            count.set(segment.number, rows.size)
            rows = rows if query.reverse else rows[::-1]
            found += (rows[: limit - len(found)] + self._base(segment)).tolist()
        return found, self._counted(count, query.filter)

    def _counted(self, count: Count, wanted: Filter | None) -> int | None:
        """How many match in all, None while there are segments that were never counted."""
        all_of_them = {segment.number: columns for segment, columns in self._segments}
        room = ROWS
        for number in count.due(all_of_them):
            if room <= 0:
                break
            room -= all_of_them[number].size
            count.set(number, int(np.count_nonzero(self._mask(wanted, all_of_them[number]))))
        return count.total(all_of_them)

    def _sorted(self, query: RowQuery, limit: int) -> tuple[list[int], int]:
        """The first rows by a column, unknown values last, of equal values the newest first."""
        best = Best(limit)
        matched = 0
        key = sort_key(query.sort, self._table, self._now)
        for segment, columns in self._segments:
            values = key(columns)
            rows = (
                np.arange(columns.size) if query.filter is None else np.flatnonzero(self._mask(query.filter, columns))
            )
            matched += rows.size
            rows = rows[::-1]
            values = values[rows]
            best.add(rows + self._base(segment), -values if query.reverse else values)
        return best.rows(), matched


_ACTIVE_ORDER = np.array([3, 1, 0, 2, 3, 3, 3, 3])  # by state: STARTED, RECEIVED, RETRY
