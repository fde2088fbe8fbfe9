"""What do the workers themselves say? A poller that asks them, through whatever broker plugin carries the question."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lazycelery_core.control import Control, Inspects, Level, NodeReply, commands_of
from lazycelery_core.events import Event, TaskSeen, WorkerCensus, WorkerReply
from lazycelery_core.source import Source
from lazycelery_plugin_cluster.schedule import PACE, PING, PING_WHILE_CHANGING, TASKS, Question, Round, Schedule
from lazycelery_plugin_cluster.settings import ClusterSettings

BEAT = "celerybeat@"  # beat answers pings too (Celery 5.7), but it is no worker
NAMELESS = "?"  # an answer that is not opened does not say whose it is
TASKS_READ = 500  # tasks taken from one answer: a list of thousands is a page, not a picture
SAFE_ARGUMENTS = {"safe": True}  # reprs instead of arguments: bounded replies, also for huge arguments


class InspectSource(Source):
    """Asks workers by inspect: who is there, what they run, hold and consume, and how they are configured.

    Emits WorkerCensus, WorkerReply and TaskSeen. Silent in the passive level and where no plugin can carry inspect.
    """

    name = "inspect"

    def __init__(self, settings: ClusterSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._inspects: Inspects | None = None
        self._schedule = Schedule()
        self._topics: frozenset[str] = frozenset()
        self._workers: dict[str, str] = {}  # hostname -> how it last answered the ping
        self._next_ping = self._next_question = 0.0
        self._refresh = False

    def bind(self, control: Control, level: Level) -> None:
        self._inspects = control.get(Inspects) if level >= Level.READ_ONLY else None

    def open(self) -> None:
        """Nothing to connect: the ability owns its connection."""
        self._next_ping = 0.0

    def close(self) -> None:
        """Leave nothing at the broker until the next question: the program may be about to be suspended."""
        rest = getattr(self._inspects, "rest", None)
        if rest is not None:
            rest()

    def asked(self) -> int | None:
        return commands_of(self._inspects)

    def refresh(self) -> None:
        self._refresh = True

    def focus(self, topics: frozenset[str]) -> None:
        self._topics = topics

    def read(self, timeout: float) -> Sequence[Event]:
        if self._refresh:
            self._refresh, self._next_ping = False, 0.0
            self._schedule.forget_all()
        now = time.monotonic()
        if self._inspects is None or now < min(self._next_ping, self._next_question):
            time.sleep(timeout)
            return ()
        if now >= self._next_ping:
            before = set(self._workers)
            events = self._census(self._inspects)
            self._next_ping = now + (PING if before and before == set(self._workers) else PING_WHILE_CHANGING)
            return events
        self._next_question = now + PACE
        turn = self._schedule.next(self._known(), self._topics, now)
        return self._ask(self._inspects, turn) if turn else ()

    def _known(self) -> list[str]:
        """Who answered the last ping, and who is known otherwise: a nameless answer (pickle) leaves no name here."""
        met = (topic.removeprefix("met:") for topic in self._topics if topic.startswith("met:"))
        return list(dict.fromkeys((*self._workers, *sorted(met))))

    def _census(self, inspects: Inspects) -> Sequence[Event]:
        """One broadcast ping: who answers, how fast, and how many more heard it."""
        replies = inspects.inspect("ping", timeout=self._settings.timeout)
        nodes = [node for node in replies.nodes if not node.hostname.startswith(BEAT) and node.hostname != NAMELESS]
        at = self._clock()
        answered = tuple(node.hostname for node in nodes)
        mute = tuple(hostname for hostname in self._workers if hostname not in answered)
        for node in nodes:
            if node.hostname not in self._workers:
                self._schedule.forget(node.hostname)
        self._workers = {node.hostname: node.error for node in nodes}
        beats = sum(node.hostname.startswith(BEAT) for node in replies.nodes)
        listeners = None if replies.listeners is None else max(0, replies.listeners - beats)
        return [WorkerCensus(at, listeners, answered, mute), *(self._reply("ping", node, at) for node in nodes)]

    def _ask(self, inspects: Inspects, turn: Round) -> Sequence[Event]:
        arguments = SAFE_ARGUMENTS if turn.command in TASKS else None
        replies = inspects.inspect(turn.command, arguments, turn.hostnames, self._settings.timeout)
        answered = {node.hostname for node in replies.nodes}
        at, asked_at = self._clock(), time.monotonic()
        for hostname in turn.hostnames:
            self._schedule.asked(Question(turn.command, hostname), asked_at, hostname in answered)
        silence = f"no answer within {self._settings.timeout:g} s: busy, mute or gone"
        silent = [hostname for hostname in turn.hostnames if hostname not in answered]
        return [
            *(event for node in replies.nodes for event in self._events(turn.command, node, at)),
            *(WorkerReply(hostname, turn.command, at, error=silence) for hostname in silent),
        ]

    def _events(self, command: str, node: NodeReply, at: float) -> Iterable[Event]:
        yield self._reply(command, node, at)
        if command in TASKS and isinstance(node.value, list):
            yield from seen_tasks(command, node.hostname, node.value[:TASKS_READ], at)

    def _reply(self, command: str, node: NodeReply, at: float) -> WorkerReply:
        return WorkerReply(node.hostname, command, at, node.value, node.latency, node.error)


def seen_tasks(command: str, hostname: str, requests: Sequence[Any], at: float) -> Iterable[TaskSeen]:
    """The tasks in an answer to `active`, `reserved` or `scheduled`; what has no id is left out.

    Source: celery/worker/control.py, dump_active and dump_schedule (the latter wraps each request with its eta).
    """
    for entry in requests:
        if not isinstance(entry, Mapping):
            continue
        request = entry.get("request") if command == "scheduled" else entry
        if isinstance(request, Mapping) and isinstance(request.get("id"), str):
            yield _seen(command, hostname, request, entry.get("eta"), at)


def _seen(command: str, hostname: str, request: Mapping[str, Any], eta: object, at: float) -> TaskSeen:
    delivery = request.get("delivery_info")
    queue = delivery.get("routing_key") if isinstance(delivery, Mapping) else None
    started = request.get("time_start")
    return TaskSeen(
        task_id=request["id"],
        command=command,
        at=at,
        hostname=hostname,
        state="STARTED" if command == "active" else "RECEIVED",
        name=_text(request.get("name")),
        queue=_text(queue),
        started=started if isinstance(started, float) and command == "active" else None,
        eta=_text(eta),
        body=_body(request),
    )


def _body(request: Mapping[str, Any]) -> bytes:
    """The request as it is kept; a worker may name anything, lone surrogates too."""
    try:
        return json.dumps(request).encode()
    except RecursionError:
        return b""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
