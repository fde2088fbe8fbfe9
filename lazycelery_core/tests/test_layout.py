"""Does every pane stand where the drawings have it, and does nothing overlap or leave a hole at any size?"""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazycelery_core.layout import CHROME, Rect, SizeClass, arrange, main_pane, size_class
from lazycelery_core.pane import OVERVIEW, WORKERS, CanvasPane, DrawContext, Pane, Slot, View


class Box(CanvasPane):
    """A pane that draws nothing."""

    def draw(self, canvas: Any, context: DrawContext) -> None:
        """Nothing."""


def box(name: str, slot: Slot, view: View = OVERVIEW) -> Pane:
    """A pane in that slot."""
    made: Pane = type(name.title(), (Box,), {"id": f"{view.id}.{name}", "view": view, "title": name, "slot": slot})()
    return made


DASHBOARD = [
    box("workers", Slot("left", order=1, height=10)),
    box("queues", Slot("left", order=2, height=9)),
    box("alerts", Slot("left", order=3, height=6)),
    box("details", Slot("centre", row=0, height=10)),
    box("active", Slot("centre", row=1, main=True)),
    box("events", Slot("bottom", height=7)),
]


def test_the_overview_at_120x36_is_the_drawn_one() -> None:
    found = arrange(DASHBOARD, 120, 36)
    assert found.rects == {
        "overview.workers": Rect(0, 0, 36, 10),
        "overview.queues": Rect(0, 10, 36, 9),
        "overview.alerts": Rect(0, 19, 36, 6),
        "overview.details": Rect(36, 0, 84, 10),
        "overview.active": Rect(36, 10, 84, 15),
        "overview.events": Rect(0, 25, 120, 7),
    }
    assert list(found.numbers.values()) == [1, 2, 3, 4, 5, 6]


def test_a_pane_that_is_not_there_leaves_its_room_to_the_one_before() -> None:
    found = arrange([pane for pane in DASHBOARD if pane.id != "overview.alerts"], 120, 36)
    assert found.rects["overview.queues"] == Rect(0, 10, 36, 15)
    assert found.numbers["overview.events"] == 5


def test_panes_of_one_row_stand_side_by_side() -> None:
    panes = [
        box("table", Slot("centre", row=0, height=10, main=True), WORKERS),
        box("pool", Slot("centre", row=1, order=0), WORKERS),
        box("charts", Slot("centre", row=1, order=1), WORKERS),
        box("tasks", Slot("centre", row=2, height=8), WORKERS),
    ]
    found = arrange(panes, 120, 36)
    assert found.rects["workers.table"] == Rect(0, 0, 120, 10)
    assert found.rects["workers.pool"] == Rect(0, 10, 60, 14)
    assert found.rects["workers.charts"] == Rect(60, 10, 60, 14)
    assert found.rects["workers.tasks"] == Rect(0, 24, 120, 8)


def test_a_small_terminal_shows_the_main_pane_the_bottom_one_and_a_line_for_the_others() -> None:
    found = arrange(DASHBOARD, 80, 24)
    assert found.rects == {"overview.active": Rect(0, 1, 80, 14), "overview.events": Rect(0, 15, 80, 5)}
    assert found.squashed == ("overview.workers", "overview.queues", "overview.alerts", "overview.details")
    assert found.line == 0


def test_in_a_small_terminal_another_pane_takes_the_place_of_the_main_one() -> None:
    found = arrange(DASHBOARD, 80, 24, main="overview.queues")
    assert found.rects["overview.queues"] == Rect(0, 1, 80, 14)
    assert "overview.active" in found.squashed


def test_a_lone_pane_in_a_small_terminal_needs_no_line_for_others() -> None:
    found = arrange([box("table", Slot(main=True))], 80, 24)
    assert found.rects == {"overview.table": Rect(0, 0, 80, 20)}
    assert found.line is None


def test_a_terminal_below_60x16_is_told_what_is_needed() -> None:
    assert arrange(DASHBOARD, 48, 12).message == "Needs 60x16, have 48x12."
    assert arrange(DASHBOARD, 48, 12).rects == {}


def test_a_zoomed_pane_fills_the_screen_and_keeps_its_number() -> None:
    found = arrange(DASHBOARD, 120, 36, zoomed="overview.active")
    assert found.rects == {"overview.active": Rect(0, 0, 120, 32)}
    assert found.numbers["overview.active"] == 5


def test_a_pane_for_wide_terminals_appears_only_there() -> None:
    panes = [box("table", Slot(main=True)), box("split", Slot("right", min_width=160))]
    assert "overview.split" not in arrange(panes, 159, 40).numbers
    assert arrange(panes, 160, 40).rects["overview.split"] == Rect(112, 0, 48, 36)


def test_lines_above_the_panes_are_taken_from_all_of_them() -> None:
    found = arrange(DASHBOARD, 120, 36, above=1)
    assert found.rects["overview.workers"].y == 1
    assert found.rects["overview.events"].y == 25


@pytest.mark.parametrize(
    "columns, rows, expected",
    [
        (59, 40, SizeClass.TOO_SMALL),
        (80, 15, SizeClass.TOO_SMALL),
        (80, 24, SizeClass.SMALL),
        (120, 29, SizeClass.SMALL),
        (100, 30, SizeClass.NORMAL),
        (159, 60, SizeClass.NORMAL),
        (160, 30, SizeClass.WIDE),
        (250, 49, SizeClass.WIDE),
        (220, 50, SizeClass.HUGE),
    ],
)
def test_the_size_classes_begin_where_the_table_says(columns: int, rows: int, expected: SizeClass) -> None:
    assert size_class(columns, rows) is expected


def test_the_main_pane_is_the_one_that_says_so_else_the_first_of_the_centre() -> None:
    assert main_pane(DASHBOARD) == "overview.active"
    assert main_pane([pane for pane in DASHBOARD if not pane.slot.main]) == "overview.details"
    assert main_pane([]) == ""


slots = st.builds(
    Slot,
    area=st.sampled_from(["left", "centre", "right", "bottom"]),
    row=st.integers(0, 2),
    order=st.integers(0, 3),
    height=st.none() | st.integers(3, 20),
    width=st.none() | st.integers(10, 60),
)


@given(st.lists(slots, min_size=1, max_size=8), st.integers(60, 260), st.integers(16, 80))
def test_boxes_fill_the_screen_and_never_overlap(chosen: list[Slot], columns: int, rows: int) -> None:
    panes = [box(f"pane{index}", slot) for index, slot in enumerate(chosen)]
    found = arrange(panes, columns, rows)
    cells = sum(rect.width * rect.height for rect in found.rects.values())
    line = columns if found.line is not None else 0
    assert cells + line == columns * (rows - CHROME)
    for one, other in combinations(found.rects.values(), 2):
        apart = one.x + one.width <= other.x or other.x + other.width <= one.x
        assert apart or one.y + one.height <= other.y or other.y + other.height <= one.y
