"""What did the last peek at each queue show?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lazycelery_core.control import Peek, PeekPrice
from lazycelery_core.events import Event
from lazycelery_core.projection import Projection
from lazycelery_plugin_queues.source import QueuePeeked

VIEW = "queues.peeks"
KEPT = 8  # queues whose last peek is kept; going back to one shows it at once


@dataclass(frozen=True, slots=True)
class Peeked:
    """A peek (or why there is none) and when it was taken, Unix seconds; and what the next one costs, None: nothing."""

    peek: Peek | None
    error: str
    at: float
    price: PeekPrice | None = None


class LastPeeks(Projection):
    """queue name -> `Peeked`."""

    name = VIEW

    def __init__(self) -> None:
        self._peeks: dict[str, Peeked] = {}

    def apply(self, events: Sequence[Event], now: float) -> None:
        """Keep the newest peek of each queue, the queues looked at last."""
        for event in [each for each in events if type(each) is QueuePeeked]:  # few: the rest is passed by quickly
            rest = {name: peeked for name, peeked in self._peeks.items() if name != event.queue}
            kept = dict(list(rest.items())[-(KEPT - 1) :])
            self._peeks = {**kept, event.queue: _joined(self._peeks.get(event.queue), event, now)}

    def view(self) -> dict[str, Peeked]:
        """Never changed after it was handed out."""
        return self._peeks


def _joined(before: Peeked | None, event: QueuePeeked, now: float) -> Peeked:
    """A report of the price alone leaves what was seen before."""
    if event.price is not None and event.peek is None and before is not None and before.peek is not None:
        return replace(before, price=event.price)
    return Peeked(event.peek, event.error, now, event.price)
