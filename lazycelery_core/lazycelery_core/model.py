"""What does a Celery deployment consist of? Celery's own words, typed, with units.

All records are frozen values: the store makes them, everybody else reads them. Text in them is raw wire text, already
bounded and redacted, but not yet `Safe`: panes call `lazycelery_core.text.safe` on what they show.
"""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any


class TaskState(IntEnum):
    """Celery's task states (celery.states), numbered for the store's one-byte column."""

    PENDING = 0
    RECEIVED = 1
    STARTED = 2
    RETRY = 3
    SUCCESS = 4
    FAILURE = 5
    REVOKED = 6
    REJECTED = 7

    @property
    def ended(self) -> bool:
        """No further event is expected for this attempt."""
        return self >= TaskState.SUCCESS

    @property
    def active(self) -> bool:
        """Received or running: a worker holds the task."""
        return self in (TaskState.RECEIVED, TaskState.STARTED)


@dataclass(frozen=True, slots=True)
class Task:
    """One task as its columns tell it, without args, result or traceback (those are a `TaskStory`).

    Times are Unix seconds, None when never told; `runtime` is seconds as the worker measured it. `row` is the arrival
    number in the store, `version` the store version of its last change (for caches). `parent_key` and `root_key` are
    `hash(id)` of the related task or 0.
    """

    row: int
    id: str
    name: str
    state: TaskState
    worker: str
    queue: str
    retries: int
    sent: float | None
    received: float | None
    started: float | None
    updated: float
    eta: float | None
    runtime: float | None
    exception: str
    parent_key: int
    root_key: int
    version: int


@dataclass(frozen=True, slots=True)
class TaskMoment:
    """One thing that was reported about a task: an event, a stored result or an inspect reply.

    `kind` is the event type (`task-received` ...), `result` for a stored result meta, `inspect` for a worker's reply.
    `fields` are all the decoded fields as received. `attempt` is the retries number this belongs to.
    """

    kind: str
    timestamp: float
    worker: str
    attempt: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A value, who told it (`task-received` event, `result backend`, `inspect active` ...) and whether it was cut."""

    text: str
    source: str
    cut: bool = False


@dataclass(frozen=True, slots=True)
class TaskStory:
    """All that is known about one task, read back from cold storage: for detail tabs and exports only.

    `moments` are in time order, all attempts. `missing` says in words what could not be read back (evicted, spilled
    file gone); empty when the story is whole.
    """

    task: Task
    moments: tuple[TaskMoment, ...]
    parent_id: str = ""
    root_id: str = ""
    args: Told | None = None
    kwargs: Told | None = None
    result: Told | None = None
    exception: Told | None = None
    traceback: Told | None = None
    missing: str = ""


class WorkerState(StrEnum):
    """What may be believed about a worker. Silence is not death: a busy solo worker is mute, not offline."""

    ONLINE = "online"
    LATE = "late"  # heartbeats overdue, nothing confirms it
    MUTE = "mute"  # no heartbeats or no answer, but the broker still counts it as a listener
    OFFLINE = "offline"  # said goodbye, or is gone from the broker


@dataclass(frozen=True, slots=True)
class Read:
    """An answer that was asked for (inspect): the value and when it was read, Unix seconds of the monitor's clock."""

    value: Any
    at: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker node. Heartbeat fields come free with events; `reads` only where inspect was asked.

    `hostname` is Celery's node name. `freq` seconds between heartbeats. `beat_at` arrival of the last heartbeat by the
    monitor's clock. `skew` seconds that the worker's clock is ahead of ours, None when unknown. `task_events`: whether
    task events flow (True), are off (False), or it is not known yet (None). `pids` holds every main pid seen lately;
    more than one at a time means two workers share the name (`twins`). `reads` maps an inspect command (`stats`,
    `conf`, `active_queues`, `active`, `reserved`, `scheduled`, `registered`, `revoked`) to its last answer.
    `load_history` is (n,) busy slots sampled every 5 s, oldest first. Counts are since the monitor started listening.
    """

    hostname: str
    state: WorkerState
    reason: str = ""
    pid: int | None = None
    pids: tuple[int, ...] = ()
    twins: bool = False
    freq: float = 2.0
    beat_at: float | None = None
    first_seen: float = 0.0
    skew: float | None = None
    active: int | None = None
    processed: int | None = None
    loadavg: tuple[float, ...] = ()
    software: str = ""
    task_events: bool | None = None
    pool: str = ""
    concurrency: int | None = None
    queues: tuple[str, ...] = ()
    reads: dict[str, Read] = field(default_factory=dict)
    latency: float | None = None
    succeeded: int = 0
    failed: int = 0
    retried: int = 0
    rate: float = 0.0
    p95: float | None = None
    load_history: tuple[float, ...] = ()
    rss: int | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue as the broker counts it. `ready` and `unacked` are messages, None when it can't be known (see `note`).

    `by_priority` maps a priority step to ready messages. `consumers` are the hostnames known to consume it, None when
    nobody could be asked. `in_rate` and `out_rate` messages a second, smoothed over the last minute, None before two
    samples. `history` is (n,) ready counts sampled every 5 s, oldest first, `in_history` and `out_history` the rates
    beside it where the broker tells those. `oldest` is the age in seconds of the oldest waiting message. `at` is when
    it was counted. `consumer_count` are consumers as the broker counts them, of whatever kind. `delayed` are messages
    that the broker keeps back for this queue until their time. `highest_first`: of two priorities the higher number is
    served first. `facts` are further things the broker tells, (what, text).
    """

    name: str
    ready: int | None = None
    unacked: int | None = None
    by_priority: dict[int, int] = field(default_factory=dict)
    consumers: tuple[str, ...] | None = None
    exchange: str = ""
    routing_key: str = ""
    at: float = 0.0
    in_rate: float | None = None
    out_rate: float | None = None
    oldest: float | None = None
    history: tuple[int, ...] = ()
    note: str = ""
    consumer_count: int | None = None
    delayed: int | None = None
    highest_first: bool = False
    facts: tuple[tuple[str, str], ...] = ()
    in_history: tuple[float, ...] = ()
    out_history: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """Where messages are published. `alternate` is the exchange that gets what no binding takes, "" for none.

    `internal`: plumbing of Celery or of the broker, none of the application's.
    """

    name: str
    type: str = ""
    alternate: str = ""
    durable: bool = True
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Binding:
    """What goes from an exchange to a queue, or to another exchange: messages with a routing key like `key`."""

    source: str
    target: str
    key: str = ""
    to_exchange: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A queue as the end of a road. `dead_exchange` gets what dies in it, None for nobody; "" is the default one.

    `dead_key` is the routing key such messages get, "" for the one they had.
    """

    name: str
    dead_exchange: str | None = None
    dead_key: str = ""
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Routing:
    """All roads of messages at a moment (`at`). The default exchange leads to every queue by name and is left out.

    `note` says what is not known, or where it is known from when that is not the broker.
    """

    exchanges: tuple[Exchange, ...] = ()
    bindings: tuple[Binding, ...] = ()
    queues: tuple[Endpoint, ...] = ()
    at: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One waiting message, peeked without consuming. `position` 0 is delivered next. `raw` is untouched bytes.

    `redelivered`: whether somebody took it before and gave it back, None where the broker does not tell. `expiration`:
    milliseconds after which the broker throws it away, as text, "" for never.
    """

    queue: str
    position: int
    task_id: str
    task: str
    args: str
    kwargs: str
    priority: int | None
    eta: str = ""
    retries: int = 0
    headers: dict[str, Any] = field(default_factory=dict)
    size: int = 0
    content_type: str = ""
    raw: bytes = b""
    problem: str = ""  # why the body was not opened (pickle, too large, not JSON)
    redelivered: bool | None = None
    expiration: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which events were missed: Unix seconds of the monitor's clock, and why. `end` None while it lasts.

    `missed` are the tasks by name that workers began in it and of which nothing was heard, None while that is not
    known; `note` says why, or what the number leaves out.
    """

    start: float
    end: float | None
    cause: str
    missed: dict[str, int] | None = None
    note: str = ""


class LinkState(StrEnum):
    """How a source's line to the broker is."""

    STARTING = "starting"
    LIVE = "live"
    SLOW = "slow"
    RETRYING = "retrying"
    REFUSED = "refused"  # the credential lacks a right: retried slowly, the rest works


@dataclass(frozen=True, slots=True)
class Link:
    """The health of one source. Latency and lag are seconds; `lag` is arrival minus the event's own time, skew removed.

    `rate` is events a second over the last 5 s. `rejected` counts events by reason that could not be applied,
    `dropped` those thrown away because a bound was reached, `repaired` fields that were unusable, by name. `notice`
    what is left out while it works. `commands` are those sent to the broker a second, None where nobody counts them.
    `streams`: events come through it, so its outages are gaps.
    """

    source: str
    plugin: str
    state: LinkState
    since: float
    error: str = ""
    hint: str = ""
    next_try: float | None = None
    latency: float | None = None
    lag: float | None = None
    rate: float = 0.0
    events: int = 0
    dropped: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    notice: str = ""
    repaired: dict[str, int] = field(default_factory=dict)
    commands: float | None = None
    streams: bool = False


@dataclass(frozen=True, slots=True)
class Incident:
    """Something a plugin did wrong: where, and one safe sentence."""

    plugin: str
    where: str
    error: str


@dataclass(frozen=True, slots=True)
class PlaceTime:
    """How long the calls of one plugin took at one place: seconds in all and of the slowest."""

    plugin: str
    where: str
    calls: int
    total: float
    worst: float


@dataclass(frozen=True, slots=True)
class Host:
    """What this program costs, and how its plugins fare; None where that can't be known.

    cpu: share of one core, lately. rss, peak: bytes of memory now, and at most. sent: bytes a second to the terminal.
    failures: incidents by plugin; `incidents` are the last of them.
    """

    cpu: float | None = None
    rss: int | None = None
    peak: int | None = None
    threads: int | None = None
    descriptors: int | None = None
    sent: float | None = None
    times: tuple[PlaceTime, ...] = ()
    incidents: tuple[Incident, ...] = ()
    failures: dict[str, int] = field(default_factory=dict)
