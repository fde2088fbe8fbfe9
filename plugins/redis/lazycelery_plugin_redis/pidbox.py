"""How are workers asked, and told? Celery's remote control over raw Redis, without kombu.

kombu's way restores other workers' unacknowledged messages while it waits, so that looking runs tasks twice. Here a
reply list is announced in the binding set, the question is published, and the list is read: nothing else is touched.
The announcement serves the questions that follow soon, and is taken back when none does.
PUBLISH returns the number of listeners, so the answer is complete as soon as all of them have spoken.
Source: kombu/pidbox.py, kombu/transport/redis.py (bindings, deadlines), celery/worker/pidbox.py.
"""

import base64
import json
import re
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from lazycelery_core.control import INSPECT_COMMANDS, NodeReply, Replies
from lazycelery_core.errors import LazyCeleryError, SourceError
from lazycelery_core.payload import PayloadError
from lazycelery_plugin_redis.address import Address
from lazycelery_plugin_redis.envelope import opened
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.line import CONNECT, Command, Line

GRACE = 0.4  # s beyond the caller's timeout that a dead broker may cost ...
SLOWEST = 2.0  # s; ... a broker that is far away may cost two of its round trips, up to this
PATIENCE = 0.5  # s that closing waits for a question
REPLY_LIMIT = 32 << 20  # bytes a worker's answer; `active` with thousands of long arguments stays below
KEEP = 60_000  # ms that the binding set is asked to live on ...
RENEW = 30.0  # s; ... which is asked again, with the announcement, after this
TICKET = re.compile(rb'"ticket": *"([0-9a-f-]{36})"')  # in the headers of a reply; its body is base64
IDLE = 6.0  # s without a question after which the announcement is taken back; a worker that is shown is asked sooner


class Pidbox:
    """Broadcasts to workers and collects their replies; from any thread, one question at a time.

    A broken line costs one question at most the timeout + 0.5 s, and is opened anew for the next.
    """

    def __init__(self, address: Address, layout: Layout) -> None:
        self._line, self._layout, self._lock = Line(address, answer=GRACE), layout, threading.Lock()
        self._box = _ReplyBox(self._line, layout)
        self._rest: threading.Timer | None = None
        self._asked_at = 0.0

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
        begun = time.monotonic()
        if not self._lock.acquire(timeout=timeout):
            raise SourceError("Workers were not asked: another question still waits for its answer.", "Ask again.")
        try:
            left = max(0.0, begun + timeout - time.monotonic())
            self._open(left)
            return self._box.ask(_message(command, arguments, destination), destination, left)
        except LazyCeleryError:
            self._line.close()
            raise
        finally:
            self._asked_at = time.monotonic()
            self._rest_after(IDLE)
            self._lock.release()

    def _open(self, timeout: float) -> None:
        self._line.drop_if_stale()
        if not self._line.is_open:
            self._box.renew_at = 0.0
            self._line.open(min(CONNECT, timeout + GRACE))

    def _rest_after(self, seconds: float) -> None:
        """Take the announcement back after so many seconds, unless somebody asks again. Called with the lock held."""
        if self._rest is None and self._line.is_open:
            self._rest = threading.Timer(seconds, self._take_back)
            self._rest.daemon = True
            self._rest.start()

    def _take_back(self) -> None:
        with self._lock:
            self._rest = None
            idle = time.monotonic() - self._asked_at
            if idle < IDLE:
                self._rest_after(IDLE - idle)
            else:
                self._box.take_back()

    def rest(self) -> bool:
        """Take everything back and hang up until the next question; not while somebody asks. Whether it could."""
        if not self._lock.acquire(timeout=PATIENCE):
            return False
        try:
            if self._rest is not None:
                self._rest.cancel()
                self._rest = None
            self._box.take_back()
            self._line.close()
        finally:
            self._lock.release()
        return True

    def close(self) -> None:
        """Take everything back and hang up; a question that is being asked ends first, if that is soon."""
        if not self.rest():
            self._line.close()


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


class _ReplyBox:
    """The list that replies come to, always the same one: however this ends, no more than one can be left behind.

    renew_at: monotonic seconds from when on a question announces it anew; set to 0 for a new connection.
    """

    def __init__(self, line: Line, layout: Layout) -> None:
        self._line, self._layout = line, layout
        self._oid = str(uuid.uuid4())
        self._exchange = f"reply.{layout.control_exchange}.pidbox"
        self._queue = f"{self._oid}.{self._exchange}"
        self._key = layout.prefix + self._queue
        self._member = layout.sep.join([self._oid, "", self._queue])
        self._grace = GRACE
        self._announced = False
        self.renew_at = 0.0

    def take_back(self) -> None:
        """Announce it no longer; a worker that answers later finds no binding and drops its reply. Does not raise."""
        if self._line.is_open and self._announced:
            try:
                self._line.ask_all([("SREM", self._layout.bindings(self._exchange), self._member), ("DEL", self._key)])
            except LazyCeleryError:
                self._line.close()
        self._announced, self.renew_at = False, 0.0

    def ask(self, message: dict[str, Any], destination: Sequence[str] | None, timeout: float) -> Replies:
        """Replies until all listeners, or all destinations, have answered or the time is over.

        timeout: seconds from when the broker has the question; what its line takes is added.
        """
        ticket = str(uuid.uuid4())
        message |= {"ticket": ticket, "reply_to": {"exchange": self._exchange, "routing_key": self._oid}}
        sent = time.monotonic()
        self._grace = min(SLOWEST, max(GRACE, 2 * (self._line.latency or 0.0)))
        listeners = self._publish(_envelope(message, self._layout, timeout + self._grace), timeout)
        trip = time.monotonic() - sent
        deadline = sent + trip + timeout
        wanted = min(listeners, len(destination)) if destination else listeners
        nodes: list[NodeReply] = []
        while len(nodes) < wanted and (left := deadline - time.monotonic()) > 0:
            answer = self._next(left, trip)
            if answer is None:
                break
            if _ticket(answer) in (ticket.encode(), None):
                nodes += _nodes(answer, destination, time.monotonic() - sent)
        if not nodes:
            self.renew_at = 0.0  # perhaps the broker has lost it
        return Replies(tuple(nodes), listeners)

    def _publish(self, payload: bytes, timeout: float) -> int:
        """Ask, and announce the reply list first where it is time to: one trip. The count of nodes that heard it."""
        bindings, now = self._layout.bindings(self._exchange), time.monotonic()
        announcement: list[Command] = [
            ("SADD", bindings, self._member),
            # XX: only where kombu >= 5.7 keeps a deadline already; a new one could sweep older clients' bindings
            ("ZADD", self._layout.deadlines, "XX", "GT", int(time.time() * 1000) + KEEP, self._exchange),
        ]
        question: Command = ("PUBLISH", self._layout.control_channel, payload)
        commands = [*announcement, question] if now >= self.renew_at else [question]
        *announced, heard = self._line.ask_all(commands, timeout + self._grace)
        if announced:
            self._line.checked(announced[0], announcement[0])
            self._announced, self.renew_at = True, now + RENEW
        return int(self._line.checked(heard, question))

    def _next(self, seconds: float, trip: float) -> bytes | None:
        """The next reply, None when none comes in time; `trip`: s that the line takes there and back."""
        wait = f"{max(0.01, seconds - trip):.3f}"  # 0 would wait for ever
        self._line.send("BRPOP", self._key, wait)
        answer = self._line.checked(self._line.reply(seconds + self._grace), ("BRPOP", self._key))
        return answer[1] if answer else None


def _ticket(reply: bytes) -> bytes | None:
    """Which question it answers, None where it does not say: one that comes late answers an earlier question."""
    found = TICKET.search(reply)
    return found[1] if found else None


def _message(command: str, arguments: Mapping[str, Any] | None, destination: Sequence[str] | None) -> dict[str, Any]:
    return {
        "method": command, "arguments": dict(arguments or {}), "pattern": None, "matcher": None,
        "destination": list(destination) if destination else None,
    }  # fmt: skip


def _envelope(message: Mapping[str, Any], layout: Layout, lasts: float) -> bytes:
    """What kombu would publish; workers that get it after `lasts` seconds leave it."""
    properties = {
        "delivery_mode": 2, "priority": 0, "body_encoding": "base64", "delivery_tag": str(uuid.uuid4()),
        "delivery_info": {"exchange": f"{layout.control_exchange}.pidbox", "routing_key": ""},
    }  # fmt: skip
    expires = time.time() + lasts
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
