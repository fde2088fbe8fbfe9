"""Where can one go from a queue or a waiting message? To its tasks and consumers; names and ids can be copied."""

from collections.abc import Sequence

from lazycelery_core.action import Action, Copy, Go, Outcome
from lazycelery_core.control import Control
from lazycelery_core.model import Message, Queue
from lazycelery_core.query import quoted
from lazycelery_core.snapshot import Snapshot


def show_tasks(control: Control, queues: Sequence[Queue]) -> Outcome:
    """The tasks that were sent to these queues."""
    return Go("tasks", filter=f"queue={','.join(quoted(each.name) for each in queues)}")


def show_consumers(control: Control, queues: Sequence[Queue]) -> Outcome:
    """The workers that consume these queues."""
    return Go("workers", filter=f"queue={','.join(quoted(each.name) for each in queues)}")


def copy_names(control: Control, queues: Sequence[Queue]) -> Outcome:
    """The names, one a line."""
    return Copy("\n".join(each.name for each in queues), "queue name" if len(queues) == 1 else "queue names")


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
    Action("queue.copy_name", "Copy queue name", copy_names, on="queue", available=some_queue),
    Action("message.task", "Its task", show_task, on="message", available=seen_task, many=False),
    Action("message.tasks", "Tasks of this name", show_same_tasks, on="message", available=named_task, footer=True),
    Action("message.copy_id", "Copy task id", copy_ids, on="message", available=some_message),
)
KEYS = {"queue.tasks": "t", "queue.consumers": "c", "message.tasks": "t", "message.task": "g t"}
