"""What happened last? A ring of the newest task and worker events, for the feed on the overview.

Events come far oftener than anybody looks: they are only put into the ring, and taken apart when the feed is asked for.
"""

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from lazycelery_core.events import Event, WireEvent
from lazycelery_core.projection import Projection

NAME = "events"
RING = 500  # events; a screen shows 50, the rest is for scrolling back
MAX_TEXT = 300  # characters of any text that is shown
MAX_BODY = 16 << 10  # bytes of a message that an event in the ring may hold on to: 8 MB at worst
SILENT = "worker-heartbeat"  # said every two seconds by everybody


class Happening(NamedTuple):
    """An event as the feed shows it. `name` and the like are "" where the event does not tell them."""

    kind: str
    at: float
    hostname: str
    task_id: str
    name: str
    exception: str
    runtime: float | None
    retries: int | None
    eta: str
    queue: str


def _short(text: str | None) -> str:
    return "" if text is None else text[:MAX_TEXT]


def happening(event: WireEvent) -> Happening:
    """What is kept of an event."""
    return Happening(
        _short(event.type), event.timestamp, _short(event.hostname), _short(event.uuid), _short(event.name),
        _short(event.exception), event.runtime, event.retries, _short(event.eta), _short(event.queue),
    )  # fmt: skip


class EventFeed(Projection):
    """The newest events, newest last. `view()` is a tuple that is replaced, never changed."""

    name = NAME

    def __init__(self, ring: int = RING) -> None:
        self._ring = ring
        self._lock = threading.Lock()
        self._new: deque[WireEvent] = deque(maxlen=ring)  # since the feed was asked for
        self._happenings: tuple[Happening, ...] = ()

    def apply(self, events: Sequence[Event], now: float) -> None:
        """Take in the end of a batch."""
        newest = [
            event if len(event.body) <= MAX_BODY else msgspec.structs.replace(event, body=b"")
            for event in events[-self._ring :]
            if type(event) is WireEvent and event.type != SILENT
        ]
        with self._lock:
            self._new.extend(newest)

    def view(self) -> Any:
        """(n <= ring,) happenings, newest last."""
        with self._lock:
            if self._new:
                self._happenings = (*self._happenings, *map(happening, self._new))[-self._ring :]
                self._new.clear()
            return self._happenings
