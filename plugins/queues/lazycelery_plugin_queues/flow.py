"""Does a queue keep up? Its net rate, the time until it is empty, and since when nothing drained it."""

from enum import Enum

from lazycelery_core.model import Queue
from lazycelery_core.text import UNKNOWN, Safe, duration

SAMPLE = 5.0  # s between two samples of a queue's history
WINDOW = 12  # samples, one minute: shorter growth is a burst
GROWN = 0.05  # of the depth a minute ago; less is noise
STEADY = 0.03  # of what goes out; less is the noise of two counts
LEAST_RATE = 0.05  # messages a second; below it nothing moves that a person would call moving


class Outlook(Enum):
    """What will become of the messages that wait."""

    EMPTY = "empty"
    DRAINS = "drains"
    STEADY = "steady"  # as much comes as goes
    NEVER = "never"
    UNKNOWN = "unknown"


def net_rate(queue: Queue) -> float | None:
    """Messages a second that a queue grows by: in minus out, else as its depth moved; None before two counts."""
    if queue.in_rate is not None and queue.out_rate is not None:
        return queue.in_rate - queue.out_rate
    return growth(queue) if len(queue.history) > 1 else None


def outlook(queue: Queue) -> Outlook:
    """Empty, draining, or never empty at the present rates."""
    net = net_rate(queue)
    if queue.ready == 0:
        return Outlook.EMPTY
    if queue.ready is None or net is None:
        return Outlook.UNKNOWN
    if queue.out_rate and abs(net) < STEADY * queue.out_rate:
        return Outlook.STEADY
    return Outlook.DRAINS if net <= -LEAST_RATE else Outlook.NEVER


def to_empty(queue: Queue) -> float | None:
    """Seconds until the queue is empty at the present rates; None when that is not known or never."""
    net = net_rate(queue)
    return queue.ready / -net if outlook(queue) is Outlook.DRAINS and queue.ready and net else None


def to_empty_text(queue: Queue) -> Safe:
    """`40s`, `7m00s`, `never`, `steady`, or a dash."""
    if outlook(queue) in (Outlook.NEVER, Outlook.STEADY):
        return Safe(outlook(queue).value)
    seconds = to_empty(queue)
    return Safe(UNKNOWN) if seconds is None else Safe(f"{seconds:.0f}s") if seconds < 60 else duration(seconds)


def without_drain(queue: Queue) -> float:
    """Seconds for which the depth never went down, as far as its history goes; 0 for an empty queue."""
    history = queue.history
    if not history or not history[-1]:
        return 0.0
    steps = 0
    for at in range(len(history) - 1, 0, -1):
        if history[at] < history[at - 1] or not history[at - 1]:
            break
        steps += 1
    return steps * SAMPLE


def is_growing(queue: Queue) -> bool:
    """More than a burst: the depth did not go down for a minute and is higher than before."""
    seen = queue.history[-1 - WINDOW :]
    if len(seen) <= WINDOW or seen[-1] - seen[0] <= max(1.0, GROWN * seen[0]):
        return False
    return list(seen) == sorted(seen)


def growth(queue: Queue) -> float:
    """Messages a second that the depth rose by over the last minute."""
    seen = queue.history[-1 - WINDOW :]
    return (seen[-1] - seen[0]) / (SAMPLE * (len(seen) - 1)) if len(seen) > 1 else 0.0


def consumer_number(queue: Queue) -> int | None:
    """How many consume the queue: the broker's own count where it has one, else the workers that say so."""
    if queue.consumer_count is not None:
        return queue.consumer_count
    return None if queue.consumers is None else len(queue.consumers)


def is_abandoned(queue: Queue) -> bool:
    """Messages wait and it is known that nobody consumes the queue."""
    return bool(queue.ready) and consumer_number(queue) == 0
