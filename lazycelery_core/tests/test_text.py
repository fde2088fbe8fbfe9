import json
import unicodedata
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import get_character_cell_size

from lazycelery_core import text
from lazycelery_core.text import Safe, TimeMode, safe

CASES = [json.loads(line) for line in (Path(__file__).parent / "data" / "text.jsonl").read_text().splitlines()]
NOW = 1_795_358_150.0  # 2026-11-22 14:35:50 UTC

anything = st.text(st.characters(codec=None)) | st.text(
    st.sampled_from("a \x1b\n\r\x9b\u202e\u200d\u0301\u3164\ufe0f漢👍\U0001f3fd\U000e0041\ud800[/]"), max_size=60
)


def built(case: dict[str, Any]) -> str:
    if "recipe" not in case:
        return str(case["text"])
    part, times = case["recipe"]["repeat"]
    return str(case["recipe"].get("prefix", "") + part * times + case["recipe"].get("suffix", ""))


def encoded(shown: str) -> bytes:
    return shown.encode("utf-8", "surrogatepass")


def drawable(char: str) -> bool:
    """By the Unicode categories, which the code under test does not use."""
    noncharacter = ord(char) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF
    space = unicodedata.category(char) == "Zs" and char not in " \u3000"
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") and not noncharacter and not space


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_hostile_text_is_shown_without_harm(case: dict[str, Any]) -> None:
    shown = safe(built(case))
    assert all(drawable(char) for char in shown)
    assert not [bad for bad in case.get("never", []) if bytes.fromhex(bad) in encoded(shown)]
    assert not [part for part in case.get("show", []) if part not in shown]
    assert len(shown) <= text.LIMIT
    assert safe(str(shown)) == shown


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_hostile_text_breaks_lines_only_at_line_breaks(case: dict[str, Any]) -> None:
    lines = text.safe_lines(built(case))
    assert all(drawable(char) for line in lines for char in line)
    assert not [bad for bad in case.get("never", []) if any(bytes.fromhex(bad) in encoded(line) for line in lines)]


@given(anything, st.integers(0, 40) | st.just(text.LIMIT))
def test_safe_text_is_drawable_bounded_and_stays_as_it_is(raw: str, limit: int) -> None:
    shown = safe(raw, limit)
    assert isinstance(shown, Safe)
    assert all(drawable(char) for char in shown)
    assert len(shown) <= limit
    assert safe(shown, limit) == shown


@given(anything)
def test_the_width_is_the_sum_of_its_characters(raw: str) -> None:
    shown = safe(raw)
    assert text.width(shown) == sum(get_character_cell_size(char) for char in shown)


@given(anything, st.integers(0, 30))
def test_a_fitted_text_has_exactly_the_cells_asked_for(raw: str, cells: int) -> None:
    assert text.width(text.fit(safe(raw), cells)) == cells
    assert text.width(text.fit(safe(raw), cells, right=True)) == cells
    assert text.width(text.cut_middle(safe(raw), cells)) <= cells


@given(anything)
def test_no_more_marks_in_a_row_than_a_script_needs(raw: str) -> None:
    run = 0
    for char in safe("e" + raw):
        run = 0 if get_character_cell_size(char) else run + 1
        assert run <= text.MAX_MARKS


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_is_shown_as_written(raw: str) -> None:
    assert safe(raw) == raw or raw.isspace()


def test_ordinary_text_of_the_world_is_shown_as_written() -> None:
    for raw in ("naïve café", "тест.задача", "漢字 処理", "हिन्दी", "ภาษาไทย", "עברית", "العربية", "👍 ok", "über"):
        assert safe(raw) == raw


def test_controls_become_pictures_and_the_invisible_its_code() -> None:
    assert safe("a\x1b[31m\x00\x7f") == "a␛[31m␀␡"
    assert safe("x\u202ey\u200bz\U000e0041") == "x⟨202E⟩y⟨200B⟩z⟨E0041⟩"
    assert safe("10\u00a0000\u202f€") == "10␣000␣€"
    assert safe("one\ntwo\r\n") == "one␊two␍␊"


def test_blanks_can_be_told_from_empty() -> None:
    assert safe("") == ""
    assert safe("   ") == "␠␠␠"


def test_what_was_left_out_is_counted() -> None:
    assert safe("L" * 1_000_000, 30) == "L" * 14 + "… 999,986 more"
    assert safe("\x1b" * 50, 20) == "␛" * 11 + "… 39 more"
    assert safe("abcdef", 3) == "abc"


def test_surplus_marks_are_counted_and_none_falls_on_the_cell_before() -> None:
    assert safe("Z" + "\u0301" * 9 + "end") == "Z" + "\u0301" * 4 + "⟨+5⟩end"
    assert safe("\u0301x") == "◌\u0301x"


def test_lines_keep_their_breaks_and_indents() -> None:
    assert text.safe_lines("def f():\r\n\treturn 1\n\n    x = \x1b[0m") == [
        "def f():",
        "    return 1",
        "",
        "    x = ␛[0m",
    ]


def test_lines_left_out_are_counted() -> None:
    assert text.safe_lines("a\nb\nc\nd", max_lines=2) == ["a", "b", "… 3 more characters"]
    assert text.safe_lines("abcdef", limit=4) == ["abcd", "… 2 more characters"]


def test_a_cut_in_the_middle_keeps_the_index() -> None:
    assert text.cut_middle(Safe("optimise[7]"), 9) == "optim…[7]"
    assert text.cut_middle(Safe("orders.tasks.charge_card"), 13) == "orders…e_card"
    assert text.cut_middle(Safe("short"), 9) == "short"


def test_a_wide_letter_is_never_cut_in_half() -> None:
    assert text.fit(Safe("漢字処理"), 6) == "漢字… "
    assert text.cut_middle(Safe("漢字処理漢字"), 8) == "漢字…字"
    assert text.cut(Safe("abc"), 0) == ""


@pytest.mark.parametrize(
    "seconds, shown",
    [
        (None, "\u2013"),
        (float("nan"), "\u2013"),
        (float("inf"), "\u2013"),
        (0, "0s"),
        (0.0001, "<1ms"),
        (0.003, "3ms"),
        (0.12, "0.12s"),
        (9.996, "10.0s"),
        (41.25, "41.2s"),
        (59.96, "1m00s"),
        (135, "2m15s"),
        (3_599.6, "1h00m"),
        (18_720, "5h12m"),
        (273_600, "3d 4h"),
        (1e18, ">9999d"),
        (-0.5, "-0.50s"),
    ],
)
def test_durations_read_at_a_glance(seconds: float | None, shown: str) -> None:
    assert text.duration(seconds) == shown


def test_running_times_look_like_a_clock() -> None:
    assert [text.clock_duration(seconds) for seconds in (0, 135.9, 86_400, 400_000, -1, None)] == [
        "00:00:00",
        "00:02:15",
        "24:00:00",
        "4d 15h",
        "-1.00s",
        "\u2013",
    ]


def test_ages_have_one_unit() -> None:
    assert [text.age(seconds) for seconds in (-173, -0.4, 0, 14.9, 540, 7_200, 300_000, 1e18, None)] == [
        "in 2m53s",
        "0s",
        "0s",
        "14s",
        "9m",
        "2h",
        "3d",
        ">9999d",
        "\u2013",
    ]


def test_counts_and_sizes_fit_their_columns() -> None:
    assert [text.count(number) for number in (0, 10_000, 10**15, None)] == ["0", "10,000", "1.0P", "\u2013"]
    assert [text.short_count(number) for number in (0, 999, 3_100, 41_000, 999_999, 1e30, None)] == [
        "0",
        "999",
        "3.1k",
        "41k",
        "1.0M",
        ">999P",
        "\u2013",
    ]
    assert [text.size(number) for number in (512, 3_400, 412e6, None)] == ["512 B", "3.4 kB", "412 MB", "\u2013"]
    assert text.size(412e6, tight=True) == "412M"


def test_rates_keep_small_figures_and_signs() -> None:
    assert [text.rate(speed) for speed in (0, 0.001, 0.02, 3.14, 142, 12_345, None)] == [
        "0/s",
        "<0.01/s",
        "0.02/s",
        "3.1/s",
        "142/s",
        "12k/s",
        "\u2013",
    ]
    assert [text.rate(speed, signed=True) for speed in (41, 0, -3.1)] == ["+41/s", "0/s", "-3.1/s"]


def test_percents_never_round_to_all_or_none() -> None:
    assert [text.percent(share) for share in (0, 0.0004, 0.008, 0.22, 0.992, 0.99996, 1, 1.2, None)] == [
        "0%",
        "<0.1%",
        "0.8%",
        "22%",
        "99.2%",
        "99.9%",
        "100%",
        "120%",
        "\u2013",
    ]
    assert text.percent(0.966, digits=0) == "97%"


def test_times_are_shown_as_the_mode_asks() -> None:
    at, india = NOW - 10.09, timezone(timedelta(hours=5, minutes=30), "IST")
    assert text.clock(at, TimeMode.UTC, NOW, digits=3) == "14:35:39.910"
    assert text.clock(at, TimeMode.LOCAL, NOW, zone=india) == "20:05:39"
    assert text.clock(at, TimeMode.AGO, NOW) == "10s ago"
    assert text.clock(NOW + 173, TimeMode.AGO, NOW) == "in 2m53s"
    assert text.clock(NOW - 86_400, TimeMode.UTC, NOW) == "11-21 14:35:50"
    assert text.clock(1, TimeMode.UTC, NOW) == "1970-01-01 00:00:01"
    assert text.timestamp(at, TimeMode.LOCAL, zone=india) == "2026-11-22 20:05:39.910 IST"


@given(st.floats() | st.none(), st.sampled_from(TimeMode), st.integers(0, 6))
def test_any_number_can_be_shown_as_a_time(at: float | None, mode: TimeMode, digits: int) -> None:
    assert text.clock(at, mode, NOW, digits)
    assert text.timestamp(at, mode, digits)


@given(st.floats() | st.integers() | st.integers().map(lambda exponent: 10 ** min(abs(exponent), 9_999)) | st.none())
def test_any_number_can_be_shown_as_a_figure(number: float | None) -> None:
    for shown in (text.duration, text.clock_duration, text.age, text.short_count, text.size, text.rate, text.percent):
        assert 0 < len(shown(number)) <= 12
