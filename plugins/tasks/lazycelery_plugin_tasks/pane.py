"""Which tasks were seen? The list of the Tasks view, and the details beside it."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar, overload

from lazycelery_core.gaps import gap_note
from lazycelery_core.looks import TASK_STATES
from lazycelery_core.model import Task, TaskState
from lazycelery_core.pane import TASKS, Cell, Column, DetailPane, DrawContext, Rows, Slot, TablePane
from lazycelery_core.query import Expression, bind, wait
from lazycelery_core.snapshot import RowQuery, Snapshot, Tasks
from lazycelery_core.text import count, safe
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_tasks import cells
from lazycelery_plugin_tasks.empty import no_match, no_tasks
from lazycelery_plugin_tasks.names import last_part, short_id

LIMIT = 10_000  # rows that can be scrolled through; a filter finds what is further down
SLICE = 4_000  # tasks whose args a search reads at a time, at most 16 ms; the next picture goes on
ARGS_KEPT = 2_000  # tasks; a screen shows 70
ARGS_CUT = 500  # characters
CALM = 200.0  # events a second; above it a row is gone before its args could be read
OTHERS = (TaskState.SUCCESS, TaskState.FAILURE, TaskState.RETRY)


class TaskRows(Sequence[Task | None]):
    """Row numbers as tasks, read when they are looked at; None where retention has dropped one since."""

    def __init__(self, tasks: Tasks, rows: Sequence[int]) -> None:
        self._tasks, self._rows = tasks, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Task | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Task | None]: ...
    def __getitem__(self, index: int | slice) -> Task | Sequence[Task | None] | None:
        if isinstance(index, slice):
            return TaskRows(self._tasks, self._rows[index])
        return self._tasks.row(int(self._rows[index]))

    def __iter__(self) -> Iterator[Task | None]:
        return (self._tasks.row(int(row)) for row in self._rows)


class ArgsCell:
    """The args in a cell: read from cold storage once a task, and only while that keeps up with the events."""

    def __init__(self) -> None:
        self._args: OrderedDict[str, str] = OrderedDict()  # by task id, the oldest first

    def __call__(self, task: Task, context: DrawContext) -> Cell:
        args = self._args.get(task.id)
        if args is None:
            if context.snapshot.totals.event_rate > CALM:
                return line(("…", Tone.DIM))
            args = self._read(task, context.snapshot)
        return line((args, Tone.DIM))

    def _read(self, task: Task, snapshot: Snapshot) -> str:
        story = snapshot.tasks.story(task.id, ARGS_CUT)
        if story is None or (story.args is None and story.kwargs is None):
            return ""
        told = [value.text for value in (story.args, story.kwargs) if value and value.text not in ("()", "{}", "[]")]
        args = self._args[task.id] = " ".join(told)[:ARGS_CUT]
        if len(self._args) > ARGS_KEPT:
            self._args.popitem(last=False)
        return args


class TaskList(TablePane):
    """All tasks that are held, the newest first."""

    id: ClassVar[str] = "tasks.list"
    view = TASKS
    title = "Tasks"
    slot = Slot("centre", row=0, order=0, main=True)
    on = "task"
    follows = True
    columns = (
        Column("id", "id", cells.task_id, 6, priority=2, value=lambda task: task.id),
        Column("name", "task", cells.name, 20, grow=2, cut="middle",
               sort=lambda task: task.name, value=lambda task: task.name),
        Column("state", "state", cells.state, 11, sort=lambda task: task.state, value=lambda task: task.state.name),
        Column("worker", "worker", cells.worker, 9, grow=1, priority=3, cut="middle",
               sort=lambda task: task.worker, value=lambda task: task.worker),
        Column("queue", "queue", cells.queue, 9, priority=5, cut="middle",
               sort=lambda task: task.queue, value=lambda task: task.queue),
        Column("received", "received", cells.received, 10, min_width=8, priority=4,
               sort=lambda task: task.received, value=lambda task: task.received),
        Column("wait", "wait", cells.waited, 6, priority=6, align="right",
               sort=lambda task: task.started, value=lambda task: wait(task, task.updated)),
        Column("runtime", "runtime", cells.ran, 7, priority=1, align="right",
               sort=lambda task: task.runtime, value=lambda task: task.runtime),
        Column("retries", "retries", cells.retries, 7, priority=7, align="right",
               sort=lambda task: task.retries, value=lambda task: task.retries),
        Column("exception", "exception", cells.exception, 34, min_width=20, grow=2, priority=10,
               value=lambda task: task.exception),
        Column("args", "args", ArgsCell(), 26, min_width=16, grow=3, priority=8),
        Column("host", "host", cells.host, 10, min_width=6, priority=9, cut="middle"),
    )  # fmt: skip

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """The first LIMIT tasks of the query; how many match in all; and what was left out."""
        chosen = bind(query.filter, snapshot, query.marked, SLICE)
        page = snapshot.tasks.select(replace(query, filter=chosen), LIMIT)
        notes = list(chosen.notes) if isinstance(chosen, Expression) else []
        if page.partial or (isinstance(chosen, Expression) and chosen.unfinished):
            notes.append("args and results are still being searched: there may be more")
        return Rows(TaskRows(snapshot.tasks, page.rows), page.total, page.matched, "; ".join(notes))

    def key(self, item: Any) -> str:
        """The task id."""
        return str(item.id)

    def info(self, context: DrawContext) -> Line:
        """Whether the newest rows stay in view."""
        return line(("following", Tone.ACCENT) if context.follow else ("not following (F)", Tone.DIM))

    def summary(self, snapshot: Snapshot) -> Line:
        """`✓1,204 ✗12 ↻3`."""
        counts = snapshot.tasks.counts()
        looks = [(TASK_STATES[state], counts.get(state, 0)) for state in OTHERS]
        return line(*((f"{look.glyph}{count(number)} ", look.tone) for look, number in looks if number))

    def footnotes(self, context: DrawContext, rows: Rows) -> Sequence[Line]:
        """Events that were missed, and rows that only a filter can reach."""
        notes = gap_note(context.snapshot, context.time_mode)
        if rows.matched is not None and rows.matched > LIMIT:
            shown = f"the first {count(LIMIT)} of {count(rows.matched)} are listed; a filter (f) finds the others"
            notes.append(line((shown, Tone.DIM)))
        return notes

    def empty(self, context: DrawContext, query: RowQuery) -> Sequence[Line]:
        """Filtered away, or nothing told yet."""
        held = context.snapshot.tasks.held
        return no_match(held, query) if query.filter is not None and held else no_tasks(context)


class TaskDetail(DetailPane):
    """Everything about the task under the cursor, where there is room beside the list."""

    id: ClassVar[str] = "tasks.detail"
    view = TASKS
    title = "Task"
    slot = Slot("centre", row=0, order=1, width=72, min_width=160)
    on = "task"
    of = TaskList.id

    def heading(self, context: DrawContext) -> str:
        """`charge_card  5e0d77`."""
        task = context.selected.get(self.of)
        if not isinstance(task, Task):
            return self.title
        return safe(f"{last_part(task.name) or self.title}  {short_id(task.id)}")

    def empty(self, context: DrawContext) -> Sequence[Line]:
        """There is no task under the cursor."""
        return (line(("No task selected.", Tone.DIM)),)
