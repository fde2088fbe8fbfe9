"""What does a waiting message in RabbitMQ say? AMQP's own properties around it; the rest is the host's business.

Source: amqp/basic_message.py and amqp/serialization.py (which turn properties and tables into Python values).
"""

from datetime import UTC, datetime
from typing import Any

from lazycelery_core import task_message
from lazycelery_core.model import Message
from lazycelery_core.redact import Redactor
from lazycelery_core.task_message import Wrapped, whole

COUNT = "x-delivery-count"  # header: how often a quorum queue has handed the message out before
HEADERS = 200  # headers kept; Celery writes about 25
TEXT = 2000  # characters of a property


def message_of(got: Any, queue: str, position: int, redactor: Redactor) -> Message:
    """The message in py-amqp's `Message`, whatever its body is."""
    body = got.body if isinstance(got.body, bytes) else str(got.body).encode(errors="replace")
    told = got.properties
    wrapped = Wrapped(
        raw=body, body=body, headers=headers_of(got), content_type=told.get("content_type"),
        priority=whole(told.get("priority")), redelivered=bool(got.delivery_info.get("redelivered")),
        expiration=str(told.get("expiration") or "")[:TEXT],
    )  # fmt: skip
    return task_message.message_of(wrapped, queue, position, redactor)


def headers_of(got: Any) -> dict[str, Any]:
    """The headers of a message; {} when it has none."""
    headers = got.properties.get("application_headers")
    return {name: _plain(value) for name, value in list(headers.items())[:HEADERS]} if isinstance(headers, dict) else {}


def _plain(value: Any, depth: int = 3) -> Any:
    """Times as text, as in JSON; the driver makes dates of them that say no zone and mean UTC."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if depth and isinstance(value, list):
        return [_plain(each, depth - 1) for each in value]
    if depth and isinstance(value, dict):
        return {name: _plain(each, depth - 1) for name, each in value.items()}
    return value


def delivered_before(got: Any) -> int | None:
    """How often it was handed out before, None where the queue does not count that (classic queues)."""
    return whole(headers_of(got).get(COUNT))
