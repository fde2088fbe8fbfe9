"""What may a pane know? One consistent, versioned read view of a deployment.

A snapshot is cheap: row counts, versions and references to frozen records; nothing is copied per task. Panes get it,
never the store. `Tasks` is the protocol that the store's table of tasks fulfils.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from lazycelery_core.model import Host, Link, Queue, Routing, Task, TaskState, TaskStory, Worker

if TYPE_CHECKING:
    import numpy as np  # loaded after the first frame only


class Columns(Protocol):
    """The rows of one segment as arrays: what a filter is evaluated on. All arrays are (size,).

    codes: dictionary codes of `name worker queue exception` (int16 or int32, -1 unknown), `values` the texts of them.
    numbers: `state` uint8 (TaskState), `retries` uint16, `parent` and `root` int64 keys (`hash(id)`, 0 unknown), and
    the floats `sent received started updated eta` in Unix seconds and `runtime` in seconds, NaN where unknown.
    """

    size: int

    @property
    def ids(self) -> Sequence[str]:
        """Task ids by row."""

    def codes(self, field: str) -> "np.ndarray[Any, Any]":
        """The dictionary codes of a text field."""

    def values(self, field: str) -> Sequence[str]:
        """The dictionary: code -> text."""

    def numbers(self, field: str) -> "np.ndarray[Any, Any]":
        """A numeric field."""

    def texts(self, rows: Sequence[int]) -> Iterator[tuple[int, Mapping[str, str]]]:
        """(row in this segment, its cold texts by field: args kwargs result traceback) from cold storage, slowly."""


class Filter(Protocol):
    """A parsed filter or search; `query.parse` makes them."""

    text: str

    def mask(self, columns: Columns, now: float) -> "np.ndarray[Any, Any]":
        """(size,) bool: which rows of the segment match. Opens cold text only for rows the cheap terms let through."""

    def matches(self, record: object, now: float) -> bool:
        """Whether a worker, queue, message or other record matches."""


@dataclass(frozen=True, slots=True)
class RowQuery:
    """What a table wants: a filter (None: everything), the id of the sort column ("": arrival), and its direction.

    `marked` are keys of marked rows, for `is:marked`.
    """

    filter: Filter | None = None
    sort: str = ""
    reverse: bool = False
    marked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class NameStats:
    """Counts and runtime percentiles of one task name since the monitor started listening. Seconds."""

    name: str
    counts: Mapping[TaskState, int]
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class TaskPage:
    """The answer to a task query: (n,) row numbers in display order, read lazily through `Tasks.row`.

    `rows` holds at most the asked number of rows. `matched` counts all matches, None while still counting;
    `total` is the tasks held. `partial` is true where free text was not searched to the end.
    """

    rows: Sequence[int]
    matched: int | None
    total: int
    partial: bool = False


class Tasks(Protocol):
    """The table of tasks as of one version."""

    @property
    def held(self) -> int:
        """Tasks in memory."""

    @property
    def evicted(self) -> int:
        """Tasks dropped by retention since start."""

    def row(self, row: int) -> Task | None:
        """The task in this row, None when it was evicted."""

    def get(self, task_id: str) -> Task | None:
        """The task with this id, None when it is not held."""

    def story(self, task_id: str, most: int = 100_000) -> TaskStory | None:
        """All that is known about a task, from cold storage; slow (about 1 ms), for details only.

        most: characters of one text; where more are known it says how many.
        """

    def select(self, query: RowQuery, limit: int = 200) -> TaskPage:
        """The first `limit` rows of a query in its order; without filter and sort: newest first, O(limit)."""

    def children(self, task: Task, limit: int = 200) -> Sequence[Task]:
        """Tasks whose parent is this one (never itself), oldest first."""

    def active(self, limit: int = 500) -> Sequence[Task]:
        """Tasks that are received, running or waiting for a retry, longest running first."""

    def counts(self) -> Mapping[TaskState, int]:
        """Held tasks per state; O(1)."""

    def names(self) -> Sequence[NameStats]:
        """Statistics per task name, most frequent first; bounded, the rest is counted under `(other)`."""

    def stats(self, name: str) -> NameStats | None:
        """Statistics of one task name; O(1)."""

    def rates(self, seconds: int, steps: int, worker: str = "") -> "Rates":
        """Finished tasks per step over the last `seconds`, for charts."""

    def __iter__(self) -> Iterator[Task]:
        """Every held task, newest first: for exports and tests, never for a frame."""


@dataclass(frozen=True, slots=True)
class Rates:
    """(steps,) finished tasks a second, oldest first, by outcome. `gaps` are step indexes with missed events.

    A step before the monitor listened is None, not 0.
    """

    succeeded: Sequence[float | None]
    failed: Sequence[float | None]
    retried: Sequence[float | None]
    gaps: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Totals:
    """Counters since start, and how complete they are. `left_out` tells `dropped` by the bound that was reached."""

    events: int = 0
    event_rate: float = 0.0
    lag: float | None = None
    heartbeats: int = 0
    dropped: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    ignored: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of one deployment. `now` is the frame's clock, Unix seconds; `since` when listening began.

    `broker` is the masked URL, `name` the connection's name. `level` is the badge text (`READ-ONLY` ...), `scopes` the
    granted ones. `views` holds each projection's `view()`. `requests` maps `<kind>:<key>` of a target to what became of
    a write that was sent to it: "requested" until the broker reports the effect, "not confirmed" after 10 s. `host` is
    what this program itself costs, `routing` how messages get into queues, None where no broker told it.
    """

    version: int
    now: float
    since: float
    name: str
    broker: str
    level: str
    scopes: frozenset[str]
    tasks: Tasks
    workers: Sequence[Worker]
    queues: Sequence[Queue]
    totals: Totals
    links: Sequence[Link]
    views: Mapping[str, Any] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)
    host: Host = field(default_factory=Host)
    routing: Routing | None = None

    def worker(self, hostname: str) -> Worker | None:
        """The worker of that node name."""
        return next((worker for worker in self.workers if worker.hostname == hostname), None)

    def queue(self, name: str) -> Queue | None:
        """The queue of that name."""
        return next((queue for queue in self.queues if queue.name == name), None)
