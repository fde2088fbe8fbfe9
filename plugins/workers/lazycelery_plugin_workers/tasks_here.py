"""What does the selected worker run, hold, wait for, and what did it just end?

Its own answers (active, reserved, scheduled, revoked) merged with what events told: an answer is a few seconds old, an
event is newer but may be missing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from lazycelery_core.looks import task_look
from lazycelery_core.model import Task, TaskState, Worker
from lazycelery_core.pane import WORKERS, Cell, Column, DrawContext, Rows, Slot, TablePane
from lazycelery_core.snapshot import Columns, RowQuery, Snapshot
from lazycelery_core.text import UNKNOWN, Safe, age, clock_duration, count, duration
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_workers import facts
from lazycelery_plugin_workers.reads import Request, entries, read_line, requests, told
from lazycelery_plugin_workers.sorting import arranged

if TYPE_CHECKING:
    import numpy as np

PLACES = ("active", "reserved", "scheduled", "revoked", "done")
ASKED = PLACES[:3]
ACTIVE_LIMIT = 500
ENDED_LIMIT = 50  # of the tasks that ended here; `t` shows all
REVOKED_LIMIT = 50


@dataclass(frozen=True, slots=True)
class TaskHere(Task):
    """A task with its place in the worker, and its arguments where the worker told them."""

    place: str = ""
    args: str = ""


_FIELDS = tuple(each.name for each in fields(Task))


def _here(task: Task, place: str, args: str = "") -> TaskHere:
    return TaskHere(**{name: getattr(task, name) for name in _FIELDS}, place=place, args=args)


def tasks_here(worker: Worker, snapshot: Snapshot) -> list[TaskHere]:
    """What it runs first, what it ended last; each task once."""
    found: dict[str, TaskHere] = {}
    for task in (*_asked(worker, snapshot), *_from_events(worker, snapshot), *_revoked(worker, snapshot)):
        found.setdefault(task.id, task)
    for task in _ended(worker, snapshot):
        found.setdefault(task.id, task)
    return sorted(found.values(), key=lambda task: PLACES.index(task.place))


def _asked(worker: Worker, snapshot: Snapshot) -> Iterator[TaskHere]:
    for place in ASKED:
        read = worker.reads.get(place)
        for request in requests(worker, place) if read is not None else ():
            known = snapshot.tasks.get(request.id)
            if known is None:
                yield _here(_unknown_task(request, place, worker, read.at if read else 0.0), place, request.args)
            elif not (known.state.ended and read is not None and known.updated >= read.at):
                yield _here(known, "active" if known.state is TaskState.STARTED else place, request.args)


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
        if task.worker == worker.hostname and not _is_past(task, worker):
            place = "scheduled" if (task.eta or 0.0) > snapshot.now else _place(task.state)
            yield _here(task, place)


def _place(state: TaskState) -> str:
    return "active" if state in (TaskState.STARTED, TaskState.RETRY) else "reserved"


def _is_past(task: Task, worker: Worker) -> bool:
    """Without events nobody tells the end of a task: then a newer answer without it does."""
    read = worker.reads.get(_place(task.state))
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


def _selected(context: DrawContext) -> Worker | None:
    worker = context.selected.get("workers.list")
    return worker if isinstance(worker, Worker) else None


def _state(task: TaskHere, context: DrawContext) -> Cell:
    return task_look(task, context.snapshot.now).line


def _time(task: TaskHere, context: DrawContext) -> Cell:
    """How long it runs or ran, or when it is due."""
    now = context.snapshot.now
    if task.eta is not None and task.eta > now and not task.state.ended:
        return line((age(now - task.eta), Tone.SCHEDULED))
    if task.state is TaskState.STARTED and task.started is not None:
        return line(clock_duration(now - task.started))
    return line((duration(task.runtime), Tone.DIM))


def _counts(worker: Worker) -> Iterator[tuple[str, int]]:
    for place in PLACES[:-1]:
        number = len(entries(told(worker, place)))
        if place == "active" and "active" not in worker.reads:
            number = worker.active or 0
        yield place, number
    yield "done", facts.ended(worker)


class TasksHere(TablePane):
    """The tasks of the worker under the cursor."""

    id: ClassVar[str] = "workers.tasks"
    view = WORKERS
    title = "Tasks here"
    slot = Slot("centre", row=2)
    on = "task"
    columns = (
        Column("id", "id", lambda task, _: line((task.id[:6], Tone.DIM)), 7, priority=1,
               sort=lambda task: task.id, value=lambda task: task.id),
        Column("name", "task", lambda task, _: line(task.name or UNKNOWN), 24, min_width=10, grow=2,
               sort=lambda task: task.name, value=lambda task: task.name, cut="middle"),
        Column("state", "state", _state, 11, sort=lambda task: task.state, value=lambda task: task.state.name),
        Column("place", "where", lambda task, _: line((task.place, Tone.DIM)), 9, priority=3,
               sort=lambda task: PLACES.index(task.place), value=lambda task: task.place),
        Column("time", "for", _time, 10, priority=1,
               sort=lambda task: task.started, value=lambda task: task.runtime),
        Column("args", "args", lambda task, _: line((task.args, Tone.DIM)), 20, min_width=10, grow=3, priority=4,
               value=lambda task: task.args),
    )  # fmt: skip

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """Active, reserved, scheduled, revoked and the last ones done."""
        worker = _selected(context)
        current = snapshot.worker(worker.hostname) if worker is not None else None
        tasks = tasks_here(current, snapshot) if current is not None else []
        return arranged(tasks, self.columns, query, snapshot.now)

    def key(self, item: Any) -> str:
        """The task id."""
        return str(item.id)

    def info(self, context: DrawContext) -> Line:
        """`active 2 │ reserved 9 │ scheduled 3 │ revoked 41 │ done 1,523`."""
        worker = _selected(context)
        if worker is None:
            return ()
        parts = [(f"{place} {count(number)}", Tone.DIM) for place, number in _counts(worker)]
        return line(*(each for at, part in enumerate(parts) for each in ((Safe(" │ " if at else ""), Tone.DIM), part)))

    def footnotes(self, context: DrawContext, rows: Rows) -> Sequence[Line]:
        """How old the worker's answers are."""
        worker = _selected(context)
        return [] if worker is None or not rows.total else [read_line(worker, "active", context.snapshot)]

    def empty(self, context: DrawContext, query: RowQuery) -> Sequence[Line]:
        """Idle, unknown, or filtered away."""
        worker = _selected(context)
        if worker is None:
            return (line(("No worker yet.", Tone.DIM)),)
        if query.filter is not None:
            return (line(("No task here matches ", Tone.DIM), query.filter.text, (". Esc shows all.", Tone.DIM)),)
        return (
            line(("It runs, holds and ended nothing that we know of.", Tone.DIM)),
            read_line(worker, "active", context.snapshot),
        )
