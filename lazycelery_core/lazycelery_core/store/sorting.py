"""Which rows come first by a column? Only as many are put in order as the page has."""

from collections.abc import Callable, Sequence

import numpy as np

from lazycelery_core.query.nodes import Data
from lazycelery_core.store.columns import NUMBERS, Array, SegmentColumns
from lazycelery_core.store.table import TEXTS, Table

DERIVED = ("runtime", "wait", "age")  # as the filter language has them: so far, where a task still waits or runs
SORTS = frozenset({*NUMBERS, *TEXTS, *DERIVED, "state", "eta"} - {"parent", "root"})
Key = Callable[[SegmentColumns], Array]


def sort_key(field: str, table: Table, now: float) -> Key:
    """The values of a column as floats to sort by, (size,), NaN where unknown."""
    if field in DERIVED:
        return lambda columns: Data(columns, now).numbers(field)
    if field not in TEXTS:
        return lambda columns: columns.numbers(field).astype(np.float64)
    places = _alphabet(table.dictionary(field).values)

    def by_text(columns: SegmentColumns) -> Array:
        codes = np.minimum(columns.codes(field), len(places) - 2)  # texts that came meanwhile: wrong for one picture
        return places[codes]

    return by_text


def _alphabet(texts: Sequence[str]) -> Array:
    """(n + 1,) the place of each text among them all in alphabetical order; the last one, for code -1, is NaN."""
    known = list(texts)
    places = np.full(len(known) + 1, np.nan)
    places[sorted(range(len(known)), key=known.__getitem__)] = np.arange(len(known))
    return places


class Best:
    """The `limit` rows with the least values of all that are added; of equal values those added first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rows: Array = np.empty(0, np.int64)
        self._values: Array = np.empty(0, np.float64)

    def add(self, rows: Array, values: Array) -> None:
        """(n,) rows and their values, NaN for unknown ones, which come last."""
        values = np.where(np.isnan(values), np.inf, values)
        if self._rows.size >= self._limit:
            better = np.flatnonzero(values < self._values[-1])
            rows, values = rows[better], values[better]
        if values.size > self._limit:
            last = np.partition(values, self._limit - 1)[self._limit - 1]
            good = np.flatnonzero(values <= last)
            rows, values = rows[good], values[good]
        if rows.size:
            rows, values = np.concatenate((self._rows, rows)), np.concatenate((self._values, values))
            order = np.argsort(values, kind="stable")[: self._limit]
            self._rows, self._values = rows[order], values[order]

    def rows(self) -> list[int]:
        """The best rows, the least value first."""
        return [int(row) for row in self._rows]
