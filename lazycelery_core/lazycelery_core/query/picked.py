"""What is left of a segment when most of its rows are out of the question?"""

from collections.abc import Iterator, Mapping, Sequence

from lazycelery_core.query.memory import Array
from lazycelery_core.snapshot import Columns


class Picked:
    """Fulfils `snapshot.Columns` for some rows of a segment."""

    within: Columns
    rows: Array
    size: int

    def __init__(self, columns: Columns, rows: Array) -> None:
        within: Columns = columns
        if isinstance(columns, Picked):
            within, rows = columns.within, columns.rows[rows]
        self.within, self.rows, self.size = within, rows, len(rows)

    @property
    def ids(self) -> Sequence[str]:
        ids = self.within.ids
        return [ids[row] for row in self.rows]

    def codes(self, field: str) -> Array:
        picked: Array = self.within.codes(field)[self.rows]
        return picked

    def values(self, field: str) -> Sequence[str]:
        return self.within.values(field)

    def numbers(self, field: str) -> Array:
        picked: Array = self.within.numbers(field)[self.rows]
        return picked

    def texts(self, rows: Sequence[int]) -> Iterator[tuple[int, Mapping[str, str]]]:
        texts = self.within.texts([int(self.rows[row]) for row in rows])
        return zip(rows, (each for _, each in texts), strict=True)
