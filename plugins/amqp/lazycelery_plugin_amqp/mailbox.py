"""Where do workers' answers arrive, and when is an answer complete? The queue of one connection of remote control."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import amqp

from lazycelery_core.control import NodeReply, Replies
from lazycelery_core.errors import AccessRefused, SourceError
from lazycelery_core.payload import PayloadError, value_of
from lazycelery_plugin_amqp.line import Line
from lazycelery_plugin_amqp.message import headers_of
from lazycelery_plugin_amqp.troubles import Missing, silent

GRACE = 0.4  # s beyond the caller's timeout that a dead broker may cost
KEEP = 60_000  # ms that replies, and their queue without its connection, live
REPLY_LIMIT = 32 << 20  # bytes a worker's answer; `active` with thousands of long arguments stays below
QUIET = 0.15  # s after the last answer that was expected, for those of workers nobody met
LOOK_AFTER = 0.3  # s without an answer until it is looked whether those that are missing are there at all
LOOK_AGAIN = 15.0  # s that the broker is believed about a silent worker: each look is a line in its log
LOOKS = 20  # silent workers looked for in one question
SLICE = 0.05  # s
ANY = "[0-9a-f-]{36}"  # stands for the random part of our queue's name where a permission for it is named
JSON = {"content_type": "application/json", "content_encoding": "utf-8"}


class Blocked(SourceError):  # noqa: N818 - what AMQP calls it
    """An alarm of the broker stops publishers, and questions with them; the connection is well."""


class NobodyListens(Exception):  # noqa: N818 - no failure: no worker with this control exchange was ever here
    """There is no exchange for questions."""


@dataclass(frozen=True)
class Expected:
    """Whose answers complete a question. alone: nobody else was asked. whole: wait until the deadline all the same."""

    names: frozenset[str]
    alone: bool
    whole: bool


@dataclass
class _Question:
    """What came back for one ticket so far."""

    ticket: str
    sent: float
    alone: str  # the only node that was asked, "?" if there are several
    nodes: list[NodeReply] = field(default_factory=list)
    last: float = 0.0
    taken: bool = False  # by the broker
    unheard: bool = False  # no queue at all is bound to the exchange
    looks: int = 0

    @property
    def answered(self) -> frozenset[str]:
        return frozenset(node.hostname for node in self.nodes)

    @property
    def latest(self) -> float:
        """Monotonic time of the last sign of life."""
        return max(self.sent, self.last)


class Mailbox:
    """A queue of our own for replies, for as long as its connection lives. Not for two threads at once.

    Raises NobodyListens where no worker ever made the exchange, SourceError and AccessRefused otherwise.
    """

    def __init__(self, line: Line, exchange: str, deadline: float) -> None:
        self._line, self._namespace, self._deadline = line, exchange, deadline
        self._exchange, reply_exchange = f"{exchange}.pidbox", f"reply.{exchange}.pidbox"
        self._present: dict[str, tuple[float, bool]] = {}  # hostname -> when it was looked for, whether it was there
        self._question = _Question("", 0.0, "?")
        if not self._exists(self._exchange):
            raise NobodyListens
        self._published = 0
        self._key = str(uuid.uuid4())
        self._queue = f"{self._key}.{reply_exchange}"
        self._reply_exchange = reply_exchange if self._exists(reply_exchange) else ""
        self._channel = self._new_channel()
        try:
            self._declare()
        except AccessRefused as refusal:
            told = [each.replace(self._key, ANY) for each in (refusal.message, refusal.hint, refusal.right)]
            raise AccessRefused(*told) from None

    @property
    def is_open(self) -> bool:
        """Whether replies can arrive; a refusal of the broker closes the channel."""
        return self._channel.connection is not None and self._channel.is_open

    def ask(self, message: dict[str, Any], expected: Expected, deadline: float) -> Replies:
        """Replies until all that are expected have answered or the deadline has come. Raises Blocked, SourceError."""
        self._deadline = deadline
        question = self._publish(message, expected)
        while (left := deadline - time.monotonic()) > 0 and not self._is_complete(question, expected):
            self._line.wait(min(left, SLICE))
        if not question.taken:
            raise blocked() if self._line.blocked else silent(self._line.address, time.monotonic() - question.sent)
        return Replies(tuple(question.nodes), self._listeners(question, expected))

    def _publish(self, message: dict[str, Any], expected: Expected) -> _Question:
        ticket, now = str(uuid.uuid4()), time.monotonic()
        reply_to = {"exchange": self._reply_exchange, "routing_key": self._key if self._reply_exchange else self._queue}
        body = json.dumps(message | {"ticket": ticket, "reply_to": reply_to}).encode()
        expires = time.time() + max(0.0, self._deadline - now)
        headers = {"clock": 1, "expires": expires}
        packed = amqp.Message(body, application_headers=headers, delivery_mode=1, priority=0, **JSON)
        alone = next(iter(expected.names)) if expected.alone and len(expected.names) == 1 else "?"
        self._question = question = _Question(ticket, now, alone)
        self._published += 1
        self._do(lambda channel: channel.basic_publish(packed, self._exchange, "", mandatory=True))
        return question

    def _is_complete(self, question: _Question, expected: Expected) -> bool:
        """Whether nobody who could still answer is waited for."""
        if not question.taken:
            return False
        if question.unheard or (expected.alone and len(question.nodes) >= len(expected.names)):
            return True
        if expected.whole:
            return False
        missing = [name for name in expected.names - question.answered if self._remembered(name) is not False]
        quiet = time.monotonic() - question.latest
        waits = bool(missing) and len(question.nodes) < len(expected.names)
        if waits and (quiet < LOOK_AFTER or any(self._is_there(name) is not False for name in sorted(missing))):
            return False
        return quiet >= (0.0 if expected.alone else QUIET)

    def _listeners(self, question: _Question, expected: Expected) -> int | None:
        """How many heard it, as far as the workers met before are all that there are; None where it can't be known."""
        if question.unheard:
            return 0
        missing = sorted(expected.names - question.answered)
        if expected.alone or not expected.names or len(missing) > LOOKS:
            return None
        there = [self._is_there(name) for name in missing]
        return None if None in there else len(question.nodes) + sum(map(bool, there))

    # --- the broker's part --------------------------------------------------------------------------------------------

    def _do(self, question: Callable[[Any], Any], channel: Any = None) -> Any:
        """One command, for which a dead broker gets no more time than the whole question has."""
        self._limit()
        return self._line.ask(question, channel or self._channel)

    def _limit(self) -> None:
        left = self._deadline + GRACE - time.monotonic()
        self._line.connection.transport.sock.settimeout(max(GRACE / 4, left))

    def _new_channel(self) -> Any:
        self._limit()
        return self._line.new_channel()

    def _exists(self, exchange: str) -> bool:
        """Whether there is such an exchange; asked on a channel of its own, which a no costs."""
        channel = self._new_channel()
        try:
            self._do(lambda asked: asked.exchange_declare(exchange, "", passive=True), channel)
        except Missing:
            return False
        self._do(lambda asked: asked.close(), channel)
        return True

    def _declare(self) -> None:
        arguments = {"x-expires": KEEP, "x-message-ttl": KEEP}
        self._do(lambda channel: channel.queue_declare(
            self._queue, durable=False, exclusive=True, auto_delete=True, arguments=arguments
        ))  # fmt: skip
        if self._reply_exchange:
            self._do(lambda channel: channel.queue_bind(self._queue, self._reply_exchange, self._key))
        self._do(lambda channel: channel.basic_consume(self._queue, no_ack=True, callback=self._came))
        self._do(lambda channel: channel.confirm_select())
        self._channel.events["basic_ack"].add(self._was_taken)
        self._channel.events["basic_nack"].add(self._was_taken)
        self._channel.events["basic_return"].add(self._was_returned)

    def _is_there(self, hostname: str) -> bool | None:
        """Whether a worker's own queue exists, which lives and dies with its connection; None: not looked."""
        now, remembered = time.monotonic(), self._remembered(hostname)
        if remembered is not None:
            return remembered
        if self._question.looks >= LOOKS or now > self._deadline + GRACE / 2:
            return None
        self._question.looks += 1
        found: bool = self._do(self._looks_for(f"{hostname}.{self._namespace}.pidbox"), self._new_channel())
        fresh = {name: told for name, told in self._present.items() if now - told[0] < LOOK_AGAIN}
        self._present = {**fresh, hostname: (now, found)}
        return found

    def _remembered(self, hostname: str) -> bool | None:
        """What was found when it was looked for lately."""
        at, there = self._present.get(hostname, (float("-inf"), False))
        return there if time.monotonic() - at < LOOK_AGAIN else None

    @staticmethod
    def _looks_for(queue: str) -> Callable[[Any], bool]:
        def look(channel: Any) -> bool:
            try:
                channel.queue_declare(queue, passive=True)
            except amqp.exceptions.ResourceLocked:
                return True  # somebody's own: just what a worker's queue is
            except amqp.exceptions.NotFound:
                return False
            channel.close()
            return True

        return look

    # --- what arrives -------------------------------------------------------------------------------------------------

    def _was_taken(self, tag: int, *_: object) -> None:
        if tag >= self._published:  # else it is one that an alarm had kept
            self._question.taken = True

    def _was_returned(self, *_: object) -> None:
        self._question.unheard = True

    def _came(self, message: Any) -> None:
        """One reply; a late one, to a question asked before, is passed by."""
        question = self._question
        if headers_of(message).get("ticket") not in (question.ticket, None):
            return
        question.last = time.monotonic()
        nodes = _nodes(message, question.alone, question.last - question.sent)
        question.nodes += nodes
        for node in nodes:
            self._present.pop(node.hostname, None)


def blocked() -> Blocked:
    """The error of a question that is not taken."""
    hint = "An alarm of memory or disk blocks publishers."
    return Blocked("RabbitMQ takes no messages: workers can't be asked.", hint)


def _nodes(message: Any, alone: str, latency: float) -> list[NodeReply]:
    """What one reply says: one node's value, or why it was not opened."""
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode(errors="replace")
    try:
        kind, packed = message.properties.get("content_type"), headers_of(message).get("compression")
        value = value_of(body, kind, packed, REPLY_LIMIT)
    except PayloadError as error:
        return [NodeReply(alone, error=f"the worker's answer was not opened: {error.reason}", latency=latency)]
    if not isinstance(value, dict) or not value:
        return [NodeReply(alone, error="the worker's answer is no answer", latency=latency)]
    return [_node(str(hostname), told, latency) for hostname, told in value.items()]


def _node(hostname: str, told: Any, latency: float) -> NodeReply:
    if isinstance(told, dict) and set(told) == {"error"}:
        return NodeReply(hostname, error=str(told["error"])[:2000], latency=latency)
    return NodeReply(hostname, told, latency=latency)
