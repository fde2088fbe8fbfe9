"""What is known about a worker in a few lines, and how did its tasks end in the last quarter of an hour?"""

from collections.abc import Sequence
from typing import Any, ClassVar

from lazycelery_core.canvas import Canvas
from lazycelery_core.charts import Chart, Series, draw_chart
from lazycelery_core.looks import TASK_STATES, WORKER_STATES
from lazycelery_core.model import TaskState, Worker, WorkerState
from lazycelery_core.pane import DetailTab, DrawContext
from lazycelery_core.spans import cut_line
from lazycelery_core.text import UNKNOWN, Safe, age, count, duration, pad, percent, rate, size, width
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_workers import facts
from lazycelery_plugin_workers.chart import window
from lazycelery_plugin_workers.reads import figure, requests, told

LABEL = 11  # cells of a label in the list of facts
FACTS = 33  # cells of the facts when a chart stands beside them
FACTS_AT_MOST = 64
CHART = 38  # cells below which a chart says nothing
FINEST = 2  # s a step of the chart; tasks that end within one second are no curve


def fact(label: str, *parts: Any) -> Line:
    """A label and what stands beside it."""
    return line((pad(Safe(label), LABEL), Tone.DIM), *parts)


def details(worker: Worker, context: DrawContext) -> list[Line]:
    """What is known about a worker, the most useful first."""
    now = context.snapshot.now
    return [
        fact("Status", *_status(worker, now)),
        *_reason(worker, now),
        fact("Pool", facts.pool(worker), (f"  pid {worker.pid}" if worker.pid else "", Tone.DIM)),
        fact("Queues", ", ".join(worker.queues) or UNKNOWN),
        fact("Active", (facts.busy(worker).replace("/", " / "), facts.busy_tone(worker)), *_reserved(worker)),
        fact("Processed", count(worker.processed), (f"  {rate(worker.rate, signed=True)}", Tone.DIM)),
        fact("Failed", *_failed(worker)),
        fact(
            "Success",
            _success(worker),
            (f"  of {count(facts.ended(worker))} ended", Tone.DIM),
            (" since we listen", Tone.DIM),
        ),
        fact("Max RSS", size(worker.rss), ("  high-water", Tone.DIM), (" of its main process", Tone.DIM)),
        fact("Load", *_load(worker)),
        fact("Events", *_events(worker)),
        fact("Clock", (facts.skew_text(worker), _skew_tone(worker)), ("  against ours", Tone.DIM)),
        fact("Answers", duration(worker.latency), *_uptime(worker, now)),
        fact("Software", facts.software(worker)),
        fact("Known", f"for {age(now - worker.first_seen)}" if worker.first_seen else UNKNOWN),
    ]


def _status(worker: Worker, now: float) -> list[Any]:
    look = WORKER_STATES[worker.state]
    beat = facts.beat_age(worker, now)
    heard = f"  beat {age(beat)} ago" if beat is not None else "  no heartbeat yet"
    return [(f"{look.glyph} {look.word}", look.tone), (heard, Tone.DIM)]


def _reason(worker: Worker, now: float) -> list[Line]:
    if worker.state is WorkerState.ONLINE and not worker.twins:
        return []
    twins = f"two workers share this name: pids {', '.join(map(str, worker.pids[:4]))}. " if worker.twins else ""
    return [fact("", (twins + facts.state_sentence(worker, now), Tone.WARN))]


def _reserved(worker: Worker) -> list[Any]:
    waiting = [(len(requests(worker, command)), command) for command in ("reserved", "scheduled")]
    words = ", ".join(f"{number} {command}" for number, command in waiting if number)
    return [(f"  {words}", Tone.DIM)] if words else []


def _failed(worker: Worker) -> list[Any]:
    tone = Tone.FAILURE if worker.failed else Tone.TEXT
    share = facts.failed_share(worker)
    retried = f"  {TASK_STATES[TaskState.RETRY].glyph} {count(worker.retried)}" if worker.retried else ""
    return [
        (f"{TASK_STATES[TaskState.FAILURE].glyph} {count(worker.failed)}", tone),
        ("" if share is None else f"  {percent(share)}", Tone.DIM),
        (retried, Tone.RETRY),
    ]


def _success(worker: Worker) -> Safe:
    share = facts.failed_share(worker)
    return percent(None if share is None else 1 - share)


def _load(worker: Worker) -> list[Any]:
    if not worker.loadavg:
        return [(UNKNOWN, Tone.DIM)]
    return ["  ".join(f"{each:.2f}" for each in worker.loadavg[:3]), ("  average of its host", Tone.DIM)]


def _events(worker: Worker) -> list[Any]:
    if worker.task_events is False:
        return [("off", Tone.WARN), ("  e enables them until it restarts", Tone.DIM)]
    return ["on"] if worker.task_events else [(f"{UNKNOWN}  not known yet", Tone.DIM)]


def _skew_tone(worker: Worker) -> Tone:
    return Tone.WARN if worker.skew is not None and abs(worker.skew) >= facts.SKEW else Tone.TEXT


def _uptime(worker: Worker, now: float) -> list[Any]:
    read, up = worker.reads.get("stats"), figure(told(worker, "stats", "uptime"))
    return [] if read is None or up is None else [(f"  up {age(up + now - read.at)}", Tone.DIM)]


class WorkerDetails(DetailTab):
    """Facts, and beside them what ended here in the last quarter of an hour."""

    on: ClassVar[str] = "worker"
    id: ClassVar[str] = "details"
    title: ClassVar[str] = "details"
    order: ClassVar[int] = 0

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """The facts alone, where there is no room for a chart."""
        return details(item, context)

    def draw(self, canvas: Canvas, item: Any, context: DrawContext) -> bool:
        """Facts at the left, chart at the right."""
        if canvas.width < FACTS + CHART or canvas.height < 5:
            return False
        room = max(FACTS, min(FACTS_AT_MOST, canvas.width * 2 // 5))
        for row, each in enumerate(details(item, context)[: canvas.height]):
            canvas.put_line(0, row, whole_spans(each, room), room)
        columns = canvas.width - room - 1
        draw_chart(canvas, _ended_chart(item, context, columns), room + 1, 0, columns, min(canvas.height, 14))
        return True


def whole_spans(spans: Line, cells: int) -> Line:
    """The line without the spans that don't fit; the label and its value are kept and cut."""
    kept = list(spans[:2])
    for each in spans[2:]:
        if sum(width(span.text) for span in kept) + width(each.text) > cells:
            break
        kept.append(each)
    return cut_line(tuple(kept), cells)


def _ended_chart(worker: Worker, context: DrawContext, columns: int) -> Chart:
    seconds = window(context.snapshot.now - context.snapshot.since)
    rates = context.snapshot.tasks.rates(seconds, min(columns, seconds // FINEST), worker.hostname)
    series = (Series("ok", rates.succeeded, Tone.SUCCESS), Series("failed", rates.failed, Tone.FAILURE))
    return Chart(series, seconds, title="tasks/s", gaps=rates.gaps)
