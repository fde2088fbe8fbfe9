"""What waits in a queue? A few messages, taken out and put back at once: RabbitMQ has no other way to look.

Its price depends on the kind of the queue. A classic queue puts them back in their place, marked as redelivered. A
quorum queue puts them at its end and counts a delivery, and throws a message away whose deliveries are used up: there
one at a time is taken, and none beyond the limit that is known. A stream has no messages to take.
One connection is opened for a look and closed after it: whatever happens, the broker puts everything back.
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from lazycelery_core.control import Peek, PeekPrice
from lazycelery_core.errors import AccessRefused, SourceError
from lazycelery_core.redact import Redactor
from lazycelery_plugin_amqp.address import Address
from lazycelery_plugin_amqp.delayed import level_of
from lazycelery_plugin_amqp.kinds import CLASSIC, QUORUM, STREAM, Kind, Kinds
from lazycelery_plugin_amqp.line import Line
from lazycelery_plugin_amqp.message import delivered_before, message_of
from lazycelery_plugin_amqp.troubles import Missing

Answer = TypeVar("Answer")
LIMIT = 20  # messages a look
MOST = 200  # messages that may be asked for
TOGETHER = 10  # messages of a classic queue that are asked for at once
BUDGET = 8 << 20  # bytes a look; what was asked for together still comes
REMEMBERED = 200  # queues of which the deliveries are remembered
GET, GET_OK, GET_EMPTY = (60, 70), (60, 71), (60, 72)

MARKS = "RabbitMQ marks what it shows as redelivered, for good. Workers can't take it in that moment."
COUNTS = "A quorum queue: each look is a delivery of what it shows, and moves it to the end of the queue."
UNSURE = "Nobody tells what kind of queue it is. If it is a quorum queue, a look moves what it shows to its end."
DELAYS = "A queue of delayed delivery: what is taken out and put back comes late, so nobody looks into it."
STREAMS = "A stream: its messages can't be taken out and put back, so nobody can look without reading it."


class Peeker:
    """Looks into queues; from any thread, one look at a time. granted: whether what moves messages may be done."""

    def __init__(self, address: Address, redactor: Redactor, kinds: Kinds, granted: bool) -> None:
        self._address, self._redactor, self._kinds, self._granted = address, redactor, kinds, granted
        self._lock = threading.Lock()
        self._asked = 0
        self._version = ""
        self._deliveries: dict[str, int] = {}  # queue -> the most that are used up, of the messages seen last
        self._proved: dict[str, Kind] = {}  # queue -> what a look has proved it to be

    @property
    def asked(self) -> int:
        """Commands sent to the broker since start."""
        return self._asked

    def price(self, queue: str) -> PeekPrice:
        """As `Peeks.price`: never free here."""
        if level_of(queue) is not None:
            return PeekPrice(DELAYS, refusal="Delayed messages are not looked into.")
        if not self._version:
            with self._lock:
                self._with_line(lambda line: line.is_open)
        kind = self._kind(queue)
        if kind.type == STREAM:
            return PeekPrice(STREAMS, refusal="Streams are not looked into.")
        if kind.type == CLASSIC:
            return PeekPrice(MARKS, LIMIT)
        if kind.type == QUORUM:
            return self._counted(queue, kind)
        return PeekPrice(UNSURE, LIMIT, needs_confirmation=True)

    def peek(self, queue: str, offset: int = 0, limit: int = LIMIT) -> Peek:
        """As `Peeks.peek`."""
        price = self.price(queue)
        if price.refusal:
            raise AccessRefused(price.refusal, price.sentence)
        if price.needs_confirmation and not self._granted:
            raise AccessRefused(f"Looking into {queue} is a write.", f"{price.sentence} Start with --allow peek.")
        with self._lock:
            return self._with_line(lambda line: self._seen(line, queue, max(0, offset), min(limit, MOST)))

    def close(self) -> None:
        """Nothing stays open between two looks."""

    def _kind(self, queue: str) -> Kind:
        return self._proved.get(queue) or self._kinds.of(queue, self._version)

    def _counted(self, queue: str, kind: Kind) -> PeekPrice:
        """What is left of the deliveries after which a quorum queue throws a message away."""
        used, seen = self._deliveries.get(queue, 0), queue in self._deliveries
        unsure = "" if kind.limit_known else " A policy may set a limit, too: only the management API tells."
        if kind.limit is None:
            return PeekPrice(f"{COUNTS} No limit of deliveries is known.{unsure}", LIMIT, needs_confirmation=True)
        left = kind.limit - used
        known = "by what was seen last" if seen else "at most: none was seen yet, and failed workers use them up, too"
        sentence = f"{COUNTS} It throws a message away after {kind.limit} ({known}).{unsure}"
        spent = f"The limit of {kind.limit} deliveries is reached: another look would throw messages away."
        refusal = spent if left < 1 else ""
        return PeekPrice(sentence, LIMIT, needs_confirmation=True, remaining=max(0, left), refusal=refusal)

    def _with_line(self, use: Callable[[Line], Answer]) -> Answer:
        """What `use` makes of a connection of its own."""
        line = Line(self._address, "look")
        try:
            line.open()
            self._version = str(line.connection.server_properties.get("version", "?"))
            return use(line)
        finally:
            self._asked += line.asked
            line.close()

    def _seen(self, line: Line, queue: str, offset: int, limit: int) -> Peek:
        """A look; what the broker refuses while the line lives concerns this queue alone."""
        try:
            return self._look(line, queue, offset, limit)
        except SourceError as error:
            if line.is_open:
                raise AccessRefused(error.message, error.hint) from None
            raise

    def _look(self, line: Line, queue: str, offset: int, limit: int) -> Peek:
        kind = self._kind(queue)
        try:
            total = line.ask(lambda channel: channel.queue_declare(queue, passive=True)).message_count
        except Missing:
            return Peek((), 0, "There is no such queue any more.")
        got = _taken(line, queue, min(total, offset + limit), kind)
        found = [message_of(each, queue, position, self._redactor) for position, each in enumerate(got)]
        note = self._learned(queue, kind, got)
        if len(got) < min(total, offset + limit) and not note:
            note = "fewer than asked for: the messages are large, or workers were faster"
        return Peek(tuple(found[offset:]), total, note)

    def _learned(self, queue: str, kind: Kind, got: list[Any]) -> str:
        """Remember the deliveries that are used up now; what the user should know."""
        counts = [before for each in got if (before := delivered_before(each)) is not None]
        if not counts:
            return ""
        self._deliveries = dict([*self._deliveries.items()][-REMEMBERED:]) | {queue: max(counts) + 1}
        if kind.type != QUORUM:
            self._proved = dict([*self._proved.items()][-REMEMBERED:]) | {queue: Kind(QUORUM, kind.limit, False)}
            return "This is a quorum queue after all: only one message was taken, and moved to its end."
        if kind.limit is not None and max(counts) >= kind.limit:
            return "The last message had used up its deliveries: this look made the queue throw it away."
        return ""


def _taken(line: Line, queue: str, wanted: int, kind: Kind) -> list[Any]:
    """Up to that many messages in order of delivery, given back already when this returns."""
    channel = line.new_channel()
    got: list[Any] = []
    try:
        while len(got) < wanted and sum(len(each.body) for each in got) < BUDGET:
            together = min(TOGETHER if got and kind.type == CLASSIC else 1, wanted - len(got))
            fresh = line.ask(_gets(queue, together), channel)
            got += fresh
            if len(fresh) < together or _is_enough(kind, got):
                break
        return got
    finally:
        if line.is_open:  # else the broker has put everything back itself
            line.ask(_given_back(got), channel)


def _is_enough(kind: Kind, got: list[Any]) -> bool:
    """Whether to stop: at a message without deliveries left, or at a proof that this is no classic queue."""
    before = delivered_before(got[-1])
    return before is not None and (kind.type != QUORUM or (kind.limit is not None and before >= kind.limit))


def _gets(queue: str, number: int) -> Callable[[Any], list[Any]]:
    """Asks for that many at once and waits for all answers, so that messages are held for one round trip."""

    def get(channel: Any) -> list[Any]:
        for _ in range(number):
            channel.send_method(GET, "Bsb", (0, queue, False))
        answers = [channel.wait([GET_OK, GET_EMPTY], returns_tuple=True) for _ in range(number)]
        return [_message(answer) for answer in answers if answer is not None and len(answer) > 2]

    return get


def _message(answer: Any) -> Any:
    """As the driver's own `basic_get` makes it: source amqp/channel.py, _on_get_ok."""
    tag, redelivered, exchange, routing_key, count, message = answer
    message.delivery_info = {
        "delivery_tag": tag, "redelivered": redelivered, "exchange": exchange, "routing_key": routing_key,
        "message_count": count,
    }  # fmt: skip
    return message


def _given_back(got: list[Any]) -> Callable[[Any], None]:
    """Everything goes back; when the channel is closed the broker has done it."""

    def give(channel: Any) -> None:
        for each in got:
            channel.basic_reject(each.delivery_info["delivery_tag"], requeue=True)
        channel.close()

    return give
