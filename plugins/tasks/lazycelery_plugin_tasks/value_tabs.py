"""What went in, what came out, how did it fail, and what exactly was reported? Args, result, traceback, raw."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from lazycelery_core.model import TaskMoment, TaskState, Told
from lazycelery_core.pane import DetailLine, DetailTab, DrawContext
from lazycelery_core.text import clock, count
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_tasks.code import as_json, coloured, pretty
from lazycelery_plugin_tasks.names import plain_exception
from lazycelery_plugin_tasks.tabs import LOST, headline, known, look_of
from lazycelery_plugin_tasks.traceback import traceback_lines

RAW_LINES = 400  # of one report
CUT_BY_WORKER = "  cut by the worker: the rest was never sent"
TRACEBACKS = 10  # attempts whose traceback is shown, the last ones


def value_lines(label: str, value: Told | None, cells: int) -> Iterator[Line]:
    """A value with who told it and whether it is whole, laid out and coloured."""
    if value is None:
        yield line((label, Tone.FIELD), ("  not told", Tone.DIM))
        return
    yield line((label, Tone.FIELD), (f"  from {value.source}", Tone.DIM), (_cut(value), Tone.WARN))
    yield from coloured(pretty(value.text, cells))


def _cut(value: Told) -> str:
    if not value.cut:
        return ""
    return "  cut: too long to show" if value.text.endswith(("more", "more characters")) else CUT_BY_WORKER


class Args(DetailTab):
    """What the task was called with."""

    on: ClassVar[str] = "task"
    id: ClassVar[str] = "args"
    title: ClassVar[str] = "args"
    order: ClassVar[int] = 20

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """Positional arguments, then those by name."""
        _, story = known(item, context)
        if story is None:
            return [LOST]
        args, kwargs = (value_lines(each, getattr(story, each), context.width) for each in ("args", "kwargs"))
        return [*args, line(""), *kwargs]


class Result(DetailTab):
    """What the task returned."""

    on: ClassVar[str] = "task"
    id: ClassVar[str] = "result"
    title: ClassVar[str] = "result"
    order: ClassVar[int] = 30

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """The value, or why there is none."""
        task, story = known(item, context)
        if story is None:
            return [LOST]
        if story.result is not None:
            return [*value_lines("result", story.result, context.width)]
        if story.exception is not None:
            text = plain_exception(story.exception.text)
            return [line(("raised", Tone.FIELD), (f"  from {story.exception.source}", Tone.DIM)), *coloured(text)]
        return [line((_no_result(task.state), Tone.DIM))]


def _no_result(state: TaskState) -> str:
    if state is TaskState.SUCCESS:
        return "It succeeded, but no result was told: the event was missed, or results are ignored."
    return "No result: it was not run to its end." if state.ended else "No result yet."


class Traceback(DetailTab):
    """How it failed, the libraries' frames folded."""

    on: ClassVar[str] = "task"
    id: ClassVar[str] = "traceback"
    title: ClassVar[str] = "traceback"
    order: ClassVar[int] = 40

    def applies(self, item: Any, snapshot: Any) -> bool:
        """Only tasks that failed at least once."""
        task = snapshot.tasks.get(item.id) or item
        return bool(task.exception or task.retries) or task.state in (TaskState.FAILURE, TaskState.RETRY)

    def lines(self, item: Any, context: DrawContext) -> Sequence[DetailLine | Line]:
        """The last failure first."""
        task, story = known(item, context)
        if story is None:
            return [LOST]
        shown: list[DetailLine | Line] = [*headline(task, context), line("")]
        failures = [moment for moment in story.moments if isinstance(moment.fields.get("traceback"), str)]
        if story.traceback is not None:
            cut = story.traceback.cut
            shown.append(line((f"from {story.traceback.source}{', cut' if cut else ''}", Tone.DIM)))
            shown += traceback_lines(story.traceback.text)
        elif not failures:
            return [*shown, line(("No traceback was told: its event was missed, or the worker sent none.", Tone.DIM))]
        for moment in _earlier(failures, story.traceback):
            shown += [line(""), *_attempt_head(moment, context), *traceback_lines(moment.fields["traceback"])]
        return shown


def _earlier(failures: Sequence[TaskMoment], last: Told | None) -> Sequence[TaskMoment]:
    """Failures of other attempts, the newest first; the one that is shown already is left out."""
    others = [moment for moment in failures if last is None or moment.fields["traceback"] != last.text]
    return others[::-1][:TRACEBACKS]


def _attempt_head(moment: TaskMoment, context: DrawContext) -> list[Line]:
    at = clock(moment.timestamp, context.time_mode, context.snapshot.now, digits=3)
    return [line((f"── attempt {moment.attempt + 1}, {at} ──", Tone.RETRY))]


class Raw(DetailTab):
    """Every report as it was received."""

    on: ClassVar[str] = "task"
    id: ClassVar[str] = "raw"
    title: ClassVar[str] = "raw"
    order: ClassVar[int] = 90

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """Kind, time and worker, then all fields."""
        _, story = known(item, context)
        if story is None or not story.moments:
            return [LOST]
        return [each for moment in story.moments for each in _raw(moment, context)]


def _raw(moment: TaskMoment, context: DrawContext) -> list[Line]:
    look = look_of(moment)
    at = clock(moment.timestamp, context.time_mode, context.snapshot.now, digits=3)
    head = line((f"{look.glyph} {moment.kind}", look.tone), (f"  {at}  {moment.worker}", Tone.DIM))
    fields = _json_lines(moment.fields)
    left_out = len(fields) - RAW_LINES
    more = [line((f"… {count(left_out)} more lines", Tone.DIM))] if left_out > 0 else []
    return [head, *fields[:RAW_LINES], *more, line("")]


def _json_lines(fields: Mapping[str, Any]) -> list[Line]:
    return coloured(as_json(fields))
