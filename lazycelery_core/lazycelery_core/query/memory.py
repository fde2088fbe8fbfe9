"""What does a filter remember from one evaluation to the next, so that the next one costs less?

Which texts of a dictionary fit, and which cold texts were read already. Cold text is read in slices where the filter
was told to be patient: what was not read yet does not match, and `unfinished` says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lazycelery_core.query.patterns import Literal, Predicate
from lazycelery_core.snapshot import Columns

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]
else:
    Array = Any

MOST = 256  # answers about segments; more than are held, so only those of dropped segments pile up
NO, YES = 1, 2
CHANGING = frozenset({"traceback"})  # a retry brings another one; all other texts stay once they are told


@dataclass
class Memory:
    """Kept by one filter. slice_rows: rows whose cold text is read from one `start` to the next, None for all."""

    slice_rows: int | None = None
    unfinished: bool = False
    tables: dict[Predicate, tuple[Sequence[str], Array]] = field(default_factory=dict)
    _read: dict[tuple[str, Predicate, str], Array] = field(default_factory=dict)
    _parents: dict[str, Array] = field(default_factory=dict)  # by a segment's first task: keys of its tasks' parents
    _left: int = 0

    def start(self, slice_rows: int | None) -> None:
        """A new question is asked of all segments."""
        self.slice_rows, self._left, self.unfinished = slice_rows, slice_rows or 0, False

    def cold(self, columns: Columns, name: str, fits: Predicate, wanted: Array) -> Array:
        """Which wanted rows have a fitting cold text, as far as it was read."""
        import numpy as np

        if not wanted.any():
            return wanted
        read = self._of_segment(columns, name, fits)
        rows = np.flatnonzero(wanted & (read == 0))
        if self.slice_rows is not None:
            self.unfinished = self.unfinished or rows.size > self._left
            rows = rows[::-1][: self._left]  # the newest of the segment first
            self._left -= rows.size
        hits: Array = wanted & (read == YES)
        stays = name not in CHANGING
        for row, texts in columns.texts(rows.tolist()):
            if _excludes(texts, name, fits):
                answer = NO
            else:
                text = texts.get(name, "")
                hits[row] = fits(text)
                answer = 0 if not text else YES if hits[row] else NO
            if stays:
                read[row] = answer
        return hits

    def are_parents(self, columns: Columns) -> Array:
        """(size,) bool: which tasks are named as a parent in this segment, or in one that was looked at before."""
        import numpy as np

        if not columns.size:
            return np.zeros(0, bool)
        if len(self._parents) > MOST:
            self._parents.clear()
        self._parents[columns.ids[0]] = np.unique(columns.numbers("parent"))
        keys = np.fromiter(map(hash, columns.ids), np.int64, columns.size)
        found: Array = np.isin(keys, np.concatenate(list(self._parents.values()))) & (keys != 0)
        return found

    def _of_segment(self, columns: Columns, name: str, fits: Predicate) -> Array:
        """(size,) what is known of each row: 0, NO or YES. A segment is known by its first task."""
        import numpy as np

        key = (name, fits, columns.ids[0])
        known = self._read.get(key)
        if known is None or known.size < columns.size:
            if len(self._read) > MOST:
                self._read.clear()
            grown = np.zeros(columns.size, np.uint8)
            if known is not None:
                grown[: known.size] = known
            known = self._read[key] = grown
        return known[: columns.size]


def _excludes(texts: Mapping[str, str], name: str, fits: Predicate) -> bool:
    """Whether a text can be passed by as it came, before it is searched for secrets."""
    excludes = getattr(texts, "excludes", None)
    return excludes is not None and isinstance(fits, Literal) and bool(excludes(name, fits))
