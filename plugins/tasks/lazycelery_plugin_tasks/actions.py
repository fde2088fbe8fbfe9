"""Where can one go from a task, and what of it can be copied?"""

from collections.abc import Callable, Sequence

from lazycelery_core.action import Action, Copy, Go, Outcome
from lazycelery_core.control import Control, Tells
from lazycelery_core.errors import ActionError
from lazycelery_core.model import Task, TaskStory, Told
from lazycelery_core.query import quoted
from lazycelery_core.snapshot import Snapshot

Reason = str | None
SELECT = "select a task first"


def _for_first(check: Callable[[Snapshot, Task], Reason]) -> Callable[[Snapshot, Sequence[Task]], Reason]:
    """`available` for actions on tasks: there must be one, and the first must pass the check."""
    return lambda snapshot, tasks: check(snapshot, tasks[0]) if tasks else SELECT


def _story(control: Control, task: Task) -> TaskStory:
    """What is known of a task. Raises ActionError when it is no longer held."""
    tells = control.get(Tells)
    story = tells.story(task.id) if tells is not None else None
    if story is None:
        raise ActionError("What was reported about this task is no longer held.", "Only its id can be copied.")
    return story


def _any(snapshot: Snapshot, task: Task) -> Reason:
    return None


def _has_worker(snapshot: Snapshot, task: Task) -> Reason:
    return None if task.worker else "no worker has it yet"


def _has_queue(snapshot: Snapshot, task: Task) -> Reason:
    return None if task.queue else "its queue was not told: task-sent events and inspect tell it"


def _has_parent(snapshot: Snapshot, task: Task) -> Reason:
    return None if task.parent_key else "no task sent it"


def _has_root(snapshot: Snapshot, task: Task) -> Reason:
    if not task.root_key:
        return "its root was not told"
    return "it is the root" if task.root_key == hash(task.id) else None


def _has_children(snapshot: Snapshot, task: Task) -> Reason:
    return None if snapshot.tasks.children(task, 1) else "it sent no task that is held"


def go_worker(control: Control, tasks: Sequence[Task]) -> Outcome:
    """The worker that has or had it."""
    return Go("workers", select=tasks[0].worker)


def go_queue(control: Control, tasks: Sequence[Task]) -> Outcome:
    """The queue it was sent to."""
    return Go("queues", select=tasks[0].queue)


def go_parent(control: Control, tasks: Sequence[Task]) -> Outcome:
    """The task that sent it."""
    parent = _story(control, tasks[0]).parent_id
    if not parent:
        raise ActionError("The id of its parent is no longer held.")
    return Go("tasks", filter=f"id={quoted(parent)}", select=parent)


def go_root(control: Control, tasks: Sequence[Task]) -> Outcome:
    """All tasks of its workflow, the cursor on the first."""
    root = _story(control, tasks[0]).root_id
    if not root:
        raise ActionError("The id of its root is no longer held.")
    return Go("tasks", filter=f"root:{quoted(root)} | id={quoted(root)}", select=root)


def go_children(control: Control, tasks: Sequence[Task]) -> Outcome:
    """The tasks that it sent."""
    return Go("tasks", filter=f"parent:{quoted(tasks[0].id)}")


def copy_id(control: Control, tasks: Sequence[Task]) -> Outcome:
    """The ids, one a line."""
    return Copy("\n".join(task.id for task in tasks), "task id" if len(tasks) == 1 else f"{len(tasks)} task ids")


def copy_args(control: Control, tasks: Sequence[Task]) -> Outcome:
    """Args and kwargs as they were told, a task a line."""
    return Copy("\n".join(_arguments(_story(control, task)) for task in tasks), "args")


def _arguments(story: TaskStory) -> str:
    return " ".join(value.text for value in (story.args, story.kwargs) if value is not None)


def copy_call(control: Control, tasks: Sequence[Task]) -> Outcome:
    """Python that sends the task again: a new task with a new id."""
    return Copy("\n".join(python_call(task, _story(control, task)) for task in tasks), "call")


def python_call(task: Task, story: TaskStory) -> str:
    """`app.send_task('orders.charge', args=(7,), kwargs={})`, with a warning where the arguments are not whole."""
    args, kwargs = (_written(value, empty) for value, empty in ((story.args, "()"), (story.kwargs, "{}")))
    queue = f", queue={task.queue!r}" if task.queue else ""
    whole = all(value is not None and not value.cut for value in (story.args, story.kwargs))
    warning = "" if whole else "  # the arguments were cut or not told: complete them"
    return f"app.send_task({task.name!r}, args={args}, kwargs={kwargs}{queue}){warning}"


def _written(value: Told | None, empty: str) -> str:
    return value.text if value is not None and value.text.strip() else empty


ACTIONS = (
    Action("task.worker", "Go to its worker", go_worker, "task", available=_for_first(_has_worker), many=False),
    Action("task.queue", "Go to its queue", go_queue, "task", available=_for_first(_has_queue), many=False),
    Action("task.parent", "Go to its parent", go_parent, "task", available=_for_first(_has_parent), many=False),
    Action("task.root", "Go to its workflow", go_root, "task", available=_for_first(_has_root), many=False),
    Action("task.children", "Go to its children", go_children, "task",
           available=_for_first(_has_children), many=False),
    Action("task.copy_id", "Copy id", copy_id, "task", available=_for_first(_any)),
    Action("task.copy_args", "Copy args", copy_args, "task", available=_for_first(_any)),
    Action("task.copy_call", "Copy call as Python", copy_call, "task", available=_for_first(_any)),
)  # fmt: skip
KEYS = {
    "task.worker": "g w",
    "task.queue": "g q",
    "task.parent": "g p",
    "task.root": "g r",
    "task.children": "g c",
}
