"""Which ways lead messages into queues, and where do they end? One road for each binding, troubles named.

The broker's own tables where it tells them (`Snapshot.routing`); else what the workers say of the queues they consume.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from lazycelery_core.model import Binding, Endpoint, Exchange, Routing
from lazycelery_core.snapshot import Snapshot

FROM_WORKERS = "Told by the workers: only queues that they consume are known."
UNBOUND = "not bound: only its name leads here"
NOWHERE = "leads nowhere: what is published here is lost"
DEFAULT = "default exchange"  # the one without a name


@dataclass(frozen=True, slots=True)
class Road:
    """From an exchange by a routing key to a queue, or to another exchange; `target` "" for no binding at all.

    what: `binding`, `dead` (what dies in the queue `exchange` goes on to the exchange `target`) or `else` (what no
    binding of the exchange takes). `trouble` says why messages get lost or never come.
    """

    what: str
    exchange: str
    kind: str = ""
    key: str = ""
    target: str = ""
    to_exchange: bool = False
    trouble: str = ""

    @property
    def queue(self) -> str:
        """The queue it is about, "" for none."""
        if self.what == "dead":
            return self.exchange
        return "" if self.to_exchange else self.target

    @property
    def routing_key(self) -> str:
        """The key, as filters call it."""
        return self.key

    @property
    def name(self) -> str:
        """What it is called in lists and breadcrumbs."""
        return self.queue or self.exchange or DEFAULT


class Shown(NamedTuple):
    """What is the application's. `hidden` exchanges and queues are plumbing of Celery and of the broker."""

    exchanges: Mapping[str, Exchange]
    queues: Mapping[str, Endpoint]
    hidden: int
    note: str


def shown(snapshot: Snapshot) -> Shown:
    """The application's exchanges and queues, and the broker's exchanges that lead to these."""
    return _shown(snapshot.routing or told_by_workers(snapshot))


def roads(snapshot: Snapshot) -> list[Road]:
    """The roads as they are known now, an exchange's together."""
    routing = snapshot.routing or told_by_workers(snapshot)
    here = _shown(routing)
    by_source: dict[str, list[Binding]] = {name: [] for name in sorted(here.exchanges)}
    led: dict[str, Binding] = {}
    for binding in _bindings(routing):
        if binding.source in by_source:
            by_source[binding.source].append(binding)
            if not binding.to_exchange:
                led.setdefault(binding.target, binding)
    found = [road for name, own in by_source.items() for road in _of_exchange(here, here.exchanges[name], own, led)]
    for name in sorted(here.queues.keys() - led.keys()):
        found.append(Road("binding", "", "", name, name, trouble=UNBOUND))
        found += _dead(here.queues[name], here.exchanges)
    return found


def _shown(routing: Routing) -> Shown:
    queues = {each.name: each for each in routing.queues if not each.internal}
    used = {each.source for each in routing.bindings if not each.to_exchange and each.target in queues}
    exchanges = {each.name: each for each in routing.exchanges if not each.internal or each.name in used}
    hidden = len(routing.exchanges) + len(routing.queues) - len(exchanges) - len(queues)
    return Shown(exchanges, queues, hidden, routing.note)


def told_by_workers(snapshot: Snapshot) -> Routing:
    """What `active_queues` tells: the binding of each queue that a worker consumes."""
    exchanges: dict[str, Exchange] = {}
    bindings: dict[Binding, None] = {}
    queues: dict[str, Endpoint] = {}
    for told in _active_queues(snapshot):
        name, exchange = told.get("name"), told.get("exchange")
        if not isinstance(name, str) or not isinstance(exchange, dict):
            continue
        source, kind = _text(exchange.get("name")), _text(exchange.get("type"))
        queues[name] = Endpoint(name, *_dead_letters(told.get("queue_arguments")))
        if source:
            exchanges[source] = Exchange(source, kind)
            bindings[Binding(source, name, _text(told.get("routing_key")))] = None
    note = FROM_WORKERS if queues else ""
    return Routing(tuple(exchanges.values()), tuple(bindings), tuple(queues.values()), snapshot.now, note)


def _active_queues(snapshot: Snapshot) -> Iterator[Mapping[str, Any]]:
    for worker in snapshot.workers:
        read = worker.reads.get("active_queues")
        for told in read.value if read is not None and isinstance(read.value, list) else ():
            if isinstance(told, dict):
                yield told


def _dead_letters(arguments: Any) -> tuple[str | None, str]:
    given = arguments if isinstance(arguments, dict) else {}
    exchange = given.get("x-dead-letter-exchange")
    return exchange if isinstance(exchange, str) else None, _text(given.get("x-dead-letter-routing-key"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _bindings(routing: Routing) -> list[Binding]:
    """Sorted; the second binding that Celery makes for delayed messages (`#.` before the key) is left out."""
    given = set(routing.bindings)
    twice = {each for each in given if each.key.startswith("#.") and replace(each, key=each.key[2:]) in given}
    return sorted(given - twice, key=lambda each: (each.source, each.to_exchange, each.target, each.key))


def _of_exchange(here: Shown, exchange: Exchange, own: list[Binding], led: Mapping[str, Binding]) -> Iterator[Road]:
    """Its bindings, each queue's dead letters behind the first road to it (`led`), and where the rest goes."""
    for each in own:
        known = each.target in (here.exchanges if each.to_exchange else here.queues)
        trouble = "" if known else "there is no such " + ("exchange" if each.to_exchange else "queue")
        yield Road("binding", exchange.name, exchange.type, each.key, each.target, each.to_exchange, trouble)
        if known and not each.to_exchange and led[each.target] is each:
            yield from _dead(here.queues[each.target], here.exchanges)
    if not own:
        yield Road("binding", exchange.name, exchange.type, trouble="" if exchange.alternate else NOWHERE)
    if exchange.alternate:
        trouble = "" if exchange.alternate in here.exchanges else "there is no such exchange"
        yield Road("else", exchange.name, exchange.type, "", exchange.alternate, True, trouble)


def _dead(queue: Endpoint, exchanges: Mapping[str, Exchange]) -> Iterator[Road]:
    if queue.dead_exchange is None:
        return
    if not queue.dead_exchange:
        yield Road("dead", queue.name, "", queue.dead_key or queue.name, DEFAULT, True)
        return
    trouble = "" if queue.dead_exchange in exchanges else "no such exchange: dead letters are lost"
    yield Road("dead", queue.name, "", queue.dead_key, queue.dead_exchange, True, trouble)
