"""Where can one go from a worker? To its tasks and its queues; its name can be copied."""

from collections.abc import Sequence

from lazycelery_core.action import Action, Copy, Go, Outcome
from lazycelery_core.control import Control
from lazycelery_core.model import Worker
from lazycelery_core.query import quoted
from lazycelery_core.snapshot import Snapshot


def show_tasks(control: Control, workers: Sequence[Worker]) -> Outcome:
    """The tasks of these workers."""
    return Go("tasks", filter=f"worker={','.join(quoted(each.hostname) for each in workers)}")


def show_queues(control: Control, workers: Sequence[Worker]) -> Outcome:
    """The queues they consume, the cursor on the first."""
    names = sorted({name for worker in workers for name in worker.queues})
    return Go("queues", filter=f"name={','.join(map(quoted, names))}", select=names[0])


def copy_names(control: Control, workers: Sequence[Worker]) -> Outcome:
    """The node names, one a line."""
    return Copy("\n".join(each.hostname for each in workers), "node name" if len(workers) == 1 else "node names")


def some(snapshot: Snapshot, workers: Sequence[Worker]) -> str | None:
    """There must be a worker."""
    return None if workers else "select a worker first"


def with_queues(snapshot: Snapshot, workers: Sequence[Worker]) -> str | None:
    """Its queues must be known."""
    known = any(worker.queues for worker in workers)
    return some(snapshot, workers) or (None if known else "its queues are not known: it has not been asked")


ACTIONS = (
    Action("worker.tasks", "Tasks of this worker", show_tasks, on="worker", available=some, footer=True),
    Action("worker.queues", "Its queues", show_queues, on="worker", available=with_queues),
    Action("worker.copy_name", "Copy node name", copy_names, on="worker", available=some),
)
KEYS = {"worker.tasks": "t", "worker.queues": "g q"}
