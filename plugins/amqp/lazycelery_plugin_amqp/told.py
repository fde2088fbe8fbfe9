"""What did the management plugin tell last? Its lists put together, a sample for each queue that carries tasks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from lazycelery_core.events import QueueSample
from lazycelery_plugin_amqp.delayed import Delayed, delayed
from lazycelery_plugin_amqp.discovery import Names
from lazycelery_plugin_amqp.facts import facts, sample_of
from lazycelery_plugin_amqp.flow import Flows
from lazycelery_plugin_amqp.management import ApiBinding, ApiQueue, Management
from lazycelery_plugin_amqp.passive import Depth
from lazycelery_plugin_amqp.topology import carries_tasks, dead_from, delay_targets, is_for_results


@dataclass(frozen=True)
class Told:
    """`queues` are those that are shown, by name; empty where there is no management plugin."""

    queues: Mapping[str, ApiQueue] = field(default_factory=dict)
    prefetch: Mapping[str, list[int]] = field(default_factory=dict)
    waiting: Delayed = field(default_factory=Delayed)
    dead_from: Mapping[str, list[str]] = field(default_factory=dict)
    bindings: Mapping[str, ApiBinding] = field(default_factory=dict)
    flows: Flows = field(default_factory=Flows)
    results: tuple[int, int] = (0, 0)  # queues of clients that wait for results, and what waits in them

    @classmethod
    def of(cls, management: Management, names: Names, flows: Flows) -> "Told":
        """What was read last, put together."""
        queues, bindings = management.queues, management.bindings
        counts = {name: queue.messages_ready for name, queue in queues.items()}
        return cls(
            {name: queue for name, queue in queues.items() if carries_tasks(queue, names)},
            management.prefetch, delayed(counts, delay_targets(bindings)), dead_from(queues.values(), bindings),
            _roads(bindings), flows, _results(queues.values()),
        )  # fmt: skip

    def sample(self, name: str, depth: Depth | None, now: float) -> QueueSample:
        """A queue of these. depth: as it was counted right now, which is fresher than what was told."""
        queue = self.queues[name]
        flow = self.flows.of(name)
        sample = sample_of(queue, now, flow)
        led = self.bindings.get(name)
        told = facts(queue, self.prefetch.get(name, ()), self.dead_from.get(name, ()), flow)
        changes: dict[str, Any] = {
            "exchange": led.source if led else "", "routing_key": led.routing_key if led else name,
            "delayed": self.waiting.of(name), "facts": (*self.waiting.facts(name), *told),
            "note": self.waiting.note(name),
        }  # fmt: skip
        if depth is not None and depth.ready is not None:
            changes |= {"consumers": depth.consumers}
            changes |= {} if len(sample.ready) > 1 else {"ready": {0: depth.ready}}
        return msgspec.structs.replace(sample, **changes)


def _results(queues: Iterable[ApiQueue]) -> tuple[int, int]:
    waiting = [queue.messages_ready or 0 for queue in queues if is_for_results(queue)]
    return len(waiting), sum(waiting)


def _roads(bindings: Sequence[ApiBinding]) -> dict[str, ApiBinding]:
    """queue -> the binding that leads to it; that of Celery for delayed messages (`#.`) only if there is no other."""
    own = [each for each in bindings if each.source and each.destination_type == "queue"]
    first = sorted(own, key=lambda each: each.routing_key.startswith("#."), reverse=True)
    return {each.destination: each for each in first}
