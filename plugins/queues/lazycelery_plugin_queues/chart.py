"""How did the selected queue move? What comes in against what goes out, and its depth over a quarter of an hour."""

from typing import ClassVar

from lazycelery_core.canvas import Canvas
from lazycelery_core.charts import Chart, Series, draw_chart
from lazycelery_core.looks import hbar, spark
from lazycelery_core.model import Queue
from lazycelery_core.pane import QUEUES, CanvasPane, DrawContext, Slot
from lazycelery_core.text import rate, safe
from lazycelery_core.tones import Span, Tone
from lazycelery_plugin_queues.flow import SAMPLE, is_growing, net_rate
from lazycelery_plugin_queues.pane import no_queue_selected, selected_queue

WINDOWS = (60, 120, 300, 600, 900)  # s; a chart is as long as what is known, at most a quarter of an hour
LABEL = 12  # cells of `out   3.1/s `


def window(known: float) -> int:
    """Seconds that a chart of so many known seconds covers."""
    return next((seconds for seconds in WINDOWS if seconds >= known), WINDOWS[-1])


class QueueRates(CanvasPane):
    """In and out on one scale, over time where the broker tells it, else as bars; below them the depth."""

    id: ClassVar[str] = "queues.rates"
    view = QUEUES
    title = "15 min"
    slot = Slot("centre", row=1, order=1, height=12)

    def heading(self, context: DrawContext) -> str:
        """The queue it is about."""
        queue = selected_queue(context)
        minutes = window(context.snapshot.now - context.snapshot.since) // 60
        return f"{safe(queue.name)}  {minutes} min" if queue is not None else self.title

    def draw(self, canvas: Canvas, context: DrawContext) -> None:
        """Rates above, chart below."""
        queue = selected_queue(context)
        if queue is None:
            canvas.put_line(0, 0, no_queue_selected())
            return
        _draw_rates(canvas, queue)
        seconds = window(context.snapshot.now - context.snapshot.since)
        draw_chart(canvas, depth_chart(queue, seconds), 0, 3, canvas.width, canvas.height - 3)


def _draw_rates(canvas: Canvas, queue: Queue) -> None:
    most = max(queue.in_rate or 0.0, queue.out_rate or 0.0, *queue.in_history, *queue.out_history)
    room = max(0, min(40, canvas.width - LABEL - 14))
    told = (("in", queue.in_rate, queue.in_history), ("out", queue.out_rate, queue.out_history))
    for row, (name, value, history) in enumerate(told):
        canvas.put(0, row, f"{name:<4}{rate(value):>7}", Tone.TEXT if value else Tone.DIM)
        tone = Tone.BAR if name == "out" else Tone.RECEIVED
        drawn = spark(history, room, most) if len(history) > 1 else hbar(value / most if value and most else None, room)
        canvas.put_line(LABEL, row, (Span(drawn, tone),))
    net = net_rate(queue)
    if net is not None:
        canvas.put(LABEL + room + 2, 0, f"net {rate(net, signed=True)}", Tone.WARN if net > 0 else Tone.DIM)


def depth_chart(queue: Queue, seconds: int) -> Chart:
    """Ready messages; the time before counting began stays blank."""
    samples = int(seconds / SAMPLE)
    values: list[float | None] = list(queue.history[-samples:])
    missing: list[float | None] = [None] * (samples - len(values))
    tone = Tone.WARN if is_growing(queue) else Tone.RECEIVED
    return Chart([Series("ready", missing + values, tone)], seconds, title="depth")
