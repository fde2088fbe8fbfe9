"""How do numbers over time become a line chart of Braille dots?

All lines share one scale, and each carries its label at its right end, so nothing is told by colour alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from lazycelery_core.canvas import Canvas
from lazycelery_core.looks import shares
from lazycelery_core.text import UNKNOWN, Safe, age, safe, short_count, width
from lazycelery_core.tones import Span, Tone

GAP = Safe("╎")  # events were missed here


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart: (n,) values, oldest first, None where nothing is known."""

    label: str
    values: Sequence[float | None]
    tone: Tone


def figure(value: float) -> Safe:
    """A number on an axis or in a legend: `0`, `0.62`, `2.5`, `30`, `3.1k`."""
    if abs(value) >= 999.5:
        return short_count(value)
    return Safe(f"{value:.2g}" if abs(value) < 9.95 else f"{value:.3g}")


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over time, all series on one scale from 0 to `top` (None: a round number above the greatest value).

    seconds: how long ago the oldest value is. gaps: indexes of values where events were missed, marked `╎`.
    """

    series: Sequence[Series]
    seconds: float
    title: str = ""
    top: float | None = None
    gaps: frozenset[int] = frozenset()
    figure: Callable[[float], Safe] = figure


def draw_chart(canvas: Canvas, chart: Chart, x: int, y: int, columns: int, rows: int) -> None:
    """Draw a chart in the box (x, y, columns, rows): legend above, scale at the left, time below, labels at the right.

    Needs about 20x4 cells; what does not fit is left out: end labels, then the legend.
    """
    known = [value for each in chart.series for value in each.values if value is not None and isfinite(value)]
    top = chart.top or _round_up(max(known, default=0.0))
    scale = max(width(chart.figure(top)), width(chart.figure(top / 2)), 1)
    labels = max((width(each.label) for each in chart.series), default=0) + 1 if len(chart.series) > 1 else 0
    labels = labels if columns - scale - labels > 24 else 0
    legend = 1 if rows > 3 else 0
    box = _Box(x + scale + 1, y + legend, columns - scale - 1 - labels, rows - legend - 1)
    if box.columns < 2 or box.rows < 1:
        return
    if legend:
        _draw_legend(canvas, chart, box.x, y, columns - scale - 1)
    _draw_scale(canvas, chart, box, top)
    _draw_time(canvas, chart.seconds, box)
    _draw_gaps(canvas, chart, box)
    _Dots(box, top).draw(canvas, chart.series)
    if labels:
        _draw_labels(canvas, chart, box, top)


class _Box(NamedTuple):
    x: int
    y: int
    columns: int
    rows: int


def _round_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 4, 6, 8, 10 times a power of ten; 1 for 0."""
    if not 0 < value < 1e300:
        return 1.0
    power = 10.0 ** (len(f"{value:.0f}") - 1) if value >= 1 else 1.0
    while power > value:
        power /= 10
    return next(step * power for step in (1, 1.5, 2, 3, 4, 6, 8, 10, 20) if step * power >= value)


def _last(values: Sequence[float | None]) -> float | None:
    return next((value for value in reversed(values) if value is not None and isfinite(value)), None)


def _draw_legend(canvas: Canvas, chart: Chart, x: int, y: int, room: int) -> None:
    """The title where all fits, then the last value of each line: whole, or not at all."""
    end = x + room
    entries = [Span(_entry(chart, each), each.tone) for each in chart.series]
    title = Span(safe(f"{chart.title}  " if chart.title else ""), Tone.DIM)
    if sum(width(text) for text, _ in (title, *entries)) <= room + 2:  # nothing follows the last one's blanks
        entries.insert(0, title)
    for text, tone in entries:
        if width(text) <= end + 2 - x:
            x = canvas.put(x, y, text, tone, max(0, end - x))


def _entry(chart: Chart, series: Series) -> Safe:
    last = _last(series.values)
    return safe(f"⣀ {series.label} {UNKNOWN if last is None else chart.figure(last)}  ")


def _draw_scale(canvas: Canvas, chart: Chart, box: _Box, top: float) -> None:
    marks = {box.y: top, box.y + box.rows - 1: 0.0}
    if box.rows >= 5:
        marks[box.y + (box.rows - 1) // 2] = top / 2
    for row, value in marks.items():
        canvas.put_right(box.x - 1, row, (Span(chart.figure(value), Tone.DIM),))


def _draw_time(canvas: Canvas, seconds: float, box: _Box) -> None:
    steps = 3 if box.columns >= 36 else 2 if box.columns >= 18 else 1
    row = box.y + box.rows
    for step in range(steps):
        text = Safe(f"-{age(seconds * (steps - step) / steps)}")
        canvas.put(box.x + box.columns * step // steps, row, text, Tone.DIM, box.columns)
    canvas.put_right(box.x + box.columns, row, (Span(Safe("now"), Tone.DIM),))


def _draw_gaps(canvas: Canvas, chart: Chart, box: _Box) -> None:
    steps = max((len(each.values) for each in chart.series), default=0)
    for index in chart.gaps:
        if 0 <= index < steps:
            for row in range(box.rows):
                canvas.put(box.x + index * box.columns // steps, box.y + row, GAP, Tone.WARN)


def _draw_labels(canvas: Canvas, chart: Chart, box: _Box, top: float) -> None:
    """Each line's label beside its last point, moved to a free row where two would meet."""
    taken: set[int] = set()
    for each in chart.series:
        last = _last(each.values)
        if last is None:
            continue
        wanted = _Dots(box, top).height(last) // 4
        row = min(set(range(box.rows)) - taken, key=lambda row: abs(row - wanted), default=None)
        if row is not None:
            taken.add(row)
            canvas.put(box.x + box.columns + 1, box.y + row, each.label, each.tone)


_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # Braille dots by row and column of their cell


class _Dots:
    """The grid of Braille dots in a box: two across and four down in each cell."""

    def __init__(self, box: _Box, top: float) -> None:
        self.box = box
        self.top = top
        self._cells: dict[tuple[int, int], tuple[int, Tone]] = {}

    def height(self, value: float) -> int:
        """The row of dots of a value, 0 uppermost."""
        last = self.box.rows * 4 - 1
        return last - round(max(0.0, min(1.0, value / self.top)) * last)

    def draw(self, canvas: Canvas, series: Sequence[Series]) -> None:
        """Draw all lines; where two share a cell, the later one colours it."""
        for each in series:
            self._trace(_stretch(each.values, self.box.columns * 2), each.tone)
        for (column, row), (bits, tone) in self._cells.items():
            canvas.put(self.box.x + column, self.box.y + row, Safe(chr(0x2800 + bits)), tone)

    def _trace(self, values: Sequence[float | None], tone: Tone) -> None:
        before: int | None = None
        for column, value in enumerate(values):
            if value is None:
                before = None
                continue
            row = self.height(value)
            start = row if before is None else before + (row > before) - (row < before)
            for step in range(min(start, row), max(start, row) + 1):
                self._set(column, step, tone)
            before = row

    def _set(self, column: int, row: int, tone: Tone) -> None:
        place = (column // 2, row // 4)
        self._cells[place] = (self._cells.get(place, (0, tone))[0] | _BITS[row % 4][column % 2], tone)


def _stretch(values: Sequence[float | None], dots: int) -> list[float | None]:
    """Exactly `dots` values: means of shares when there are too many, repeated when there are too few."""
    few = shares(values, dots, _mean)
    return [few[index * len(few) // dots] for index in range(dots)] if few else []


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
