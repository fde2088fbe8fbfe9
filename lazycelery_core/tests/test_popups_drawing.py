"""Do prompts, menus, dialogs and the help look as drawn, at every size, whatever text they are given?

The pictures are plain files in data/popups/; a missing one is written by the first run, which fails.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

from lazycelery_core.action import Risk
from lazycelery_core.export import FORMATS
from lazycelery_core.frame import Painted, Row, as_text
from lazycelery_core.query import Completion, complete, tokens
from lazycelery_core.spans import plain
from lazycelery_core.testing.hostile import TEXTS
from lazycelery_core.text import width
from lazycelery_core.theme import Part
from lazycelery_core.tones import Tone, line
from lazycelery_core.widgets.box import draw_box, spread
from lazycelery_core.widgets.confirm_box import Answering, Confirmation, confirm_lines, fact
from lazycelery_core.widgets.export_box import Choice, ExportForm, export_lines
from lazycelery_core.widgets.help_page import Column, Entry, Page, help_rows
from lazycelery_core.widgets.menu_box import Item, inside_width, item_at_row, menu_rows, row_of_item
from lazycelery_core.widgets.offered import MOST, offered_lines
from lazycelery_core.widgets.palette_box import Entry as PaletteEntry
from lazycelery_core.widgets.palette_box import Found, palette_lines
from lazycelery_core.widgets.typed import inks_of, typed_line

PICTURES = Path(__file__).parent / "data" / "popups"
LABEL = line(("filter ", Tone.DIM))


def same(name: str, lines: Sequence[Painted]) -> None:
    """Compare with the picture of that name."""
    path, text = PICTURES / f"{name}.txt", as_text(lines) + "\n"
    if not path.exists():
        path.write_text(text, "utf-8")
        pytest.fail(f"{path.name} was written; look at it")
    assert text == path.read_text("utf-8")


def widths(lines: Sequence[Painted]) -> set[int]:
    """The widths of the lines, in cells."""
    return {width(each.text) for each in lines}


# --- what is typed ----------------------------------------------------------------------------------------------------


def typed(
    text: str, cursor: int | None = None, said: str = "", cells: int = 60, wrong: tuple[int, int] | None = None
) -> Painted:
    """The drawn line."""
    inks = inks_of(text, tokens(text), wrong)
    return typed_line(LABEL, text, len(text) if cursor is None else cursor, inks, line((said, Tone.WARN)), cells)


def inks_by_text(drawn: Painted) -> dict[str, object]:
    """Each piece with its ink."""
    return dict(drawn.before)


def test_tokens_have_their_colours_and_the_cursor_is_a_block() -> None:
    inks = inks_by_text(typed("state:failed", 0))
    assert inks["s"] is Part.CURRENT
    assert inks["tate"] is Tone.FIELD


def test_a_wrong_stretch_is_underlined() -> None:
    assert inks_by_text(typed("a runtme:5", 0, wrong=(2, 8)))["runtme"] is Part.WRONG


@pytest.mark.parametrize("cells", [20, 40, 60, 120])
@pytest.mark.parametrize("cursor", [0, 30, 99])
def test_a_long_text_scrolls_so_that_the_cursor_is_in_sight(cells: int, cursor: int) -> None:
    text = "".join(str(number % 10) for number in range(99))
    drawn = typed(text, cursor, "100 shown", cells)
    assert width(drawn.text) <= cells
    assert Part.CURRENT in [ink for _, ink in drawn.before]


def test_what_is_said_keeps_the_right_end() -> None:
    assert typed("state:failed", said="12 shown").text.endswith("12 shown")


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_typed_or_pasted_reaches_the_terminal_as_it_is(text: str) -> None:
    shown = "".join(char if char.isprintable() else " " for char in text)[:50]
    assert typed(shown, 0, text).text.isprintable()


def test_offers_are_counted_and_the_chosen_one_is_set_off() -> None:
    offers = complete("", 0, {})
    drawn = offered_lines(offers, 2, 40)
    assert len(drawn.lines) == MOST + 1
    assert widths(drawn.lines) == {drawn.cells}
    assert [each.before[0][1] for each in drawn.lines].index(Part.CURRENT) == 2
    assert drawn.lines[-1].text.strip() == f"{len(offers) - MOST} more"
    same("offered", drawn.lines)


def test_a_chosen_offer_far_below_is_scrolled_into_sight() -> None:
    offers = [Completion(f"offer-{number}", "", 0, 0) for number in range(30)]
    drawn = offered_lines(offers, 29)
    assert drawn.first == 22
    assert "offer-29" in drawn.lines[MOST - 1].text


# --- menu -------------------------------------------------------------------------------------------------------------

SECTIONS = [
    [Item("open.details", "Enter", "Details"), Item("task.trace", "t", "Trace")],
    [],
    [
        Item("task.retry", "r", "Retry…", note="1 still running"),
        Item("task.revoke", "x", "Revoke…", reason="needs --allow revoke"),
    ],
    [Item("copy.open", "y", "Copy id · args · row…")],
]


def menu(chosen: int, cells: int = 76) -> list[Painted]:
    """The drawn menu."""
    inside = inside_width("3 marked tasks", SECTIONS, cells)
    return draw_box((), (), menu_rows("3 marked tasks", SECTIONS, chosen, inside), inside + 2)


def test_a_menu_shows_keys_sections_and_why_not() -> None:
    same("menu", menu(2))


@pytest.mark.parametrize("cells", [12, 30, 50, 200])
def test_a_menu_is_never_wider_than_it_may_be(cells: int) -> None:
    [wide] = widths(menu(0, cells))
    assert wide <= cells + 2


def test_the_line_of_each_entry_is_known_to_the_mouse() -> None:
    rows = [plain(row.inside) for row in menu_rows("x", SECTIONS, -1, 60)]
    items = [item for part in SECTIONS for item in part]
    for index, item in enumerate(items):
        assert item.label in rows[row_of_item(SECTIONS, index)]
        assert item_at_row(SECTIONS, row_of_item(SECTIONS, index)) == index
    assert item_at_row(SECTIONS, 0) == -1


# --- help -------------------------------------------------------------------------------------------------------------

HERE = [Entry("Enter", "details"), Entry("x", "revoke…", "needs --allow revoke"), Entry("s o", "sort column, reverse")]
MOVE = [Entry("j k", "down, up"), Entry("Ctrl+D Ctrl+U", "half page"), Entry("1-6", "pane by number")]
WIDE = [Entry("/ n N", "search, next"), Entry("O W Q T", "views"), Entry("?", "this help")]
PAGE = Page(
    (Column("THIS PANE", HERE), Column("MOVE", MOVE), Column("EVERYWHERE", WIDE)),
    ("otel adds t S", "probe adds i b", "2 keys changed in your config"),
    ("e stays app.refresh's: worker.sing is unbound",),
)


@pytest.mark.parametrize("cells", [50, 78, 114])
def test_the_help_has_as_many_columns_as_fit(cells: int) -> None:
    rows = help_rows(PAGE, cells)
    assert all(width(plain(row.inside)) <= cells for row in rows)
    same(f"help-{cells}", draw_box(line(("Keys here: Overview", Tone.TITLE)), (), rows, cells + 2))


def test_a_search_leaves_only_what_matches() -> None:
    text = "\n".join(plain(row.inside) for row in help_rows(PAGE, 114, "revoke"))
    assert "revoke" in text
    assert "details" not in text
    assert "No key does nonsense." in plain(help_rows(PAGE, 114, "nonsense")[1].inside)


# --- dialogs ----------------------------------------------------------------------------------------------------------


WARNINGS = {Risk.REVERSIBLE: "can be undone", Risk.TARGET: "production", Risk.MANY: "cannot undo"}


def confirmation(risk: Risk, typed: str = "", notice: str = "") -> Confirmation:
    """A purge."""
    lines = [
        fact("Deletes", "3,041 ready messages (4 unacknowledged stay)"),
        fact("Breaks", "2 chords will never finish: g-41c9 of orders.close, g-4210 of reports.nightly"),
    ]
    return Confirmation(
        "Purge queue: media", "prod  redis://web-cache:6379/0", "eve@laptop", lines, risk, "Purge", WARNINGS[risk],
        typed, "the queue's name", notice,
    )  # fmt: skip


@pytest.mark.parametrize("risk", [Risk.REVERSIBLE, Risk.TARGET, Risk.MANY])
@pytest.mark.parametrize("cells", [60, 116])
def test_a_confirmation_shows_what_would_be_done_where(risk: Risk, cells: int) -> None:
    typed = "media" if risk is Risk.MANY else ""
    drawn = confirm_lines(confirmation(risk, typed), Answering("med", 3), cells)
    assert widths(drawn.lines) == {drawn.columns}
    same(f"confirm-{risk.name.lower()}-{cells}", drawn.lines)
    for (start, end), word in zip(drawn.buttons, ("Cancel", "Purge"), strict=True):
        assert drawn.lines[-3].text[start:end].strip() == word


@pytest.mark.parametrize("rows", [14, 16, 20])
def test_a_small_terminal_still_shows_the_buttons(rows: int) -> None:
    drawn = confirm_lines(confirmation(Risk.MANY, "media", "It would do more. " * 9), Answering(), 60, rows)
    assert len(drawn.lines) <= rows
    assert "Cancel" in drawn.lines[-3].text
    assert "media" in as_text(drawn.lines)


def test_the_more_risk_the_louder() -> None:
    def border(risk: Risk) -> tuple[str, object]:
        text, ink = confirm_lines(confirmation(risk), Answering(), 80).lines[0].before[0]
        return text[0], ink

    assert border(Risk.REVERSIBLE) == ("╭", Part.FOCUS)
    assert border(Risk.TARGET) == ("┏", Tone.WARN)
    assert border(Risk.MANY) == ("┏", Tone.FAILURE)


def test_cancel_has_the_focus_and_the_other_button_waits_for_the_word() -> None:
    asked = confirmation(Risk.MANY, "media")
    assert not Answering("med", 3).ready(asked)
    assert Answering("media", 5).ready(asked)
    buttons = confirm_lines(asked, Answering("med", 3), 80).lines[-3].inside
    assert [ink for text, ink in buttons if text.strip() in ("Cancel", "Purge")] == [Part.CURRENT, Tone.DIM]


def test_a_dialog_that_comes_back_says_why() -> None:
    drawn = confirm_lines(confirmation(Risk.TARGET, notice="It would do more than a moment ago."), Answering(), 80)
    assert "▲ It would do more than a moment ago." in as_text(drawn.lines)


@pytest.mark.parametrize("problem", ["", "This file is there already. Enter once more replaces it."])
def test_the_export_shows_rows_forms_and_the_file(problem: str) -> None:
    choices = [Choice("Rows", ["342 shown", "3 marked"], 1, "↑ ↓"), Choice("Form", FORMATS, 0, "Tab")]
    lines, columns = export_lines(ExportForm("Export rows", choices, "~/exports/tasks.csv", 19, problem), 100)
    assert widths(lines) == {columns}
    same(f"export{'-problem' if problem else ''}", lines)


def test_the_palette_sets_off_the_letters_that_were_looked_for() -> None:
    entries = [PaletteEntry("events", "Events on/off…", "e"), PaletteEntry("theme light", "Theme: light"),
               PaletteEntry("purge", "Purge…", "", "needs --allow purge")]  # fmt: skip
    found = [Found(entries[0], (0, 1)), *map(Found, entries[1:])]
    lines, columns, first = palette_lines("ev", 2, found, 0, 40, 100, 6)
    assert (first, widths(lines)) == (0, {columns})
    assert [text for text, ink in lines[3].inside if ink is Tone.ACCENT] == ["E", "v", "e"]
    same("palette", lines)


def test_a_box_with_a_long_title_keeps_its_corners() -> None:
    [top, *_] = draw_box(line("t" * 90), line("i" * 90), [Row(())], 40)
    assert (top.text[0], top.text[-1], width(top.text)) == ("╭", "╮", 40)
    assert plain(spread(line("left" * 10), line("right"), 20)).endswith(" right")
