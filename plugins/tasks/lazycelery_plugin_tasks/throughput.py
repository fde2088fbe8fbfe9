"""How much gets done? Finished tasks a second, and which tasks they are: the third column of a large terminal."""

from collections.abc import Sequence
from typing import ClassVar

from lazycelery_core.canvas import Canvas
from lazycelery_core.charts import Chart, Series, draw_chart
from lazycelery_core.model import TaskState
from lazycelery_core.pane import OVERVIEW, CanvasPane, DrawContext, Slot
from lazycelery_core.snapshot import NameStats, Snapshot
from lazycelery_core.spans import fit_line
from lazycelery_core.text import count, duration, percent
from lazycelery_core.tones import Line, Tone, line

SECONDS = 900
CHART_LINES = 14
FIGURES = 26  # cells of the four figures after a name
MANY_FAILED = 0.05  # of the runs; above it the share is drawn as a failure


class Throughput(CanvasPane):
    """A chart of the last quarter of an hour, and the most frequent tasks."""

    id: ClassVar[str] = "overview.throughput"
    view = OVERVIEW
    title = "Throughput"
    slot = Slot("right", order=0, width=48, min_width=220)

    def info(self, context: DrawContext) -> Line:
        """What the chart covers."""
        return line(("15 min", Tone.DIM))

    def draw(self, canvas: Canvas, context: DrawContext) -> None:
        """The chart above, names below."""
        chart = min(CHART_LINES, canvas.height)
        draw_chart(canvas, throughput_chart(context.snapshot, canvas.width), 0, 0, canvas.width, chart)
        rows = _table(context.snapshot.tasks.names(), canvas.width)
        for row, each in enumerate(rows[: max(0, canvas.height - chart - 1)]):
            canvas.put_line(0, chart + 1 + row, each)


def throughput_chart(snapshot: Snapshot, columns: int) -> Chart:
    """Succeeded, failed and retried tasks a second."""
    rates = snapshot.tasks.rates(SECONDS, max(1, columns))
    series = (
        Series("ok", rates.succeeded, Tone.SUCCESS),
        Series("failed", rates.failed, Tone.FAILURE),
        Series("retried", rates.retried, Tone.RETRY),
    )
    return Chart(series, SECONDS, title="tasks/s", gaps=rates.gaps)


def _table(names: Sequence[NameStats], cells: int) -> list[Line]:
    room = max(8, cells - FIGURES)
    head = f"{'runs':>7}{'fail':>6}{'p50':>6}{'p95':>6} "
    rows = [(*fit_line(line(("task", Tone.DIM)), room), *line((head, Tone.DIM)))]
    return rows + [_row(each, room) for each in names if _runs(each)]


def _runs(stats: NameStats) -> int:
    return stats.counts.get(TaskState.SUCCESS, 0) + stats.counts.get(TaskState.FAILURE, 0)


def _row(stats: NameStats, room: int) -> Line:
    failed = stats.counts.get(TaskState.FAILURE, 0) / _runs(stats)
    return (
        *fit_line(line(stats.name), room, middle=True),
        *line(
            f"{count(_runs(stats)):>7}",
            (f"{percent(failed):>6}", Tone.FAILURE if failed > MANY_FAILED else Tone.TEXT),
            f"{duration(stats.p50):>6}{duration(stats.p95):>6} ",
        ),
    )
