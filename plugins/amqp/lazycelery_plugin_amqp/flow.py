"""How fast do messages come and go? From the counters of the management plugin, over the last minute.

The rates that it tells itself are zero wherever statistics are not collected every five seconds, as large clusters set
it; its counters are right at any pace. Source: RabbitMQ, management statistics, sample retention.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lazycelery_plugin_amqp.management import ApiQueue, Stats

WINDOW = 60.0  # s that rates are smoothed over, as those of other brokers are
STEADY = 10.0  # s; counters are up to five seconds old, and sooner a rate may be twice what it is


class _Mark(NamedTuple):
    at: float
    came: int
    left: int
    acked: int
    again: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Messages a second: published, delivered for the first time, acknowledged, delivered again."""

    came: float
    left: float
    acked: float
    again: float


class Flows:
    """Remembers each queue's counters for a minute."""

    def __init__(self) -> None:
        self._marks: dict[str, deque[_Mark]] = {}

    def learn(self, queues: Mapping[str, ApiQueue], now: float) -> None:
        """What was counted until now (monotonic). A counter that fell is that of a new queue of the same name."""
        self._marks = {name: marks for name, marks in self._marks.items() if name in queues}
        for name, queue in queues.items():
            mark, marks = _mark(queue, now), self._marks.setdefault(name, deque())
            if marks and any(new < old for new, old in zip(mark, marks[-1], strict=True)):
                marks.clear()
            marks.append(mark)
            while now - marks[0].at > WINDOW:
                marks.popleft()

    def of(self, queue: str) -> Flow | None:
        """The queue's rates, None in the first ten seconds."""
        marks = self._marks.get(queue)
        if not marks or marks[-1].at - marks[0].at < STEADY:
            return None
        first, last = marks[0], marks[-1]
        return Flow(*((new - old) / (last.at - first.at) for new, old in zip(last[1:], first[1:], strict=True)))


def _mark(queue: ApiQueue, now: float) -> _Mark:
    stats = queue.message_stats if isinstance(queue.message_stats, Stats) else Stats()
    return _Mark(now, stats.publish, max(0, stats.deliver_get - stats.redeliver), stats.ack, stats.redeliver)
