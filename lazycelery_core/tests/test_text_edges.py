"""Where one figure turns into the next, and exactly which characters are not drawn as they are."""

import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from math import nextafter

import pytest

from lazycelery_core import text
from lazycelery_core.text import Safe, TimeMode, safe

DAY = 86_400
DASH = "\u2013"
# What terminals draw as nothing or measure differently, beyond what a Unicode category says. By Unicode's names.
NAMED = {
    unicodedata.lookup(name)
    for name in (
        "COMBINING GRAPHEME JOINER",
        *(f"HANGUL {which}FILLER" for which in ("", "CHOSEONG ", "JUNGSEONG ")),
        "HALFWIDTH HANGUL FILLER",
        *(f"KHMER VOWEL INHERENT {vowel}" for vowel in ("AQ", "AA")),
        *(f"MONGOLIAN FREE VARIATION SELECTOR {number}" for number in ("ONE", "TWO", "THREE", "FOUR")),
        *(f"VARIATION SELECTOR-{number}" for number in range(1, 17)),
        "BRAILLE PATTERN BLANK",
        "MUSICAL SYMBOL NULL NOTEHEAD",
        *(f"REGIONAL INDICATOR SYMBOL LETTER {chr(letter)}" for letter in range(ord("A"), ord("Z") + 1)),
        *(f"EMOJI MODIFIER FITZPATRICK TYPE-{skin}" for skin in ("1-2", "3", "4", "5", "6")),
    )
}
# Blocks kept for characters of these kinds, whatever a later Unicode puts there.
KEPT = ((0x2060, 0x206F), (0xFFF0, 0xFFFB), (0x13430, 0x1343F), (0xE0000, 0xE0FFF))
HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")


def is_odd(code: int) -> bool:
    """Whether a character must not be drawn, told without the table under test."""
    char = chr(code)
    if char in " \u3000":  # the second is two cells of blank, and every terminal agrees
        return False
    kept = any(first <= code <= last for first, last in KEPT)
    noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return kept or noncharacter or char in NAMED or unicodedata.category(char) in HIDDEN


def test_every_character_there_is_is_shown_as_it_is_or_by_its_code() -> None:
    # é keeps each piece off the short cut for ASCII; a character of one piece meets a letter on both sides
    planes = range(0, 0x110000, 0x10000)  # from the fourth on hardly anything is assigned but the ends
    ends = [plane + place for plane in planes for place in range(0xFFFD, 0x10000)]
    codes = [*range(0xA1, 0x30000), *range(0xDFFFE, 0xE1002), *ends]
    for start in range(0, len(codes), 4_096):
        chars = [chr(code) for code in codes[start : start + 4_096]]
        wanted = "é".join(f"⟨{ord(char):04X}⟩" if is_odd(ord(char)) else char for char in chars)
        assert safe("é".join(chars), 100_000) == wanted.replace("⟨202F⟩", "␣")


def test_every_character_of_ascii_is_shown_beside_others_too() -> None:
    plain = "".join(map(chr, range(0x20, 0x7F)))
    assert safe(f"é{plain}") == f"é{plain}"
    assert safe("".join(map(chr, range(0x20)))) == "".join(chr(0x2400 + code) for code in range(0x20))
    assert safe("a\x7f\x80\x9f\xa0é") == "a␡⟨0080⟩⟨009F⟩␣é"


def test_a_line_holds_two_thousand_characters_and_a_pane_a_million_in_ten_thousand_lines() -> None:
    assert len(safe("a" * 2_000)) == 2_000
    assert safe("a" * 2_001) == "a" * 1_988 + "… 13 more"
    assert text.safe_lines("a" * 1_000_000) == ["a" * 1_000_000]
    assert text.safe_lines("a" * 1_000_001)[1:] == ["… 1 more characters"]
    assert len(text.safe_lines("\n" * 9_999)) == 10_000
    assert text.safe_lines("\n" * 9_999 + "\nx")[-1] == "… 1 more characters"


def test_lines_within_the_limits_are_not_counted_as_left_out() -> None:
    assert text.safe_lines("a\nb", max_lines=2) == ["a", "b"]
    assert text.safe_lines("abcd", limit=4) == ["abcd"]
    assert text.safe_lines("") == [""]


def test_blank_lines_stay_blank_and_other_blanks_are_shown() -> None:
    assert text.safe_lines("   \n\u2003\nX") == ["   ", "⟨2003⟩", "X"]
    assert safe("\u3000 ") == "\u3000 "
    assert safe("\t") == "␉"
    assert safe(" \u3000 ", 2) == " \u3000"


def test_what_does_not_fit_is_counted_as_long_as_one_character_fits_beside_the_count() -> None:
    assert safe("abcdefghijkl", 10) == "a… 11 more"
    assert safe("abcdefghijkl", 9) == "abcdefghi"
    assert safe("\x1b" * 12, 10) == "␛… 11 more"
    assert safe("\u202e" * 10, 9) == "⟨202E⟩⟨20"
    assert safe("\u202e" * 10, 10) == "… 10 more"


def test_text_that_just_fits_is_not_cut() -> None:
    assert text.cut(Safe("漢字"), 4) == "漢字"
    assert text.cut(Safe("漢字"), 3) == "漢…"
    assert text.cut(Safe("abc"), 1) == "…"
    assert text.cut(Safe("abc"), 2) == "a…"
    assert text.cut(Safe("漢字"), 1) == "…"
    assert text.cut(Safe("漢字"), 2) == "…"
    assert text.cut(Safe("abc"), -1) == ""
    assert text.cut_middle(Safe("abc"), 3) == "abc"
    assert text.cut_middle(Safe("漢字"), 4) == "漢字"


def test_a_middle_is_cut_as_long_as_a_letter_stays_at_its_beginning() -> None:
    assert text.cut_middle(Safe("optimise[7]"), 5) == "o…[7]"
    assert text.cut_middle(Safe("optimise[7]"), 4) == "opt…"
    assert text.cut_middle(Safe("abcdef"), 2) == "a…"
    assert text.cut_middle(Safe("abcdef"), 3) == "a…f"
    assert text.cut_middle(Safe("abcdef"), 1) == "…"
    assert text.cut_middle(Safe("abcdef"), 0) == ""


def test_a_mark_stays_with_its_letter_where_a_text_is_cut() -> None:
    assert text.cut_middle(Safe("abcdefe\u0301"), 5) == "ab…fe\u0301"
    assert text.cut_middle(Safe("abcdef\u0301e"), 3) == "a…e"
    assert text.cut(Safe("abe\u0301def"), 4) == "abe\u0301…"


def test_a_text_is_filled_at_the_side_that_was_asked_for() -> None:
    assert text.pad(Safe("ab"), 4) == "ab  "
    assert text.pad(Safe("ab"), 4, right=True) == "  ab"
    assert text.pad(Safe("漢"), 3, right=True) == " 漢"
    assert text.pad(Safe("abc"), 2) == "abc"
    assert text.fit(Safe("abcd"), 3, right=True) == "ab…"


Shown = Callable[[float], Safe]


@pytest.mark.parametrize(
    "figure, below, at, from_here_on",
    [
        (text.duration, "10ms", 0.00995, "0.01s"),
        (text.duration, "9.99s", 9.995, "10.0s"),
        (text.duration, "59.9s", 59.95, "1m00s"),
        (text.duration, "59m59s", 3_599.5, "1h00m"),
        (text.duration, "23h59m", DAY - 0.5, "1d 0h"),
        (text.duration, "9999d 23h", 10_000 * DAY - 0.5, ">9999d"),
        (text.clock_duration, "99:59:59", 360_000, "4d 4h"),
        (text.age, "0s", 1, "1s"),
        (text.age, "59s", 60, "1m"),
        (text.age, "59m", 3_600, "1h"),
        (text.age, "23h", DAY, "1d"),
        (text.age, "9999d", 10_000 * DAY, ">9999d"),
        (text.short_count, "999", 999.5, "1.0k"),
        (text.short_count, "9.9k", 9_950, "10k"),
        (text.short_count, "999k", 999_500, "1.0M"),
        (text.short_count, "9.9M", 9_950_000, "10M"),
        (text.short_count, "999P", 999.5e15, ">999P"),
        (text.rate, "<0.01/s", 0.005, "0.01/s"),
        (text.rate, "0.10/s", 0.0995, "0.1/s"),
        (text.rate, "9.9/s", 9.95, "10/s"),
    ],
)
def test_a_figure_changes_its_form_where_rounding_would_make_it_wrong(
    figure: Shown, below: str, at: float, from_here_on: str
) -> None:
    assert figure(at - at * 1e-9) == below
    assert figure(at) == from_here_on


def test_long_times_in_their_two_greatest_units() -> None:
    assert [text.duration(seconds) for seconds in (60, 119, 3_600, 3_661, 7_320, DAY, DAY + 3_600, 2 * DAY - 1)] == [
        "1m00s", "1m59s", "1h00m", "1h01m", "2h02m", "1d 0h", "1d 1h", "1d 23h",
    ]  # fmt: skip
    assert [text.duration(seconds) for seconds in (0.0005, 0.000501, 0.0015001)] == ["<1ms", "1ms", "2ms"]
    assert text.duration(0.0095) == "10ms"
    assert text.duration(0.009) == "9ms"
    assert text.duration(9_999 * DAY) == "9999d 0h"


def test_a_running_clock_counts_minutes_and_hours() -> None:
    assert [text.clock_duration(seconds) for seconds in (59.9, 60, 3_599, 3_600, 7_384)] == [
        "00:00:59", "00:01:00", "00:59:59", "01:00:00", "02:03:04",
    ]  # fmt: skip


def test_what_is_to_come_is_told_in_the_same_units() -> None:
    assert [text.age(seconds) for seconds in (-0.9, -1, -1.6, -59, -60, -DAY)] == [
        "0s", "in 1s", "in 2s", "in 59s", "in 1m00s", "in 1d 0h",
    ]  # fmt: skip


def test_no_number_is_too_great_to_be_shown() -> None:
    great, greater = nextafter(1e300, 0), 1e300
    assert (text.duration(great), text.duration(greater)) == (">9999d", DASH)
    assert (text.duration(-great), text.duration(-greater)) == ("->9999d", DASH)


@pytest.mark.parametrize("power, unit", [(3, "k"), (6, "M"), (9, "G"), (12, "T"), (15, "P")])
def test_sizes_and_counts_have_their_unit(power: int, unit: str) -> None:
    assert text.short_count(2 * 10**power) == f"2.0{unit}"
    assert text.size(2 * 10**power) == f"2.0 {unit}B"
    assert text.size(25 * 10**power, tight=True) == f"25{unit}"
    assert text.size(-2 * 10**power) == f"-2.0 {unit}B"


def test_bytes_have_no_decimals_and_rates_end_at_billions() -> None:
    assert (text.size(9), text.size(9, tight=True), text.size(0)) == ("9 B", "9B", "0 B")
    assert [text.rate(speed) for speed in (2e3, 2e6, 2e9, 1e15)] == ["2.0k/s", "2.0M/s", "2.0G/s", ">999G/s"]
    assert text.count(10**15 - 1) == "999,999,999,999,999"
    assert text.count(-(10**15)) == "-1.0P"


def test_shares_keep_decimals_only_where_they_tell_something() -> None:
    shares = (0.1, 0.105, 0.895, 0.9, 0.905, 0.001, 0.999, 0.9996, 1.004, -0.5)
    assert [text.percent(share) for share in shares] == [
        "10%", "10%", "90%", "90%", "90.5%", "0.1%", "99.9%", "99.9%",
        "100%", "-50%",
    ]  # fmt: skip
    assert text.percent(0.0001, digits=2) == "0.01%"
    assert text.percent(0.00001, digits=2) == "<0.01%"
    assert text.percent(0.99999, digits=2) == "99.99%"
    assert [text.percent(share) for share in (9.99, -9.99, 10, -10)] == ["999%", "-999%", ">999%", "<-999%"]
    assert (text.percent(0.01), text.percent(0.995)) == ("1.0%", "99.5%")


def test_how_long_ago_and_how_soon() -> None:
    assert [text.clock(100.0 - seconds, TimeMode.AGO, 100.0) for seconds in (-2, -1, -0.5, 0, 1)] == [
        "in 2s", "in 1s", "0s ago", "0s ago", "1s ago",
    ]  # fmt: skip


def test_times_are_shown_from_1970_to_the_last_year_with_four_digits() -> None:
    last = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
    assert text.timestamp(0, TimeMode.UTC) == "1970-01-01 00:00:00.000 UTC"
    assert text.timestamp(0.5, TimeMode.UTC, digits=1) == "1970-01-01 00:00:00.5 UTC"
    assert text.timestamp(last - 1, TimeMode.UTC, digits=0) == "9999-12-30 23:59:59 UTC"
    assert text.timestamp(last, TimeMode.UTC) == DASH  # a zone to the east has a year of five digits by then
    assert text.timestamp(-0.001, TimeMode.UTC) == DASH


def test_a_zone_is_named_as_the_system_names_it_made_safe() -> None:
    assert text.timestamp(0, TimeMode.LOCAL, 0, timezone(timedelta(0), "A\x1bB")) == "1970-01-01 00:00:00 A␛B"
    assert text.timestamp(0, TimeMode.AGO, 0) == "1970-01-01 00:00:00 UTC"


def test_times_are_typed_in_the_zone_that_they_are_shown_in() -> None:
    now = 1_795_358_150.0
    assert text.zone_of(TimeMode.UTC, now) is text.zone_of(TimeMode.AGO, now) is UTC
    local = datetime.fromtimestamp(now, UTC).astimezone()
    assert datetime.fromtimestamp(now, text.zone_of(TimeMode.LOCAL, now)).utcoffset() == local.utcoffset()
    assert datetime.fromtimestamp(now, text.zone_of(TimeMode.LOCAL, now)).tzname() == local.tzname()


def test_the_ways_to_show_a_time_are_named_as_the_configuration_writes_them() -> None:
    assert {mode.value: mode for mode in TimeMode} == {
        "utc": TimeMode.UTC, "local": TimeMode.LOCAL, "ago": TimeMode.AGO,
    }  # fmt: skip
