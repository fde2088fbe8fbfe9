"""Which workflow does a waiting message belong to? Group and root stand in its headers, chord and chain in its body.

Source: celery/app/amqp.py, as_task_v2: the body is `[args, kwargs, {callbacks, errbacks, chain, chord}]`. kombu's
virtual transports (Redis among them) wrap it as JSON with the body in base64.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lazycelery_core.model import Message
from lazycelery_core.payload import PayloadError, json_of, value_of

LIMIT = 256 << 10  # bytes; a chain of hundreds of tasks


@dataclass(frozen=True, slots=True)
class Links:
    """What comes after a message's task, as its body says. `chain` are task names in the order they will run."""

    chain: tuple[str, ...] = ()
    chord: str = ""
    callbacks: int = 0
    errbacks: int = 0


def links(message: Message) -> Links | None:
    """The links in the body, None when it was not opened."""
    embedded = _embedded(message)
    if embedded is None:
        return None
    chain, chord = embedded.get("chain"), embedded.get("chord")
    names = tuple(_name(each) for each in reversed(chain)) if isinstance(chain, list) else ()  # the last one runs next
    return Links(names, _name(chord) if chord else "", _length(embedded, "callbacks"), _length(embedded, "errbacks"))


def _embedded(message: Message) -> Mapping[str, Any] | None:
    if message.problem or len(message.raw) > LIMIT:
        return None
    try:
        body = value_of(_body(message.raw), message.content_type, message.headers.get("compression"), LIMIT)
    except PayloadError:
        return None
    parts = body if isinstance(body, list) and len(body) == 3 else [None]
    return parts[-1] if isinstance(parts[-1], dict) else None


def _body(raw: bytes) -> bytes:
    """The body inside kombu's envelope, or the bytes themselves where the broker has an envelope of its own."""
    if not raw.startswith(b"{"):
        return raw
    envelope = json_of(raw)
    body = envelope.get("body") if isinstance(envelope, dict) else None
    if not isinstance(body, str):
        return raw
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return body.encode(errors="replace")


def _name(signature: Any) -> str:
    name = signature.get("task") if isinstance(signature, dict) else None
    return name if isinstance(name, str) else "?"


def _length(embedded: Mapping[str, Any], key: str) -> int:
    value = embedded.get(key)
    return len(value) if isinstance(value, list) else 0
