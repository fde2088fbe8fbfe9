"""How are workers asked, and told? Celery's remote control over raw Redis, without kombu.

kombu's way restores other workers' unacknowledged messages while it waits, so that looking runs tasks twice. Here a
reply list is announced in the binding set, the question is published, and the list is read: nothing else is touched.
PUBLISH returns the number of listeners, so the answer is complete as soon as all of them have spoken.
Source: kombu/pidbox.py, kombu/transport/redis.py (bindings, deadlines), celery/worker/pidbox.py.
"""

import base64
import json
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Self

from lazycelery_core.control import INSPECT_COMMANDS, NodeReply, Replies
from lazycelery_core.errors import LazyCeleryError
from lazycelery_core.payload import PayloadError
from lazycelery_plugin_redis.address import Address
from lazycelery_plugin_redis.envelope import opened
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.line import CONNECT, Line

GRACE = 0.4  # s beyond the caller's timeout that a dead broker may cost
PATIENCE = 0.5  # s that closing waits for a question
REPLY_LIMIT = 32 << 20  # bytes a worker's answer; `active` with thousands of long arguments stays below
KEEP = 60_000  # ms that the binding set is asked to live on


class Pidbox:
    """Broadcasts to workers and collects their replies; from any thread, one question at a time.

    A broken line costs one question at most the timeout + 0.5 s, and is opened anew for the next.
    """

    def __init__(self, address: Address, layout: Layout) -> None:
        self._line, self._layout, self._lock = Line(address, answer=GRACE), layout, threading.Lock()

    @property
    def asked(self) -> int:
        """Commands sent to the broker since start."""
        return self._line.asked

    def broadcast(
        self, command: str, arguments: Mapping[str, Any] | None, destination: Sequence[str] | None, timeout: float
    ) -> Replies:
        """All replies within `timeout` seconds. destination: None for all; an empty one is nobody, not everybody."""
        if destination is not None and not destination:
            return Replies(())
        deadline = time.monotonic() + timeout
        if not self._lock.acquire(timeout=timeout):
            return Replies(())
        try:
            self._line.drop_if_stale()
            if not self._line.is_open:
                self._line.open(min(CONNECT, timeout))
            with _Question(self._line, self._layout) as question:
                return question.ask(_message(command, arguments, destination), destination, deadline)
        except LazyCeleryError:
            self._line.close()
            raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """Hang up; a question that is being asked ends first, if that is soon."""
        free = self._lock.acquire(timeout=PATIENCE)
        self._line.close()
        if free:
            self._lock.release()


class Inspector(Pidbox):
    """Asks workers questions that change nothing."""

    def inspect(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Sequence[str] | None = None,
        timeout: float = 1.0,
    ) -> Replies:
        """As `Inspects.inspect`."""
        if command not in INSPECT_COMMANDS:
            raise ValueError(f"{command} is not a question")
        return self.broadcast(command, arguments, destination, timeout)


class Commander(Pidbox):
    """Sends commands with an effect. Built only when a scope was granted."""

    def control(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Sequence[str] | None = None,
        timeout: float = 1.0,
    ) -> Replies:
        """As `Controls.control`."""
        return self.broadcast(command, arguments, destination, timeout)


class _Question:
    """One question: its reply list exists from enter to exit."""

    def __init__(self, line: Line, layout: Layout) -> None:
        self._line, self._layout = line, layout
        self._oid, self._ticket = str(uuid.uuid4()), str(uuid.uuid4())
        self._exchange = f"reply.{layout.control_exchange}.pidbox"
        self._queue = f"{self._oid}.{self._exchange}"
        self._key = layout.prefix + self._queue
        self._member = layout.sep.join([self._oid, "", self._queue])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Take back what was announced; a worker that answers later finds no binding and drops its reply."""
        if self._line.is_open:
            self._line.ask_all([("SREM", self._layout.bindings(self._exchange), self._member), ("DEL", self._key)])

    def ask(self, message: dict[str, Any], destination: Sequence[str] | None, deadline: float) -> Replies:
        """Replies until all listeners, or all destinations, have answered or the deadline has come."""
        message |= {"ticket": self._ticket, "reply_to": {"exchange": self._exchange, "routing_key": self._oid}}
        sent = time.monotonic()
        listeners = self._publish(_envelope(message, self._layout, deadline))
        wanted = min(listeners, len(destination)) if destination else listeners
        nodes: list[NodeReply] = []
        while len(nodes) < wanted and (left := deadline - time.monotonic()) > 0:
            answer = self._next(left)
            if answer is None:
                break
            nodes += _nodes(answer, destination, time.monotonic() - sent)
        return Replies(tuple(nodes), listeners)

    def _publish(self, payload: bytes) -> int:
        """Announce the reply list, then ask: one trip. The count of nodes that heard it."""
        bindings, deadlines = self._layout.bindings(self._exchange), self._layout.deadlines
        keep = int(time.time() * 1000) + KEEP
        commands = [
            ("SADD", bindings, self._member),
            # XX: only where kombu >= 5.7 keeps a deadline already; a new one could sweep older clients' bindings
            ("ZADD", deadlines, "XX", "GT", keep, self._exchange),
            ("PUBLISH", self._layout.control_channel, payload),
        ]
        announced, _, heard = self._line.ask_all(commands)
        self._line.checked(announced, commands[0])
        return int(self._line.checked(heard, commands[2]))

    def _next(self, seconds: float) -> bytes | None:
        """The next reply, None when none comes in time."""
        wait = f"{max(0.01, seconds):.3f}"  # 0 would wait for ever
        self._line.send("BRPOP", self._key, wait)
        answer = self._line.checked(self._line.reply(seconds + GRACE), ("BRPOP", self._key))
        return answer[1] if answer else None


def _message(command: str, arguments: Mapping[str, Any] | None, destination: Sequence[str] | None) -> dict[str, Any]:
    return {
        "method": command, "arguments": dict(arguments or {}), "pattern": None, "matcher": None,
        "destination": list(destination) if destination else None,
    }  # fmt: skip


def _envelope(message: Mapping[str, Any], layout: Layout, deadline: float) -> bytes:
    """What kombu would publish."""
    properties = {
        "delivery_mode": 2, "priority": 0, "body_encoding": "base64", "delivery_tag": str(uuid.uuid4()),
        "delivery_info": {"exchange": f"{layout.control_exchange}.pidbox", "routing_key": ""},
    }  # fmt: skip
    expires = time.time() + max(0.0, deadline - time.monotonic())
    return json.dumps({
        "body": base64.b64encode(json.dumps(message).encode()).decode(), "content-encoding": "utf-8",
        "content-type": "application/json", "headers": {"clock": 1, "expires": expires}, "properties": properties,
    }).encode()  # fmt: skip


def _nodes(payload: bytes, destination: Sequence[str] | None, latency: float) -> list[NodeReply]:
    """What one reply says: one node's value, or why it was not opened."""
    alone = destination[0] if destination and len(destination) == 1 else "?"
    try:
        value = opened(payload, REPLY_LIMIT).value(REPLY_LIMIT)
    except PayloadError as error:
        return [NodeReply(alone, error=f"the worker's answer was not opened: {error.reason}", latency=latency)]
    if not isinstance(value, dict) or not value:
        return [NodeReply(alone, error="the worker's answer is no answer", latency=latency)]
    return [_node(str(hostname), told, latency) for hostname, told in value.items()]


def _node(hostname: str, told: Any, latency: float) -> NodeReply:
    if isinstance(told, dict) and set(told) == {"error"}:
        return NodeReply(hostname, error=str(told["error"])[:2000], latency=latency)
    return NodeReply(hostname, told, latency=latency)
