"""What do workers report right now? Events, heard through a queue of our own.

The queue goes with the connection, and can't grow: it is exclusive, deletes itself, and drops what is older than its
limits. A drop makes no sound. So this source asks, once a second, how much waits in it, and looks at its own clock:
when reading would take longer, or stood still for longer, than events may wait, some may be gone, and the line is
opened anew, which the host declares as a gap. Whether something was really dropped, and how much, can't be known.
"""

import fcntl
import sys
import termios
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import amqp
from amqp.serialization import loads

from lazycelery_core.decode import Tally, add_events, events_of
from lazycelery_core.errors import SourceError
from lazycelery_core.events import Event
from lazycelery_core.payload import LIMIT
from lazycelery_core.source import Source
from lazycelery_plugin_amqp.frames import Frame, Frames, Unusual, kind_of
from lazycelery_plugin_amqp.line import Line, readable
from lazycelery_plugin_amqp.troubles import DRIVER_ERRORS, Missing, silent, told

BATCH = 256  # events handed over at once: bounds the time a screen waits for the store
READ_SIZE = 1 << 15  # bytes a read: a burst in few system calls, and still in the CPU's caches
SILENCE, ANSWER = 0.5, 2.0  # s; a dead line is noticed after their sum
PROBE = 1.0  # s between two questions while events come
LOOK = 2.0  # s between two looks whether the exchange is still there: with it, our binding would be gone
WAIT = 0.5  # s between two looks for an exchange that no worker has made yet
AGE = 5.0  # s after which an event in the queue is dropped; what a screen shows later than that is not live
MOST, MOST_BYTES = 5_000, 64 << 20  # messages and bytes in the queue
STOOD, MUCH = AGE * 0.8, 32 << 10  # s without a read, and bytes then waiting in the socket: less fits into its buffers
FEW = 50  # messages that may always wait: they say nothing about our speed
UNUSED = 60.0  # s after which the broker deletes the queue if its consumer has gone and the connection has not
ARGUMENTS = {
    "x-message-ttl": int(AGE * 1000), "x-expires": int(UNUSED * 1000), "x-max-length": MOST,
    "x-max-length-bytes": MOST_BYTES, "x-queue-type": "classic",  # whatever the virtual host prefers
}  # fmt: skip
DECLARED = bytes((0, 50, 0, 11))  # queue.declare-ok
CLOSED = {bytes((0, 10, 0, 50)), bytes((0, 20, 0, 40))}  # connection.close, channel.close
TOO_SLOW = "This screen is too slow: the broker drops events that wait for it."
GOES_ON = "It goes on with what happens now."


class AmqpStream(Source):
    """Listens to the exchange of events. clock: Unix seconds of arrival."""

    streams = True

    def __init__(self, line: Line, exchange: str = "celeryev", clock: Callable[[], float] = time.time) -> None:
        self.name, self._line, self._exchange, self._clock = "events", line, exchange, clock
        self._tally = Tally()
        self._frames: Frames | None = None  # None while there is no exchange to hear
        self._found: list[bytes | Unusual] = []
        self._socket: Any = None
        self._heard = self._sent = self._looked = self._turned = 0.0  # monotonic times
        self._probed: float | None = None
        self._behind: float | None = None  # since when more waits at the broker than can be read in time
        self._counted = 0, 0.0  # messages heard until the last answer to a probe, and its time
        self._messages = 0  # heard since the subscription
        self._is_late = False
        self._round_trip = 0.0
        self._asked = 0
        self.queue = ""

    def open(self) -> None:
        self._frames, self._found, self._probed, self._behind, self._is_late = None, [], None, None, False
        self._line.open()
        self._heard = self._sent = self._looked = time.monotonic()
        self._begin()

    def _begin(self) -> None:
        """Subscribe, if there is something to hear."""
        try:
            self._line.ask(lambda channel: channel.exchange_declare(self._exchange, "topic", passive=True))
        except Missing:
            return
        finally:
            self._heard = self._looked = time.monotonic()
        self.queue = f"{self._exchange}.lazycelery.{uuid.uuid4()}"
        self._line.ask(lambda channel: channel.queue_declare(self.queue, exclusive=True, arguments=dict(ARGUMENTS)))
        self._line.ask(lambda channel: channel.queue_bind(self.queue, self._exchange, "#"))
        self._line.ask(lambda channel: channel.basic_consume(self.queue, no_ack=True, callback=_ignored))
        self._take_over()

    def _take_over(self) -> None:
        """From here on, the socket is read here: the driver gets what is not a message."""
        connection = self._line.connection
        transport = connection.transport
        self._frames = Frames(self._line.channel.channel_id, self._handle, connection.frame_max)
        self._found, transport._read_buffer = self._frames.feed(transport._read_buffer), b""  # noqa: SLF001 - read ahead
        self._heard = self._sent = self._turned = time.monotonic()
        self._messages, self._counted, self._socket = 0, (0, self._heard), transport.sock

    def _handle(self, frame: Frame) -> None:
        """Anything but a message: the answer to a probe, a refusal, a goodbye, the end of our queue."""
        method, payload = frame[2][:4], frame[2]
        if method == DECLARED:
            self._answered(payload)
        elif method in CLOSED:  # the driver would answer and read on, from the middle of what was read here
            (code, text, class_id, method_id), _ = loads("BsBB", payload, 4)
            kind = amqp.ConnectionError if frame[1] == 0 else amqp.ChannelError
            raise amqp.exceptions.error_for_code(code, text, (class_id, method_id), kind)
        else:
            self._line.connection.on_inbound_frame(frame)

    def read(self, timeout: float) -> Sequence[Event]:
        if self._frames is None:
            self._await_exchange(timeout)
            return ()
        self._turn()
        if not self._found:
            self._check_behind()
            if self._frames.trouble is not None:
                self._line.drop()
                raise told(self._frames.trouble, self._line.address, met=True)
            if not self._wait(timeout):
                return ()
            self._receive()
        return self._events()

    def _events(self) -> list[Event]:
        """The events of the next messages, about a batch."""
        events: list[Event] = []
        now, tally, taken = self._clock(), self._tally, 0
        for message in self._found:
            taken += 1
            if type(message) is bytes:
                add_events(events, message, now, tally)
            else:
                events += self._unusual(message, now)
            if len(events) >= BATCH:
                break
        del self._found[:taken]
        return events

    def _unusual(self, message: Any, now: float) -> list[Any]:
        if message.size > LIMIT:
            self._tally.rejected["larger than the limit"] += 1
            return []
        return events_of(message.body, now, self._tally, *kind_of(message.header))

    def _receive(self) -> None:
        """What has arrived, as far as one read goes."""
        assert self._frames is not None
        try:
            data = self._socket.recv(READ_SIZE)
        except TimeoutError:  # a part of a TLS record
            return
        except DRIVER_ERRORS as error:
            self._line.drop()
            raise told(error, self._line.address, met=True) from None
        if not data:
            self._line.drop()
            raise told(ConnectionResetError(), self._line.address, met=True)
        self._heard = time.monotonic()
        self._found = self._frames.feed(data)
        self._messages += len(self._found)

    def _wait(self, timeout: float) -> bool:
        """Whether something arrived within `timeout` seconds; a silent line is probed, one that lags is asked."""
        end = time.monotonic() + timeout
        while True:
            now = time.monotonic()
            self._keep_up(now)
            is_readable = self._is_readable(min(end, self._deadline()) - now)
            self._turn()
            if is_readable:
                return True
            now = time.monotonic()
            if self._probed is not None and now >= self._deadline():
                self._line.drop()
                raise silent(self._line.address, now - self._heard)
            if now >= end:
                return False

    def _turn(self) -> None:
        """Raises SourceError when nothing was read for so long that the broker may have dropped events."""
        before, self._turned = self._turned, time.monotonic()
        if self._turned - before >= STOOD:
            waiting = fcntl.ioctl(self._socket.fileno(), termios.FIONREAD, bytes(4))
            if int.from_bytes(waiting, sys.byteorder) >= MUCH:
                self._behind = before
                raise SourceError(TOO_SLOW, GOES_ON)

    def _deadline(self) -> float:
        """When a line on which nothing comes is probed, or is dead."""
        return self._heard + SILENCE if self._probed is None else max(self._probed, self._heard) + ANSWER

    def _is_readable(self, seconds: float) -> bool:
        pending = getattr(self._socket, "pending", None)  # TLS has read ahead
        return bool(pending and pending()) or readable(self._socket, seconds)

    def _keep_up(self, now: float) -> None:
        """Say that we live, and ask how much waits in our queue."""
        quiet = now - self._heard >= SILENCE
        try:
            if self._probed is None and (quiet or now - self._sent >= PROBE):
                self._probed = self._sent = now
                self._ask_about_queue()
                if now - self._looked >= LOOK:
                    self._looked = now
                    self._ask_about_exchange()
            elif now - self._sent >= self._line.address.heartbeat / 2:
                self._sent = now
                self._line.connection.send_heartbeat()
        except DRIVER_ERRORS as error:
            self._line.drop()
            raise told(error, self._line.address, met=True) from None

    def _ask_about_queue(self) -> None:
        """A passive declare whose answer comes in its turn, behind all events that are under way."""
        self._asked += 1
        self._send((50, 10), "BsbbbbbF", self.queue)

    def _ask_about_exchange(self) -> None:
        """The same of the exchange; that it has gone comes as a refusal."""
        self._asked += 1
        self._send((40, 10), "BssbbbbbF", self._exchange, "topic")

    def _send(self, method: tuple[int, int], types: str, *names: str) -> None:
        """A passive declare, without waiting for its answer."""
        flags = (True, False, False, False, False)  # passive; not durable, exclusive, auto-delete, without answer
        nothing: dict[str, Any] = {}
        self._line.channel.send_method(method, types, (0, *names, *flags, nothing))

    def _answered(self, payload: bytes) -> None:
        """How much waits in our queue: its name, then two counts of four bytes, messages and consumers."""
        if self._probed is None:
            return
        now, waiting, probed = time.monotonic(), int.from_bytes(payload[-8:-4]), self._probed
        heard, since = self._counted
        self._counted, self._round_trip, self._probed = (self._messages, now), now - probed, None
        rate = (self._messages - heard) / max(now - since, 1e-3)
        if waiting < FEW or (waiting < MOST and waiting < rate * AGE * 0.8):
            self._behind, self._is_late = None, False
        else:
            self._is_late = waiting >= MOST or self._behind is not None  # else once may be chance
            self._behind = self._behind or probed

    def _check_behind(self) -> None:
        """Raises SourceError when events wait so long that the broker may have dropped some."""
        if self._is_late:
            raise SourceError(TOO_SLOW, GOES_ON)

    def _await_exchange(self, timeout: float) -> None:
        """No worker has made the exchange yet."""
        pause = self._looked + WAIT - time.monotonic()
        if pause > 0:
            self._line.wait(min(pause, timeout))
        else:
            self._begin()

    def close(self) -> None:
        frames, self._frames, self._socket = self._frames, None, None
        if self._line.is_open and frames is not None:
            if not frames.is_between or frames.trouble is not None:
                self._line.drop()
                return
            self._line.connection.transport._read_buffer = frames.rest  # noqa: SLF001 - the driver reads the goodbye
        self._line.close()

    def rejected(self) -> Mapping[str, int]:
        return self._tally.rejected

    def repaired(self) -> Mapping[str, int]:
        return self._tally.repaired

    def asked(self) -> int:
        return self._line.asked + self._asked

    def notice(self) -> str:
        if self._frames is None and self._line.is_open:
            return f"no event yet: there is no exchange {self._exchange}, so no worker has sent any"
        return ""

    def latency(self) -> float | None:
        return self._round_trip or self._line.latency

    def silence(self) -> float:
        return max(0.0, time.monotonic() - (self._behind or self._heard))


def _ignored(_: object) -> None:
    """Events that still come while the line is being closed."""
