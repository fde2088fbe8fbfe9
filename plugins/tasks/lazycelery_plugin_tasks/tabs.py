"""Which task is this, what became of it and when, and who told that? The tabs `details` and `attempts`."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, ClassVar, NamedTuple

from lazycelery_core.looks import EVENT_LOOKS, OTHER_EVENT, Look, task_look
from lazycelery_core.model import Task, TaskMoment, TaskState, TaskStory
from lazycelery_core.pane import DetailLine, DetailTab, DrawContext
from lazycelery_core.query import runtime, wait
from lazycelery_core.text import UNKNOWN, Safe, age, clock, count, duration, pad, safe, timestamp
from lazycelery_core.tones import Line, Span, Tone, line
from lazycelery_plugin_tasks.cells import is_scheduled
from lazycelery_plugin_tasks.names import plain_exception, short_id, short_worker

LABEL = 10  # cells of the names of facts
VALUE = 40  # cells of a value before its source stands right of it
CHILDREN = 200
BEGINNING = 120  # characters of a value among the facts
LOST: Line = line(("What was reported about it is no longer held; this is what the list still knows.", Tone.DIM))
Part = str | Span | tuple[str, Tone]


class Known(NamedTuple):
    """A task as it is now, and its story if that is still held."""

    task: Task
    story: TaskStory | None


def known(item: Any, context: DrawContext) -> Known:
    """The newest that is known about a task that was selected a while ago."""
    tasks = context.snapshot.tasks
    return Known(tasks.get(item.id) or item, tasks.story(item.id))


def fact(label: str, *value: Part, source: str = "") -> Line:
    """`worker     worker-3@web-9            task-received`."""
    shown = line((f"{label:<{LABEL}} ", Tone.DIM), *value)
    if not source:
        return shown
    used = sum(len(span.text) for span in shown) - LABEL - 1
    return (*shown, *line((f"{' ' * max(2, VALUE - used)}{source}", Tone.DIM)))


def teller(story: TaskStory | None, *fields: str) -> str:
    """Who told the newest value of a field first: the kind of the report."""
    moments = story.moments if story is not None else ()
    return next((moment.kind for moment in moments for name in fields if moment.fields.get(name)), "")


def told(story: TaskStory | None, *fields: str) -> Any:
    """The newest value of the first of these fields that any report has."""
    moments = story.moments if story is not None else ()
    for name in fields:
        for moment in reversed(moments):
            if moment.fields.get(name) not in (None, ""):
                return moment.fields[name]
    return None


def headline(task: Task, context: DrawContext) -> list[Line]:
    """`✗ FAILURE   attempt 3   ran 2.15s   waited 0.31s`, and the exception below."""
    now = context.snapshot.now
    look = task_look(task, now)
    parts: list[Part] = [Span(Safe(f"{look.glyph} {look.word}"), look.tone)]
    parts += [(f"   attempt {task.retries + 1}", Tone.RETRY)] if task.retries else []
    ran, waited = runtime(task, now), wait(task, now)
    runs = "running" if task.state is TaskState.STARTED else "ran"
    parts += [f"   {runs} {duration(ran)}"] if ran is not None else []
    known_wait = waited is not None and not is_scheduled(task, now)
    parts += [(f"   waited {duration(waited)}", Tone.DIM)] if known_wait else []
    request = context.snapshot.requests.get(f"task:{task.id}")
    parts += [(f"   {request}", Tone.WARN)] if request else []
    failed = task.exception and task.state in (TaskState.FAILURE, TaskState.RETRY, TaskState.REJECTED)
    return [line(*parts), *([line((plain_exception(task.exception), Tone.FAILURE))] if failed else [])]


class Details(DetailTab):
    """Identity, relatives and times, each with who told it."""

    on: ClassVar[str] = "task"
    id: ClassVar[str] = "details"
    title: ClassVar[str] = "details"
    order: ClassVar[int] = 0

    def lines(self, item: Any, context: DrawContext) -> Sequence[DetailLine | Line]:
        """State first, then facts in groups."""
        task, story = known(item, context)
        rest = [line((f"{story.missing}", Tone.WARN))] if story is not None and story.missing else []
        facts = [
            *_identity(task, story),
            *_delivery(story),
            *_relatives(task, story, context),
            line(""),
            *_times(task, story, context),
            *_values(story),
        ]
        hanging = [DetailLine(each, hang=LABEL + 1) for each in facts]
        return [*headline(task, context), line(""), *hanging, *([LOST] if story is None else rest)]


def _identity(task: Task, story: TaskStory | None) -> Iterator[Line]:
    yield fact("id", (task.id, Tone.STRONG))
    yield fact("name", task.name or (UNKNOWN, Tone.DIM), source=teller(story, "name", "task"))
    yield fact("worker", task.worker or (UNKNOWN, Tone.DIM), source=_last_kind(task, story))
    yield fact("queue", task.queue or (f"{UNKNOWN}  (told by task-sent events and inspect only)", Tone.DIM),
               source=teller(story, "queue", "delivery_info") if task.queue else "")  # fmt: skip
    yield fact("retries", str(task.retries), source=teller(story, "retries"))


def _last_kind(task: Task, story: TaskStory | None) -> str:
    moments = story.moments if story is not None else ()
    return next((moment.kind for moment in reversed(moments) if moment.worker == task.worker), "")


def _delivery(story: TaskStory | None) -> Iterator[Line]:
    """What only some reports tell."""
    for label, name in (("exchange", "exchange"), ("routing", "routing_key"), ("priority", "priority"),
                        ("group", "group_id"), ("pid", "worker_pid")):  # fmt: skip
        value = told(story, name)
        if value is not None and isinstance(value, (str, int)):
            yield fact(label, str(value), source=teller(story, name))


def _relatives(task: Task, story: TaskStory | None, context: DrawContext) -> Iterator[Line]:
    parent, root = (story.parent_id, story.root_id) if story is not None else ("", "")
    if root and root != task.id:
        yield fact("root", root, ("  g r", Tone.ACCENT))
    if parent:
        yield fact("parent", parent, ("  g p", Tone.ACCENT))
    children = len(context.snapshot.tasks.children(task, CHILDREN))
    if children:
        more = "+" if children >= CHILDREN else ""
        yield fact("children", f"{count(children)}{more}", ("  g c", Tone.ACCENT))


def _values(story: TaskStory | None) -> Iterator[Line]:
    """The beginning of what went in and came out; the tabs of these names have the whole."""
    values = (("args", story.args), ("kwargs", story.kwargs), ("result", story.result)) if story is not None else ()
    told_values = [(label, value) for label, value in values if value is not None]
    if told_values:
        yield line("")
    for label, value in told_values:
        cut = ("  cut", Tone.WARN) if value.cut else ("", Tone.DIM)
        yield fact(label, safe(value.text, BEGINNING), cut, source=value.source)


def _times(task: Task, story: TaskStory | None, context: DrawContext) -> Iterator[Line]:
    """The times of the last attempt, each with what passed since the one before."""
    yield from _due("eta", task.eta, told(story, "eta"), context)
    yield from _due("expires", _moment(told(story, "expires")), told(story, "expires"), context)
    before: float | None = None
    ended = task.updated if task.state.ended or task.state is TaskState.RETRY else None
    for label, at in (("sent", task.sent), ("received", task.received), ("started", task.started),
                      (task.state.name.lower(), ended)):  # fmt: skip
        if at is None:
            continue
        since = "" if before is None or at < before else f"  +{duration(at - before)}"
        yield fact(label, _moment_text(at, context), (since, Tone.DIM))
        before = at
    if ended is None:
        quiet = age(context.snapshot.now - task.updated)
        yield fact("last word", _moment_text(task.updated, context), (f"  {quiet} ago", Tone.DIM))


def _due(label: str, at: float | None, written: Any, context: DrawContext) -> Iterator[Line]:
    """A time that was set for the task; one that can't be read as it was written."""
    if at is not None:
        away = age(context.snapshot.now - at)
        when = away if away.startswith("in ") else f"{away} ago"
        yield fact(label, _moment_text(at, context), (f"  {when}", Tone.DIM))
    elif isinstance(written, str):
        yield fact(label, written)


def _moment(written: Any) -> float | None:
    try:
        at = datetime.fromisoformat(written)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _moment_text(at: float, context: DrawContext) -> str:
    return timestamp(at, context.time_mode)


class Attempts(DetailTab):
    """The life of a task as a line, and every report of every attempt."""

    on: ClassVar[str] = "task"
    id: ClassVar[str] = "attempts"
    title: ClassVar[str] = "attempts"
    order: ClassVar[int] = 10

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """The line of its life first, then an attempt after the other."""
        task, story = known(item, context)
        if story is None or not story.moments:
            return [*headline(task, context), line(""), LOST]
        shown = [*headline(task, context), line(""), *_life(story.moments, task, context), line("")]
        by_attempt = sorted(story.moments, key=lambda moment: (moment.attempt, moment.timestamp))
        for attempt, moments in groupby(by_attempt, key=lambda moment: moment.attempt):
            shown += [line((f"attempt {attempt + 1}", Tone.FIELD)), *_reports([*moments], context), line("")]
        return shown


_BETWEEN = {  # what a task does after an event, as a stroke
    "task-sent": ("─", Tone.PENDING),
    "task-received": ("╌", Tone.RECEIVED),
    "task-started": ("━", Tone.STARTED),
    "task-retried": ("╌", Tone.RETRY),
}

_MINOR = frozenset({"task-sent", "task-received"})  # drawn first: where two share a cell, what came of it counts


def look_of(moment: TaskMoment) -> Look:
    """The look of a report."""
    return EVENT_LOOKS.get(moment.kind, OTHER_EVENT)


def _life(moments: Sequence[TaskMoment], task: Task, context: DrawContext) -> list[Line]:
    """`◌────◔╌╌╌►━━━━━✗` in scale, and what its length stands for."""
    events = [moment for moment in moments if moment.kind in EVENT_LOOKS]
    cells = max(10, min(context.width - 2, 100))
    if len(events) < 2:
        return []
    start = events[0].timestamp
    end = max(events[-1].timestamp, start if task.state.ended else context.snapshot.now)
    if end <= start:
        return []
    places = [min(cells - 1, int((each.timestamp - start) / (end - start) * cells)) for each in events]
    drawn: list[tuple[str, Tone]] = [(" ", Tone.TEXT)] * cells
    for moment, place, until in zip(events, places, [*places[1:], cells], strict=True):
        stroke = _BETWEEN.get(moment.kind)
        drawn[place + 1 : until] = [stroke or (" ", Tone.TEXT)] * max(0, until - place - 1)
    for moment, place in sorted(zip(events, places, strict=True), key=lambda pair: pair[0].kind not in _MINOR):
        look = look_of(moment)
        drawn[place] = (look.glyph, look.tone)
    return [_joined(drawn), line((f"{duration(end - start)} from the first report to the last", Tone.DIM))]


def _joined(cells: Iterable[tuple[str, Tone]]) -> Line:
    return tuple(
        Span(Safe("".join(char for char, _ in run)), tone) for tone, run in groupby(cells, key=lambda cell: cell[1])
    )


def _reports(moments: Sequence[TaskMoment], context: DrawContext) -> Iterator[Line]:
    """`14:23:44.540  ◔ received   +0.31s  worker-3  eta 14:35:00`."""
    before: float | None = None
    for moment in moments:
        look = look_of(moment)
        word = look.word if moment.kind in EVENT_LOOKS else safe(moment.kind)
        since = Safe("" if before is None else f" +{duration(moment.timestamp - before)}")
        at = clock(moment.timestamp, context.time_mode, context.snapshot.now, digits=3)
        who = short_worker(moment.worker, context.snapshot)
        yield line(
            (f"  {at}  ", Tone.DIM), (f"{look.glyph} {word:<10}", look.tone), Span(pad(since, 10), Tone.DIM),
            (f" {who}  ", Tone.DIM), *_remark(moment),
        )  # fmt: skip
        before = moment.timestamp


def _remark(moment: TaskMoment) -> Iterator[Part]:
    """What a report says beyond its kind."""
    fields = moment.fields
    if isinstance(fields.get("exception"), str):
        yield (plain_exception(fields["exception"])[:300], Tone.FAILURE)
    elif isinstance(fields.get("runtime"), (int, float)):
        yield f"ran {duration(fields['runtime'])}"
    elif fields.get("eta"):
        yield (f"eta {fields['eta']}", Tone.SCHEDULED)
    elif isinstance(fields.get("queue"), str):
        yield (f"to {fields['queue']}", Tone.DIM)
    elif fields.get("parent_id") and moment.kind == "task-received":
        yield (f"parent {short_id(str(fields['parent_id']))}", Tone.DIM)
