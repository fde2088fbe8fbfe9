"""What waits in the queue on the screen? A poller that peeks through whatever broker plugin can, consuming nothing.

Where a look has its price (RabbitMQ marks or moves what it shows), nothing is looked at until the user wants it: the
price is reported instead. Reports are events of this plugin's own kind: the store has no use for them, the projection
beside it keeps the last one of each queue. So the messages reach the panes on the same road as everything else.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence

from lazycelery_core.control import Control, Level, Peek, PeekPrice, Peeks, commands_of
from lazycelery_core.errors import AccessRefused
from lazycelery_core.events import Event, PluginEvent
from lazycelery_core.source import Source
from lazycelery_plugin_queues.settings import QueuesSettings

VIEW = "view:queues"  # the topic that says the queues view is on the screen
QUEUE = "queue:"
MOST = 200  # messages that one peek may ask for (control.Peeks)
NOBODY = "At this level nothing here can read waiting messages of this broker without leaving a mark on them."
SOON = 0.2  # s; cursor steps faster than that are followed to their end only
PRICED = 10.0  # s between two questions for the price of a look


class QueuePeeked(PluginEvent, frozen=True):
    """A page of the messages that wait in a queue, or why there is none: an error, or the price of a look."""

    queue: str
    peek: Peek | None
    error: str = ""
    price: PeekPrice | None = None


class Looks:
    """What the user wants looked at where looking has its price, and what was seen; from any thread."""

    def __init__(self, limit: int) -> None:
        self.limit = limit  # messages
        self.wanted: deque[str] = deque(maxlen=8)
        self.seen: deque[QueuePeeked] = deque(maxlen=8)
        self.news = threading.Event()

    def want(self, queue: str) -> None:
        """Let the source look at this queue once, on its own thread."""
        self.wanted.append(queue)
        self.news.set()

    def look(self, peeks: Peeks, queue: str) -> Peek:
        """Look now, and let the panes see it. Raises SourceError, AccessRefused."""
        price = peeks.price(queue)
        limit = self.limit if price is None else min(self.limit, price.limit)
        peek = peeks.peek(queue, limit=limit)
        self.seen.append(QueuePeeked(queue, peek, price=peeks.price(queue)))
        self.news.set()
        return peek


class PeekSource(Source):
    """Peeks at the queue under the cursor every `settings.every` seconds while the queues view is shown.

    Where a look has its price it reports that, and looks only when `looks` says so.
    """

    name = "peek"

    def __init__(self, settings: QueuesSettings) -> None:
        self._every = max(0.5, settings.every)
        self._peeks: Peeks | None = None
        self._queue = ""
        self._due = 0.0
        self._looks = Looks(max(1, min(MOST, settings.peek)))

    def bind(self, control: Control, level: Level) -> None:
        self._peeks = control.get(Peeks)

    def abilities(self, level: Level) -> Iterable[object]:
        """The road on which this plugin's actions reach this source."""
        return (self._looks,)

    def open(self) -> None:
        """Nothing to connect: the ability owns its connection."""
        self._due = 0.0

    def close(self) -> None:
        """Nothing to free."""

    def asked(self) -> int | None:
        return commands_of(self._peeks)

    def refresh(self) -> None:
        self._due = 0.0
        self._looks.news.set()

    def focus(self, topics: frozenset[str]) -> None:
        queue = next((topic.removeprefix(QUEUE) for topic in sorted(topics) if topic.startswith(QUEUE)), "")
        queue = queue if VIEW in topics else ""
        if queue != self._queue:
            self._queue, self._due = queue, time.monotonic() + SOON
            self._looks.news.set()

    def read(self, timeout: float) -> Sequence[Event]:
        pause = self._due - time.monotonic() if self._queue else timeout
        if pause > 0:
            self._looks.news.wait(min(timeout, pause))
            self._looks.news.clear()
        if self._looks.seen:
            return [self._looks.seen.popleft()]
        if self._looks.wanted:
            return [self._peeked(self._looks.wanted.popleft(), wanted=True)]
        queue = self._queue
        if not queue or time.monotonic() < self._due:
            return ()
        self._due = time.monotonic() + self._every
        return [self._peeked(queue)]

    def _peeked(self, queue: str, wanted: bool = False) -> QueuePeeked:
        """A refusal concerns this queue only, so it is told in its pane; a dead line is the supervisor's business."""
        if self._peeks is None:
            return QueuePeeked(queue, None, NOBODY)
        try:
            price = self._peeks.price(queue)
            if price is None:
                return QueuePeeked(queue, self._peeks.peek(queue, limit=self._looks.limit))
            self._due = time.monotonic() + max(self._every, PRICED)
            if not wanted or price.needs_confirmation or price.refusal:
                return QueuePeeked(queue, None, price=price)
            return QueuePeeked(queue, self._peeks.peek(queue, limit=min(self._looks.limit, price.limit)), price=price)
        except AccessRefused as refusal:
            return QueuePeeked(queue, None, str(refusal))
