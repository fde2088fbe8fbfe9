"""What kind of queue is it, and how often may a message be handed out? What the broker tells of neither by itself.

The management API knows. Where there is none, a worker tells the arguments with which it declared its queues; from
RabbitMQ 3.11 on a virtual host may have another default than classic, so an argument that is not there proves nothing.
Source: rabbitmq.com/docs/vhosts#default-queue-type, rabbitmq.com/docs/quorum-queues#poison-message-handling.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lazycelery_core.control import Inspects
from lazycelery_core.errors import LazyCeleryError

CLASSIC, QUORUM, STREAM, UNKNOWN = "classic", "quorum", "stream", ""
LASTS = 60.0  # s that workers' words about their queues are believed
DEFAULT_LIMIT = 20  # deliveries, from RabbitMQ 4 on
UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class Kind:
    """A queue's type, "" when nobody could tell. limit: deliveries given back until a message is thrown away.

    limit is None for no limit, or where it is not known; `limit_known` tells which.
    """

    type: str
    limit: int | None = None
    limit_known: bool = True


class Told(Protocol):
    """What the management API tells of a queue."""

    @property
    def type(self) -> str: ...
    @property
    def arguments(self) -> dict[str, Any] | list[Any] | None: ...
    @property
    def effective_policy_definition(self) -> dict[str, Any] | list[Any] | None: ...


class Kinds:
    """Asks the management API, else the workers. told: the API's word on a queue, None when it has none."""

    def __init__(self, told: Callable[[str], Told | None], inspects: Inspects | None) -> None:
        self._told, self._inspects = told, inspects
        self._declared: dict[str, Mapping[str, Any]] = {}
        self._asked_at = float("-inf")

    def of(self, queue: str, version: str) -> Kind:
        """The kind of a queue of a broker of that version (`3.10.8`)."""
        told = self._told(queue)
        if told is not None:
            policy = told.effective_policy_definition
            return _kind(told.type, _table(told.arguments), _table(policy), version)
        arguments = self._arguments(queue)
        if arguments is None:
            return Kind(UNKNOWN, limit_known=False)
        kind = arguments.get("x-queue-type") or (CLASSIC if _number(version) < (3, 11) else UNKNOWN)
        return _kind(str(kind), arguments, None, version)

    def _arguments(self, queue: str) -> Mapping[str, Any] | None:
        """Those with which a worker declared it, None when no worker consumes it."""
        now = time.monotonic()
        if self._inspects is not None and now - self._asked_at > LASTS:
            self._asked_at = now
            try:
                self._declared = _declared(self._inspects.inspect("active_queues").nodes)
            except LazyCeleryError:
                self._declared = {}
        return self._declared.get(queue)


def _declared(nodes: Any) -> dict[str, Mapping[str, Any]]:
    queues = [each for node in nodes if isinstance(node.value, list) for each in node.value]
    return {
        each["name"]: _table(each.get("queue_arguments")) or {}
        for each in queues
        if isinstance(each, Mapping) and isinstance(each.get("name"), str)
    }


def _kind(kind: str, arguments: Mapping[str, Any] | None, policy: Mapping[str, Any] | None, version: str) -> Kind:
    """policy: None where it is not known whether there is one."""
    if kind != QUORUM:
        return Kind(kind)
    limits = [_limit((arguments or {}).get("x-delivery-limit")), _limit((policy or {}).get("delivery-limit"))]
    set_limits = [limit for limit in limits if limit is not None]
    if set_limits:
        limit = min(set_limits, key=lambda each: float("inf") if each == UNLIMITED else each)
        return Kind(kind, None if limit == UNLIMITED else limit, policy is not None)
    return Kind(kind, DEFAULT_LIMIT if _number(version) >= (4,) else None, policy is not None)


def _table(value: Any) -> Mapping[str, Any] | None:
    """A table of arguments; an empty one may come as a list."""
    return value if isinstance(value, Mapping) else {} if value == [] else None


def _limit(value: Any) -> int | None:
    return value if type(value) is int else None


def _number(version: str) -> tuple[int, ...]:
    """(3, 10, 8)."""
    parts = version.partition("-")[0].partition("+")[0].split(".")
    return tuple(int(part) for part in parts if part.isascii() and part.isdigit()) or (4,)
