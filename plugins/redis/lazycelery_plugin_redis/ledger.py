"""How many messages of each queue do workers hold? The `unacked` hash, read in bounded pages.

It holds whole messages, so its size in bytes is asked before it is read, and beyond a budget a sample is scaled up and
called one. Running tasks without late acknowledgement are no longer in it.
"""

import msgspec

from lazycelery_plugin_redis.discovery import Discovery
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.line import Line

PERIOD = 2.0  # s between two readings while something is held
BUDGET = 1 << 20  # bytes read each time
ENTRIES = 1000  # entries read each time
UNMEASURED = 100  # entries where the size can't be asked

_read = msgspec.json.Decoder(tuple[msgspec.Raw, str | None, str | None]).decode
_TROUBLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Ledger:
    """`read(now)` is what each queue has unacknowledged; `note` says when it is an estimate."""

    def __init__(self, line: Line, layout: Layout, discovery: Discovery) -> None:
        self._line, self.key, self._discovery = line, layout.unacked_key, discovery
        self._held: dict[str, int] | None = None
        self._due = 0.0
        self.note = ""

    def read(self, total: object, now: float) -> dict[str, int] | None:
        """Held messages by queue, None when they can't be read. total: the answer to HLEN."""
        if not isinstance(total, int):
            self._held, self.note = None, ""
        elif total == 0:
            self._held, self.note = {}, ""
        elif now >= self._due:
            self._due = now + PERIOD
            self._held = self._counted(total)
        return self._held

    def _counted(self, total: int) -> dict[str, int] | None:
        most = min(ENTRIES, self._affordable(total))
        counts: dict[str, int] = {}
        cursor, seen = 0, 0
        while seen < most:
            answer = self._line.ask_all([("HSCAN", self.key, cursor, "COUNT", most)])[0]
            if isinstance(answer, Exception):
                return None
            cursor, values = int(answer[0]), answer[1][1::2]
            seen += len(values)
            for value in values:
                for queue in self._queues(value):
                    counts[queue] = counts.get(queue, 0) + 1
            if cursor == 0:
                self.note = ""
                return counts
        self.note = f"unacked estimated from {seen:,} of {total:,}"
        return {queue: round(count * total / seen) for queue, count in counts.items()}

    def _affordable(self, total: int) -> int:
        """How many entries the budget allows, by the mean size of a few."""
        size = self._line.ask_all([("MEMORY", "USAGE", self.key, "SAMPLES", 5)])[0]
        if not isinstance(size, int) or size <= 0:
            return UNMEASURED
        return max(10, BUDGET * total // size)

    def _queues(self, value: bytes) -> list[str]:
        try:
            _, exchange, key = _read(value)
        except _TROUBLE:
            return []
        return self._discovery.targets(exchange or "", key or "")
