"""What do the workers hold right now? The main pane of the overview."""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any, ClassVar

from lazycelery_core.looks import TASK_STATES
from lazycelery_core.model import Task, TaskState
from lazycelery_core.pane import OVERVIEW, Column, DrawContext, Rows, Slot, TablePane
from lazycelery_core.query import Expression, bind, runtime
from lazycelery_core.snapshot import Filter, RowQuery, Snapshot
from lazycelery_core.text import count
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_tasks import cells
from lazycelery_plugin_tasks.empty import no_match, no_tasks, some_events_off

LIMIT = 500  # tasks; more at once are counted, and listed in the Tasks view
STORIES = 100  # tasks whose args a search reads, about 50 ms
HELD = (TaskState.STARTED, TaskState.RETRY, TaskState.RECEIVED)
BAR_NOTE: Line = line(("bar = runtime against this task's p95 (! = above)", Tone.DIM))


class ActiveTasks(TablePane):
    """Running, retrying and received tasks, those that run longest first."""

    id: ClassVar[str] = "overview.active"
    view = OVERVIEW
    title = "Active tasks"
    slot = Slot("centre", row=1, main=True)
    on = "task"
    default_sort = "runtime"
    default_reverse = True
    columns = (
        Column("id", "id", cells.task_id, 6, priority=2, value=lambda task: task.id),
        Column("name", "task", cells.name, 20, grow=2, cut="middle",
               sort=lambda task: task.name, value=lambda task: task.name),
        Column("state", "state", cells.state, 11, sort=lambda task: task.state, value=lambda task: task.state.name),
        Column("worker", "worker", cells.worker, 9, min_width=8, priority=3, cut="middle",
               sort=lambda task: task.worker, value=lambda task: task.worker),
        Column("queue", "queue", cells.queue, 10, priority=5, cut="middle",
               sort=lambda task: task.queue, value=lambda task: task.queue),
        Column("retries", "retries", cells.retries, 7, priority=6, align="right",
               sort=lambda task: task.retries, value=lambda task: task.retries),
        Column("runtime", "runtime", cells.running, 18, grow=1, priority=1,
               sort=lambda task: task.runtime, value=lambda task: task.runtime),
    )  # fmt: skip

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """All active tasks that match, at most LIMIT."""
        tasks = snapshot.tasks.active(LIMIT)
        shown = list(_matching(tasks, bind(query.filter, snapshot, query.marked), snapshot))
        total = max(len(tasks), held(snapshot))
        note = f"the {LIMIT} that run longest of {count(total)}; T shows all" if len(tasks) >= LIMIT else ""
        return Rows(self._sorted(shown, query, snapshot.now), total, len(shown), note)

    def _sorted(self, tasks: list[Task], query: RowQuery, now: float) -> list[Task]:
        column = next((each for each in self.columns if each.id == query.sort), None)
        if column is None or column.sort is None:
            return tasks
        by = [(runtime(task, now) if column.id == "runtime" else column.sort(task), task) for task in tasks]
        known = sorted((pair for pair in by if pair[0] is not None), key=itemgetter(0), reverse=query.reverse)
        return [task for _, task in known] + [task for value, task in by if value is None]

    def key(self, item: Any) -> str:
        """The task id."""
        return str(item.id)

    def info(self, context: DrawContext) -> Line:
        """How many there are."""
        return line((f"{count(held(context.snapshot))} · all workers", Tone.DIM))

    def summary(self, snapshot: Snapshot) -> Line:
        """`►5 ↻2 ◔1`."""
        counts = snapshot.tasks.counts()
        known = [(TASK_STATES[state], counts.get(state, 0)) for state in HELD]
        parts = [(f"{look.glyph}{count(number)} ", look.tone) for look, number in known if number]
        return line(*parts) if parts else line(("none", Tone.DIM))

    def footnotes(self, context: DrawContext, rows: Rows) -> Sequence[Line]:
        """What the bars mean, and whose tasks may be missing."""
        return [BAR_NOTE, *some_events_off(context.snapshot)]

    def empty(self, context: DrawContext, query: RowQuery) -> Sequence[Line]:
        """Filtered away, idle, or nobody tells."""
        snapshot = context.snapshot
        if query.filter is not None and held(snapshot):
            return no_match(held(snapshot), query)
        if not snapshot.tasks.held:
            return no_tasks(context)
        return [line(("No task is running or waiting at a worker.", Tone.DIM)), *some_events_off(snapshot)]


def _matching(tasks: Sequence[Task], chosen: Filter | None, snapshot: Snapshot) -> Iterator[Task]:
    """Those that a filter lets through; args are only in the story of a task, which takes long to read."""
    stories = STORIES if isinstance(chosen, Expression) and chosen.opens_text else 0
    for place, task in enumerate(tasks):
        record = (snapshot.tasks.story(task.id) if place < stories else None) or task
        if chosen is None or chosen.matches(record, snapshot.now):
            yield task


def held(snapshot: Snapshot) -> int:
    """Tasks that a worker holds, or that wait for their retry."""
    counts = snapshot.tasks.counts()
    return sum(counts.get(state, 0) for state in HELD)
