"""Is what arrives on the terminal what was drawn? Strips, changed cells, narrow updates, the last net."""

import io

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate
from textual.color import Color
from textual.strip import Strip

from lazycelery_core.frame import Painted
from lazycelery_core.glyphs import PLAIN
from lazycelery_core.text import Safe, safe, width
from lazycelery_core.theme import THEMES, Part
from lazycelery_core.tones import Tone
from lazycelery_core.widgets.line_filter import SafeText, cleaned
from lazycelery_core.widgets.lines import changed_cells
from lazycelery_core.widgets.narrow import NarrowUpdate, pen, runs_of
from lazycelery_core.widgets.skin import Skin

BACKGROUND = THEMES["dark"].surfaces.background
inks = st.sampled_from([Tone.TEXT, Tone.DIM, Tone.FAILURE, Tone.BADGE, Tone.ACCENT, Part.BORDER])
words = st.text(st.sampled_from("ab c │●日é"), max_size=6).map(Safe)
pieces = st.lists(st.tuples(words, inks), max_size=5).map(tuple)
painted = st.builds(Painted, before=pieces, inside=pieces, after=pieces, cursor=st.booleans())


# --- strips -----------------------------------------------------------------------------------------------------------


@given(painted, st.integers(1, 60))
def test_a_strip_is_exactly_as_wide_as_asked_and_fully_coloured(line: Painted, cells: int) -> None:
    strip = Skin().strip(line, cells, BACKGROUND)
    assert sum(width(segment.text) for segment in strip) == strip.cell_length == cells
    assert all(segment.style and segment.style.bgcolor for segment in strip)


def test_blanks_between_words_cost_no_run_of_their_own() -> None:
    line = Painted(inside=((Safe("ok"), Tone.SUCCESS), (Safe("   "), Tone.TEXT), (Safe("no"), Tone.FAILURE)))
    assert [segment.text for segment in Skin().strip(line, 10, BACKGROUND)] == ["ok   ", "no   "]


def test_a_blank_part_of_a_badge_keeps_its_background() -> None:
    line = Painted(inside=((Safe("a "), Tone.TEXT), (Safe(" RO "), Tone.BADGE), (Safe(" b"), Tone.TEXT)))
    assert [segment.text for segment in Skin().strip(line, 8, BACKGROUND)] == ["a ", " RO ", " b"]


def test_the_cursor_row_is_tinted_and_bold_between_its_borders() -> None:
    line = Painted(((Safe("│"), Part.BORDER),), ((Safe("row"), Tone.TEXT),), ((Safe("│"), Part.BORDER),), cursor=True)
    left, row, right = Skin().strip(line, 5, BACKGROUND)
    tint = THEMES["dark"].surfaces.tint
    assert row.style is not None
    assert left.style is not None
    assert right.style is not None
    assert (row.style.bold, str(row.style.bgcolor.name if row.style.bgcolor else "")) == (True, tint)
    assert not left.style.bold
    assert left.style.bgcolor == right.style.bgcolor


def test_a_stale_picture_is_dimmed_but_for_its_frame() -> None:
    skin = Skin()
    line = Painted(((Safe("│"), Part.BORDER),), ((Safe("fine"), Tone.SUCCESS),))
    fresh = [segment.style for segment in skin.strip(line, 5, BACKGROUND)]
    skin.stale = True
    stale = [segment.style for segment in skin.strip(line, 5, BACKGROUND)]
    assert fresh[0] == stale[0]
    assert fresh[1] != stale[1]


def test_glyphs_are_replaced_when_drawn() -> None:
    skin = Skin(glyphs=PLAIN)
    assert skin.strip(Painted(inside=((Safe("● ok │"), Tone.TEXT),)), 6, BACKGROUND).text == "* ok |"


# --- changed cells ----------------------------------------------------------------------------------------------------


def cell_list(line: Painted, cells: int) -> list[tuple[str, Style | None]]:
    """Every cell with its style, a wide character in its first one."""
    found: list[tuple[str, Style | None]] = []
    for text, style, _ in Skin().strip(line, cells, BACKGROUND):
        for char in text:
            found += [(char, style), ("", style)][: max(1, width(char))]
    return found


@given(painted, painted)
def test_no_run_of_changed_cells_begins_or_ends_inside_a_wide_character(old: Painted, new: Painted) -> None:
    cells = max(width(old.text), width(new.text), 1)
    for start, end in changed_cells(old, new, cells):
        for line in (cell_list(old, cells), cell_list(new, cells)):
            assert line[start][0] != ""
            assert end >= len(line) or line[end][0] != ""


@given(painted, painted)
def test_outside_of_the_changed_cells_two_lines_look_the_same(old: Painted, new: Painted) -> None:
    cells = max(width(old.text), width(new.text), 1)
    runs = changed_cells(old, new, cells)
    before, after = cell_list(old, cells), cell_list(new, cells)
    outside = [index for index in range(cells) if not any(start <= index < end for start, end in runs)]
    assert [_visible(before[index]) for index in outside] == [_visible(after[index]) for index in outside]


def _visible(cell: tuple[str, Style | None]) -> object:
    """What of a style can be seen: a blank shows only its background."""
    char, style = cell
    return char, style if char.strip() or style is None else style.bgcolor


def line_of(*parts: tuple[str, Tone]) -> Painted:
    """A line of these parts."""
    return Painted(before=tuple((Safe(text), tone) for text, tone in parts))


def test_a_rate_and_a_clock_that_change_cost_a_few_cells_each() -> None:
    gap = " " * 40
    old = line_of(("ev 142/s ", Tone.TEXT), (gap, Tone.TEXT), ("14:32:07 UTC", Tone.DIM))
    new = line_of(("ev 143/s ", Tone.TEXT), (gap, Tone.TEXT), ("14:32:08 UTC", Tone.DIM))
    assert changed_cells(old, new, 61) == [(5, 6), (56, 57)]


def test_a_change_of_tone_is_a_change_but_not_under_a_blank() -> None:
    old, new = line_of(("ok", Tone.SUCCESS), ("    ", Tone.SUCCESS)), line_of(("ok", Tone.FAILURE), ("    ", Tone.TEXT))
    assert changed_cells(old, new, 6) == [(0, 2)]
    assert changed_cells(line_of((" RO ", Tone.BADGE)), line_of((" RO ", Tone.DANGER)), 4) == [(0, 4)]


def test_a_wide_character_is_always_written_whole() -> None:
    assert changed_cells(line_of(("a日b", Tone.TEXT)), line_of(("axyb", Tone.TEXT)), 4) == [(1, 3)]
    assert changed_cells(line_of(("xx日", Tone.TEXT)), line_of(("x日x", Tone.TEXT)), 4) == [(1, 4)]


# --- narrow updates ---------------------------------------------------------------------------------------------------

styles = st.sampled_from(
    [
        Style(),
        Style(color="#ff0000", bgcolor="#000000"),
        Style(color="#ff0000", bgcolor="#202020", bold=True),
        Style(color="#00ff00", bgcolor="#000000", underline=True),
        Style(bgcolor="#101010", reverse=True, italic=True),
    ]
)
runs = st.text(st.sampled_from("abc XY"), min_size=1, max_size=5)
segments = st.lists(st.tuples(runs, styles), min_size=1, max_size=5)


def on_terminal(data: str) -> list[list[pyte.screens.Char]]:
    """What a terminal of 40x4 shows after these bytes."""
    screen = pyte.Screen(40, 4)
    pyte.Stream(screen).feed(data)
    return [[screen.buffer[y][x] for x in range(40)] for y in range(4)]


@given(st.lists(segments, min_size=1, max_size=3), st.integers(0, 39), st.integers(0, 39), st.sampled_from([0, 7]))
def test_a_narrow_update_shows_the_same_as_textuals_and_writes_no_cell_outside(
    lines: list[list[tuple[str, Style]]], one: int, other: int, shift: int
) -> None:
    start, end = min(one, other), max(one, other) + 1
    strips = [Strip([Segment(text, style) for text, style in line]) for line in lines]
    chops = [{shift: strip} for strip in strips]
    spans = [(y, start, end) for y in range(len(strips))]
    ends = [[shift + strip.cell_length] for strip in strips]
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=40)
    ours = on_terminal(NarrowUpdate(runs_of(ChopsUpdate(chops, spans, ends))).render_segments(console))
    theirs = on_terminal(ChopsUpdate(chops, spans, ends).render_segments(console))
    blank = pyte.Screen(40, 4).buffer[0][0]
    for y in range(4):
        for x in range(40):
            assert ours[y][x] == (theirs[y][x] if start <= x < end else blank)


def test_a_style_that_follows_another_is_written_as_the_difference() -> None:
    red = pen(Style(color="#ff0000", bgcolor="#000000"), ColorSystem.TRUECOLOR)
    green = pen(Style(color="#00ff00", bgcolor="#000000"), ColorSystem.TRUECOLOR)
    assert red.to(green) == "\x1b[38;2;0;255;0m"
    assert red.to(red) == ""
    bold = pen(Style(color="#ff0000", bgcolor="#000000", bold=True), ColorSystem.TRUECOLOR)
    assert red.to(bold) == "\x1b[1m"
    assert bold.to(red).startswith("\x1b[0;")


# --- the last net -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["\x1b]52;c;cm0=\x07", "a\x9b31mb", "tasks\u202eexe", "x\u200by", "\ud800", "\x00", "a\u2028b", "\U000e0041"],
)
def test_nothing_a_terminal_could_obey_passes_and_the_hit_is_counted(text: str) -> None:
    net = SafeText()
    [segment] = net.apply([Segment(text, Style())], Color.parse("black"))
    assert safe(f"a{segment.text}") == f"a{segment.text}"
    assert net.hits == 1


@given(st.text(max_size=30))
def test_safe_text_passes_untouched(text: str) -> None:
    shown = safe(f"x{text}")
    assert cleaned(shown) == shown
    assert SafeText().apply([Segment("   "), Segment(shown)], Color.parse("black")) == [Segment("   "), Segment(shown)]


def test_a_link_to_anything_but_the_web_is_dropped() -> None:
    net = SafeText()
    [bad, good] = net.apply(
        [Segment("a", Style(link="file:///etc/passwd")), Segment("b", Style(link="https://example.org"))],
        Color.parse("black"),
    )
    assert bad.style is not None
    assert bad.style.link is None
    assert good.style is not None
    assert good.style.link == "https://example.org"
