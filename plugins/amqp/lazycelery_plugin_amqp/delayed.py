"""Which messages does the broker keep back until their time? Celery's native delayed delivery, told by its queues.

A delayed message walks down 28 queues `celery_delayed_27` .. `_0`, waiting 2**n seconds in each whose bit is set in its
routing key, `0.0. ... 1.0.1.<routing key>`. Without reading messages only their number per queue is known: one that
waits in level n is due within 2**(n+1) seconds, and reading would put it behind others, so that it came late.
Source: kombu/transport/native_delayed_delivery.py.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

LEVELS = 28
_QUEUE = re.compile(r"(?:.+_)?celery_delayed_([0-9]|1[0-9]|2[0-7])\Z", re.DOTALL)
_EXCHANGE = re.compile(r"(?:.+_)?celery_delayed_(?:delivery|[0-9]|1[0-9]|2[0-7])\Z", re.DOTALL)
_KEY = re.compile(rf"((?:[01]\.){{{LEVELS}}})(.*)\Z", re.DOTALL)
_DELIVERY = re.compile(r"(?:.+_)?celery_delayed_delivery\Z", re.DOTALL)


def level_of(queue: str) -> int | None:
    """The level n of a queue of delayed delivery, None for any other queue."""
    found = _QUEUE.match(queue)
    return int(found[1]) if found else None


def is_delay_exchange(exchange: str) -> bool:
    """Whether an exchange is one of delayed delivery's."""
    return _EXCHANGE.match(exchange) is not None


def is_delivery(exchange: str) -> bool:
    """Whether delayed messages leave by this exchange."""
    return _DELIVERY.match(exchange) is not None


def decoded(routing_key: str) -> tuple[int, str] | None:
    """(seconds of delay, routing key without it) of a delayed message, None for a key that says no delay."""
    found = _KEY.match(routing_key)
    return (int(found[1].replace(".", ""), 2), found[2]) if found else None


@dataclass(frozen=True)
class Delayed:
    """What waits in the delay queues. `levels` maps level -> messages, `targets` are the queues they may go to."""

    levels: Mapping[int, int] = field(default_factory=dict)
    targets: frozenset[str] = frozenset()

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.levels.values())

    def of(self, queue: str) -> int | None:
        """Those for this queue: known when it is the only one they can go to, or when there are none at all."""
        if queue not in self.targets:
            return 0 if self.targets or not self.total else None
        return self.total if len(self.targets) == 1 or not self.total else None

    def note(self, queue: str) -> str:
        """Why the number for this queue is not known, "" when it is."""
        if not self.total or self.of(queue) is not None:
            return ""
        return f"{self.total:,} delayed messages wait for some of these queues; for which, only they themselves say"

    def facts(self, queue: str) -> Iterable[tuple[str, str]]:
        """When they are due, as far as their levels tell."""
        if not self.total or (self.targets and queue not in self.targets):
            return
        among = sorted(self.targets - {queue}) or ([] if self.targets else ["another"])
        shared = f" for this queue or {', '.join(among[:3])}{' …' if len(among) > 3 else ''}" if among else ""
        yield "Delayed", f"{self.total:,}{shared}"
        dues = [f"{count:,} within {_span(2 << level)}" for level, count in sorted(self.levels.items()) if count]
        yield "Due", ", ".join(dues)


def delayed(counts: Mapping[str, int | None], targets: Collection[str]) -> Delayed:
    """Folds the delay queues. counts: ready messages of any queues; targets: where delayed messages may go."""
    levels: dict[int, int] = {}
    for name, count in counts.items():
        level = level_of(name)
        if level is not None:
            levels[level] = levels.get(level, 0) + (count or 0)
    return Delayed(levels, frozenset(targets))


def _span(seconds: int) -> str:
    """`16s`, `2h16m`: rounded up, since it is a bound."""
    for unit, name, below, part in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= unit:
            whole, rest = divmod(-(-seconds // below) * below, unit)
            return f"{whole}{name}{rest // below:02}{part}" if rest else f"{whole}{name}"
    return f"{seconds}s"
