"""What do stored results and inspect replies add to a task? They repair what events missed, and never outdo them."""

from lazycelery_core.decode import fields_of
from lazycelery_core.events import ResultMeta, TaskSeen, WireEvent
from lazycelery_core.store.order import (
    FAILURE,
    PENDING,
    RECEIVED,
    RETRY,
    REVOKED,
    STARTED,
    SUCCESS,
    Change,
    Order,
    moment,
)  # fmt: skip
from lazycelery_core.store.records import EVENT, RESULT, SEEN
from lazycelery_core.store.rings import FAILED, RETRIED, SUCCEEDED
from lazycelery_core.store.segment import BY_RESULT, STATE, Segment
from lazycelery_core.store.traceback import HIDDEN, raised

_STATES = {"SUCCESS": SUCCESS, "FAILURE": FAILURE, "REVOKED": REVOKED, "RETRY": RETRY, "STARTED": STARTED}
_OUTCOMES = {SUCCESS: SUCCEEDED, FAILURE: FAILED, RETRY: RETRIED}


class Told:
    """Applies reports about tasks that are not Celery's task events, by the same order."""

    def __init__(self, order: Order) -> None:
        self._order, self._table = order, order.table

    def result(self, meta: ResultMeta, version: int) -> None:
        """A stored result. A task that only results tell of gets a row of its own."""
        found = self._place(meta.task_id)
        if found is None:
            return
        segment, place = found
        self._identify(segment, place, meta.name, meta.queue)
        if meta.retries:
            self._order.attempt(segment, place, meta.retries)
        if meta.parent_id and meta.parent_id != meta.task_id and not segment.parent[place]:
            segment.parent[place] = hash(meta.parent_id)
        state = _STATES.get(meta.status)
        if state is not None:
            self._state(segment, place, state, meta)
        self._keep(segment, place, meta.body, 0, RESULT, version)

    def seen(self, seen: TaskSeen, version: int) -> None:
        """A worker named the task when asked what it runs or holds."""
        found = self._place(seen.task_id)
        if found is None:
            return
        segment, place = found
        self._identify(segment, place, seen.name, seen.queue)
        due = moment(seen.eta) if seen.eta else None
        if due is not None:
            segment.eta[place] = due
        worker = self._order.host(seen.hostname)
        if seen.state == "STARTED":
            self._runs(segment, place, seen, worker)
        else:
            self._order.advance(segment, place, RECEIVED, seen.at, worker)
        self._keep(segment, place, seen.body, 0, SEEN, version)

    def custom(self, event: WireEvent, now: float, version: int) -> None:
        """A user's own `task-xyz`: part of the story, but no state."""
        found = self._place(event.uuid)
        if found is None:
            return
        segment, place = found
        self._identify(segment, place, event.name, event.queue)
        if not segment.updated[place] >= 0.0:  # nothing else is known of the task yet
            segment.updated[place] = event.timestamp if 0.0 < event.timestamp < 2 * now else now
        self._keep(segment, place, event.body, event.part, EVENT, version)

    def _place(self, task_id: str) -> tuple[Segment, int] | None:
        row = self._table.find(task_id)
        if row < 0:
            row = self._order.add(task_id)
        if row < 0:
            return None
        return self._table.segments[row >> self._table.shift], row & self._table.mask

    def _identify(self, segment: Segment, place: int, name: str | None, queue: str | None) -> None:
        if name and segment.name[place] < 0:
            self._order.rename(segment, place, name)
        if queue and segment.queue[place] < 0:
            segment.queue[place] = self._table.queues.add(queue)

    def _state(self, segment: Segment, place: int, state: int, meta: ResultMeta) -> None:
        old = segment.mark[place] & STATE
        if state == RETRY and old not in (PENDING, RECEIVED, STARTED):
            return  # the event, or something later, is known
        if state == REVOKED and old in (STARTED, SUCCESS, FAILURE, REVOKED):
            return  # a revoke writes this while the task may still run elsewhere; its end will tell
        worker = self._order.host(meta.worker) if meta.worker else segment.worker[place]
        if self._changed(segment, place, state, meta.at, worker):
            segment.mark[place] |= BY_RESULT if state != RETRY else 0
            if state in _OUTCOMES:
                self._order.ended(_OUTCOMES[state], worker)
        if meta.exception and segment.mark[place] & STATE == state:
            self._order.excepted(segment, place, _exception(meta))

    def _changed(self, segment: Segment, place: int, state: int, at: float, worker: int) -> bool:
        if state == RETRY:
            return self._order.retried_by_result(segment, place, at, worker)
        return self._order.advance(segment, place, state, at, worker) is Change.STATE

    def _runs(self, segment: Segment, place: int, seen: TaskSeen, worker: int) -> None:
        """A task that a worker runs now; if a stored result called it revoked, it was revoked elsewhere."""
        at = seen.started or seen.at
        if not at < segment.started[place]:
            segment.started[place] = at
        mark = segment.mark[place]
        if mark & STATE == REVOKED and mark & BY_RESULT and seen.at > segment.updated[place]:
            segment.mark[place] = mark & ~BY_RESULT
            self._order.move(segment, place, STARTED, at)
            segment.worker[place] = worker
        else:
            self._order.advance(segment, place, STARTED, at, worker)

    def _keep(self, segment: Segment, place: int, body: bytes, part: int, kind: int, version: int) -> None:
        segment.changed[place] = version
        if body:
            self._table.cold.begin(body, kind)
            segment.ref[place] = self._table.cold.append(part, segment.ref[place])


def _exception(meta: ResultMeta) -> str | None:
    if meta.exception != HIDDEN:
        return meta.exception
    return raised(fields_of(meta.body).get("traceback")) or meta.exception
