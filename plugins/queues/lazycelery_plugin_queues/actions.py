"""What can be done with a queue or a waiting message? Go to its tasks and consumers, copy names, look into the queue.

Looking is an action only where it has its price; elsewhere messages are shown by themselves.
"""

from collections.abc import Sequence

from lazycelery_core.action import Action, Copy, Go, Outcome, Risk, Sent
from lazycelery_core.control import Control, NodeReply, PeekPrice, Peeks
from lazycelery_core.errors import ActionError
from lazycelery_core.model import Message, Queue
from lazycelery_core.query import quoted
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.text import Safe, count
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_queues.messages import SCOPE, last_peek, sentences
from lazycelery_plugin_queues.source import Looks


def show_tasks(control: Control, queues: Sequence[Queue]) -> Outcome:
    """The tasks that were sent to these queues."""
    return Go("tasks", filter=f"queue={','.join(quoted(each.name) for each in queues)}")


def show_consumers(control: Control, queues: Sequence[Queue]) -> Outcome:
    """The workers that consume these queues."""
    return Go("workers", filter=f"queue={','.join(quoted(each.name) for each in queues)}")


def copy_names(control: Control, queues: Sequence[Queue]) -> Outcome:
    """The names, one a line."""
    return Copy("\n".join(each.name for each in queues), "queue name" if len(queues) == 1 else "queue names")


def look(control: Control, queues: Sequence[Queue]) -> Outcome:
    """Let the source look once; the panes show it when it is there."""
    looks = control.get(Looks)
    if looks is not None:
        looks.want(queues[0].name)
    return None


def look_for_certain(control: Control, queues: Sequence[Queue]) -> Outcome:
    """Look once, at a price that was confirmed."""
    looks, peeks = control.get(Looks), control.get(Peeks)
    if looks is None or peeks is None:
        raise ActionError("this broker plugin can't look into queues")
    seen = looks.look(peeks, queues[0].name)
    return Sent([NodeReply(queues[0].name, f"{count(len(seen.messages))} messages looked at and put back")])


def show_task(control: Control, messages: Sequence[Message]) -> Outcome:
    """The task that the message will run, with the cursor on it."""
    return Go("tasks", select=messages[0].task_id)


def show_same_tasks(control: Control, messages: Sequence[Message]) -> Outcome:
    """All tasks of that name."""
    return Go("tasks", filter=f"name={','.join(sorted({quoted(each.task) for each in messages if each.task}))}")


def copy_ids(control: Control, messages: Sequence[Message]) -> Outcome:
    """The task ids, one a line."""
    return Copy("\n".join(each.task_id for each in messages), "task id" if len(messages) == 1 else "task ids")


def some_queue(snapshot: Snapshot, queues: Sequence[Queue]) -> str | None:
    """There must be a queue."""
    return None if queues else "select a queue first"


def with_consumers(snapshot: Snapshot, queues: Sequence[Queue]) -> str | None:
    """Somebody must be known to consume it."""
    if queues and not any(each.consumers for each in queues):
        unknown = any(each.consumers is None for each in queues)
        return "not known: no worker could be asked" if unknown else "nobody consumes it"
    return some_queue(snapshot, queues)


def _price(snapshot: Snapshot, queues: Sequence[Queue]) -> PeekPrice | str:
    """What a look costs, or why there is nothing to pay for."""
    if not queues:
        return "select a queue first"
    peeked = last_peek(snapshot, queues[0])
    if peeked is None or (peeked.price is None and peeked.error):
        return "not known yet whether its messages can be read"
    return "its messages are shown by themselves" if peeked.price is None else peeked.price.refusal or peeked.price


def can_look(snapshot: Snapshot, queues: Sequence[Queue]) -> str | None:
    """Where it costs no more than a mark."""
    price = _price(snapshot, queues)
    if isinstance(price, str):
        return price
    return "it costs more than a mark and has to be confirmed (M)" if price.needs_confirmation else None


def can_look_for_certain(snapshot: Snapshot, queues: Sequence[Queue]) -> str | None:
    """Where it has to be confirmed."""
    price = _price(snapshot, queues)
    if isinstance(price, str):
        return price
    return None if price.needs_confirmation else "nothing to confirm: it only leaves a mark (m)"


def look_preview(snapshot: Snapshot, queues: Sequence[Queue]) -> Sequence[Line]:
    """What is taken and put back, and what that costs."""
    price = _price(snapshot, queues)
    if isinstance(price, str):
        return ()
    ready = queues[0].ready
    shown = price.limit if ready is None else min(ready, price.limit)
    first, *more = sentences(price)
    return [
        line(("Takes    ", Tone.DIM), f"the first {shown} of {count(ready)} messages, and puts them back at once"),
        line(("Costs    ", Tone.DIM), first),
        *(line(Safe(" " * 9), each) for each in more),
    ]


def some_message(snapshot: Snapshot, messages: Sequence[Message]) -> str | None:
    """There must be a message."""
    return None if messages else "select a message first"


def seen_task(snapshot: Snapshot, messages: Sequence[Message]) -> str | None:
    """Its task must be held: without task_send_sent_event nothing is told before a worker has received it."""
    known = bool(messages) and snapshot.tasks.get(messages[0].task_id) is not None
    return some_message(snapshot, messages) or (None if known else "no event about this task was seen yet")


def named_task(snapshot: Snapshot, messages: Sequence[Message]) -> str | None:
    """Its task's name must be known."""
    known = any(each.task for each in messages)
    return some_message(snapshot, messages) or (None if known else "the message names no task")


ACTIONS = (
    Action("queue.tasks", "Tasks of this queue", show_tasks, on="queue", available=some_queue, footer=True),
    Action("queue.consumers", "Its consumers", show_consumers, on="queue", available=with_consumers, footer=True),
    Action("queue.look", "Look at its messages", look, on="queue", available=can_look, many=False,
           help="once, where reading them leaves a mark"),
    Action(
        "queue.peek", "Look at its messages…", look_for_certain, on="queue", risk=Risk.TARGET, scope=SCOPE,
        available=can_look_for_certain, preview=look_preview, many=False,
        help="once, where reading them moves them or uses up their deliveries",
    ),
    Action("queue.copy_name", "Copy queue name", copy_names, on="queue", available=some_queue),
    Action("message.task", "Its task", show_task, on="message", available=seen_task, many=False),
    Action("message.tasks", "Tasks of this name", show_same_tasks, on="message", available=named_task, footer=True),
    Action("message.copy_id", "Copy task id", copy_ids, on="message", available=some_message),
)  # fmt: skip
KEYS = {
    "queue.look": "m",
    "queue.peek": "M",
    "queue.tasks": "t",
    "queue.consumers": "c",
    "message.tasks": "t",
    "message.task": "g t",
}
