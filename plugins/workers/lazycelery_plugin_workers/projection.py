"""How did the memory of each worker move? The high-water mark that its `stats` answers tell, over 15 minutes."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from lazycelery_core.events import Event, WorkerReply
from lazycelery_core.projection import Projection
from lazycelery_plugin_workers.reads import figure

SECONDS = 900.0  # what the chart shows
POINTS = 400  # per worker, more than one every 3 s
WORKERS = 2_000  # names kept; whoever floods names only pushes out the oldest
VIEW = "workers.memory"

Memory = dict[str, tuple[tuple[float, float], ...]]


class MemoryHistory(Projection):
    """hostname -> ((time read, ru_maxrss in bytes), ...), oldest first."""

    name = VIEW

    def __init__(self) -> None:
        self._points: dict[str, deque[tuple[float, float]]] = {}
        self._view: Memory | None = {}

    def apply(self, events: Sequence[Event], now: float) -> None:
        """Take in what `stats` answers say."""
        for event in [each for each in events if type(each) is WorkerReply]:  # few: the rest is passed by quickly
            if event.command == "stats":
                self._add(event.hostname, event.at, high_water(event.value))

    def _add(self, hostname: str, at: float, rss: float | None) -> None:
        if rss is None:
            return
        points = self._points.setdefault(hostname, deque(maxlen=POINTS))
        points.append((at, rss))
        while points[0][0] < at - SECONDS:
            points.popleft()
        while len(self._points) > WORKERS:
            del self._points[next(iter(self._points))]
        self._view = None

    def view(self) -> Memory:
        """A copy, made anew only after a change."""
        if self._view is None:
            self._view = {hostname: tuple(points) for hostname, points in self._points.items()}
        return self._view


def high_water(stats: Any) -> float | None:
    """Bytes of `rusage.maxrss` in a `stats` answer (KiB on Linux), None when it isn't told."""
    rusage = stats.get("rusage") if isinstance(stats, dict) else None
    kilobytes = figure(rusage.get("maxrss")) if isinstance(rusage, dict) else None
    return kilobytes * 1024 if kilobytes and kilobytes > 0 else None
