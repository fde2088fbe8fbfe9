"""How many messages wait, and where? Depths by one pipelined poll a second, names by a slow, bounded search.

Redis knows no queues: an empty one is no key at all. Names come from the binding sets, from lists that hold task
messages, and from the settings. Every priority bucket is summed. Only O(1) commands and small SCAN steps are used.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence

from lazycelery_core.control import Level
from lazycelery_core.events import Event, QueueGone, QueueSample, RoutingSample
from lazycelery_core.source import Source
from lazycelery_plugin_redis.abilities import Abilities
from lazycelery_plugin_redis.discovery import Discovery
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.ledger import Ledger
from lazycelery_plugin_redis.line import Command, Line

EVERY_STEP = 10  # polls after which buckets that were always empty are asked again
ROADS = 10.0  # s between two reports of unchanged bindings
PIPELINE = 1000  # commands in one go: 4 ms of a busy server, and others get their turn in between


class RedisQueues(Source):
    """Polls queue depths every `period` seconds. names: queues that are shown even if nothing binds them."""

    name = "queues"

    def __init__(
        self,
        line: Line,
        layout: Layout,
        abilities: Abilities | None = None,
        names: Sequence[str] = (),
        period: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._line, self._layout, self._period, self._clock = line, layout, period, clock
        self._discovery = Discovery(line, layout, names)
        self._ledger = Ledger(line, layout, self._discovery)
        self._abilities = abilities
        self._steps: dict[str, set[int]] = {}
        self._polls = 0
        self._due = self._roads_due = 0.0
        self._roads_size = (0, 0)
        self._wanted = threading.Event()

    def abilities(self, level: Level) -> Iterable[object]:
        return () if self._abilities is None else self._abilities.up_to(level)

    def open(self) -> None:
        self._line.open()
        self._polls, self._due = 0, 0.0
        self._discovery.start()

    def read(self, timeout: float) -> Sequence[Event]:
        if not self._wanted.wait(min(timeout, max(0.0, self._due - time.monotonic()))) and time.monotonic() < self._due:
            return ()
        if self._wanted.is_set():
            self._wanted.clear()
            self._polls = 0
            self._discovery.hurry()
        self._due = time.monotonic() + self._period
        return self._poll()

    def refresh(self) -> None:
        self._wanted.set()

    def close(self) -> None:
        self._line.close()

    def asked(self) -> int:
        return self._line.asked

    def notice(self) -> str:
        return self._discovery.notice()

    def latency(self) -> float | None:
        return self._line.latency

    def _poll(self) -> list[Event]:
        gone = self._discovery.step(time.monotonic())
        names = sorted(self._discovery.queues)
        depths, total = self._depths(names)
        held = self._ledger.read(total, time.monotonic())
        now = self._clock()
        self._polls += 1
        for name in gone:
            self._steps.pop(name, None)
        return [
            *(QueueGone(name, now) for name in gone),
            *(self._sample(name, depths[name], held, now) for name in names if name in depths),
            *self._roads(now),
        ]  # fmt: skip

    def _roads(self, now: float) -> list[Event]:
        """How the queues are bound, when that changed and now and then."""
        size = self._discovery.size
        if size == self._roads_size and time.monotonic() < self._roads_due:
            return []
        self._roads_size, self._roads_due = size, time.monotonic() + ROADS
        return [RoutingSample(self._discovery.routing(now))]

    def _sample(self, name: str, ready: dict[int, int] | None, held: dict[str, int] | None, now: float) -> QueueSample:
        exchange, routing_key = self._discovery.binding(name)
        notes = [self._ledger.note] if ready is not None else ["no right to read this queue"]
        return QueueSample(
            name=name, at=now, ready=ready or {}, unacked=None if held is None else held.get(name, 0),
            exchange=exchange, routing_key=routing_key, note="; ".join(filter(None, notes)),
        )  # fmt: skip

    def _depths(self, names: Sequence[str]) -> tuple[dict[str, dict[int, int] | None], object]:
        """Ready messages by queue and priority step, None where the right to look is missing; and the held total."""
        every = self._polls % EVERY_STEP == 0
        asked = [(name, step) for name in names for step in self._asked_steps(name, every)]
        commands: list[Command] = [("LLEN", self._layout.buckets(name, [step])[0]) for name, step in asked]
        *counts, total = self._pipelined([*commands, ("HLEN", self._ledger.key)])
        depths: dict[str, dict[int, int] | None] = {}
        for (name, step), count in zip(asked, counts, strict=True):
            self._add(depths, name, step, count)
        return depths, total

    def _add(self, depths: dict[str, dict[int, int] | None], name: str, step: int, count: object) -> None:
        ready = depths.setdefault(name, {})
        if not isinstance(count, int):
            if step == self._layout.steps[0]:
                depths[name] = None
        elif ready is not None and (count or step == self._layout.steps[0]):
            ready[step] = count
            self._steps.setdefault(name, set()).add(step)

    def _asked_steps(self, name: str, every: bool) -> Sequence[int]:
        seen = self._steps.get(name)
        if every or seen is None:
            return self._layout.steps
        return [step for step in self._layout.steps if step in seen]

    def _pipelined(self, commands: Sequence[Command]) -> list[object]:
        answers: list[object] = []
        for start in range(0, len(commands), PIPELINE):
            answers += self._line.ask_all(commands[start : start + PIPELINE])
        return answers
