"""What do stored results and inspect replies add to a task? They repair what events missed, and never outdo them."""

import json

from lazycelery_core.events import ResultMeta, TaskSeen, WireEvent
from lazycelery_core.model import TaskState
from lazycelery_core.store import cold
from lazycelery_core.store.merge import CHANGED, FAILURE, RECEIVED, RETRY, REVOKED, STARTED, SUCCESS, Merge, moment
from lazycelery_core.store.rings import FAILED, RETRIED, SUCCEEDED
from lazycelery_core.store.segment import BY_RESULT, Segment
from lazycelery_core.store.table import Table
from lazycelery_core.store.traceback import HIDDEN, raised

_STATES = {"SUCCESS": SUCCESS, "FAILURE": FAILURE, "REVOKED": REVOKED, "RETRY": RETRY, "STARTED": STARTED}
_OUTCOMES = {SUCCESS: SUCCEEDED, FAILURE: FAILED, RETRY: RETRIED}
_RUNNING = int(TaskState.STARTED)


class Told:
    """Applies `ResultMeta` and `TaskSeen` to the table, through the same merge as the events."""

    def __init__(self, table: Table, merge: Merge) -> None:
        self._table, self._merge = table, merge

    def result(self, meta: ResultMeta, now: float, version: int) -> None:
        """A stored result. A task that only results tell of (no events, `ignore_result` off) gets a row of its own."""
        found = self._place(meta.task_id)
        if found is None:
            return
        segment, place = found
        worker = self._merge.host(meta.worker) if meta.worker else segment.worker[place]
        self._identify(segment, place, meta.name, meta.queue)
        if meta.retries and meta.retries > segment.retries[place]:
            segment.retries[place] = min(meta.retries, 0xFFFF)
        if meta.parent_id and meta.parent_id != meta.task_id and not segment.parent[place]:
            segment.parent[place] = hash(meta.parent_id)
        state = _STATES.get(meta.status)
        if state is not None:
            self._state(segment, place, state, meta, worker)
        self._keep(segment, place, meta.body, cold.RESULT, version)

    def seen(self, seen: TaskSeen, now: float, version: int) -> None:
        """A worker named the task when asked what it runs or holds."""
        found = self._place(seen.task_id)
        if found is None:
            return
        segment, place = found
        self._identify(segment, place, seen.name, seen.queue)
        due = moment(seen.eta) if seen.eta else None
        if due is not None:
            segment.eta[place] = due
        worker = self._merge.host(seen.hostname)
        self._reborn(segment, place, seen)
        if seen.state == "STARTED":
            at = seen.started or seen.at
            if not at < segment.started[place]:
                segment.started[place] = at
            self._merge.advance(segment, place, STARTED, at, worker)
        else:
            self._merge.advance(segment, place, RECEIVED, seen.at, worker)
        self._keep(segment, place, seen.body, cold.SEEN, version)

    def custom(self, event: WireEvent, now: float, version: int) -> None:
        """A user's own `task-xyz`: part of the story, but no state."""
        found = self._place(event.uuid)
        if found is None:
            return
        segment, place = found
        self._identify(segment, place, event.name, event.queue)
        if not segment.updated[place] >= 0.0:  # a task known by nothing else yet
            segment.updated[place] = event.timestamp if 0.0 < event.timestamp < 2 * now else now
        segment.changed[place] = version
        if event.body:
            segment.ref[place] = self._table.cold.append(event.body, event.part, segment.ref[place])

    def _place(self, task_id: str) -> tuple[Segment, int] | None:
        row = self._table.find(task_id)
        if row < 0:
            row = self._merge.add(task_id)
        if row < 0:
            return None
        return self._table.segments[row >> self._table.shift], row & self._table.mask

    def _identify(self, segment: Segment, place: int, name: str | None, queue: str | None) -> None:
        if name and segment.name[place] < 0:
            self._merge.rename(segment, place, name)
        if queue and segment.queue[place] < 0:
            segment.queue[place] = self._table.queues.add(queue)

    def _state(self, segment: Segment, place: int, state: int, meta: ResultMeta, worker: int) -> None:
        old = segment.state[place]
        if state == RETRY and old not in (0, RECEIVED, STARTED):
            return  # the event, or something later, is known
        if state == REVOKED and old in (STARTED, SUCCESS, FAILURE, REVOKED):
            return  # a revoke writes this while the task may still run elsewhere; its end will tell
        if state == RETRY:
            self._merge.moved(segment, place, old, RETRY)
            segment.updated[place] = meta.at
            changed = True
        else:
            changed = self._merge.advance(segment, place, state, meta.at, worker) == CHANGED
        if changed:
            segment.flags[place] |= BY_RESULT
            if state in _OUTCOMES:
                self._merge.ended(worker, _OUTCOMES[state])
        if state != SUCCESS and meta.exception and segment.state[place] == state:
            self._merge.excepted(segment, place, self._exception(meta))

    def _exception(self, meta: ResultMeta) -> str | None:
        if meta.exception != HIDDEN:
            return meta.exception
        try:
            return raised(json.loads(meta.body).get("traceback")) or meta.exception
        except (ValueError, AttributeError, RecursionError):
            return meta.exception

    def _reborn(self, segment: Segment, place: int, seen: TaskSeen) -> None:
        """A worker runs what a stored result called revoked: it was revoked elsewhere, and runs here."""
        revoked = segment.state[place] == REVOKED and segment.flags[place] & BY_RESULT
        if revoked and seen.state == "STARTED" and seen.at > segment.updated[place]:
            self._merge.moved(segment, place, REVOKED, _RUNNING)
            segment.updated[place] = seen.at

    def _keep(self, segment: Segment, place: int, body: bytes, kind: int, version: int) -> None:
        segment.changed[place] = version
        if body:
            segment.ref[place] = self._table.cold.append(body, 0, segment.ref[place], kind)
