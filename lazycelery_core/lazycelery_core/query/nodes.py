"""How is a filter evaluated, on a segment of task columns or on one record?

Every node answers only for the rows that are still wanted, cheap parts first, so that cold text is opened for as few
rows as possible. numpy is imported when the first column is read, never at start-up.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import nan
from typing import Any

from lazycelery_core.model import Task, TaskState, TaskStory, WorkerState
from lazycelery_core.query.fields import BY_NAME, Field, as_texts, texts_of, value_of
from lazycelery_core.query.memory import Array, Memory
from lazycelery_core.query.patterns import Predicate
from lazycelery_core.query.picked import Picked
from lazycelery_core.query.values import Interval
from lazycelery_core.snapshot import Columns

CODED = {"name": "name", "worker": "worker", "queue": "queue", "exc": "exception"}
COLD = ("args", "kwargs", "result", "traceback")
DERIVED = ("runtime", "wait", "age")
FEW = 8  # rows of a segment for each that is still wanted
COMPARED = 8  # codes; to compare with each of them is faster than to look up what each row's code means


@dataclass(frozen=True, slots=True)
class Known:
    """What a filter must know besides the row: marked keys, p95 of each task name in seconds, the hostnames of workers
    that are gone, and whether a task with that id has children."""

    marked: frozenset[str] = frozenset()
    p95: Mapping[str, float] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    has_children: Callable[[str], bool] = lambda _: False


@dataclass
class Data:
    """One segment under evaluation; what is derived from its columns is worked out once."""

    columns: Columns
    now: float
    known: Known = field(default_factory=Known)
    memory: Memory = field(default_factory=Memory)

    @cached_property
    def states(self) -> Array:
        """(size,) state numbers, single bytes. To be compared with plain ints: an enum makes eight bytes of each."""
        states: Array = self.columns.numbers("state")
        return states

    def numbers(self, name: str) -> Array:
        """(size,) the values of a numeric field of the language, NaN where unknown."""
        if name in DERIVED:
            derived: Array = getattr(self, name)()
            return derived
        return self.columns.numbers({"time": "updated", "since": "updated"}.get(name, name))

    def runtime(self) -> Array:
        """As `fields.runtime`."""
        rows, so_far = self.runtime_untold()
        result: Array = self.columns.numbers("runtime").copy()
        result[rows] = so_far
        return result

    def runtime_untold(self) -> tuple[Array, Array]:
        """The rows of which no runtime was told, and theirs: few, most tasks have ended."""
        import numpy as np

        rows = np.flatnonzero(np.isnan(self.columns.numbers("runtime")))
        states, started = self.states[rows], self.columns.numbers("started")[rows]
        until = np.where(states == TaskState.STARTED.value, self.now, self.columns.numbers("updated")[rows])
        ran = (states > TaskState.RECEIVED.value) & (until >= started)
        return rows, np.where(ran, until - started, np.nan)

    def wait(self) -> Array:
        """As `fields.wait`."""
        import numpy as np

        sent, received = self.columns.numbers("sent"), self.columns.numbers("received")
        begun = np.where(np.isnan(sent) | (self.columns.numbers("retries") > 0), received, sent)
        begun = np.where(np.isnan(begun), begun, np.fmax(begun, self.columns.numbers("eta")))
        until = np.where(self.states <= TaskState.RECEIVED.value, self.now, self.columns.numbers("started"))
        result: Array = np.maximum(0.0, until - begun)
        return result

    def age(self) -> Array:
        """As the field `age`."""
        import numpy as np

        times = [self.columns.numbers(name) for name in ("sent", "received", "started", "updated")]
        result: Array = np.maximum(0.0, self.now - np.fmin.reduce(times))
        return result

    def coded(self, name: str, of: Callable[[str], Any], kind: type) -> Array:
        """(size,) `of` of each row's text, worked out once per entry of the dictionary; of "" where unknown."""
        codes, values = self._codes(name)
        return _by_code(codes, _table(of, values, kind))

    def fitting(self, name: str, fits: Predicate) -> Array:
        """(size,) bool: which rows have a fitting text; the dictionary is only looked through when it has grown."""
        codes, values = self._codes(name)
        kept = self.memory.tables.get(fits)
        if kept is None or kept[0] is not values or len(kept[1]) <= len(values):
            kept = self.memory.tables[fits] = values, _table(fits, values, bool)
        return _are_true(codes, kept[1])

    def _codes(self, name: str) -> tuple[Array, Sequence[str]]:
        """A copy of the codes, and the dictionary as it is after: the writer adds a text before it uses its code."""
        return self.columns.codes(name).copy(), self.columns.values(name)

    def ids(self, fits: Predicate, wanted: Array) -> Array:
        """Which wanted rows have a fitting id."""
        import numpy as np

        ids, hits = self.columns.ids, np.zeros(self.columns.size, bool)
        hits[[row for row in np.flatnonzero(wanted).tolist() if fits(ids[row])]] = True
        return hits

    def cold(self, name: str, fits: Predicate, wanted: Array) -> Array:
        """Which wanted rows have a fitting cold text, as far as it was read."""
        return self.memory.cold(self.columns, name, fits, wanted)


def _table(of: Callable[[str], Any], values: Sequence[str], kind: type) -> Array:
    """`of` of each text of a dictionary by its code; the last entry is for texts that are not known, code -1."""
    import numpy as np

    return np.fromiter((of(text) for text in (*values, "")), kind)


def _by_code(codes: Array, table: Array) -> Array:
    found: Array = table.take(codes, mode="wrap")  # wraps -1, and is twice as fast as to look for what is too large
    return found


def _are_true(codes: Array, table: Array) -> Array:
    """As `_by_code`, of a table of bool."""
    import numpy as np

    true = np.flatnonzero(table).tolist()
    if len(true) > COMPARED:
        return _by_code(codes, table)
    hits: Array = np.zeros(codes.size, bool)
    for code in true:
        hits |= codes == (code if code < table.size - 1 else -1)
    return hits


class Node(ABC):
    """A part of a filter. `cost` orders evaluation: 0 numbers, 1 dictionaries, 2 ids, 3 cold text."""

    cost = 0

    @abstractmethod
    def select(self, data: Data, wanted: Array) -> Array:
        """(size,) bool: which of the wanted rows match; False for all others."""

    @abstractmethod
    def matches(self, record: object, now: float, known: Known) -> bool:
        """Whether one record matches."""


@dataclass(frozen=True)
class Constant(Node):
    """Everything, or nothing."""

    answer: bool

    def select(self, data: Data, wanted: Array) -> Array:
        return wanted & self.answer

    def matches(self, record: object, now: float, known: Known) -> bool:
        return self.answer


def _weight(part: Node) -> tuple[int, int]:
    """Cheap parts first; of those states, then plain numbers, texts of a dictionary, and numbers that are derived."""
    if part.cost > 1:
        return part.cost, 0
    if isinstance(part, NumberTerm):
        return 0, 3 if part.field.name in DERIVED else 1
    return 0, 0 if isinstance(part, StateTerm) else 2


def _all_of(parts: Sequence[Node], data: Data, wanted: Array) -> Array:
    """Which wanted rows match all parts. Few rows are picked out first, unless cold text or ids must be opened."""
    import numpy as np

    for index, part in enumerate(parts):
        if part.cost <= 1 and np.count_nonzero(wanted) * FEW < wanted.size:
            rows = np.flatnonzero(wanted)
            picked = Data(Picked(data.columns, rows), data.now, data.known, data.memory)
            cheap = [each for each in parts[index:] if each.cost <= 1]
            wanted = np.zeros(wanted.size, bool)
            wanted[rows] = _all_of(cheap, picked, np.ones(rows.size, bool))
            return _all_of(parts[index + len(cheap) :], data, wanted)
        wanted = part.select(data, wanted)
    return wanted


@dataclass(frozen=True)
class Both(Node):
    """All parts match."""

    parts: Sequence[Node]

    @property
    def cost(self) -> int:  # type: ignore[override]
        return max(part.cost for part in self.parts)

    def select(self, data: Data, wanted: Array) -> Array:
        return _all_of(sorted(self.parts, key=_weight), data, wanted)

    def matches(self, record: object, now: float, known: Known) -> bool:
        return all(part.matches(record, now, known) for part in self.parts)


@dataclass(frozen=True)
class Either(Node):
    """At least one part matches."""

    parts: Sequence[Node]

    @property
    def cost(self) -> int:  # type: ignore[override]
        return max(part.cost for part in self.parts)

    def select(self, data: Data, wanted: Array) -> Array:
        hits = wanted & False
        for part in sorted(self.parts, key=lambda part: part.cost):
            hits = hits | part.select(data, wanted & ~hits)
        return hits

    def matches(self, record: object, now: float, known: Known) -> bool:
        return any(part.matches(record, now, known) for part in self.parts)


@dataclass(frozen=True)
class Negated(Node):
    """The part does not match."""

    part: Node

    @property
    def cost(self) -> int:  # type: ignore[override]
        return self.part.cost

    def select(self, data: Data, wanted: Array) -> Array:
        return wanted & ~self.part.select(data, wanted)

    def matches(self, record: object, now: float, known: Known) -> bool:
        return not self.part.matches(record, now, known)


@dataclass(frozen=True)
class TextTerm(Node):
    """The text of a field fits."""

    field: Field
    fits: Predicate

    @property
    def cost(self) -> int:  # type: ignore[override]
        return 1 if self.field.name in CODED else 2 if self.field.name == "id" else 3

    def select(self, data: Data, wanted: Array) -> Array:
        name = self.field.name
        if name in CODED:
            return wanted & data.fitting(CODED[name], self.fits)
        if name == "id":
            return data.ids(self.fits, wanted)
        return data.cold(name, self.fits, wanted) if name in COLD else wanted & False

    def matches(self, record: object, now: float, known: Known) -> bool:
        value = value_of(record, self.field, now)
        if isinstance(value, str) or value is None:
            return value is not None and self.fits(value)
        return any(map(self.fits, as_texts(value)))


@dataclass(frozen=True)
class WordTerm(Node):
    """The text is somewhere in id, name, worker, exception or, looked at last, in args."""

    fits: Predicate
    cost = 3

    def select(self, data: Data, wanted: Array) -> Array:
        places = [TextTerm(BY_NAME[name], self.fits) for name in ("name", "worker", "exc", "id", "args")]
        return Either(places).select(data, wanted)

    def matches(self, record: object, now: float, known: Known) -> bool:
        return any(map(self.fits, texts_of(record, now)))


@dataclass(frozen=True)
class NumberTerm(Node):
    """The value of a field lies in one of the intervals."""

    field: Field
    intervals: Sequence[Interval]

    def select(self, data: Data, wanted: Array) -> Array:
        if "task" not in self.field.on:
            return wanted & False
        if self.field.name != "runtime":
            return wanted & self._holds(data.numbers(self.field.name), data.now)
        hits = self._holds(data.columns.numbers("runtime"), data.now)
        rows, so_far = data.runtime_untold()
        hits[rows] = self._holds(so_far, data.now)
        return wanted & hits

    def _holds(self, values: Array, now: float) -> Array:
        """(size,) bool: which values lie in one of the intervals."""
        hits: Array = self.intervals[0].holds(values, now)
        for each in self.intervals[1:]:
            hits |= each.holds(values, now)
        return hits

    def matches(self, record: object, now: float, known: Known) -> bool:
        value = value_of(record, self.field, now)
        number = float(value) if isinstance(value, (int, float)) else nan
        return any(each.holds(number, now) for each in self.intervals)


@dataclass(frozen=True)
class StateTerm(Node):
    """The state is one of these. `scheduled` adds received tasks whose eta is still to come."""

    tasks: frozenset[TaskState]
    workers: frozenset[WorkerState]
    scheduled: bool = False

    def select(self, data: Data, wanted: Array) -> Array:
        import numpy as np

        hits: Array = np.zeros(data.columns.size, bool)
        for state in self.tasks:  # comparing single bytes is ten times as fast as looking each up
            hits |= data.states == state.value
        if self.scheduled:
            hits |= (data.states == TaskState.RECEIVED.value) & (data.columns.numbers("eta") > data.now)
        found: Array = wanted & hits
        return found

    def matches(self, record: object, now: float, known: Known) -> bool:
        state = value_of(record, BY_NAME["state"], now)
        task = _task_of(record)
        if self.scheduled and task and task.state is TaskState.RECEIVED and (task.eta or 0.0) > now:
            return True
        return state in self.tasks if isinstance(state, TaskState) else state in self.workers


def _task_of(record: object) -> Task | None:
    return record.task if isinstance(record, TaskStory) else record if isinstance(record, Task) else None


@dataclass(frozen=True)
class KeyTerm(Node):
    """`parent` or `root` is the task with one of these ids, compared by their keys (`hash(id)`)."""

    field: Field
    keys: frozenset[int]

    def select(self, data: Data, wanted: Array) -> Array:
        import numpy as np

        hits: Array = np.isin(data.columns.numbers(self.field.name), np.array(sorted(self.keys), np.int64))
        found: Array = wanted & hits
        return found

    def matches(self, record: object, now: float, known: Known) -> bool:
        return value_of(record, self.field, now) in self.keys
