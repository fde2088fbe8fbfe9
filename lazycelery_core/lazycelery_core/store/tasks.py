"""The table of tasks as panes see it: a row count and a version over memory that goes on changing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lazycelery_core.model import Gap, Task, TaskState, TaskStory
from lazycelery_core.redact import Redactor
from lazycelery_core.snapshot import NameStats, Rates, RowQuery, TaskPage
from lazycelery_core.store.aggregates import STATES, WINDOW, WORKER_STEP, Aggregates, WorkerCounts
from lazycelery_core.store.counting import Counting
from lazycelery_core.store.dictionary import OTHER
from lazycelery_core.store.rings import FAILED, RETRIED, SUCCEEDED, Ring
from lazycelery_core.store.room import MOST
from lazycelery_core.store.segment import STATE, Segment
from lazycelery_core.store.story import read_story
from lazycelery_core.store.table import Table

if TYPE_CHECKING:
    from lazycelery_core.store import search

_STATES = tuple(TaskState)


class StoreTasks:
    """Fulfils `snapshot.Tasks`. Cheap to make; numpy is loaded by the first question that needs it."""

    def __init__(
        self,
        table: Table,
        aggregates: Aggregates,
        workers: WorkerCounts,
        redactor: Redactor,
        counting: Counting,
        gaps: Sequence[Gap],
        since: float,
        now: float,
    ) -> None:
        self._table, self._aggregates, self._workers, self._redactor = table, aggregates, workers, redactor
        self._counting, self._gaps, self._since, self._now = counting, gaps, since, now
        self._segments = table.segments
        self._rows, self._evicted = table.rows, table.evicted

    @property
    def held(self) -> int:
        return self._rows - self._evicted

    @property
    def evicted(self) -> int:
        return self._evicted

    def row(self, row: int) -> Task | None:
        segment = self._segments.get(row >> self._table.shift)
        return task_of(self._table, segment, row) if segment is not None and 0 <= row < self._rows else None

    def get(self, task_id: str) -> Task | None:
        return self.row(self._table.index.get(task_id))

    def story(self, task_id: str, most: int = MOST) -> TaskStory | None:
        task = self.get(task_id)
        if task is None:
            return None
        segment = self._segments[task.row >> self._table.shift]
        return read_story(task, segment.ref[task.row & self._table.mask], self._table, self._redactor, most)

    def select(self, query: RowQuery, limit: int = 200) -> TaskPage:
        if query.filter is None and not query.sort:
            rows = range(self._evicted, self._rows)
            return TaskPage(rows[:limit] if query.reverse else rows[::-1][:limit], self.held, self.held)
        return self._search().select(query, limit)

    def children(self, task: Task, limit: int = 200) -> Sequence[Task]:
        return self._found(self._search().children(task, limit))

    def active(self, limit: int = 500) -> Sequence[Task]:
        return self._found(self._search().active(limit))

    def unfinished(self, limit: int, silent_since: float | None, after: int) -> Sequence[Task]:
        """Tasks without an end, oldest first, from the row `after` on and then from the start.

        silent_since: only those of which nothing was heard since then, Unix seconds.
        """
        return self._found(self._search().unfinished(limit, silent_since, after))

    def counts(self) -> Mapping[TaskState, int]:
        totals, gone = self._aggregates.totals(), self._table.evicted_by_state
        return {state: totals[state] - gone[state] for state in _STATES}

    def names(self) -> Sequence[NameStats]:
        names = self._table.names.values
        all_of_them = [self._stats(code) for code in range(len(names))]
        return sorted(all_of_them, key=lambda stats: (stats.name == OTHER, -sum(stats.counts.values()), stats.name))

    def stats(self, name: str) -> NameStats | None:
        code = self._table.names.codes.get(name, -1)
        return self._stats(code) if code >= 0 else None

    def rates(self, seconds: int, steps: int, worker: str = "") -> Rates:
        width = seconds / steps
        start = int(self._now) - seconds
        with self._table.lock:  # rings forget while they are read
            ring = self._ring(worker)
            series = [ring.sums(outcome, start, width, steps, self._now) for outcome in (SUCCEEDED, FAILED, RETRIED)]
        unknown = self._steps_before_start(start, width, steps)
        succeeded, failed, retried = ([None] * unknown + values[unknown:] for values in series)
        return Rates(succeeded, failed, retried, self._gap_steps(start, width, steps))

    def __iter__(self) -> Iterator[Task]:
        for row in range(self._rows - 1, self._evicted - 1, -1):
            task = self.row(row)
            if task is not None:
                yield task

    def _search(self) -> "search.Search":
        from lazycelery_core.store.search import Search

        segments = tuple(self._segments.values())
        return Search(self._table, segments, self._rows, self._redactor, self._counting, self._now)

    def _found(self, rows: Sequence[int]) -> list[Task]:
        return [task for task in map(self.row, rows) if task is not None]

    def _stats(self, code: int) -> NameStats:
        return self._aggregates.stats(code, self._table.names.values[code])

    def _ring(self, worker: str) -> Ring:
        if not worker:
            return self._aggregates.ring(self._now)
        code = self._table.hosts.codes.get(worker, -1)
        self._workers.tick(self._now)
        return (self._workers.rings[code] if code >= 0 else None) or Ring(WORKER_STEP, WINDOW // WORKER_STEP)

    def _steps_before_start(self, start: float, width: float, steps: int) -> int:
        """Steps that ended before we listened, or before the rings begin."""
        known = max(self._since, self._now - WINDOW)
        return max(0, min(steps, int((known - start) // width)))

    def _gap_steps(self, start: float, width: float, steps: int) -> frozenset[int]:
        touched: set[int] = set()
        for gap in self._gaps:
            first = max(0, int((gap.start - start) // width))
            last = min(steps - 1, int(((gap.end if gap.end is not None else self._now) - start) // width))
            touched.update(range(first, last + 1))
        return frozenset(touched)


def task_of(table: Table, segment: Segment, row: int) -> Task:
    """The task in a row, as a record."""
    at = row & table.mask
    return Task(
        row=row, id=segment.ids[at], name=table.names.text(segment.name[at]), state=_STATES[segment.mark[at] & STATE],
        worker=table.hosts.text(segment.worker[at]), queue=table.queues.text(segment.queue[at]),
        retries=segment.retries[at], sent=_known(segment.sent[at]), received=_known(segment.received[at]),
        started=_known(segment.started[at]), updated=_known(segment.updated[at]) or 0.0, eta=segment.eta.get(at),
        runtime=_known(segment.runtime[at]), exception=table.exceptions.text(segment.exception[at]),
        parent_key=segment.parent[at], root_key=segment.root[at], version=segment.changed[at],
    )  # fmt: skip


def _known(value: float) -> float | None:
    return value if value == value else None  # noqa: PLR0124 - NaN is not itself


assert len(_STATES) == STATES
