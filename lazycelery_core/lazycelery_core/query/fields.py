"""Which fields does the filter language know, on which kinds of things, and what is their value?

One table: the parser, the completion, the documentation and the match of a single record are all made from it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from math import nan
from typing import Any

from lazycelery_core.model import Message, Queue, Task, TaskState, TaskStory, Told, Worker
from lazycelery_core.query.values import Type

TASK, WORKER, QUEUE, MESSAGE = "task", "worker", "queue", "message"
PLURALS = {TASK: "tasks", WORKER: "workers", QUEUE: "queues", MESSAGE: "messages"}

Getter = Callable[[Any, float], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the language. `on` maps a kind of record to the value of one; `absent` why a kind has none yet."""

    name: str
    type: Type
    help: str
    on: Mapping[str, Getter]
    absent: Mapping[str, str] | None = None
    example: str = ""

    @property
    def operator(self) -> str:
        """The operator that completion offers first."""
        return ">" if self.type in (Type.DURATION, Type.SIZE) else ":"


def _attribute(name: str) -> Getter:
    return lambda record, _: getattr(record, name)


def first_seen(task: Task) -> float:
    """When the task was first heard of, Unix seconds."""
    return min(time for time in (task.sent, task.received, task.started, task.updated) if time is not None)


def runtime(task: Task, now: float) -> float | None:
    """Seconds that the last attempt ran, or runs so far: as its worker told, else from its start to its last report."""
    if task.runtime is not None:
        return task.runtime
    if task.started is None or task.state <= TaskState.RECEIVED:
        return None
    until = now if task.state is TaskState.STARTED else task.updated
    return until - task.started if until >= task.started else None


def wait(task: Task, now: float) -> float | None:
    """Seconds that the last attempt waited, or waits: from sent, or received, or the eta if that is later, to started.

    The sending of a retry is often not told, so a later attempt counts from when it was received.
    """
    begun = task.sent if task.sent is not None and not task.retries else task.received
    if begun is None:
        return None
    if task.eta is not None:
        begun = max(begun, task.eta)
    until = now if task.state <= TaskState.RECEIVED else task.started
    return None if until is None else max(0.0, until - begun)


def _told(name: str) -> Getter:
    def text(record: Any, _: float) -> str:
        value: Told | None = getattr(record, name, None)
        return value.text if isinstance(value, Told) else ""

    return text


def _of_task(get: Getter) -> Getter:
    """The value of a task, or of the task in a story."""
    return lambda record, now: get(record.task if isinstance(record, TaskStory) else record, now)


def _iso(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return nan


def _since(name: str) -> Getter:
    """Seconds since a time in that attribute."""

    def seconds(record: Any, now: float) -> float | None:
        at = getattr(record, name)
        return None if at is None else max(0.0, now - at)

    return seconds


def _switch(record: Worker, _: float) -> str:
    return {True: "on", False: "off", None: "unknown"}[record.task_events]


def _task(name: str) -> Getter:
    return _of_task(_attribute(name))


def _itself(record: Any, _: float) -> Any:
    return record


_NOT_IN_EVENTS = "is not in task events; it is known of messages waiting in a queue"

FIELDS: Sequence[Field] = (
    Field(
        "id", Type.TEXT, "task id or part of it",
        {TASK: _task("id"), MESSAGE: _attribute("task_id")}, example="a3f9",
    ),
    Field(
        "name", Type.TEXT, "task name, or the worker's or queue's own name",
        {TASK: _task("name"), WORKER: _attribute("hostname"), QUEUE: _attribute("name"), MESSAGE: _attribute("task")},
        example="orders.*",
    ),
    Field(
        "state", Type.STATE, "task or worker state",
        {TASK: _task("state"), WORKER: _attribute("state")}, example="failed",
    ),
    Field(
        "worker", Type.TEXT, "worker name or glob",
        {TASK: _task("worker"), WORKER: _attribute("hostname")}, example="worker-3",
    ),
    Field(
        "queue", Type.TEXT, "queue name",
        {TASK: _task("queue"), WORKER: _attribute("queues"), QUEUE: _attribute("name"), MESSAGE: _attribute("queue")},
        example="default",
    ),
    Field("root", Type.KEY, "id of the first task of the workflow", {TASK: _task("root_key")}),
    Field("parent", Type.KEY, "id of the task that sent it", {TASK: _task("parent_key")}),
    Field("group", Type.TEXT, "id of the group it belongs to", {}, {TASK: "is not in task events"}),
    Field(
        "args", Type.TEXT, "positional arguments",
        {TASK: _told("args"), MESSAGE: _attribute("args")}, example="cust-42",
    ),
    Field("kwargs", Type.TEXT, "keyword arguments", {TASK: _told("kwargs"), MESSAGE: _attribute("kwargs")}),
    Field("result", Type.TEXT, "what it returned", {TASK: _told("result")}),
    Field("exc", Type.TEXT, "exception", {TASK: _task("exception")}, example="Timeout"),
    Field(
        "retries", Type.NUMBER, "attempts after the first",
        {TASK: _task("retries"), MESSAGE: _attribute("retries")}, example="2",
    ),
    Field(
        "priority", Type.NUMBER, "priority of a waiting message",
        {MESSAGE: _attribute("priority")}, {TASK: _NOT_IN_EVENTS},
    ),
    Field(
        "eta", Type.TIME, "not to be run before",
        {TASK: _task("eta"), MESSAGE: lambda message, _: _iso(message.eta)}, example="today",
    ),
    Field("runtime", Type.DURATION, "how long it ran, or runs so far", {TASK: _of_task(runtime)}, example="5s"),
    Field("wait", Type.DURATION, "time in the queue", {TASK: _of_task(wait)}, example="2s"),
    Field(
        "age", Type.DURATION, "time since it was first seen",
        {TASK: _of_task(lambda task, now: max(0.0, now - first_seen(task))), WORKER: _since("first_seen")},
        example="1h",
    ),
    Field("time", Type.TIME, "last change", {TASK: _task("updated")}, example="14:20..14:32"),
    Field("since", Type.TIME, "changed since", {TASK: _task("updated")}, example="15m"),
    Field("trace", Type.TEXT, "trace id", {}, {TASK: "needs a plugin that collects traces"}),
    Field(
        "routing_key", Type.TEXT, "routing key", {QUEUE: _attribute("routing_key")},
        {TASK: "is in task-sent events only, which are not searched for it"},
    ),
    Field("exchange", Type.TEXT, "exchange that leads to a queue", {QUEUE: _attribute("exchange")}),
    Field("is", Type.FLAG, "a condition", dict.fromkeys(PLURALS, _itself), example="running"),
    Field("has", Type.FLAG, "something it has", {TASK: _itself}, example="parent"),
    Field("pool", Type.TEXT, "pool implementation", {WORKER: _attribute("pool")}),
    Field("pid", Type.NUMBER, "main process id", {WORKER: _attribute("pid")}),
    Field("busy", Type.NUMBER, "tasks running there", {WORKER: _attribute("active")}),
    Field("concurrency", Type.NUMBER, "slots of the pool", {WORKER: _attribute("concurrency")}),
    Field("events", Type.TEXT, "task events on, off or unknown", {WORKER: _switch}, example="off"),
    Field("beat", Type.DURATION, "time since the last heartbeat", {WORKER: _since("beat_at")}, example="10s"),
    Field("rate", Type.NUMBER, "tasks done a second", {WORKER: _attribute("rate")}),
    Field("failed", Type.NUMBER, "failures since listening began", {WORKER: _attribute("failed")}),
    Field("p95", Type.DURATION, "95th percentile of the runtime", {WORKER: _attribute("p95")}),
    Field("rss", Type.SIZE, "memory", {WORKER: _attribute("rss")}, example="400mb"),
    Field("software", Type.TEXT, "Celery's name and version", {WORKER: _attribute("software")}),
    Field("ready", Type.NUMBER, "messages waiting", {QUEUE: _attribute("ready")}, example="1000"),
    Field("unacked", Type.NUMBER, "messages held by workers", {QUEUE: _attribute("unacked")}),
    Field("consumers", Type.TEXT, "workers that consume it", {QUEUE: lambda queue, _: queue.consumers or ()}),
    Field("in", Type.NUMBER, "messages coming in a second", {QUEUE: _attribute("in_rate")}),
    Field("out", Type.NUMBER, "messages going out a second", {QUEUE: _attribute("out_rate")}),
    Field("oldest", Type.DURATION, "age of the oldest message", {QUEUE: _attribute("oldest")}, example="5m"),
    Field("size", Type.SIZE, "size of a message", {MESSAGE: _attribute("size")}, example="10kb"),
)  # fmt: skip

BY_NAME: Mapping[str, Field] = {field.name: field for field in FIELDS} | {
    alias: next(field for field in FIELDS if field.name == name)
    for alias, name in {"exception": "exc", "task": "name", "hostname": "worker", "active": "busy"}.items()
}


def kind_of(record: object) -> str:
    """`task`, `worker`, `queue`, `message`, or "" for a record of another plugin."""
    for kind, types in ((TASK, (Task, TaskStory)), (WORKER, Worker), (QUEUE, Queue), (MESSAGE, Message)):
        if isinstance(record, types):
            return kind
    return ""


def value_of(record: object, field: Field, now: float) -> Any:
    """The value of a field: text, a sequence of texts, a number or None; of unknown records the attribute so named."""
    kind = kind_of(record)
    if kind:
        get = field.on.get(kind)
        return get(record, now) if get else None
    return getattr(record, field.name, None)


_SEARCHED = {
    TASK: ("id", "name", "worker", "exc", "args"),
    WORKER: ("name", "queue", "pool", "software"),
    QUEUE: ("name", "routing_key", "consumers"),
    MESSAGE: ("id", "name", "args", "kwargs"),
}


def texts_of(record: object, now: float) -> Sequence[str]:
    """The texts of a record that a bare word is looked for in."""
    names = _SEARCHED.get(kind_of(record))
    if names is None:
        names_and_values = ((each.name, getattr(record, each.name)) for each in _dataclass_fields(record))
        return [value for _, value in names_and_values if isinstance(value, str)]
    return [text for name in names for text in as_texts(value_of(record, BY_NAME[name], now))]


def _dataclass_fields(record: object) -> Sequence[Any]:
    return fields(record) if is_dataclass(record) and not isinstance(record, type) else ()


def as_texts(value: Any) -> Sequence[str]:
    """A text, or each of several, as texts; nothing for an unknown value."""
    if value is None:
        return ()
    if isinstance(value, (tuple, list)):
        return [str(each) for each in value]
    return (str(value),)
