"""Does every glyph set keep every line as wide as it was?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazycelery_core.glyphs import NERD, PLAIN, STRICT, UNICODE, Glyphs, choose
from lazycelery_core.looks import EVENT_LOOKS, LINK_STATES, SCHEDULED, TASK_STATES, WORKER_STATES
from lazycelery_core.text import Safe, safe, width

FRAME = "╭─╮│╰╯┏━┓┃┗┛▸■▼▲…·→‖◌◐○●"


def test_unicode_draws_as_written() -> None:
    assert UNICODE.draw(Safe("► STARTED █▌")) == "► STARTED █▌"


def test_ascii_has_a_letter_for_every_glyph_of_ours() -> None:
    looks = [*TASK_STATES.values(), *WORKER_STATES.values(), *LINK_STATES.values(), *EVENT_LOOKS.values(), SCHEDULED]
    drawn = PLAIN.draw(Safe(FRAME + "".join(look.glyph for look in looks)))
    assert drawn.isascii()
    assert len(drawn) == len(FRAME) + len(looks)


def test_the_frame_of_the_focused_pane_differs_in_ascii_too() -> None:
    assert PLAIN.draw(Safe("┏━ 1 ━┓")) != PLAIN.draw(Safe("╭─ 1 ─╮"))


@given(st.sampled_from([PLAIN, STRICT, NERD]), st.text(max_size=40))
def test_no_set_changes_the_width_of_a_line(glyphs: Glyphs, text: str) -> None:
    shown = safe(FRAME + text)
    assert width(glyphs.draw(shown)) == width(shown)


@given(st.text(max_size=40))
def test_on_a_terminal_that_is_not_utf_8_nothing_but_ascii_leaves(text: str) -> None:
    assert STRICT.draw(safe(text)).isascii()


@pytest.mark.parametrize(
    "name, encoding, wide, expected",
    [
        ("unicode", "utf-8", False, UNICODE),
        ("unicode", "UTF8", False, UNICODE),
        ("nerd", "utf-8", False, NERD),
        ("ascii", "utf-8", False, PLAIN),
        ("unicode", "utf-8", True, PLAIN),
        ("nerd", "latin-1", False, STRICT),
        ("unicode", "ANSI_X3.4-1968", False, STRICT),
    ],
)
def test_the_set_follows_the_terminal_before_the_wish(name: str, encoding: str, wide: bool, expected: Glyphs) -> None:
    assert choose(name, encoding, wide) is expected
