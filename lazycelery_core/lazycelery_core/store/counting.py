"""How many tasks match a filter? Counted a few segments at a time, so that the first page never waits for it."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable

ROWS = 131_072  # rows counted an answer beside those that the page was looked for in: at most about 1 ms
FILTERS = 8  # filters whose counts are remembered


class Count:
    """Matches of one filter by segment, each with the number of the answer in which it was counted.

    Counts of segments grow old while other segments are counted; with ten answers a second a million tasks are counted
    anew every second.
    """

    def __init__(self) -> None:
        self._matches: dict[int, tuple[int, int]] = {}
        self.answer = 0

    def set(self, segment: int, matches: int) -> None:
        """Remember how many match in a segment."""
        self._matches[segment] = self.answer, matches

    def due(self, segments: Iterable[int]) -> list[int]:
        """Segments that this answer has not counted, those counted longest ago first."""
        found = [(self._matches.get(segment, (0, 0))[0], segment) for segment in segments]
        return [segment for answer, segment in sorted(found) if answer != self.answer]

    def total(self, segments: Iterable[int]) -> int | None:
        """Matches in all of these segments, None until each was counted once."""
        known = [self._matches.get(segment) for segment in segments]
        return None if None in known else sum(each[1] for each in known if each is not None)


class Counting:
    """The counts of the filters that were asked lately."""

    def __init__(self) -> None:
        self._counts: OrderedDict[Hashable, Count] = OrderedDict()

    def begin(self, key: Hashable) -> Count:
        """The count of a filter, for a new answer."""
        count = self._counts.pop(key, None) or Count()
        self._counts[key] = count
        if len(self._counts) > FILTERS:
            self._counts.popitem(last=False)
        count.answer += 1
        return count
