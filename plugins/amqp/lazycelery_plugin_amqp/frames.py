"""Which messages are in the bytes of a subscription? A splitter for its steady state: deliveries and heartbeats.

Nearly all that a subscription hears has one shape: method `basic.deliver`, content header, body. It is cut out here at
a tenth of what a whole AMQP client costs; every other frame is handed on as it came.
Source: AMQP 0-9-1, 4.2.3 to 4.2.6.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any, NamedTuple

import amqp

from lazycelery_core.errors import SourceError
from lazycelery_core.payload import JSON, LIMIT
from lazycelery_plugin_amqp.troubles import DRIVER_ERRORS

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8  # types of frames
END = 0xCE
DELIVER = 60 << 16 | 60  # class basic, method deliver
MOST_KINDS = 4096  # different properties that are remembered: as many as there are senders
_FRAME = Struct(">BHI")  # type, channel, size
_METHOD = Struct(">BHII")  # and class and method of a method frame
_HEADER = Struct(">BHIHHQ")  # and class, weight and body size of a content header
_DAMAGED = "The bytes from the broker make no sense: {}."

Frame = tuple[int, int, bytes]  # type, channel, payload: as py-amqp hands them around


class Unusual(NamedTuple):
    """A message that is not plain JSON. header: its content header; size: of the body, which is empty if too large."""

    header: bytes
    body: bytes
    size: int


class Frames:
    """The frames of one connection. `feed` gives the messages for `channel`; other frames go to `others`.

    rest: bytes that are no whole frame yet. trouble: why nothing more comes, damage or what `others` raised.
    """

    def __init__(self, channel: int, others: Callable[[Frame], Any], frame_max: int) -> None:
        self.rest = b""
        self.trouble: Exception | None = None
        self._channel, self._others, self._frame_max = channel, others, frame_max
        self._plain: dict[bytes, bool] = {}  # by their properties: which messages are plain JSON
        self._awaited = METHOD
        self._header, self._size, self._missing = b"", 0, 0  # of the message whose body is awaited
        self._parts: list[bytes] = []

    @property
    def is_between(self) -> bool:
        """Whether `rest` begins a frame that another reader can go on with: no message has begun."""
        return self._awaited == METHOD

    def feed(self, data: bytes) -> list[bytes | Unusual]:
        """The messages that are whole with these bytes, in order: the body of plain JSON, `Unusual` for others.

        Never raises: see `trouble`. Written for speed: a whole message at once where it is of the usual shape.
        """
        buffer = self.rest + data if self.rest else data
        found: list[bytes | Unusual] = []
        at, end, ours, limit, plain = 0, len(buffer), self._channel, self._frame_max, self._plain
        while self.trouble is None:
            if self._awaited == METHOD and end - at > 30:
                kind, channel, size, what = _METHOD.unpack_from(buffer, at)
                header = at + 8 + size
                if what == DELIVER and kind == METHOD and channel == ours and end - header > 20:
                    kind, channel, size, _, _, length = _HEADER.unpack_from(buffer, header)
                    body = header + 8 + size
                    last = body + 7 + length
                    if kind == HEADER and channel == ours and last < end and plain.get(buffer[header + 19 : body - 1]):
                        kind, channel, size = _FRAME.unpack_from(buffer, body)
                        ended = END == buffer[header - 1] == buffer[body - 1] == buffer[last]
                        if kind == BODY and channel == ours and size == length <= limit and ended:
                            found.append(buffer[body + 7 : last])
                            at = last + 1
                            continue
            taken = self._frame(buffer, at, found)
            if not taken:
                break
            at += taken
        self.rest = buffer[at:]
        return found

    def _frame(self, buffer: bytes, at: int, found: list[bytes | Unusual]) -> int:
        """Take one frame; its length, 0 when it is not whole yet."""
        if len(buffer) - at < 7:
            return 0
        kind, channel, size = _FRAME.unpack_from(buffer, at)
        if kind not in (METHOD, HEADER, BODY, HEARTBEAT) or size > self._frame_max:
            return self._damaged("no frame begins where one should")
        last = at + 7 + size
        if last >= len(buffer):
            return 0
        if buffer[last] != END:
            return self._damaged("a frame without an end")
        self._take(kind, channel, buffer[at + 7 : last], found)
        return int(8 + size)

    def _take(self, kind: int, channel: int, payload: bytes, found: list[bytes | Unusual]) -> None:
        if kind == HEARTBEAT:
            return
        if channel == self._channel and kind == METHOD and payload[:4] == DELIVER.to_bytes(4):
            self._awaited = HEADER
        elif channel == self._channel and kind == self._awaited == HEADER and len(payload) >= 12:
            self._begin(payload, found)
        elif channel == self._channel and kind == self._awaited == BODY:
            self._continue(payload, found)
        elif channel == self._channel and kind != METHOD:
            self._damaged("a part of a message that has not begun")
        else:
            self._hand_on((kind, channel, payload))

    def _begin(self, payload: bytes, found: list[bytes | Unusual]) -> None:
        self._header, self._parts = payload, []
        self._size = self._missing = int.from_bytes(payload[4:12])
        self._awaited = BODY
        if not self._size:
            self._end(found)

    def _continue(self, payload: bytes, found: list[bytes | Unusual]) -> None:
        self._missing -= len(payload)
        if self._missing < 0:
            self._damaged("more body than was announced")
            return
        if self._size <= LIMIT:
            self._parts.append(payload)
        if not self._missing:
            self._end(found)

    def _end(self, found: list[bytes | Unusual]) -> None:
        body = b"".join(self._parts)
        known = self._size <= LIMIT and self._is_plain(self._header[12:])
        found.append(body if known else Unusual(self._header, body, self._size))
        self._awaited, self._parts = METHOD, []

    def _is_plain(self, properties: bytes) -> bool:
        known = self._plain.get(properties)
        if known is None:
            if len(self._plain) >= MOST_KINDS:
                self._plain.clear()
            content_type, compression = kind_of(self._header)
            known = self._plain[properties] = content_type == JSON and not compression
        return known

    def _hand_on(self, frame: Frame) -> None:
        self._awaited = METHOD if frame[1] == self._channel else self._awaited
        try:
            self._others(frame)
        except DRIVER_ERRORS as error:
            self.trouble = error

    def _damaged(self, what: str) -> int:
        self.trouble = SourceError(_DAMAGED.format(what), "The line is opened anew.")
        return 0


def kind_of(header: bytes) -> tuple[Any, Any]:
    """Content type and compression that a content header names; (None, None) when it can't be read."""
    message = amqp.Message()
    try:
        message.inbound_header(header)
    except (*DRIVER_ERRORS, TypeError, AttributeError):
        return None, None
    headers = message.headers
    return message.properties.get("content_type"), headers.get("compression") if isinstance(headers, dict) else None
