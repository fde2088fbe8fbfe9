"""What waits in the queue on the screen? A poller that peeks through whatever broker plugin can, consuming nothing.

Its reports are events of this plugin's own kind: the store has no use for them, the projection beside it keeps the last
one of each queue. So the messages reach the panes on the same road as everything else.
"""

import threading
import time
from collections.abc import Sequence

from lazycelery_core.control import Control, Level, Peek, Peeks, commands_of
from lazycelery_core.errors import AccessRefused
from lazycelery_core.events import Event, PluginEvent
from lazycelery_core.source import Source
from lazycelery_plugin_queues.settings import QueuesSettings

VIEW = "view:queues"  # the topic that says the queues view is on the screen
QUEUE = "queue:"
MOST = 200  # messages that one peek may ask for (control.Peeks)
NOBODY = "No plugin here can read waiting messages of this broker without consuming them."
SOON = 0.2  # s; cursor steps faster than that are followed to their end only


class QueuePeeked(PluginEvent, frozen=True):
    """A page of the messages that wait in a queue, or the sentence why there is none."""

    queue: str
    peek: Peek | None
    error: str = ""


class PeekSource(Source):
    """Peeks at the queue under the cursor every `settings.every` seconds while the queues view is shown."""

    name = "peek"

    def __init__(self, settings: QueuesSettings) -> None:
        self._limit = max(1, min(MOST, settings.peek))
        self._every = max(0.5, settings.every)
        self._peeks: Peeks | None = None
        self._queue = ""
        self._due = 0.0
        self._wanted = threading.Event()

    def bind(self, control: Control, level: Level) -> None:
        self._peeks = control.get(Peeks)

    def open(self) -> None:
        """Nothing to connect: the ability owns its connection."""
        self._due = 0.0

    def close(self) -> None:
        """Nothing to free."""

    def asked(self) -> int | None:
        return commands_of(self._peeks)

    def refresh(self) -> None:
        self._due = 0.0
        self._wanted.set()

    def focus(self, topics: frozenset[str]) -> None:
        queue = next((topic.removeprefix(QUEUE) for topic in sorted(topics) if topic.startswith(QUEUE)), "")
        queue = queue if VIEW in topics else ""
        if queue != self._queue:
            self._queue, self._due = queue, time.monotonic() + SOON
            self._wanted.set()

    def read(self, timeout: float) -> Sequence[Event]:
        pause = self._due - time.monotonic() if self._queue else timeout
        if pause > 0:
            self._wanted.wait(min(timeout, pause))
            self._wanted.clear()
        queue = self._queue
        if not queue or time.monotonic() < self._due:
            return ()
        self._due = time.monotonic() + self._every
        return [self._peeked(queue)]

    def _peeked(self, queue: str) -> QueuePeeked:
        """A refusal concerns this queue only, so it is told in its pane; a dead line is the supervisor's business."""
        if self._peeks is None:
            return QueuePeeked(queue, None, NOBODY)
        try:
            return QueuePeeked(queue, self._peeks.peek(queue, limit=self._limit))
        except AccessRefused as refusal:
            return QueuePeeked(queue, None, str(refusal))
