"""Do states look the same everywhere, and do charts draw what the numbers say?"""

import pytest

from lazycelery_core.canvas import Canvas
from lazycelery_core.charts import Chart, Series, draw_chart
from lazycelery_core.looks import (
    ASCII,
    EVENT_LOOKS,
    LINK_STATES,
    TASK_STATES,
    WORKER_STATES,
    hbar,
    spark,
    spark_tall,
    task_look,
)
from lazycelery_core.model import LinkState, Task, TaskState, WorkerState
from lazycelery_core.text import width
from lazycelery_core.tones import Tone

NOW = 1_000_000.0


def a_task(state: TaskState, eta: float | None) -> Task:
    return Task(0, "a", "n", state, "w", "q", 0, None, None, None, NOW, eta, None, "", 0, 0, 1)


def drawn(chart: Chart, columns: int, rows: int) -> list[str]:
    canvas = Canvas(columns, rows)
    draw_chart(canvas, chart, 0, 0, columns, rows)
    return canvas.text().split("\n")


def test_every_state_has_a_look_of_one_cell_and_a_word() -> None:
    assert set(TASK_STATES) == set(TaskState)
    assert set(WORKER_STATES) == set(WorkerState)
    assert set(LINK_STATES) == set(LinkState)
    looks = [*TASK_STATES.values(), *WORKER_STATES.values(), *LINK_STATES.values(), *EVENT_LOOKS.values()]
    assert all(width(look.glyph) == 1 and look.word for look in looks)


def test_every_glyph_has_a_stand_in_of_one_ascii_cell() -> None:
    looks = [*TASK_STATES.values(), *WORKER_STATES.values(), *LINK_STATES.values(), *EVENT_LOOKS.values()]
    assert all(look.glyph.translate(ASCII).isascii() for look in looks)
    assert all(len(plain) == 1 and width(chr(char)) == 1 for char, plain in ASCII.items())
    chart = "".join(drawn(Chart([Series("a", [0, 5, 2, 9], Tone.SUCCESS)], 60), 40, 8))
    assert chart.translate(ASCII).isascii()


def test_a_received_task_with_an_eta_to_come_is_scheduled() -> None:
    assert task_look(a_task(TaskState.RECEIVED, NOW + 5), NOW).word == "SCHEDULED"
    assert task_look(a_task(TaskState.RECEIVED, NOW - 5), NOW).word == "RECEIVED"
    assert task_look(a_task(TaskState.STARTED, NOW + 5), NOW).word == "STARTED"


@pytest.mark.parametrize(
    "values,cells,text",
    [
        ([0, 4, 8], 3, "▁▄█"),
        ([8], 3, "  █"),
        ([1, None, 8], 3, "▁ █"),
        ([0, 0, 9, 0, 0, 0], 3, "▁█▁"),  # the peak stays
        ([], 4, "    "),
        ([0, 0], 2, "▁▁"),
        ([float("nan"), 1], 2, " █"),
    ],
)
def test_spark(values: list[float | None], cells: int, text: str) -> None:
    assert spark(values, cells) == text


def test_a_spark_can_have_a_fixed_top_and_several_lines() -> None:
    assert spark([1, 2, 4], 3, top=4) == "▂▄█"
    assert spark([9], 1, top=4) == "█"
    assert spark_tall([2, 4], 2, 2) == [" █", "██"]


@pytest.mark.parametrize(
    "fraction,text",
    [(0.0, "    "), (None, "    "), (1.0, "████"), (7.0, "████"), (0.5, "██  "), (0.0001, "▏   "), (0.28, "█▏  ")],
)
def test_hbar(fraction: float | None, text: str) -> None:
    assert hbar(fraction, 4) == text


def test_a_chart_has_scale_time_legend_and_labels_at_the_end_of_each_line() -> None:
    lines = drawn(
        Chart([Series("ok", [30] * 9, Tone.SUCCESS), Series("failed", [0] * 9, Tone.FAILURE)], 900, "tasks/s"), 58, 8
    )
    assert lines[0] == "   tasks/s  ⣀ ok 30  ⣀ failed 0"
    assert lines[1].startswith("30 ⠉⠉")
    assert lines[1].endswith(" ok")
    assert lines[6].startswith(" 0 ⣀⣀")
    assert lines[6].endswith(" failed")
    assert lines[7].split() == ["-15m", "-10m", "-5m", "now"]


def test_labels_that_would_meet_stand_below_each_other() -> None:
    lines = drawn(Chart([Series("one", [5], Tone.TEXT), Series("two", [5], Tone.TEXT)], 60), 50, 8)
    assert sum("one" in text or "two" in text for text in lines[1:-1]) == 2


def test_a_gap_is_marked_and_an_unknown_stretch_is_not_drawn() -> None:
    values = [3.0] * 10 + [None] * 10 + [3.0] * 10
    lines = drawn(Chart([Series("a", values, Tone.TEXT)], 60, gaps=frozenset({12})), 64, 6)
    assert lines[1].count("╎") == 1
    assert "   ╎   " in lines[1]


@pytest.mark.parametrize("columns,rows", [(0, 0), (3, 1), (8, 3), (20, 4), (250, 70)])
def test_a_chart_fits_any_box(columns: int, rows: int) -> None:
    lines = drawn(
        Chart([Series("a", [None, 1e9, float("inf"), 0.001], Tone.TEXT), Series("b", [], Tone.TEXT)], 60), columns, rows
    )
    assert all(width(line) <= columns for line in lines)
    assert drawn(Chart([], 60), columns, rows)


def legend(columns: int) -> str:
    """The first line of a chart that is so wide."""
    series = [Series(label, [value], Tone.TEXT) for label, value in (("ok", 8.62), ("failed", 0.619), ("retried", 0.2))]
    return drawn(Chart(series, 60.0, "tasks/s"), columns, 6)[0].strip()


def test_what_has_no_room_in_a_legend_is_left_out_whole_the_title_first() -> None:
    assert legend(60) == "tasks/s  ⣀ ok 8.6  ⣀ failed 0.62  ⣀ retried 0.2"
    assert legend(46) == "⣀ ok 8.6  ⣀ failed 0.62  ⣀ retried 0.2"
    assert legend(34) == "⣀ ok 8.6  ⣀ failed 0.62"
    assert legend(16) == "⣀ ok 8.6"
