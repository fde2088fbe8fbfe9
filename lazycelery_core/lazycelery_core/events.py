"""What can a source report? The wire's events and the answers that were asked for, as typed records.

Sources return these from `read()`; the store and the projections apply them. Everything here is `gc=False`: no record
is part of a cycle and none is kept, so a burst never wakes the garbage collector.
Field names and meanings are Celery's (events seen on the wire with Celery 5.7, message protocol 2).
"""

from typing import Any

import msgspec


class WireEvent(msgspec.Struct, gc=False):
    """A `task-*`, `worker-*` or custom event with its hot fields only; the rest stays in `body`.

    `body` are the received bytes of the whole message, JSON of an event or of a list of events, and `part` the index in
    that list (0 for a single event). Args, kwargs, result and traceback are read from there when a task is opened.
    The reader of the wire always sets both after decoding: a sender cannot forge them (their names have a blank).
    """

    type: str
    timestamp: float = 0.0
    hostname: str = ""
    uuid: str = ""
    name: str | None = None
    pid: int | None = None
    clock: int | None = None
    root_id: str | None = None
    parent_id: str | None = None
    retries: int | None = None
    eta: str | None = None
    expires: str | None = None
    queue: str | None = None
    exception: str | None = None
    runtime: float | None = None
    freq: float | None = None
    active: int | None = None
    processed: int | None = None
    loadavg: list[float] | None = None
    sw_ident: str | None = None
    sw_ver: str | None = None
    sw_sys: str | None = None
    body: bytes = msgspec.field(default=b"", name=" body")
    part: int = msgspec.field(default=0, name=" part")


class ResultMeta(msgspec.Struct, gc=False):
    """A stored result (`celery-task-meta-<id>`), as published or read back. `body` is the JSON of the whole meta.

    `at` is `date_done` in Unix seconds, or the arrival time where the meta has none. Name, worker, queue and retries
    are only there with `result_extended`.
    """

    task_id: str
    status: str
    at: float
    name: str | None = None
    worker: str | None = None
    queue: str | None = None
    retries: int | None = None
    parent_id: str | None = None
    exception: str | None = None
    body: bytes = b""


class TaskSeen(msgspec.Struct, gc=False):
    """A task that a worker named when asked (`active`, `reserved`, `scheduled`). `body` is the JSON of the request.

    `state` is RECEIVED or STARTED; `started` Unix seconds (`time_start`); `eta` ISO text as told.
    """

    task_id: str
    command: str
    at: float
    hostname: str
    state: str
    name: str | None = None
    queue: str | None = None
    started: float | None = None
    eta: str | None = None
    body: bytes = b""


class WorkerReply(msgspec.Struct, gc=False):
    """A worker's answer to an inspect command, or why there is none. `latency` seconds from question to answer.

    `error` is a sentence when the worker answered with an error, in a serializer that is not opened (pickle), or
    not at all; then `value` is None.
    """

    hostname: str
    command: str
    at: float
    value: Any = None
    latency: float | None = None
    error: str = ""


class WorkerCensus(msgspec.Struct, gc=False):
    """How many nodes listen for control commands at the broker, and which of them answered a ping.

    `listeners` is the broker's own count (PUBLISH's return value on Redis), None where the broker can't tell.
    `answered` are hostnames. `mute` hostnames were expected and kept silent. Bounds what may be called offline.
    """

    at: float
    listeners: int | None
    answered: tuple[str, ...]
    mute: tuple[str, ...] = ()


class QueueSample(msgspec.Struct, gc=False):
    """The depth of one queue at a moment. `ready` maps priority step -> messages (step 0 only where there are none).

    `unacked`, `consumers` and `oldest` (age in seconds of the oldest message) are None when the source can't know.
    """

    name: str
    at: float
    ready: dict[int, int]
    unacked: int | None = None
    consumers: int | None = None
    exchange: str = ""
    routing_key: str = ""
    oldest: float | None = None
    note: str = ""


class QueueGone(msgspec.Struct, gc=False):
    """A queue that no longer exists at the broker: neither bound nor holding messages."""

    name: str
    at: float


Event = WireEvent | ResultMeta | TaskSeen | WorkerReply | WorkerCensus | QueueSample | QueueGone
