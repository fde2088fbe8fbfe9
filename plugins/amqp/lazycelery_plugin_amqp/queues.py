"""How many messages wait, and where? Counted by passive declares once a second, enriched by the management plugin.

A passive declare costs a round trip and needs no right, so it gives the freshest depth of the queues whose names are
known. It tells neither what workers hold nor any rate: those are the management plugin's, five seconds old. Nothing is
declared, bound or consumed here.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from lazycelery_core.control import Level
from lazycelery_core.events import Event, QueueGone, QueueSample, RoutingSample
from lazycelery_core.source import Source
from lazycelery_plugin_amqp.abilities import Abilities
from lazycelery_plugin_amqp.delayed import Delayed, delayed
from lazycelery_plugin_amqp.discovery import NAMED, Discovery, Names
from lazycelery_plugin_amqp.flow import Flows
from lazycelery_plugin_amqp.line import Line
from lazycelery_plugin_amqp.management import PAGE, PAGES, Management
from lazycelery_plugin_amqp.passive import Depth, Passive
from lazycelery_plugin_amqp.told import Told
from lazycelery_plugin_amqp.topology import routing

TURN = 50  # queues that are declared in one go, ...
BUDGET = 0.3  # s; ... but no longer than this
NOT_YET = "unacked and rates are not known: the management API has not told of it yet"
BLOCKED = "An alarm of memory or disk: RabbitMQ takes no messages, publishers are blocked."
DELAYS = 10.0  # s between two counts of the 28 delay queues by declaring them


class AmqpQueues(Source):
    """Polls queues every `period` seconds. names: what is plumbing; pinned: queues that are asked for in any case."""

    name = "queues"

    def __init__(
        self,
        line: Line,
        management: Management,
        abilities: Abilities | None = None,
        names: Names | None = None,
        pinned: Sequence[str] = (),
        period: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._line, self._management, self._abilities = line, management, abilities
        self._passive = Passive(line)
        self._names = names or Names()
        self._discovery = Discovery(self._names, pinned)
        self._period, self._clock = period, clock
        self._shown: set[str] = set()
        self._waiting = Delayed()
        self._alarms: tuple[str, ...] = ()
        self._told, self._flows = Told(), Flows()
        self._named: frozenset[str] = frozenset()
        self._due = self._delays_due = 0.0
        self._wanted = threading.Event()

    def abilities(self, level: Level) -> Iterable[object]:
        return () if self._abilities is None else self._abilities.up_to(level)

    def open(self) -> None:
        self._line.open()
        self._management.forget()
        self._told, self._flows = Told(), Flows()
        self._discovery.start()
        self._due = self._delays_due = 0.0

    def close(self) -> None:
        self._management.close()
        self._line.close()

    def refresh(self) -> None:
        self._wanted.set()

    def focus(self, topics: frozenset[str]) -> None:
        self._named = frozenset(topic.removeprefix(NAMED) for topic in topics if topic.startswith(NAMED))
        if self._abilities is not None:
            self._abilities.focus(topics)

    def asked(self) -> int:
        return self._line.asked + self._management.asked

    def latency(self) -> float | None:
        return self._line.latency

    def notice(self) -> str:
        """Alarms of the broker first: they stop everybody."""
        told = self._management
        left_out = max(0, told.total - PAGE * PAGES) if told.works else self._discovery.left_out
        said = [*self._alarms]
        said += [f"{left_out:,} queues beyond the first {PAGE * PAGES:,} are not counted."] if left_out else []
        said += [f"{told.unread:,} queues are told in a way that is not understood."] if told.unread else []
        clients, results = self._told.results
        whose = "the queue of 1 client" if clients == 1 else f"the queues of {clients:,} clients"
        said += [f"{results:,} results wait in {whose}, not shown."] if results else []
        return " ".join(said)

    def read(self, timeout: float) -> Sequence[Event]:
        if not self._wanted.wait(min(timeout, max(0.0, self._due - time.monotonic()))) and time.monotonic() < self._due:
            return ()
        if self._wanted.is_set():
            self._wanted.clear()
            self._management.hurry()
            self._discovery.start()
            self._delays_due = 0.0
        self._due = time.monotonic() + self._period
        return self._poll()

    def _poll(self) -> list[Event]:
        self._discovery.learn(self._named | self._told.queues.keys())
        counted, missing = self._counted(time.monotonic())  # first: a dead line is noticed here
        news = self._management.step(time.monotonic()) and self._management.works
        if news:
            if self._management.has_rates:
                self._flows.learn(self._management.queues, time.monotonic())
            self._told = Told.of(self._management, self._names, self._flows)
        elif not self._management.works:
            self._told = Told()
        before, self._alarms = self._alarms, self._alarms_now()
        found = self._samples(counted, news or self._alarms != before)
        samples = {sample.name: _alarmed(sample, self._alarms) for sample in found}
        gone = sorted(self._shown & missing)
        self._shown = (self._shown | samples.keys()) - set(gone)
        return [*(QueueGone(name, self._clock()) for name in gone), *samples.values(), *self._roads()]

    def _alarms_now(self) -> tuple[str, ...]:
        """A sentence each. Without the management plugin only whoever publishes is told: those who ask workers."""
        blocked = self._abilities is not None and self._abilities.blocked()
        told = self._management.alarms if self._management.works else ()
        return told or ((BLOCKED,) if blocked else ())

    def _roads(self) -> list[Event]:
        told = self._management
        if not told.works or not told.roads_are_new:
            return []
        return [RoutingSample(routing(told.exchanges, told.bindings, told.queues.values(), self._names, self._clock()))]

    def _counted(self, now: float) -> tuple[dict[str, Depth], set[str]]:
        """Those whose turn it is, and the names that are no queue. Very many are not declared, but told."""
        counted: dict[str, Depth] = {}
        missing: set[str] = set()
        if len(self._told.queues) > TURN:
            self._passive.pulse()
            return {}, self._shown - self._told.queues.keys()
        names = self._discovery.turn(TURN, now)
        if not names:
            self._passive.pulse()
        for name in names:
            depth = self._passive.count(name)
            if depth is None:
                self._discovery.missed(name, now)
                missing.add(name)
            else:
                counted[name] = depth
                self._discovery.found(name)
            if time.monotonic() - now > BUDGET:
                break
        return counted, missing

    def _samples(self, counted: Mapping[str, Depth], news: bool) -> Iterable[QueueSample]:
        """Of all queues when the management plugin told anew, else of those that were counted."""
        now, told = self._clock(), self._told
        for name in told.queues:
            if name in counted or (news and not self._discovery.is_missing(name)):
                yield told.sample(name, counted.get(name), now)
        waiting, why = self._without_management()
        for name, depth in counted.items():
            if name not in told.queues:  # new, or nobody tells of it
                yield _sample(name, depth, now, why, waiting)

    def _without_management(self) -> tuple[Delayed, str]:
        """What is delayed as far as declaring tells, and why so little is known."""
        if self._management.works:
            return Delayed(), NOT_YET
        if time.monotonic() >= self._delays_due:
            self._delays_due = time.monotonic() + DELAYS
            self._waiting = delayed(self._passive.delays(), ())
        return self._waiting, f"unacked and rates are not known: {self._management.trouble}"


def _alarmed(sample: QueueSample, alarms: Sequence[str]) -> QueueSample:
    """The sample of a queue, said to be of a broker in trouble where it is."""
    if not alarms:
        return sample
    return msgspec.structs.replace(sample, note=f"{alarms[0]} {sample.note}".strip())


def _sample(name: str, depth: Depth, now: float, why: str, waiting: Delayed) -> QueueSample:
    """What a passive declare tells."""
    ready = {} if depth.ready is None else {0: depth.ready}
    return QueueSample(
        name, now, ready, consumers=depth.consumers, delayed=waiting.of(name) if waiting.levels else None,
        facts=tuple(waiting.facts(name)), note="; ".join(filter(None, (waiting.note(name), depth.refused or why))),
    )  # fmt: skip
