"""What does a worker run, hold, wait for, and what did it just end?

Its own answers (active, reserved, scheduled, revoked) merged with what events told: an answer is a few seconds old, an
event is newer but may be missing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lazycelery_core.model import Task, TaskState, Worker
from lazycelery_core.snapshot import Columns, RowQuery, Snapshot
from lazycelery_plugin_workers.reads import Request, entries, requests, told

if TYPE_CHECKING:
    import numpy as np

PLACES = ("active", "reserved", "scheduled", "revoked", "done")
ASKED = PLACES[:3]
ACTIVE_LIMIT = 500
ENDED_LIMIT = 50  # of the tasks that ended here; `t` shows all
REVOKED_LIMIT = 50


@dataclass(frozen=True, slots=True)
class TaskHere(Task):
    """A task with its place in the worker; its arguments and the pid that runs it where the worker told them."""

    place: str = ""
    args: str = ""
    pid: int | None = None


_FIELDS = tuple(each.name for each in fields(Task))


def _here(task: Task, place: str, args: str = "", pid: int | None = None) -> TaskHere:
    return TaskHere(**{name: getattr(task, name) for name in _FIELDS}, place=place, args=args, pid=pid)


def tasks_here(worker: Worker, snapshot: Snapshot) -> list[TaskHere]:
    """What it runs first, what it ended last; each task once."""
    found: dict[str, TaskHere] = {}
    for task in (*_asked(worker, snapshot), *_from_events(worker, snapshot), *_revoked(worker, snapshot)):
        found.setdefault(task.id, task)
    for task in _ended(worker, snapshot):
        found.setdefault(task.id, task)
    return sorted(found.values(), key=lambda task: PLACES.index(task.place))


def running(worker: Worker, snapshot: Snapshot) -> list[TaskHere]:
    """The tasks that occupy its slots; those that began after its last answer have no pid yet."""
    found: dict[str, TaskHere] = {}
    for task in (*_asked(worker, snapshot), *_from_events(worker, snapshot)):
        if task.place == "active":
            found.setdefault(task.id, task)
    return list(found.values())


def _asked(worker: Worker, snapshot: Snapshot) -> Iterator[TaskHere]:
    for place in ASKED:
        read = worker.reads.get(place)
        for request in requests(worker, place) if read is not None else ():
            known = snapshot.tasks.get(request.id)
            if known is None:
                unknown = _unknown_task(request, place, worker, read.at if read else 0.0)
                yield _here(unknown, place, request.args, request.pid)
            elif not (known.state.ended and read is not None and known.updated >= read.at):
                now_at = "active" if known.state is TaskState.STARTED else place
                yield _here(known, now_at, request.args, request.pid)


def _unknown_task(request: Request, place: str, worker: Worker, at: float) -> Task:
    """A task that the worker named and no event did."""
    return _task(
        request.id, request.name, TaskState.STARTED if place == "active" else TaskState.RECEIVED, worker.hostname,
        at, queue=request.queue, started=request.started, eta=_moment(request.eta),
    )  # fmt: skip


def _task(
    task_id: str, name: str, state: TaskState, hostname: str, updated: float, *,
    queue: str = "", started: float | None = None, eta: float | None = None,
) -> Task:  # fmt: skip
    return Task(
        row=-1, id=task_id, name=name, state=state, worker=hostname, queue=queue, retries=0, sent=None, received=None,
        started=started, updated=updated, eta=eta, runtime=None, exception="", parent_key=0, root_key=0, version=0,
    )  # fmt: skip


def _moment(iso: str) -> float | None:
    try:
        return datetime.fromisoformat(iso).timestamp()
    except (ValueError, OverflowError):
        return None


def _from_events(worker: Worker, snapshot: Snapshot) -> Iterator[TaskHere]:
    """Tasks that events put here and that the worker's last answer does not rule out."""
    for task in snapshot.tasks.active(ACTIVE_LIMIT):
        if task.worker == worker.hostname and not _is_past(task, worker, snapshot.now):
            yield _here(task, _place(task, snapshot.now))


def _place(task: Task, now: float) -> str:
    """A retry occupies no slot: it is sent anew and waits for its time."""
    if task.state is TaskState.STARTED:
        return "active"
    return "scheduled" if task.state is TaskState.RETRY or (task.eta or 0.0) > now else "reserved"


def _is_past(task: Task, worker: Worker, now: float) -> bool:
    """Without events nobody tells the end of a task: then a newer answer without it does."""
    read = worker.reads.get(_place(task, now))
    return worker.task_events is False and read is not None and not read.error and read.at > task.updated


def _revoked(worker: Worker, snapshot: Snapshot) -> Iterator[TaskHere]:
    read = worker.reads.get("revoked")
    for task_id in entries(told(worker, "revoked"))[:REVOKED_LIMIT]:
        if isinstance(task_id, str) and read is not None:
            known = snapshot.tasks.get(task_id)
            if known is None or not known.state.ended:
                yield _here(known or _task(task_id, "", TaskState.REVOKED, worker.hostname, read.at), "revoked")


class EndedOn:
    """The filter for tasks that ended on one worker."""

    def __init__(self, hostname: str) -> None:
        self.hostname = hostname
        self.text = ""

    def mask(self, columns: Columns, now: float) -> "np.ndarray[Any, Any]":
        """Rows of that worker in an end state."""
        names = columns.values("worker")
        code = names.index(self.hostname) if self.hostname in names else -2
        mask: np.ndarray[Any, Any] = (columns.codes("worker") == code) & (columns.numbers("state") >= TaskState.SUCCESS)
        return mask

    def matches(self, record: object, now: float) -> bool:
        """The same for one task."""
        return isinstance(record, Task) and record.worker == self.hostname and record.state.ended


def _ended(worker: Worker, snapshot: Snapshot) -> Iterable[TaskHere]:
    page = snapshot.tasks.select(RowQuery(EndedOn(worker.hostname)), ENDED_LIMIT)
    tasks = (snapshot.tasks.row(row) for row in page.rows)
    return (_here(task, "done") for task in tasks if task is not None)
