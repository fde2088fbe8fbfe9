"""How busy was the selected worker in the last quarter of an hour, and how much memory did it need?"""

from collections.abc import Sequence
from typing import ClassVar

from lazycelery_core.canvas import Canvas
from lazycelery_core.charts import Chart, Series, draw_chart
from lazycelery_core.model import Worker
from lazycelery_core.pane import WORKERS, CanvasPane, DrawContext, Slot
from lazycelery_core.text import Safe, safe, size
from lazycelery_core.tones import Tone
from lazycelery_plugin_workers.facts import SAMPLE, short_name
from lazycelery_plugin_workers.projection import VIEW

WINDOWS = (60, 120, 300, 600, 900)  # s; a chart is as long as what is known, at most a quarter of an hour
STEPS = 90


def window(known: float) -> int:
    """Seconds that a chart of so many known seconds covers."""
    return next((seconds for seconds in WINDOWS if seconds >= known), WINDOWS[-1])


class WorkerCharts(CanvasPane):
    """Busy slots above, memory below."""

    id: ClassVar[str] = "workers.charts"
    view = WORKERS
    title = "15 min"
    slot = Slot("centre", row=1, order=1, height=15)

    def heading(self, context: DrawContext) -> str:
        """The worker it is about."""
        worker = context.selected.get("workers.list")
        minutes = window(context.snapshot.now - context.snapshot.since) // 60
        return (
            f"{safe(short_name(worker, context.snapshot))}  {minutes} min" if isinstance(worker, Worker) else self.title
        )

    def draw(self, canvas: Canvas, context: DrawContext) -> None:
        """Two charts, or only the upper one where there is little room."""
        worker = context.selected.get("workers.list")
        if not isinstance(worker, Worker):
            canvas.put(1, 0, "No worker yet.", Tone.DIM)
            return
        upper = canvas.height if canvas.height < 9 else (canvas.height + 1) // 2
        seconds = window(context.snapshot.now - context.snapshot.since)
        draw_chart(canvas, busy_chart(worker, seconds), 0, 0, canvas.width, upper)
        if upper < canvas.height:
            _draw_memory(canvas, worker, context, upper, seconds)


def busy_chart(worker: Worker, seconds: int) -> Chart:
    """Busy slots, from none to all."""
    samples = int(seconds / SAMPLE)
    values: list[float | None] = list(worker.load_history[-samples:])
    missing: list[float | None] = [None] * (samples - len(values))
    title = f"slots of {worker.concurrency}" if worker.concurrency else "slots"
    top = float(worker.concurrency) if worker.concurrency else None
    return Chart([Series("busy", missing + values, Tone.BAR)], seconds, title=title, top=top)


def _draw_memory(canvas: Canvas, worker: Worker, context: DrawContext, y: int, seconds: int) -> None:
    points = context.snapshot.views.get(VIEW, {}).get(worker.hostname, ())
    if not points:
        canvas.put(1, y + 1, "Memory is not known: the worker was not asked for stats.", Tone.DIM)
        return
    series = Series("max rss", sampled(points, context.snapshot.now, seconds), Tone.WARN)
    chart = Chart([series], seconds, title="high-water of the main process", figure=_bytes)
    draw_chart(canvas, chart, 0, y, canvas.width, canvas.height - y)


def _bytes(value: float) -> Safe:
    return size(value, tight=True)


def sampled(points: Sequence[tuple[float, float]], now: float, seconds: int, steps: int = STEPS) -> list[float | None]:
    """(steps,) values over so many seconds: the last one told before each step, None before the first."""
    shown: list[float | None] = []
    last, at = None, 0
    for step in range(steps):
        until = now - seconds + (step + 1) * seconds / steps
        while at < len(points) and points[at][0] <= until:
            last, at = points[at][1], at + 1
        shown.append(last)
    return shown
