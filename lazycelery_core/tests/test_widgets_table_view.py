"""Does the cursor stay on its record, whatever arrives? Moving, marking, sorting, and an order that holds still."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazycelery_core.pane import OVERVIEW, Column, DrawContext, Rows, TablePane, line
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.spans import plain
from lazycelery_core.testing.builders import a_snapshot
from lazycelery_core.widgets.table_view import TableView


class Letters(TablePane):
    """A table of words."""

    id = "overview.letters"
    view = OVERVIEW
    title = "Letters"
    columns = (
        Column("word", "word", lambda word, _: line(word), 10, sort=lambda word: word),
        Column("size", "size", lambda word, _: line(str(len(word))), 4, sort=len),
        Column("note", "note", lambda word, _: line("-"), 4),
    )

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """Unused here: the tests hand rows over."""
        return Rows((), 0)

    def key(self, item: Any) -> str:
        """The word."""
        return str(item)


class Feed(Letters):
    """The newest first."""

    follows = True


def looked_at(pane: TablePane, items: Sequence[str], height: int = 6) -> TableView:
    """A view of these rows, drawn once."""
    view = TableView(pane)
    view.adopt(Rows(items, len(items), len(items)))
    draw(view, height)
    return view


def draw(view: TableView, height: int = 6) -> list[str]:
    """What is drawn, in a box with room for `height` - 1 rows."""
    _, body = view.draw(DrawContext(a_snapshot(), 40, height, focused=True))
    return [plain(row.inside).rstrip() for row in body]


def give(view: TableView, items: Sequence[str]) -> None:
    """A newer answer."""
    view.adopt(Rows(items, len(items), len(items)))


def test_the_cursor_stays_on_its_record_when_rows_move() -> None:
    view = looked_at(Letters(), "abcdef")
    view.move(2)
    give(view, "zyxabcdef")
    assert (view.item(), view.cursor) == ("c", 5)


def test_a_cursor_nobody_has_moved_stays_on_the_first_row() -> None:
    view = looked_at(Letters(), "abc")
    give(view, "xabc")
    assert view.item() == "x"


def test_the_line_of_the_cursor_on_the_screen_does_not_change_when_rows_arrive_above() -> None:
    view = looked_at(Letters(), "abcdefghij")
    view.move(3)
    before = [each for each in draw(view) if "▸" in each], next(i for i, e in enumerate(draw(view)) if "▸" in e)
    give(view, "zyxabcdefghij")
    after = [each for each in draw(view) if "▸" in each], next(i for i, e in enumerate(draw(view)) if "▸" in e)
    assert before == after


def test_a_record_that_is_gone_leaves_the_cursor_at_its_place() -> None:
    view = looked_at(Letters(), "abcdef")
    view.move(2)
    give(view, "abdef")
    assert view.item() == "d"
    give(view, "")
    assert (view.item(), view.cursor) == (None, -1)


def test_following_ends_when_the_cursor_leaves_the_top_and_the_order_holds_still() -> None:
    view = looked_at(Feed(), "cba")
    give(view, "dcba")
    assert view.item() == "d"
    view.move(1)
    assert not view.follow
    give(view, "fedcba")
    assert (view.item(), view.newer) == ("c", 2)
    assert "d" in draw(view)[1]


def test_going_to_the_top_takes_in_what_came_since() -> None:
    view = looked_at(Feed(), "cba")
    view.move(1)
    give(view, "edcba")
    view.to_edge(end=False)
    assert (view.item(), view.newer) == ("e", 0)


def test_following_again_takes_in_what_came_since() -> None:
    view = looked_at(Feed(), "cba")
    view.move(2)
    give(view, "edcba")
    view.toggle_follow()
    assert (view.follow, view.item(), view.newer) == (True, "e", 0)


def test_frozen_rows_still_change_in_place_while_none_arrives() -> None:
    view = looked_at(Feed(), ["b", "a"])
    view.move(1)
    give(view, ["b", "a", "older"])
    assert view.newer == 0
    assert "older" in draw(view)[3]


def test_a_table_that_does_not_follow_is_never_frozen() -> None:
    view = looked_at(Letters(), "bca")
    view.move(1)
    give(view, "zcba")
    assert (view.newer, view.item()) == (0, "c")


def test_scrolling_takes_the_cursor_along_only_at_the_edge() -> None:
    view = looked_at(Letters(), "abcdefghijkl")
    view.scroll(3)
    draw(view)
    assert (view.offset, view.item()) == (3, "d")
    view.move(2)
    view.scroll(1)
    assert view.item() == "f"


def test_a_click_puts_the_cursor_on_the_row_below_the_pointer() -> None:
    view = looked_at(Letters(), "abcdefghijkl")
    view.scroll(2)
    draw(view)
    assert view.stand_at_line(2)
    assert view.item() == "d"
    assert not view.stand_at_line(0)
    assert not view.stand_at_line(9)


def test_marks_stay_on_their_records_and_are_the_targets() -> None:
    view = looked_at(Letters(), "abcd")
    assert view.targets() == ["a"]
    view.toggle_mark()
    view.move(2)
    view.toggle_mark()
    give(view, "xcab")
    assert view.targets() == ["a", "c"]
    assert [each for each in draw(view) if "■" in each] == [" ▸ ■ c          1    -", "   ■ a          1    -"]
    view.toggle_mark()
    assert view.targets() == ["a"]
    assert view.clear_marks()
    assert not view.clear_marks()


def test_all_shown_rows_are_marked_at_once_and_unmarked_again() -> None:
    view = looked_at(Letters(), "abcd")
    view.mark_all()
    assert set(view.marks) == set("abcd")
    view.mark_all()
    assert not view.marks


def test_a_range_is_marked_from_its_anchor_to_the_cursor() -> None:
    view = looked_at(Letters(), "abcdef")
    view.move(1)
    view.toggle_range()
    view.move(2)
    assert set(view.marks) == {"b", "c", "d"}
    view.toggle_range()
    view.move(1)
    assert set(view.marks) == {"b", "c", "d"}


def test_what_cannot_be_marked_is_not() -> None:
    view = looked_at(type("Plain", (Letters,), {"markable": False})(), "abc")
    view.toggle_mark()
    view.toggle_range()
    view.mark_all()
    assert not view.marks


def test_sorting_goes_through_the_sortable_columns_and_back_to_the_given_order() -> None:
    view = looked_at(Letters(), "abc")
    seen = []
    for _ in range(3):
        view.sort_next()
        seen.append(view.query().sort)
    assert seen == ["word", "size", ""]
    view.sort_by("size")
    view.sort_by("size")
    assert (view.query().sort, view.query().reverse) == ("size", True)


def test_a_new_order_keeps_the_cursor_on_its_record() -> None:
    view = looked_at(Letters(), "abc")
    view.move(1)
    view.sort_by("size")
    give(view, "cba")
    assert view.item() == "b"


def test_a_filter_that_hides_the_cursors_record_puts_it_on_the_first_row() -> None:
    view = looked_at(Feed(), "abcdef")
    view.move(4)
    view.set_filter(None)
    give(view, "abc")
    assert view.item() == "a"


def test_the_cursor_waits_for_a_record_it_was_sent_to() -> None:
    view = looked_at(Feed(), "cba")
    view.stand_on_key("wanted")
    give(view, "edcba")
    give(view, ["x", "wanted", "e"])
    assert view.item() == "wanted"


def test_scrolling_sideways_leaves_at_least_two_columns() -> None:
    view = looked_at(Letters(), "a")
    view.scroll_columns(5)
    assert draw(view)[0].split() == ["word", "note"]
    view.scroll_columns(-9)
    assert draw(view)[0].split() == ["word", "size", "note"]


@pytest.mark.parametrize("x, expected", [(5, "word"), (14, "word"), (16, "size"), (21, ""), (0, "")])
def test_a_click_on_a_title_finds_its_column_if_it_can_be_sorted(x: int, expected: str) -> None:
    assert looked_at(Letters(), "a").column_at(x, 40) == expected


@given(
    st.lists(st.lists(st.sampled_from("abcdefghij"), unique=True), min_size=1, max_size=6),
    st.lists(st.integers(-12, 12), max_size=6),
    st.booleans(),
)
def test_whatever_happens_the_cursor_is_on_a_row_that_is_drawn(
    answers: list[list[str]], steps: list[int], follows: bool
) -> None:
    view = looked_at(Feed() if follows else Letters(), answers[0], height=4)
    for index in range(max(len(answers), len(steps))):
        if index < len(steps):
            view.move(steps[index])
        if index < len(answers):
            give(view, answers[index])
        lines = draw(view, height=4)
        assert view.rows is not None
        if view.rows.items:
            assert sum("▸" in each for each in lines) == 1
            assert view.item() in view.rows.items
