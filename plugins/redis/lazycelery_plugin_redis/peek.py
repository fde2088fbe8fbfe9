"""What waits in a queue? Pages of messages in the order of their delivery, read without consuming them.

LRANGE at the ends of the lists is cheap and has no side effect. Workers take from the right end of the first bucket
that has something, so the last element of the first bucket is delivered next.
"""

from collections.abc import Iterator, Sequence

from lazycelery_core.control import Peek
from lazycelery_core.redact import Redactor
from lazycelery_plugin_redis.envelope import WRAPPED
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.line import Command, Shared
from lazycelery_plugin_redis.message import message_of

PAGE = 200  # messages; the page of 50 that a screen asks for costs the server under 1 ms
BUDGET = 8 << 20  # bytes a page


class Peeker:
    """Reads waiting messages; from any thread."""

    def __init__(self, line: Shared, layout: Layout, redactor: Redactor) -> None:
        self._line, self._layout, self._redactor = line, layout, redactor

    @property
    def asked(self) -> int:
        """Commands sent to the broker since start."""
        return self._line.asked

    def price(self, queue: str) -> None:
        """As `Peeks.price`: reading a list changes nothing."""
        return

    def peek(self, queue: str, offset: int = 0, limit: int = 50) -> Peek:
        """As `Peeks.peek`."""
        keys = self._layout.buckets(queue)
        counts = [self._count(key, answer) for key, answer in zip(keys, self._ask(keys), strict=True)]
        total = sum(counts)
        windows = list(_windows(counts, max(0, offset), min(limit, PAGE)))
        size = self._largest([keys[index] for index, _, _ in windows], [counts[index] for index, _, _ in windows])
        if size > WRAPPED:
            return Peek((), total, f"messages of about {size >> 20:,} MiB are not read")
        allowed = min(PAGE, max(1, BUDGET // max(1, size)))
        cut = allowed < sum(end - start for _, start, end in windows)
        commands: list[Command] = [("LRANGE", keys[index], -end, -start - 1) for index, start, end in windows]
        found = [raw for answer in self._read(commands) for raw in reversed(answer)][:allowed]
        messages = [message_of(raw, queue, offset + at, self._redactor) for at, raw in enumerate(found)]
        return Peek(tuple(messages), total, f"a page of {allowed}: the messages are large" if cut else "")

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def _ask(self, keys: Sequence[str]) -> list[object]:
        return self._line.ask_all([("LLEN", key) for key in keys])

    def _count(self, key: str, answer: object) -> int:
        return int(self._line.checked(answer, ("LLEN", key)))

    def _read(self, commands: Sequence[Command]) -> Iterator[list[bytes]]:
        if commands:
            for command, answer in zip(commands, self._line.ask_all(commands), strict=True):
                yield self._line.checked(answer, command)

    def _largest(self, keys: Sequence[str], counts: Sequence[int]) -> int:
        """Mean bytes a message of the list with the largest ones; 0 where it can't be asked."""
        if not keys:
            return 0
        sizes = self._line.ask_all([("MEMORY", "USAGE", key, "SAMPLES", 5) for key in keys])
        known = [size // max(1, count) for size, count in zip(sizes, counts, strict=True) if isinstance(size, int)]
        return max(known, default=0)


def _windows(counts: Sequence[int], offset: int, limit: int) -> Iterator[tuple[int, int, int]]:
    """(bucket, start, end) of the page, counted from the right end of each bucket."""
    for index, count in enumerate(counts):
        start, end = min(offset, count), min(offset + limit, count)
        if end > start:
            yield index, start, end
        limit -= end - start
        offset = max(0, offset - count)
