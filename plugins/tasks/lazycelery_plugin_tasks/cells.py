"""How is a fact about a task drawn in a cell? Shared by all tables of tasks."""

from lazycelery_core.looks import hbar, task_look
from lazycelery_core.model import Task, TaskState
from lazycelery_core.pane import Cell, DrawContext
from lazycelery_core.query import SLOW, runtime, wait
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.text import UNKNOWN, Safe, age, clock, clock_duration, duration, pad
from lazycelery_core.tones import Span, Tone, line
from lazycelery_plugin_tasks.names import host_of, plain_exception, short_id, short_worker

CLOCK = 8  # cells of `00:02:15`
NO_NAME = "(not told yet)"


def task_id(task: Task, context: DrawContext) -> Cell:
    """The beginning of the id."""
    return (Span(short_id(task.id)),)


def name(task: Task, context: DrawContext) -> Cell:
    """The whole name; the table cuts it."""
    return line(task.name) if task.name else line((NO_NAME, Tone.DIM))


def state(task: Task, context: DrawContext) -> Cell:
    """Glyph and word, or what became of a write that was sent."""
    request = context.snapshot.requests.get(f"task:{task.id}")
    return line((request, Tone.WARN)) if request else task_look(task, context.snapshot.now).line


def worker(task: Task, context: DrawContext) -> Cell:
    """The worker's name without its host."""
    return (Span(short_worker(task.worker, context.snapshot), Tone.DIM),)


def host(task: Task, context: DrawContext) -> Cell:
    """The host that the worker runs on."""
    return (Span(host_of(task.worker), Tone.DIM),)


def queue(task: Task, context: DrawContext) -> Cell:
    """The queue, known only where it was told (task-sent, inspect)."""
    return line((task.queue or UNKNOWN, Tone.DIM))


def received(task: Task, context: DrawContext) -> Cell:
    """When a worker received it; as exact as the cell is wide."""
    now = context.snapshot.now
    shown = clock(task.received, context.time_mode, now, digits=1)
    if len(shown) > context.width:
        shown = clock(task.received, context.time_mode, now)
    return (Span(shown, Tone.DIM),)


def waited(task: Task, context: DrawContext) -> Cell:
    """Time in the queue, or what is left until its eta."""
    now = context.snapshot.now
    if is_scheduled(task, now) and task.eta is not None:
        return (Span(duration(round(task.eta - now)), Tone.SCHEDULED),)
    return (Span(duration(wait(task, now)), Tone.DIM),)


def ran(task: Task, context: DrawContext) -> Cell:
    """How long it ran, as a warning where that is above the p95 of its name."""
    seconds = runtime(task, context.snapshot.now)
    limit = p95(task.name, context.snapshot)
    slow = seconds is not None and limit is not None and seconds > limit * SLOW
    return (Span(duration(seconds), Tone.WARN if slow else Tone.TEXT if seconds is not None else Tone.DIM),)


def running(task: Task, context: DrawContext) -> Cell:
    """`00:02:15 ████████  !`: how long it runs, against the p95 of its name."""
    now = context.snapshot.now
    if is_scheduled(task, now) and task.eta is not None:
        return (Span(age(now - task.eta), Tone.SCHEDULED),)
    seconds = runtime(task, now)
    if seconds is None:
        return (Span(Safe(UNKNOWN), Tone.DIM),)
    figure = Span(pad(clock_duration(seconds), CLOCK))
    limit, room = p95(task.name, context.snapshot), context.width - CLOCK - 3
    if not limit or room < 3:
        return (figure,)
    slow = seconds > limit * SLOW
    bar = Span(hbar(seconds / limit, room), Tone.FAILURE if slow else Tone.BAR)
    return (figure, Span(Safe(" ")), bar, Span(Safe(" !" if slow else "  "), Tone.FAILURE))


def retries(task: Task, context: DrawContext) -> Cell:
    """Attempts after the first."""
    return line((str(task.retries), Tone.RETRY if task.retries else Tone.DIM))


def exception(task: Task, context: DrawContext) -> Cell:
    """What went wrong, if anything did."""
    failed = task.state in (TaskState.FAILURE, TaskState.RETRY)
    return line((plain_exception(task.exception), Tone.FAILURE if failed else Tone.DIM)) if task.exception else ()


def is_scheduled(task: Task, now: float) -> bool:
    """A worker holds it for a time to come."""
    return task.state is TaskState.RECEIVED and task.eta is not None and task.eta > now


def p95(task_name: str, snapshot: Snapshot) -> float | None:
    """The 95th percentile of the runtimes of that name, seconds."""
    stats = snapshot.tasks.stats(task_name)
    return stats.p95 if stats is not None else None
