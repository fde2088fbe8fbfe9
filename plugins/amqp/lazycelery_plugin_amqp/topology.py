"""How do messages get into queues, and where do they go when they die? The broker's tables as one picture of roads."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lazycelery_core.model import Binding, Endpoint, Exchange, Routing
from lazycelery_plugin_amqp.delayed import is_delay_exchange, is_delivery
from lazycelery_plugin_amqp.discovery import Names
from lazycelery_plugin_amqp.management import ApiBinding, ApiExchange, ApiQueue

MOST = 5000  # bindings in a picture
OWN = "amq."  # exchanges that the broker itself declares
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def table(value: Any) -> Mapping[str, Any]:
    """An argument table, which may come as an empty list or not at all."""
    return value if isinstance(value, dict) else {}


def dead_letters(queue: ApiQueue) -> tuple[str | None, str]:
    """(exchange, routing key) for messages that die in the queue: from its arguments, else from its policy."""
    given, policy = table(queue.arguments), table(queue.effective_policy_definition)
    exchange = given.get("x-dead-letter-exchange", policy.get("dead-letter-exchange"))
    key = given.get("x-dead-letter-routing-key", policy.get("dead-letter-routing-key", ""))
    return exchange if isinstance(exchange, str) else None, key if isinstance(key, str) else ""


def is_for_results(queue: ApiQueue) -> bool:
    """Whether it is one client's own, for what its tasks return. Source: celery/backends/rpc.py, RPCBackend.binding."""
    return queue.auto_delete and _UUID.match(queue.name) is not None and "x-expires" in table(queue.arguments)


def carries_tasks(queue: ApiQueue, names: Names) -> bool:
    """Whether what waits in it is work."""
    return not names.is_internal(queue.name) and not is_for_results(queue)


def routing(
    exchanges: Iterable[ApiExchange],
    bindings: Sequence[ApiBinding],
    queues: Iterable[ApiQueue],
    names: Names,
    at: float,
) -> Routing:
    """The picture. at: when it was told, Unix seconds."""
    given = [Binding(each.source, each.destination, each.routing_key, each.destination_type == "exchange")
             for each in bindings if each.source]  # fmt: skip
    note = f"{len(given) - MOST:,} bindings beyond the first {MOST:,} are left out" if len(given) > MOST else ""
    return Routing(
        tuple(_exchange(each, names) for each in exchanges),
        tuple(given[:MOST]),
        tuple(Endpoint(each.name, *dead_letters(each), not carries_tasks(each, names)) for each in queues),
        at,
        note,
    )


def _exchange(each: ApiExchange, names: Names) -> Exchange:
    alternate = table(each.arguments).get("alternate-exchange", "")
    internal = (
        each.name.startswith(OWN) or not each.name or names.is_internal(each.name) or is_delay_exchange(each.name)
    )
    return Exchange(each.name, each.type, alternate if isinstance(alternate, str) else "", each.durable, internal)


def dead_from(queues: Iterable[ApiQueue], bindings: Iterable[ApiBinding]) -> dict[str, list[str]]:
    """queue -> the queues whose dead messages may end in it."""
    by_exchange: dict[str, list[str]] = {}
    found: dict[str, list[str]] = {}
    for queue in queues:
        exchange, key = dead_letters(queue)
        if exchange == "":
            found.setdefault(key or queue.name, []).append(queue.name)
        elif exchange is not None and not is_delay_exchange(exchange):
            by_exchange.setdefault(exchange, []).append(queue.name)
    for binding in bindings:
        if binding.source in by_exchange and binding.destination_type == "queue":
            origins = found.setdefault(binding.destination, [])
            origins += [each for each in by_exchange[binding.source] if each not in origins]
    return found


def delay_targets(bindings: Sequence[ApiBinding]) -> set[str]:
    """The queues that delayed messages may go to: the delivery exchange, the exchanges behind it, their queues.

    A queue counts when it is bound behind that exchange with one of the keys that lead there.
    """
    roads = {(each.destination, each.routing_key) for each in bindings
             if is_delivery(each.source) and each.destination_type == "exchange"}  # fmt: skip
    return {each.destination for each in bindings
            if each.destination_type == "queue" and (each.source, each.routing_key) in roads}  # fmt: skip
