"""What does a waiting message in a Redis list say? The envelope is opened; the rest is the host's business."""

from typing import Any

from lazycelery_core import task_message
from lazycelery_core.model import Message
from lazycelery_core.payload import PayloadError
from lazycelery_core.redact import Redactor
from lazycelery_core.task_message import Wrapped, whole
from lazycelery_plugin_redis.envelope import opened


def message_of(raw: bytes, queue: str, position: int, redactor: Redactor) -> Message:
    """The message, whatever the bytes are."""
    try:
        envelope = opened(raw)
    except PayloadError as error:
        return Message(queue, position, "", "", "", "", None, size=len(raw), raw=raw, problem=error.reason)
    priority = _priority(envelope.properties)
    wrapped = Wrapped(raw, envelope.body, envelope.headers, envelope.content_type, priority)
    return task_message.message_of(wrapped, queue, position, redactor)


def _priority(properties: dict[str, Any]) -> int | None:
    info = properties.get("delivery_info")
    told = properties.get("priority")
    return whole(told if told is not None else info.get("priority") if isinstance(info, dict) else None)
