"""What does kombu wrap around a body in Redis? A JSON object: `body` in base64, content type, headers, properties."""

import base64
import binascii
from typing import Any, Literal

import msgspec

from lazycelery_core.decode import Tally, add_events, events_of
from lazycelery_core.events import WireEvent
from lazycelery_core.payload import LIMIT, PayloadError, json_of, value_of

WRAPPED = LIMIT * 4 // 3 + (64 << 10)  # bytes; a body of the limit in base64, and room for headers


class _Headers(msgspec.Struct, gc=False):
    compression: None = None


class _Properties(msgspec.Struct, gc=False):
    body_encoding: Literal["base64"]


class _Usual(msgspec.Struct, gc=False):
    """The envelope of nearly every event; whatever differs takes the other road."""

    body: bytes  # msgspec reads base64 here
    properties: _Properties
    content_type: Literal["application/json"] = msgspec.field(name="content-type")
    headers: _Headers = msgspec.field(default_factory=_Headers)


_read = msgspec.json.Decoder(_Usual).decode
_TROUBLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Envelope(msgspec.Struct, gc=False):
    """An opened envelope; the body is still encoded as `content_type` and `compression` say."""

    body: bytes
    content_type: Any
    compression: Any
    headers: dict[str, Any]
    properties: dict[str, Any]

    def value(self, limit: int = LIMIT) -> Any:
        """The decoded body. Raises PayloadError."""
        return value_of(self.body, self.content_type, self.compression, limit)


def events_in(payload: bytes, now: float, tally: Tally) -> list[WireEvent]:
    """The good events of a published message; the rest is counted."""
    events: list[WireEvent] = []
    add_events_in(events, payload, now, tally)
    return events


def add_events_in(events: list[Any], payload: bytes, now: float, tally: Tally) -> None:
    """The same, added to `events`."""
    try:
        usual = _read(payload) if len(payload) <= LIMIT else None  # beyond it perhaps the body too
    except _TROUBLE:
        usual = None
    if usual is None:
        events += _unusual(payload, now, tally)
    else:
        add_events(events, usual.body, now, tally)


def _unusual(payload: bytes, now: float, tally: Tally) -> list[WireEvent]:
    try:
        envelope = opened(payload)
    except PayloadError as error:
        tally.rejected[error.reason] += 1
        return []
    return events_of(envelope.body, now, tally, envelope.content_type, envelope.compression)


def opened(payload: bytes, limit: int = WRAPPED) -> Envelope:
    """The envelope of any message in a queue or channel. limit: bytes. Raises PayloadError."""
    if len(payload) > limit:
        raise PayloadError("larger than the limit")
    fields = json_of(payload)
    properties = fields.get("properties") if isinstance(fields, dict) else None
    if not isinstance(properties, dict):
        raise PayloadError("not a message envelope")
    headers = fields.get("headers")
    headers = headers if isinstance(headers, dict) else {}
    return Envelope(
        body=_body(fields.get("body"), properties.get("body_encoding")), content_type=fields.get("content-type"),
        compression=headers.get("compression"), headers=headers, properties=properties,
    )  # fmt: skip


def _body(body: Any, encoding: Any) -> bytes:
    if not isinstance(body, str):
        raise PayloadError("a message without a body")
    try:
        if encoding == "base64":
            return base64.b64decode(body, validate=True)
        if encoding is None or encoding == "utf-8":
            return body.encode()
    except (binascii.Error, ValueError):
        raise PayloadError("a body that is not base64") from None
    raise PayloadError("body encoding not known")
