"""What happened last? A ring of the newest task and worker events, for the feed on the overview.

A batch costs no more than the ring is long, however many events it has: older ones would be pushed out at once.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from lazycelery_core.events import Event, WireEvent
from lazycelery_core.projection import Projection

NAME = "events"
RING = 500  # events; a screen shows 50, the rest is for scrolling back
MAX_TEXT = 300  # characters of any text that is kept; bodies are not kept at all
SILENT = frozenset({"worker-heartbeat"})  # said every two seconds by everybody


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
        self._happenings: tuple[Happening, ...] = ()

    def apply(self, events: Sequence[Event], now: float) -> None:
        """Take in the end of a batch."""
        newest = [
            happening(event)
            for event in events[-self._ring :]
            if isinstance(event, WireEvent) and event.type not in SILENT
        ]
        if newest:
            self._happenings = (self._happenings + tuple(newest))[-self._ring :]

    def view(self) -> Any:
        """(n <= ring,) happenings, newest last."""
        return self._happenings
