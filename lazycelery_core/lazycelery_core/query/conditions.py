"""What do `is:` and `has:` mean, for a task, a worker, a queue and a message?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from lazycelery_core.model import Message, Queue, Task, TaskState, TaskStory, WorkerState
from lazycelery_core.query.fields import BY_NAME, MESSAGE, QUEUE, TASK, WORKER, first_seen, kind_of, runtime, value_of
from lazycelery_core.query.memory import Array
from lazycelery_core.query.nodes import Data, Known, Node

STUCK_AFTER = 300.0  # s without a report; Celery reports nothing between start and end, so shorter would accuse many
LATE_AFTER = 1.0  # s past its eta; the workers' timers are about that exact
SLOW = 1.05  # times the p95: that is only known to 4 %, and most runs of a steady task are as long
NEW_FOR = 60.0  # s after a thing was first seen

ScalarTest = Callable[[Any, float, Known], bool]
ColumnTest = Callable[[Data, Array], Array]


@dataclass(frozen=True, slots=True)
class Condition:
    """One word after `is:` or `has:`. `column` tests the tasks of a segment, `on` a single record of a kind.

    absent: what is missing to know it; then nothing matches and the user is told.
    """

    name: str
    help: str
    column: ColumnTest | None = None
    on: Mapping[str, ScalarTest] | None = None
    absent: str = ""
    cost: int = 0

    def knows(self, kind: str) -> bool:
        """Whether it can hold for that kind of record; any kind for ""."""
        return not kind or self.name == "marked" or kind in (self.on or {}) or (kind == TASK and bool(self.absent))


@dataclass(frozen=True)
class ConditionTerm(Node):
    """The condition holds."""

    condition: Condition

    @property
    def cost(self) -> int:  # type: ignore[override]
        return self.condition.cost

    def select(self, data: Data, wanted: Array) -> Array:
        return wanted & (self.condition.column(data, wanted) if self.condition.column else False)

    def matches(self, record: object, now: float, known: Known) -> bool:
        kind = kind_of(record)
        if self.condition.name == "marked":
            return key_of(record) in known.marked
        test = (self.condition.on or {}).get(kind)
        return test is not None and bool(test(record, now, known))


def key_of(record: object) -> str:
    """What marks a record: its id, hostname or name."""
    task = record.task if isinstance(record, TaskStory) else record
    for name in ("id", "hostname", "task_id", "name", "key"):
        value = getattr(task, name, None)
        if isinstance(value, str):
            return value
    return ""


def _on_task(test: Callable[[Task, float, Known], bool]) -> Mapping[str, ScalarTest]:
    return {TASK: lambda record, now, known: test(record.task if isinstance(record, TaskStory) else record, now, known)}


def _state(state: TaskState) -> tuple[ColumnTest, Mapping[str, ScalarTest]]:
    return lambda data, _: data.states == state.value, _on_task(lambda task, *_: task.state is state)


def _held(states: Array) -> Array:
    """Not ended: the states come in the order of a task's life."""
    return states < TaskState.SUCCESS.value


def _unstarted(task: Task) -> bool:
    return task.state in (TaskState.PENDING, TaskState.RECEIVED)


def _late_column(data: Data, _: Array) -> Array:
    return (data.states <= TaskState.RECEIVED.value) & (data.columns.numbers("eta") < data.now - LATE_AFTER)


def _late(task: Task, now: float, _: Known) -> bool:
    return _unstarted(task) and task.eta is not None and task.eta < now - LATE_AFTER


def _slow_column(data: Data, _: Array) -> Array:
    limits = data.coded("name", lambda name: data.known.p95.get(name, inf) * SLOW, float)
    result: Array = data.runtime() > limits
    return result


def _slow(task: Task, now: float, known: Known) -> bool:
    return (runtime(task, now) or 0.0) > known.p95.get(task.name, inf) * SLOW


def _stuck_column(data: Data, _: Array) -> Array:
    silent = data.columns.numbers("updated") < data.now - STUCK_AFTER
    return _held(data.states) & silent & ~(data.columns.numbers("eta") > data.now)


def _stuck(task: Task, now: float, _: Known) -> bool:
    return not task.state.ended and task.updated < now - STUCK_AFTER and not (task.eta or 0.0) > now


def _orphan_column(data: Data, _: Array) -> Array:
    gone = data.coded("worker", lambda worker: worker in data.known.gone, bool)
    held: Array = (data.states == TaskState.RECEIVED.value) | (data.states == TaskState.STARTED.value)
    return held & gone


def _orphan(task: Task, _: float, known: Known) -> bool:
    return task.state.active and task.worker in known.gone


def _eta_column(data: Data, _: Array) -> Array:
    return _held(data.states) & (data.columns.numbers("eta") > data.now)


def _eta(task: Task, now: float, _: Known) -> bool:
    return not task.state.ended and (task.eta or 0.0) > now


def _message_eta(message: Message, now: float) -> float:
    eta: float = value_of(message, BY_NAME["eta"], now)
    return eta


def _marked_column(data: Data, wanted: Array) -> Array:
    return data.ids(data.known.marked.__contains__, wanted) if data.known.marked else wanted & False


def _children_column(data: Data, wanted: Array) -> Array:
    """Children come after their parents, so those of an older segment were met before: newest first is the order."""
    return wanted & data.memory.are_parents(data.columns)


def _backed_up(queue: Queue, *_: object) -> bool:
    nobody = queue.consumer_count == 0 if queue.consumer_count is not None else queue.consumers == ()
    return bool(queue.ready) and (nobody or queue.out_rate == 0)


def _cold(name: str) -> tuple[ColumnTest, Mapping[str, ScalarTest]]:
    def test(record: Any, _: float, __: Known) -> bool:
        told = getattr(record, name, None)
        return bool(told and told.text)

    return lambda data, wanted: data.cold(name, bool, wanted), {TASK: test}


IS: Sequence[Condition] = (
    Condition("marked", "marked with Space", _marked_column, {}, cost=2),
    Condition(
        "running", "being run right now", _state(TaskState.STARTED)[0],
        {**_state(TaskState.STARTED)[1], WORKER: lambda worker, *_: bool(worker.active)},
    ),
    Condition("failed", "ended with an exception", *_state(TaskState.FAILURE)),
    Condition(
        "late", "past its eta and not started; a worker: heartbeats overdue", _late_column,
        {
            **_on_task(_late),
            WORKER: lambda worker, *_: worker.state is WorkerState.LATE,
            MESSAGE: lambda message, now, _: _message_eta(message, now) < now - LATE_AFTER,
        },
    ),
    Condition("slow", "runs or ran longer than 95% of its name", _slow_column, _on_task(_slow), cost=1),
    Condition(
        "stuck", f"not ended and nothing heard of it for {STUCK_AFTER / 60:.0f} minutes; a queue: not drained",
        _stuck_column, {**_on_task(_stuck), QUEUE: _backed_up},
    ),
    Condition("orphan", "held by a worker that is gone", _orphan_column, _on_task(_orphan), cost=1),
    Condition(
        "eta", "waits for its eta", _eta_column,
        {**_on_task(_eta), MESSAGE: lambda message, now, _: _message_eta(message, now) > now},
    ),
    Condition("muted", "muted error group", absent="needs a plugin that groups errors"),
    Condition(
        "new", f"first seen in the last {NEW_FOR:.0f} seconds", lambda data, _: data.age() < NEW_FOR,
        {
            **_on_task(lambda task, now, _: now - first_seen(task) < NEW_FOR),
            WORKER: lambda worker, now, _: now - worker.first_seen < NEW_FOR,
        },
    ),
)  # fmt: skip


def _parent_column(data: Data, _: Array) -> Array:
    result: Array = data.columns.numbers("parent") != 0
    return result


HAS: Sequence[Condition] = (
    Condition("traceback", "a traceback", *_cold("traceback"), cost=3),
    Condition("trace", "a trace", absent="needs a plugin that collects traces"),
    Condition("locals", "local variables of its frames", absent="needs the probe in the workers"),
    Condition("result", "a result", *_cold("result"), cost=3),
    Condition(
        "children", "sent other tasks", _children_column,
        _on_task(lambda task, _, known: known.has_children(task.id)), cost=2,
    ),
    Condition("parent", "was sent by a task", _parent_column, _on_task(lambda task, *_: task.parent_key != 0)),
)  # fmt: skip

CONDITIONS: Mapping[str, Mapping[str, Condition]] = {
    "is": {each.name: each for each in IS},
    "has": {each.name: each for each in HAS},
}
