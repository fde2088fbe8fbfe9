"""Which queues need a word: those that grow, those that nobody consumes, those that could not be counted?"""

from collections.abc import Iterator, Sequence

from lazycelery_core.looks import SCHEDULED, WARNING
from lazycelery_core.model import Queue
from lazycelery_core.text import age, count, rate
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_queues.flow import consumer_number, growth, is_abandoned, is_growing, without_drain

MANY = 3  # queues named one by one


def worst_first(queues: Sequence[Queue]) -> list[Queue]:
    """Deepest first; what could not be counted last."""
    return sorted(queues, key=lambda queue: (queue.ready is None, -(queue.ready or 0), queue.name))


def deep_first(queues: Sequence[Queue]) -> list[Queue]:
    """By the number of digits of their depth, then by name: deep ones on top, and rows that seldom move."""
    return sorted(queues, key=lambda queue: (-len(str(queue.ready)) if queue.ready else 0, queue.name))


def troubled(queues: Sequence[Queue]) -> list[Queue]:
    """Queues that grow or that nobody consumes, deepest first."""
    return [queue for queue in worst_first(queues) if is_growing(queue) or is_abandoned(queue)]


def notes(shown: Sequence[Queue]) -> Iterator[Line]:
    """`▲ media +41/s, no drain for 6m`; where it is the only one, who consumes it."""
    found = troubled(shown)
    for queue in found[:MANY]:
        yield line((f"{WARNING} {queue.name} {_trouble(queue)}", Tone.WARN))
    if len(found) > MANY:
        yield line((f"{WARNING} {len(found) - MANY} more that grow or that nobody consumes", Tone.WARN))
    if len(found) == 1 and consumer_number(found[0]):
        yield line((f"  {consumers_text(found[0])}", Tone.DIM))


def _trouble(queue: Queue) -> str:
    parts = (
        [f"{rate(growth(queue), signed=True)}, no drain for {age(without_drain(queue))}"] if is_growing(queue) else []
    )
    parts += ["nobody consumes it"] if is_abandoned(queue) else []
    return ", ".join(parts)


def consumers_text(queue: Queue) -> str:
    """`1 consumer (worker-3)`."""
    names = queue.consumers or ()
    shown = ", ".join(name.partition("@")[0] for name in names[:3]) + (" …" if len(names) > 3 else "")
    counted = consumer_number(queue) or 0
    number = "1 consumer" if counted == 1 else f"{counted} consumers"
    return f"{number} ({shown})" if names else number


def kept_back(shown: Sequence[Queue]) -> Iterator[Line]:
    """`◷ delayed by the broker: orders 5, mail 2`."""
    found = sorted((queue for queue in shown if queue.delayed), key=lambda queue: -(queue.delayed or 0))
    named = ", ".join(f"{queue.name} {count(queue.delayed)}" for queue in found[:MANY])
    more = f" and {len(found) - MANY} more" if len(found) > MANY else ""
    if found:
        yield line((f"{SCHEDULED.glyph} delayed by the broker: {named}{more}", Tone.SCHEDULED))


def uncounted(shown: Sequence[Queue]) -> Iterator[Line]:
    """Why a number is missing, once for each reason."""
    by_reason: dict[str, list[str]] = {}
    for queue in shown:
        if queue.note:
            by_reason.setdefault(queue.note, []).append(queue.name)
    for reason, names in by_reason.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield line((f"{names[0]}{more}: {reason}", Tone.DIM))
