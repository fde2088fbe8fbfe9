"""What happens at this moment? One line an event, the newest on top."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar

from lazycelery_core.canvas import Canvas
from lazycelery_core.looks import EVENT_LOOKS, OTHER_EVENT
from lazycelery_core.model import Task
from lazycelery_core.pane import OVERVIEW, CanvasPane, DrawContext, Slot
from lazycelery_core.redact import Redactor
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.spans import cut_line
from lazycelery_core.text import Safe, clock, count, cut_middle, duration, pad, safe, width
from lazycelery_core.tones import Line, Span, Tone, line
from lazycelery_plugin_tasks.names import last_part, plain_exception, short_id, short_worker
from lazycelery_plugin_tasks.projection import NAME, Happening

NARROW = 100  # cells; below it times lose their fraction and names their path
REDACTOR = Redactor()  # the host's own hides what the user's settings name, too, but only what the store keeps
WORKER = 16  # cells at most for the worker's name
TOLD_AGAIN = 1e-3  # s; two times closer than this are one


class EventsPane(CanvasPane):
    """The live feed of task and worker events."""

    id: ClassVar[str] = "overview.events"
    view = OVERVIEW
    title = "Events"
    slot = Slot("bottom", height=7)

    def info(self, context: DrawContext) -> Line:
        """How much is coming in."""
        totals = context.snapshot.totals
        text = f"{totals.event_rate:.0f} a second" if totals.event_rate >= 0.5 else ""
        return line(("paused", Tone.WARN) if context.paused else (text, Tone.DIM))

    def summary(self, snapshot: Snapshot) -> Line:
        """The newest event."""
        newest = next(reversed(_happenings(snapshot)), None)
        return one_line(newest, DrawContext(snapshot, 60)) if newest else ()

    def draw(self, canvas: Canvas, context: DrawContext) -> None:
        """As many of the newest events as there are lines."""
        newest = _happenings(context.snapshot)[-canvas.height :] if canvas.height else ()
        if not newest:
            canvas.put_line(0, 0, _nothing_yet(context))
        for row, text in enumerate(_lines(newest, context)):
            canvas.put_line(0, row, cut_line(text, canvas.width))


def _happenings(snapshot: Snapshot) -> tuple[Happening, ...]:
    happenings: tuple[Happening, ...] = snapshot.views.get(NAME, ())
    return happenings


def _nothing_yet(context: DrawContext) -> Line:
    snapshot = context.snapshot
    since = clock(snapshot.since, context.time_mode, snapshot.now)
    seen = count(snapshot.totals.heartbeats)
    return line((f"Waiting for the first event since {since} …  heartbeats seen: {seen}", Tone.DIM))


def _lines(happenings: tuple[Happening, ...], context: DrawContext) -> Iterator[Line]:
    names = [cut_middle(short_worker(each.hostname, context.snapshot), WORKER) for each in happenings]
    widest = max(map(width, names), default=0)
    for each, name in zip(reversed(happenings), reversed(names), strict=True):
        yield one_line(each, context, pad(name, widest))


def one_line(event: Happening, context: DrawContext, worker: Safe | None = None) -> Line:
    """`14:32:06.911 ✗ worker-3  orders.charge_card[5e0d77] ConnectionError: Payment gateway timeout`."""
    narrow = context.width < NARROW
    now = context.snapshot.now
    look = EVENT_LOOKS.get(event.kind, OTHER_EVENT)
    task = context.snapshot.tasks.get(event.task_id) if event.task_id else None
    failed = event.kind == "task-failed"
    who = short_worker(event.hostname, context.snapshot) if worker is None else worker
    return (
        Span(clock(event.at, context.time_mode, now, digits=0 if narrow else 3), Tone.DIM),
        Span(Safe(f" {look.glyph} "), look.tone),
        Span(Safe(f"{who}{' ' if narrow else '  '}"), Tone.DIM),
        *line((_subject(event, task, narrow), Tone.FAILURE if failed else Tone.TEXT)),
        *line(
            (f" {detail}", Tone.FAILURE if failed else Tone.DIM) if (detail := _detail(event, task, context)) else ""
        ),
    )


def _subject(event: Happening, task: Task | None, narrow: bool) -> str:
    """`orders.charge_card[5e0d77]`, or what kind of event it is where it is about no task."""
    if not event.task_id:
        return EVENT_LOOKS[event.kind].word if event.kind in EVENT_LOOKS else event.kind
    name = event.name or (task.name if task else "")
    other = "" if event.kind in EVENT_LOOKS else f" {event.kind}"
    return f"{last_part(name) if narrow else name}[{short_id(event.task_id)}]{other}"


def _detail(event: Happening, task: Task | None, context: DrawContext) -> str:
    """What the event says beyond its kind, from itself or from what is known of its task."""
    match event.kind:
        case "task-succeeded":
            return duration(event.runtime)
        case "task-failed":
            attempt = f" (attempt {task.retries + 1})" if task and task.retries else ""
            return f"{_exception(event, task)}{attempt}"
        case "task-retried":
            return _retried(event, task)
        case "task-started":
            return _waited(event, task)
        case "task-received":
            return f"eta {_eta(event.eta, context)}" if event.eta else ""
        case "task-sent":
            return f"to {event.queue}" if event.queue else ""
    return ""


def _retried(event: Happening, task: Task | None) -> str:
    """`retry in 4s`: the time is told by the message that follows, so it is known a moment later."""
    due = task.eta if task else None
    when = f"retry in {duration(due - event.at)}" if due is not None and due > event.at else "retry"
    exception = _exception(event, task)
    return f"{when} after {exception}" if exception else when


def _exception(event: Happening, task: Task | None) -> str:
    """As the store keeps it, where it is of this event: without secrets, and with the type that Celery may hide."""
    same = task is not None and task.updated == event.at and task.exception
    return plain_exception(same or REDACTOR.text(event.exception))


def _waited(event: Happening, task: Task | None) -> str:
    if task is None or task.started is None or abs(task.started - event.at) > TOLD_AGAIN:
        return ""  # the task has gone on since, its times are those of a later attempt
    begun = task.sent if task.sent is not None and not task.retries else task.received
    if begun is None or (task.eta or 0.0) > begun:
        return ""
    where = f" in {task.queue}" if task.queue else ""
    return f"waited {duration(max(0.0, event.at - begun))}{where}"


def _eta(eta: str, context: DrawContext) -> str:
    try:
        at = datetime.fromisoformat(eta)
        moment = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return safe(eta)
    return clock(moment, context.time_mode, context.snapshot.now)
