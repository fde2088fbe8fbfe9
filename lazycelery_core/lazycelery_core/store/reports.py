"""What does each kind of task event change, whatever was known of the task before?

The rules for one event at a time; `merge.py` writes the usual cases out flat and comes here with all others.
"""

from collections.abc import Callable

from lazycelery_core.events import WireEvent
from lazycelery_core.store.aggregates import bucket_of, took
from lazycelery_core.store.order import (
    FAILURE,
    PENDING,
    REJECTED,
    RETRY,
    REVOKED,
    STARTED,
    SUCCESS,
    Change,
    Order,
    moment,
)  # fmt: skip
from lazycelery_core.store.rings import FAILED, RETRIED, SUCCEEDED
from lazycelery_core.store.segment import STATE, Segment
from lazycelery_core.store.starts import Starts
from lazycelery_core.store.traceback import real_exception

FAR = 10 * 365 * 86_400.0  # s; a time further away than ten years is no time

Handler = Callable[[Segment, int, WireEvent, float], None]


class Reports:
    """Task events by kind. `sent_to` are task-sent events by queue code."""

    def __init__(self, order: Order, starts: Starts) -> None:
        self._order, self._table, self._starts = order, order.table, starts
        self.sent_to: list[int] = []
        self.handlers: dict[str, Handler] = {
            "task-sent": self._sent,
            "task-received": self._received,
            "task-started": self._started,
            "task-succeeded": self._succeeded,
            "task-failed": self._failed,
            "task-retried": self._retried,
            "task-revoked": self._revoked,
            "task-rejected": self._rejected,
        }

    def identify(self, segment: Segment, place: int, event: WireEvent) -> None:
        """Name, parent and root, as sent and received tell them. A retry names itself as parent: not a parent."""
        if event.name and self._table.names.codes.get(event.name) != segment.name[place]:
            self._order.rename(segment, place, event.name)
        if not segment.root[place]:
            root, parent = event.root_id, event.parent_id
            if root:
                segment.root[place] = hash(root)
            if parent and parent != event.uuid:
                segment.parent[place] = hash(parent)
        if event.eta:
            due = moment(event.eta)
            if due is not None:
                segment.eta[place] = due

    def _sent(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        order = self._order
        if not at < segment.sent[place]:
            segment.sent[place] = at
            if segment.name[place] < 0 or not at < segment.received[place]:
                self.identify(segment, place, event)
        if event.retries:
            order.attempt(segment, place, event.retries)
        queue = self._table.queues.codes.get(event.queue)
        if queue is None:
            queue = self._table.queues.add(event.queue)
        if queue >= 0:
            segment.queue[place] = queue
            if queue >= len(self.sent_to):
                self.sent_to.extend([0] * (queue + 1 - len(self.sent_to)))
            self.sent_to[queue] += 1
        mark = segment.mark[place]
        if mark == PENDING:
            if not at < segment.updated[place]:
                segment.updated[place] = at
        elif mark & STATE == RETRY:
            order.advance(segment, place, PENDING, at, segment.worker[place])

    def _received(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        worker = self._order.host(event.hostname)
        self._order.workers.received[worker] += 1
        is_first = not segment.received[place] >= 0.0
        if not at < segment.received[place]:
            self.identify(segment, place, event)
            segment.received[place] = at
        self._order.received(segment, place, event.retries, at, worker, is_first)

    def _started(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        worker = self._order.host(event.hostname)
        self._starts.add(segment, place, worker, event.clock or 0)
        if not at < segment.started[place]:
            segment.started[place] = at
        self._order.advance(segment, place, STARTED, at, worker)

    def _succeeded(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        order = self._order
        worker = order.host(event.hostname)
        change = order.advance(segment, place, SUCCESS, at, worker)
        if change is Change.NONE:
            return
        if change is Change.STATE:
            order.ended(SUCCEEDED, worker)
        runtime = event.runtime
        if runtime is not None and 0.0 <= runtime < FAR:
            if not segment.runtime[place] >= 0.0:  # each task once, even if told again
                took(order.counts.runtimes, segment.name[place], bucket_of(runtime))
                took(order.workers.runtimes, worker, bucket_of(runtime))
            segment.runtime[place] = runtime

    def _failed(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        order = self._order
        worker = order.host(event.hostname)
        change = order.advance(segment, place, FAILURE, at, worker)
        if change is not Change.NONE:
            order.excepted(segment, place, real_exception(event.exception, event.body, event.part))
        if change is Change.STATE:
            order.ended(FAILED, worker)

    def _retried(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        order = self._order
        worker = order.host(event.hostname)
        if order.retried(segment, place, at, worker):
            order.ended(RETRIED, worker)
            if segment.mark[place] & STATE != FAILURE and not at < segment.attempts[place].last:
                order.excepted(segment, place, real_exception(event.exception, event.body, event.part))

    def _revoked(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        self._order.advance(segment, place, REVOKED, at, self._order.host(event.hostname))

    def _rejected(self, segment: Segment, place: int, event: WireEvent, at: float) -> None:
        self._order.advance(segment, place, REJECTED, at, self._order.host(event.hostname))
