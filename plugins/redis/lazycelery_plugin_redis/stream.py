"""What do workers report right now? Events and results, heard on Redis pub/sub.

Two subscriptions and a PING in silence: nothing is ever published or written, nothing is left behind. Pub/sub has no
memory, so what is said while the line is down is lost; the host declares that gap.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lazycelery_core.decode import Tally, meta_of
from lazycelery_core.errors import AccessRefused, LazyCeleryError
from lazycelery_core.events import Event
from lazycelery_core.source import Source
from lazycelery_plugin_redis.envelope import add_events_in
from lazycelery_plugin_redis.layout import RESULT
from lazycelery_plugin_redis.line import DRIVER_ERRORS, Line
from lazycelery_plugin_redis.troubles import silent, told

BATCH = 256  # events handed over at once: bounds the time a screen waits for the store
META = RESULT.encode()
CUT_OFF = re.compile(rb"^client_output_buffer_limit_disconnections:(\d+)", re.MULTILINE)
TOO_SLOW = "this screen was too slow: the broker cut it off (client-output-buffer-limit)"
SILENCE, ANSWER = 0.5, 1.0  # s; a dead line is noticed after their sum, and an idle one costs 2 commands a second


class RedisStream(Source):
    """Listens to one channel, and to a second one if the credential may.

    channel, extra: names, or patterns where they have a `*`. clock: Unix seconds of arrival.
    """

    streams = True

    def __init__(
        self, name: str, line: Line, channel: str, extra: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        self.name, self._line, self._clock = name, line, clock
        self._channel, self._extra = channel, extra
        self._usual = channel.encode()  # messages name the subscription that they are for
        self._tally = Tally()
        self._early: list[Any] = []
        self._heard = self._round_trip = 0.0
        self._probed: float | None = None
        self._broken: LazyCeleryError | None = None  # told by the next read: what was heard before comes first
        self._cut_off: int | None = None  # clients that the server has cut off for being too slow
        self._because = ""
        self.refused = ""  # the right whose lack keeps the extra channel from being heard

    def open(self) -> None:
        self._line.open()
        self._probed, self._broken, self._early = None, None, []
        self._heard = time.monotonic()
        self._count_cut_off()
        self._subscribe(self._channel)
        if self._extra:
            self._subscribe_extra()

    def _count_cut_off(self) -> None:
        """Whether the server has cut off a slow client since we connected last; servers below 7.2 do not count."""
        before, answer = self._cut_off, self._line.ask_all([("INFO", "stats")])[0]
        found = CUT_OFF.search(answer) if isinstance(answer, bytes) else None
        self._cut_off = int(found[1]) if found else None
        more = before is not None and self._cut_off is not None and self._cut_off > before
        self._because = TOO_SLOW if more else ""

    def _subscribe(self, channel: str) -> None:
        verb = "PSUBSCRIBE" if "*" in channel else "SUBSCRIBE"
        self._line.send(verb, channel)
        while not (isinstance(answer := self._line.reply(), Exception) or answer[0] == verb.lower().encode()):
            self._early.append(answer)  # events may come before the second confirmation
        self._line.checked(answer, (verb, channel))

    def _subscribe_extra(self) -> None:
        """Without the right to hear the second channel, the first still tells."""
        try:
            self._subscribe(self._extra)
            self.refused = ""
        except AccessRefused as error:
            self.refused = error.right

    def read(self, timeout: float) -> Sequence[Event]:
        if self._broken is not None:
            raise self._broken
        events: list[Event] = []
        if self._early:
            self._early, early = [], self._early
            for message in early:
                self._take(message, events, self._clock())
        elif self._wait(timeout):
            self._drain(events)
        return events

    def _drain(self, events: list[Event]) -> None:
        """Everything that has arrived, read eagerly so that the broker's output buffer stays empty.

        The driver reads from the socket; what it then has in hand is taken without it, at a third of the cost.
        """
        connection, now, usual, tally = self._line.connection, self._clock(), self._usual, self._tally
        read, can_read, more, take = connection.read_response, connection.can_read, self._line.more(), self._take
        try:
            while len(events) < BATCH:
                message = read(disconnect_on_error=False)
                while type(message) is list:
                    if len(message) > 2 and message[1] == usual and type(message[-1]) is bytes:
                        add_events_in(events, message[-1], now, tally)
                    else:
                        take(message, events, now)
                    message = more() if len(events) < BATCH else None
                if isinstance(message, Exception):
                    raise message
                if not can_read(0):
                    break
        except DRIVER_ERRORS as error:
            self._line.close()
            self._broken = told(error, self._line.address, met=True)
            if not events:
                raise self._broken from None

    def _take(self, message: Any, events: list[Event], now: float) -> None:
        kind = message[0] if type(message) is list and len(message) >= 2 else b""
        if kind in (b"message", b"pmessage"):
            channel, payload = message[-2], message[-1]
            if META in channel:
                self._take_result(channel, payload, events, now)
            else:
                add_events_in(events, payload, now, self._tally)
        elif kind == b"pong" and self._probed is not None:
            self._round_trip, self._probed = time.monotonic() - self._probed, None

    def _take_result(self, channel: bytes, payload: bytes, events: list[Event], now: float) -> None:
        task_id = channel.rpartition(META)[2].decode(errors="replace")
        meta = meta_of(payload, now, self._tally, task_id)
        if meta is not None:
            events.append(meta)

    def _wait(self, timeout: float) -> bool:
        """Whether something arrived within `timeout` seconds; a silent line is probed."""
        end = time.monotonic() + timeout
        while True:
            now = time.monotonic()
            if self._line.readable(min(end, self._deadline()) - now):
                self._heard = time.monotonic()
                return True
            now = time.monotonic()
            if now >= self._deadline():
                self._probe(now)
            if now >= end:
                return False

    def _deadline(self) -> float:
        return self._heard + SILENCE if self._probed is None else self._probed + ANSWER

    def _probe(self, now: float) -> None:
        if self._probed is not None:
            self._line.close()
            raise silent(self._line.address, now - self._heard)
        self._line.send("PING")
        self._probed = now

    def close(self) -> None:
        self._line.close()

    def rejected(self) -> Mapping[str, int]:
        return self._tally.rejected

    def repaired(self) -> Mapping[str, int]:
        return self._tally.repaired

    def asked(self) -> int:
        return self._line.asked

    def notice(self) -> str:
        return f"published results are not heard: missing right {self.refused}" if self.refused else ""

    def latency(self) -> float | None:
        return self._round_trip or self._line.latency

    def lost_because(self) -> str:
        return self._because

    def silence(self) -> float:
        return max(0.0, time.monotonic() - self._heard)
