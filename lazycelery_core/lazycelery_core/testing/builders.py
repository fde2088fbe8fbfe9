"""How does a test make tasks, workers, queues and a snapshot of them? One call each; what is not said is made up.

    snapshot = a_snapshot(
        tasks=[a_task("shop.charge", TaskState.FAILURE, exception="Timeout()")],
        workers=[a_worker("w1@web-7", active=2)],
        queues=[a_queue("celery", ready=40)],
    )

Tasks are events that a real store has folded: a snapshot's table of tasks filters, sorts and counts as on the screen.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from lazycelery_core.decode import Tally, events_of
from lazycelery_core.events import Event, WireEvent
from lazycelery_core.model import Link, LinkState, Message, Queue, Task, TaskState, Worker, WorkerState
from lazycelery_core.redact import Redactor
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.store import Limits, Store

NOW = 1_795_357_927.0  # 2026-11-22 14:32:07 UTC: the clock of every snapshot that names no other
SINCE = 900.0  # s before it that listening began
BATCH = 256  # events a store takes at once
FEW = Limits(tasks=100_000, segment_rows=4_096)  # a test needs no room for a million
WORKER = "w1@testing"
# What a worker reports until a task is in a state, in order.
ROADS: dict[TaskState, Sequence[str]] = {
    TaskState.PENDING: ("sent",),
    TaskState.RECEIVED: ("sent", "received"),
    TaskState.STARTED: ("sent", "received", "started"),
    TaskState.RETRY: ("sent", "received", "started", "retried"),
    TaskState.SUCCESS: ("sent", "received", "started", "succeeded"),
    TaskState.FAILURE: ("sent", "received", "started", "failed"),
    TaskState.REVOKED: ("sent", "received", "revoked"),
    TaskState.REJECTED: ("sent", "rejected"),  # Celery ranks RECEIVED above REJECTED
}


def a_task(name: str = "testing.add", state: TaskState = TaskState.STARTED, **known: Any) -> Task:
    """A task record. known: fields of `model.Task`; a time that the state implies is made up, the id too."""
    passed = ROADS[state]
    made_up: dict[str, Any] = {
        "row": 0, "id": _made_id(name, state, sorted(known.items())), "worker": WORKER, "queue": "celery",
        "retries": 0, "sent": NOW - 10, "received": NOW - 9.9 if "received" in passed else None,
        "started": NOW - 9 if "started" in passed else None, "updated": NOW - 2, "eta": None, "exception": "",
        "runtime": 7.0 if state is TaskState.SUCCESS else None, "parent_key": 0, "root_key": 0, "version": 1,
    }  # fmt: skip
    if state is TaskState.FAILURE:
        made_up["exception"] = "ValueError('broken on purpose')"
    return Task(name=name, state=state, **{**made_up, **known})


def a_worker(hostname: str = WORKER, state: WorkerState = WorkerState.ONLINE, **known: Any) -> Worker:
    """A worker record. known: fields of `model.Worker`."""
    made_up: dict[str, Any] = {
        "pid": 4711, "pids": (4711,), "beat_at": NOW - 1, "first_seen": NOW - SINCE, "active": 1, "processed": 100,
        "loadavg": (0.4, 0.3, 0.2), "software": "celery 5.7.0 (Linux)", "task_events": True, "pool": "prefork",
        "concurrency": 4, "queues": ("celery",), "latency": 0.003, "rate": 1.5, "load_history": (1.0, 2.0, 1.0),
    }  # fmt: skip
    return Worker(hostname, state, **{**made_up, **known})


def a_queue(name: str = "celery", ready: int | None = 3, **known: Any) -> Queue:
    """A queue record. known: fields of `model.Queue`."""
    made_up: dict[str, Any] = {
        "unacked": 0, "by_priority": {} if ready is None else {0: ready}, "consumers": (WORKER,), "exchange": "celery",
        "routing_key": name, "at": NOW - 1, "history": () if ready is None else (ready,),
    }  # fmt: skip
    return Queue(name, ready, **{**made_up, **known})


def a_message(queue: str = "celery", position: int = 0, **known: Any) -> Message:
    """A waiting message as a peek reads it. known: fields of `model.Message`."""
    made_up: dict[str, Any] = {
        "task_id": _made_id(queue, position), "task": "testing.add", "args": "(1, 2)",
        "kwargs": "{}", "priority": 0, "size": 812, "content_type": "application/json",
    }  # fmt: skip
    return Message(queue, position, **{**made_up, **known})


def _made_id(*seed: object) -> str:
    """The same id for the same arguments, so that pictures stay the same."""
    return str(uuid5(NAMESPACE_OID, ascii(seed)))


def events(*fields: dict[str, Any], now: float = NOW) -> list[WireEvent]:
    """Events as they come off the wire, decoded by the real decoder. fields: of one event each, in Celery's words."""
    return events_of(json.dumps(fields).encode(), now, Tally())


def task_events(task: Task, **told: Any) -> list[WireEvent]:
    """The events that make this task.

    told: what only messages hold, in Celery's words: `args`, `kwargs` (as text), `result`, `traceback`, `root_id`,
    `parent_id` ...
    """
    return events(*(_reported(task, each, told) for each in ROADS[task.state]))


def _reported(task: Task, kind: str, told: dict[str, Any]) -> dict[str, Any]:
    """The fields of one event. Those about an outcome come with the last report, all others with the first ones."""
    at = {"sent": task.sent, "received": task.received, "started": task.started}.get(kind, task.updated)
    base = {"type": f"task-{kind}", "uuid": task.id, "timestamp": task.updated if at is None else at,
            "hostname": "gen1@testing" if kind == "sent" else task.worker, "clock": 1, "pid": 4711}  # fmt: skip
    if kind in ("sent", "received"):
        named = {"name": task.name, "retries": task.retries, "args": "()", "kwargs": "{}", "eta": _eta(task)}
        asked = {key: value for key, value in told.items() if key not in ("result", "traceback")}
        return {**base, **named, **({"queue": task.queue} if kind == "sent" else {}), **asked}
    if kind == "started":
        return base
    raised = {"exception": task.exception, "traceback": ""}
    outcomes: dict[str, dict[str, Any]] = {
        "succeeded": {"result": "None", "runtime": task.runtime}, "failed": raised, "retried": raised
    }  # fmt: skip
    ended = outcomes.get(kind, {})
    return {**base, **ended, **{key: told[key] for key in ended if key in told}}


def _eta(task: Task) -> str | None:
    from datetime import UTC, datetime

    return None if task.eta is None else datetime.fromtimestamp(task.eta, UTC).isoformat()


def a_snapshot(
    *,
    tasks: Iterable[Task] = (),
    workers: Iterable[Worker] = (),
    queues: Iterable[Queue] = (),
    reported: Iterable[Event] = (),
    now: float = NOW,
    **fields: Any,
) -> Snapshot:
    """A snapshot of a store that has taken in all this; nothing else was ever seen.

    workers, queues: records that stand for those the store made of the events. reported: any further events.
    fields: of `Snapshot`, such as `level`, `scopes`, `links`, `views`, `requests`.
    """
    store = Store(FEW, Redactor(), now - SINCE)
    for batch in _batches([*(event for task in tasks for event in task_events(task)), *reported]):
        store.apply(batch, now)
    known: dict[str, Any] = {
        "version": store.version, "now": now, "since": now - SINCE, "name": "testing",
        "broker": "redis://testing:6379/0", "level": "READ-ONLY", "scopes": frozenset(), "tasks": store.tasks(now),
        "workers": _known(store.workers(now), workers, "hostname"), "queues": _known(store.queues(now), queues, "name"),
        "totals": store.totals(now), "links": (Link("events", "redis", LinkState.LIVE, now - SINCE),),
    }  # fmt: skip
    return Snapshot(**{**known, **fields})


def _batches(all_events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    return (all_events[start : start + BATCH] for start in range(0, len(all_events), BATCH))


def _known(made: Iterable[Any], given: Iterable[Any], key: str) -> tuple[Any, ...]:
    """The given records, and those made of events that none of them stands for; by name."""
    all_of_them = {getattr(each, key): each for each in (*made, *given)}
    return tuple(all_of_them[name] for name in sorted(all_of_them))
