"""Why was a message thrown out of a queue before it came here? RabbitMQ writes the story into its `x-death` header.

Celery's delayed delivery moves messages by the same means: those hops are told as a delay, not as deaths.
Source: https://www.rabbitmq.com/docs/dlx and kombu/transport/native_delayed_delivery.py.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lazycelery_core.model import Message

MOST = 20  # deaths told of a message
HEADERS = frozenset([
    "x-death", "x-first-death-exchange", "x-first-death-queue", "x-first-death-reason", "x-last-death-exchange",
    "x-last-death-queue", "x-last-death-reason",
])  # fmt: skip
REASONS = {
    "rejected": "rejected by a worker",
    "expired": "too old",
    "maxlen": "the queue was full",
    "delivery_limit": "handed out too often",
}
_DELAY = re.compile(r"(?:.+_)?celery_delayed_(\d{1,2})\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Death:
    """Once or several times (`count`) thrown out of `queue`; `at` is the first time, Unix seconds, None unknown."""

    queue: str
    reason: str
    exchange: str
    keys: tuple[str, ...]
    count: int
    at: float | None


def deaths(message: Message) -> list[Death]:
    """Every death, the last one first."""
    return [_death(entry) for entry, level in _entries(message) if level is None]


def delay(message: Message) -> int:
    """Seconds that the broker kept the message back for its time; 0 for not at all."""
    return sum(1 << level for _, level in _entries(message) if level is not None)


def _entries(message: Message) -> Iterator[tuple[Mapping[str, Any], int | None]]:
    """The entries of the header, each with the level of the delay queue that it is about."""
    told = message.headers.get("x-death")
    for entry in told[: MOST + 28] if isinstance(told, list) else []:
        if isinstance(entry, Mapping):
            delayed = _DELAY.match(str(entry.get("queue", "")))
            level = int(delayed[1]) if delayed else None
            yield entry, level if level is None or level < 28 else None


def _death(entry: Mapping[str, Any]) -> Death:
    keys, count = entry.get("routing-keys"), entry.get("count")
    return Death(
        _text(entry.get("queue")), _text(entry.get("reason")), _text(entry.get("exchange")),
        tuple(_text(key) for key in keys[:5]) if isinstance(keys, list) else (),
        count if isinstance(count, int) and count > 0 else 1, _moment(entry.get("time")),
    )  # fmt: skip


def _text(value: Any) -> str:
    return value[:255] if isinstance(value, str) else ""


def _moment(value: Any) -> float | None:
    """AMQP's times are whole seconds of UTC; here they come as ISO text."""
    try:
        told = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if told is None else (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
