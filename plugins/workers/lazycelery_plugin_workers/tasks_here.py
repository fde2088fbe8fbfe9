"""The tasks of the worker under the cursor, as a table."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from lazycelery_core.arranging import arranged
from lazycelery_core.looks import task_look
from lazycelery_core.model import TaskState, Worker
from lazycelery_core.pane import WORKERS, Cell, Column, DrawContext, Rows, Slot, TablePane
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.text import UNKNOWN, Safe, age, clock_duration, count, duration
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_workers import facts
from lazycelery_plugin_workers.here import PLACES, TaskHere, tasks_here
from lazycelery_plugin_workers.reads import entries, read_line, told

STORIES = 8  # of the first rows, whose arguments are read back from cold storage at a quarter of a millisecond each
ARGS_CUT = 500  # characters


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


def _with_args(task: TaskHere, snapshot: Snapshot) -> TaskHere:
    """The task with the arguments that events told where the worker did not."""
    story = None if task.args or task.row < 0 else snapshot.tasks.story(task.id, ARGS_CUT)
    return task if story is None or story.args is None else replace(task, args=story.args.text)


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
        rows = arranged(tasks, self.columns, query, snapshot.now)
        return replace(
            rows, items=[*(_with_args(each, snapshot) for each in rows.items[:STORIES]), *rows.items[STORIES:]]
        )

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
