"""Does a table look as drawn? Columns that come and go whole, rows, marks, notes, the empty state, the frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lazycelery_core import columns
from lazycelery_core.canvas import Canvas
from lazycelery_core.frame import Frame, Row, draw_frame
from lazycelery_core.pane import (
    OVERVIEW,
    CanvasPane,
    Cell,
    Column,
    DetailLine,
    DetailPane,
    DetailTab,
    DrawContext,
    Line,
    Rows,
    TablePane,
    Tone,
    line,
)
from lazycelery_core.sheet import Sheet
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.spans import cut_line, fit_line, join, line_width, plain, wrap_line
from lazycelery_core.table import TableState, render, snapshot_text
from lazycelery_core.testing.builders import a_snapshot
from lazycelery_core.text import width


@dataclass
class Job:
    """A record for a table."""

    id: str
    name: str
    seconds: int


def name_cell(job: Job, context: DrawContext) -> Cell:
    """The name."""
    return line(job.name)


COLUMNS = (
    Column("id", "id", lambda job, _: line(job.id), 6, sort=lambda job: job.id),
    Column("task", "task", name_cell, 20, min_width=10, grow=1, cut="middle"),
    Column("worker", "worker", lambda job, _: line(("worker-1", Tone.DIM)), 8, priority=2),
    Column(
        "runtime", "runtime", lambda job, _: line(f"{job.seconds}s"), 8, align="right", sort=lambda job: job.seconds
    ),
)
JOBS = [
    Job("a3f9c1", "mail.send_email", 135),
    Job("def456", "img.process_image", 45),
    Job("5e0d77", "img.optimise[7]", 2),
]


class Jobs(TablePane):
    """A table."""

    id = "overview.jobs"
    view = OVERVIEW
    title = "Jobs"
    columns = COLUMNS
    default_sort = "runtime"
    default_reverse = True
    items: Sequence[Job] = JOBS
    notes: Sequence[Line] = ()

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """All of them."""
        return Rows(self.items, len(self.items), len(self.items))

    def key(self, item: Any) -> str:
        """The id."""
        return str(item.id)

    def info(self, context: DrawContext) -> Line:
        """The count."""
        return line((str(len(self.items)), Tone.DIM))

    def footnotes(self, context: DrawContext, rows: Rows) -> Sequence[Line]:
        """Whatever the test set."""
        return self.notes

    def empty(self, context: DrawContext, query: RowQuery) -> Sequence[Line]:
        """A sentence."""
        return [line(("No job was seen.", Tone.STRONG)), (), line("Start one.")]


def drawn(pane: TablePane, state: TableState, cells: int = 60, height: int = 8, **context: Any) -> list[str]:
    """The inside of the table as text."""
    found = render(pane, Rows(JOBS, 3, 3), DrawContext(a_snapshot(), cells, height, **context), state)
    return [plain(row.inside).rstrip() for row in found]


def test_a_table_in_its_frame() -> None:
    assert snapshot_text(Jobs(), a_snapshot(), 62, 7, focused=True).splitlines() == [
        "┏━ Jobs ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 3 ━┓",
        "┃     id      task                        worker    runtime▼ ┃",
        "┃ ▸   a3f9c1  mail.send_email             worker-1      135s ┃",
        "┃     def456  img.process_image           worker-1       45s ┃",
        "┃     5e0d77  img.optimise[7]             worker-1        2s ┃",
        "┃                                                            ┃",
        "┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ runtime ▼ ━┛",
    ]


def test_cursor_and_marks_stand_before_the_row() -> None:
    state = TableState(cursor=1, marks=frozenset(["a3f9c1", "def456"]))
    lines = drawn(Jobs(), state)
    assert [each[:12] for each in lines[1:]] == ["   ■ a3f9c1 ", " ▸ ■ def456 ", "     5e0d77 "]


def test_a_table_that_cannot_be_marked_has_no_room_for_marks() -> None:
    pane = type("Plain", (Jobs,), {"markable": False})()
    assert drawn(pane, TableState(cursor=0))[1].startswith(" ▸ a3f9c1")


def test_the_sorted_column_carries_the_direction() -> None:
    assert "runtime▼" in drawn(Jobs(), TableState(sort="runtime", reverse=True))[0]
    assert "id▲" in drawn(Jobs(), TableState(sort="id"))[0]


def test_a_narrow_table_drops_whole_columns_of_the_lowest_worth() -> None:
    titles = drawn(Jobs(), TableState(), cells=36)[0].split()
    assert titles == ["id", "task", "runtime"]


def test_a_name_that_does_not_fit_keeps_its_index() -> None:
    long = Job("1", "images.pipeline.optimise_everything[7]", 1)
    found = columns.cells([columns.Placed(COLUMNS[1], 14)], [DrawContext(a_snapshot(), 14)], long, 2)
    assert plain(found).endswith("[7]")
    assert line_width(found) == 14


def test_scrolling_sideways_keeps_the_first_column() -> None:
    titles = drawn(Jobs(), TableState(skipped=1))[0].split()
    assert titles == ["id", "worker", "runtime"]
    assert drawn(Jobs(), TableState(skipped=9))[0].split() == ["id", "runtime"]


def test_notes_stand_below_the_rows_and_give_way_to_them() -> None:
    pane = Jobs()
    pane.notes = [line("one note"), line("another note"), line("a third")]
    assert drawn(pane, TableState(), height=9)[4:] == [" one note", " another note", " a third"]
    assert drawn(pane, TableState(), height=5)[4:] == [" one note"]


def test_a_row_that_was_evicted_says_so() -> None:
    rows = Rows([JOBS[0], None], 2, 2)
    found = render(Jobs(), rows, DrawContext(a_snapshot(), 60, 8), TableState(cursor=1))
    assert "no longer held" in plain(found[2].inside)


def test_an_empty_table_says_why_in_the_middle_of_a_large_box() -> None:
    pane = Jobs()
    pane.items = []
    lines = snapshot_text(pane, a_snapshot(), 70, 14).splitlines()
    assert "runtime" not in "".join(lines)
    assert lines[4].index("No job") == lines[6].index("Start") > 20


def test_an_empty_table_begins_at_the_top_left_of_a_small_box() -> None:
    pane = Jobs()
    pane.items = []
    assert snapshot_text(pane, a_snapshot(), 36, 6).splitlines()[1].startswith("│ No job was seen.")


def test_the_foot_counts_only_what_does_not_fit() -> None:
    context = DrawContext(a_snapshot(), 60, 3, focused=True)
    state = TableState(cursor=1, marks=frozenset("ab"), sort="runtime", reverse=True)
    assert plain(Sheet(Jobs(), Rows(JOBS, 3, 3), context).foot(state)) == "row 2 of 3 · 2 marked · runtime ▼"
    roomy = DrawContext(a_snapshot(), 60, 9, focused=True)
    assert plain(Sheet(Jobs(), Rows(JOBS, 3, 3), roomy).foot(state)) == "2 marked · runtime ▼"
    unfocused = Sheet(Jobs(), Rows(JOBS, 3, 3), DrawContext(a_snapshot(), 60, 9))
    assert plain(unfocused.foot(TableState(sort="runtime"))) == ""


# --- other panes ------------------------------------------------------------------------------------------------------


class Sketch(CanvasPane):
    """A canvas."""

    id = "overview.sketch"
    view = OVERVIEW
    title = "Sketch"

    def draw(self, canvas: Canvas, context: DrawContext) -> None:
        """Its own size."""
        canvas.put(0, 0, f"{canvas.width}x{canvas.height}")


class Details(DetailPane):
    """Details of a job."""

    id = "overview.details"
    view = OVERVIEW
    title = "Details"
    on = "job"
    of = "overview.jobs"


class About(DetailTab):
    """A tab with library lines."""

    on = "job"
    id = "about"
    title = "about"

    def lines(self, item: Any, context: DrawContext) -> Sequence[DetailLine | Line]:
        """Two of ours around three of a library."""
        library = [DetailLine(line("  File pool.py"), library=True)] * 3
        return [line(("Name ", Tone.DIM), item.name), *library, line("the end")]


class Other(DetailTab):
    """A tab that draws itself."""

    on = "job"
    id = "other"
    title = "other"

    def draw(self, canvas: Canvas, item: Any, context: DrawContext) -> bool:
        """Its size."""
        canvas.put(0, 0, f"drawn {canvas.width}x{canvas.height}")
        return True


def test_a_canvas_pane_has_a_blank_cell_at_both_sides() -> None:
    assert snapshot_text(Sketch(), a_snapshot(), 20, 4).splitlines()[1] == "│ 16x2             │"


def test_a_detail_pane_shows_the_tabs_of_what_is_selected() -> None:
    chosen = {"overview.jobs": JOBS[0]}
    text = snapshot_text(Details(), a_snapshot(), 50, 6, selected=chosen, tabs=[About(), Other()])
    assert text.splitlines()[0] == "╭─ Details ────────────────────── about │ other ─╮"
    assert "Name mail.send_email" in text
    assert "… 3 lines in libraries (o shows them)" in text
    unfolded = snapshot_text(Details(), a_snapshot(), 50, 9, selected=chosen, tabs=[About()], folded=False)
    assert unfolded.count("pool.py") == 3
    assert "drawn 46x4" in snapshot_text(
        Details(), a_snapshot(), 50, 6, selected=chosen, tabs=[About(), Other()], tab=1
    )


def test_a_detail_pane_without_a_selection_says_so() -> None:
    assert "Nothing selected." in snapshot_text(Details(), a_snapshot(), 50, 6)


# --- lines and frames -------------------------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z", "M"]), max_size=12).map(line)


@given(st.lists(texts, max_size=4), st.integers(0, 30))
def test_a_fitted_line_is_exactly_as_wide_as_asked(parts: list[Line], cells: int) -> None:
    joined = join(parts, line(" ")[0])
    assert line_width(fit_line(joined, cells)) == cells
    assert line_width(cut_line(joined, cells)) <= cells
    assert line_width(fit_line(joined, cells, middle=True)) == cells


@given(st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=80), st.integers(1, 30))
def test_wrapping_loses_nothing_but_blanks(text: str, cells: int) -> None:
    wrapped = wrap_line((line(text or "x")), cells)
    assert all(line_width(each) <= cells for each in wrapped)
    letters = "".join(plain(each) for each in wrapped).replace(" ", "").replace("␠", "")
    assert letters == (text or "x").replace(" ", "")


@given(st.text(max_size=30), st.text(max_size=40), st.text(max_size=40), st.integers(4, 60), st.integers(2, 6))
def test_a_frame_is_exactly_as_large_as_its_box(title: str, info: str, below: str, cells: int, rows: int) -> None:
    shown = Frame(line(title)[0].text if title else "", 3, line(info), line(below), focused=True)
    lines = draw_frame(shown, [Row(line("x" * 100))], cells, rows)
    assert len(lines) == rows
    assert {width(each.text) for each in lines} == {cells}


def test_in_a_narrow_frame_the_info_is_cut_before_the_title() -> None:
    frame = Frame("worker-1  pool", 2, line("pool │ config │ stats │ registered"))
    assert draw_frame(frame, [], 40, 2)[0].text == "╭─ 2 worker-1  pool ─ pool │ config … ─╮"


def test_the_titles_of_focused_and_broken_panes_differ_without_colour() -> None:
    focused = draw_frame(Frame("a", focused=True), [], 12, 2)[0].text
    assert (focused, draw_frame(Frame("a"), [], 12, 2)[0].text) == ("┏━ a ━━━━━━┓", "╭─ a ──────╮")


def test_a_number_in_a_title_is_left_out_when_there_is_none() -> None:
    assert draw_frame(Frame("Details"), [], 20, 2)[0].text == "╭─ Details ────────╮"
    assert draw_frame(Frame("Details", 4), [], 20, 2)[0].text == "╭─ 4 Details ──────╮"


def test_the_rest_of_a_long_fact_stands_under_its_value_not_under_its_label() -> None:
    wrapped = wrap_line(line(("args  ", Tone.DIM), "one two three four"), 14, hang=6)
    assert [plain(each) for each in wrapped] == ["args  one two ", "      three ", "      four"]
    word = wrap_line(line(("args  ", Tone.DIM), "abcdefghijklmnopqrst"), 14, hang=6)
    assert [plain(each) for each in word] == ["args  abcdefgh", "      ijklmnop", "      qrst"]
    assert [plain(each) for each in wrap_line(line("a bc d"), 4, hang=3)] == ["a bc", "d"]  # no room to hang in
    assert [plain(each) for each in wrap_line(line("a漢"), 2, hang=1)] == ["a", "漢"]  # nor for a wide character


@given(text=st.text("ab c漢", max_size=60), cells=st.integers(1, 20), hang=st.integers(0, 12))
def test_wrapping_loses_nothing_but_blanks_and_never_is_too_wide(text: str, cells: int, hang: int) -> None:
    wrapped = wrap_line(line(text or "x"), cells, hang)
    assert all(line_width(each) <= max(cells, 2) for each in wrapped)
    assert "".join(plain(each) for each in wrapped).replace(" ", "").replace("␠", "") == (text or "x").replace(" ", "")
