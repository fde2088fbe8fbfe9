"""What can a source report? The wire's events and the answers that were asked for, as typed records.

Sources return these from `read()`; the store and the projections apply them. Everything here is `gc=False`: no record
is part of a cycle and none is kept, so a burst never wakes the garbage collector.
Field names and meanings are Celery's (events seen on the wire with Celery 5.7, message protocol 2).
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from lazycelery_core.model import Routing

# What the decoder believes of a sender; beyond it an event takes the tolerant road and loses the field or its end.
TEXT = 1000  # characters of a name, id or host; Celery's own end far below
REASON = 4000  # characters of an exception's text; its traceback stays in the body
FAR = 1 << 33  # Unix seconds, the year 2242: later is nonsense, not skew
HUGE = 1 << 53  # beyond the exact integers of JSON a clock or a pid is forged
RETRIES = 0xFFFF  # more than any task lives to see
Name = Annotated[str, Meta(min_length=1, max_length=TEXT)]
Text = Annotated[str, Meta(max_length=TEXT)]
Reason = Annotated[str, Meta(max_length=REASON)]
Moment = Annotated[float, Meta(gt=0, lt=FAR)]
Period = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0, lt=HUGE)]
Retries = Annotated[int, Meta(ge=0, le=RETRIES)]
Load = Annotated[list[float], Meta(max_length=3)]
# What the reader sets: a sender that tells it is refused by the fast road, so that nothing else needs to look.
NoBody = Annotated[bytes, Meta(max_length=0)]
NoPart = Annotated[int, Meta(ge=0, le=0)]


class WireEvent(msgspec.Struct, gc=False):
    """A `task-*`, `worker-*` or custom event with its hot fields only; the rest stays in `body`.

    `body` are the received bytes of the whole message, JSON of an event or of a list of events, and `part` the index in
    that list (0 for a single event). Args, kwargs, result and traceback are read from there when a task is opened.
    The reader of the wire sets both after decoding: a sender cannot forge them.
    `hostname` is only empty where a task event did not tell it.
    """

    type: Name
    timestamp: Moment
    hostname: Name
    uuid: Text = ""
    name: Text | None = None
    pid: Count | None = None
    clock: Count | None = None
    root_id: Text | None = None
    parent_id: Text | None = None
    retries: Retries | None = None
    eta: Text | None = None
    expires: Text | None = None
    queue: Text | None = None
    exception: Reason | None = None
    runtime: float | None = None
    freq: Period | None = None
    active: Count | None = None
    processed: Count | None = None
    loadavg: Load | None = None
    sw_ident: Text | None = None
    sw_ver: Text | None = None
    sw_sys: Text | None = None
    body: NoBody = msgspec.field(default=b"", name=" body")
    part: NoPart = msgspec.field(default=0, name=" part")


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

    `unacked`, `consumers` and `oldest` (age in seconds of the oldest message) are None when the source can't know. So
    are `in_rate` and `out_rate`, which are the broker's own (messages a second), and what follows: see `model.Queue`.
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
    in_rate: float | None = None
    out_rate: float | None = None
    delayed: int | None = None
    highest_first: bool = False
    facts: tuple[tuple[str, str], ...] = ()


class QueueGone(msgspec.Struct, gc=False):
    """A queue that no longer exists at the broker: neither bound nor holding messages."""

    name: str
    at: float


class RoutingSample(msgspec.Struct, gc=False):
    """How messages get into queues, whole, as of now."""

    routing: Routing


class PluginEvent(msgspec.Struct, frozen=True, gc=False):
    """Base of events that a plugin's source makes for that plugin's own projection; the store passes them by."""


Event = (
    WireEvent | ResultMeta | TaskSeen | WorkerReply | WorkerCensus | QueueSample | QueueGone | RoutingSample
    | PluginEvent
)  # fmt: skip
