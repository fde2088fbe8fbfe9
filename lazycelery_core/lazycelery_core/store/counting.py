"""How many tasks match a filter? Counted a few segments at a time, so that the first page never waits for it."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable

ROWS = 131_072  # rows counted an answer beside those that the page was looked for in: at most about 1 ms
FILTERS = 8  # filters whose counts are remembered


class Counting:
    """Matches by filter and segment, each with the number of the answer in which it was counted.

    Counts of segments grow old while other segments are counted; with ten answers a second a million tasks are counted
    anew every second.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[Hashable, dict[int, tuple[int, int]]] = OrderedDict()
        self._answer = 0

    def begin(self, key: Hashable) -> None:
        """A new answer for this filter."""
        self._answer += 1
        self._counts.setdefault(key, {})
        self._counts.move_to_end(key)
        if len(self._counts) > FILTERS:
            self._counts.popitem(last=False)

    def set(self, key: Hashable, segment: int, count: int) -> None:
        """Remember how many match in a segment."""
        self._counts[key][segment] = (self._answer, count)

    def due(self, key: Hashable, segments: Iterable[int]) -> list[int]:
        """Segments that this answer has not counted, those counted longest ago first."""
        counts = self._counts[key]
        found = [(counts.get(segment, (0, 0))[0], segment) for segment in segments]
        return [segment for answer, segment in sorted(found) if answer != self._answer]

    def total(self, key: Hashable, segments: Iterable[int]) -> int | None:
        """Matches in all of these segments, None until each was counted once."""
        counts = self._counts[key]
        known = [counts.get(segment) for segment in segments]
        return None if None in known else sum(each[1] for each in known if each is not None)
