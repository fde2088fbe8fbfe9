"""What does the management plugin say about one queue? As the sample that the store takes, and as facts to read."""

from collections.abc import Iterator, Sequence

from lazycelery_core.events import QueueSample
from lazycelery_core.text import rate, size
from lazycelery_plugin_amqp.flow import Flow
from lazycelery_plugin_amqp.management import ApiQueue, Backing
from lazycelery_plugin_amqp.topology import dead_letters, table

ARGUMENTS = 12  # told of a queue; RabbitMQ knows about twenty
VALUE = 80  # characters of an argument's value
TOLD_ELSEWHERE = ("x-queue-type", "x-dead-letter-exchange", "x-dead-letter-routing-key")


def sample_of(queue: ApiQueue, now: float, flow: Flow | None) -> QueueSample:
    """The numbers. now: Unix seconds; flow: None while it is not known."""
    ready = queue.messages_ready
    return QueueSample(
        queue.name, now, _by_priority(queue) or ({} if ready is None else {0: ready}), queue.messages_unacknowledged,
        queue.consumers, oldest=_oldest(queue, now), in_rate=None if flow is None else flow.came,
        out_rate=None if flow is None else flow.left, highest_first=has_priorities(queue),
    )  # fmt: skip


def has_priorities(queue: ApiQueue) -> bool:
    """Whether some messages are served before others: the higher number first, unlike in Redis."""
    most = table(queue.arguments).get("x-max-priority")
    return isinstance(most, int) and most > 0


def _by_priority(queue: ApiQueue) -> dict[int, int]:
    backing = queue.backing_queue_status
    if not isinstance(backing, Backing) or not has_priorities(queue):
        return {}
    lengths = {int(step): number for step, number in backing.priority_lengths.items() if step.isdigit() and number}
    return lengths if sum(lengths.values()) == queue.messages_ready and lengths else {}


def _oldest(queue: ApiQueue, now: float) -> float | None:
    """From the time that the first message carries, if its sender or the broker wrote one."""
    sent = queue.head_message_timestamp
    return max(0.0, now - sent) if isinstance(sent, int) and sent > 0 and queue.messages_ready else None


def facts(
    queue: ApiQueue, prefetch: Sequence[int], dead_from: Sequence[str], flow: Flow | None
) -> Iterator[tuple[str, str]]:
    """What else there is to know. prefetch: of each consumer; dead_from: queues whose dead messages may end here."""
    yield "Type", _kind(queue)
    arguments = table(queue.arguments)
    if has_priorities(queue):
        yield "Priority", f"0 to {arguments['x-max-priority']}, the highest number is served first"
    if prefetch:
        yield "Prefetch", ", ".join(_prefetch(number) for number in sorted(set(prefetch)))
    if flow is not None:
        yield "Acked", f"{rate(flow.acked)}  redelivered {rate(flow.again)}"
    if queue.memory is not None:
        yield "Memory", size(queue.memory)
    if queue.policy:
        yield "Policy", queue.policy
    yield from _deaths(queue, dead_from)
    told = [(name, value) for name, value in sorted(arguments.items()) if name not in TOLD_ELSEWHERE]
    for name, value in told[:ARGUMENTS]:
        yield name[:VALUE], str(value)[:VALUE]


def _kind(queue: ApiQueue) -> str:
    words = [queue.type, "" if queue.durable else "lost with the broker", "exclusive" if queue.exclusive else ""]
    words += ["deleted after its last consumer" if queue.auto_delete else ""]
    words += [queue.state if queue.state not in ("", "running", "idle") else ""]
    return ", ".join(filter(None, words))


def _prefetch(number: int) -> str:
    return str(number) if number else "unlimited"


def _deaths(queue: ApiQueue, dead_from: Sequence[str]) -> Iterator[tuple[str, str]]:
    exchange, key = dead_letters(queue)
    if exchange is not None:
        name = exchange or "the default exchange"
        yield "Dead go to", f"{name}, routing key {key}" if key else name
    if dead_from:
        more = f" and {len(dead_from) - 3} more" if len(dead_from) > 3 else ""
        yield "Dead from", f"{', '.join(dead_from[:3])}{more}"
