"""Is a filter understood as written, are mistakes explained where they are, and can it be coloured and completed?"""

import subprocess
import sys
from datetime import timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazycelery_core.errors import FilterError
from lazycelery_core.query import FIELDS, both, complete, parse, tokens
from lazycelery_core.query.patterns import PatternError, glob, regex
from lazycelery_core.query.reference import markdown
from lazycelery_core.query.values import duration, moment, size
from lazycelery_core.testing.builders import a_task
from lazycelery_core.tones import Tone

NOW = 1_795_357_307.0  # 2026-11-22 14:21:47 UTC
MIDNIGHT = 1_795_305_600.0
VOCABULARY = {"worker": ["web-1", "web-2", "mail 1"], "name": ["orders.charge", "mail.send"], "queue": ["default"]}


def refused(text: str, kind: str = "task") -> tuple[str, str]:
    """The explanation, and the stretch of the text it is about."""
    with pytest.raises(FilterError) as info:
        parse(text, NOW, kind)
    start, end = info.value.span
    return str(info.value), text[start:end]


@pytest.mark.parametrize(
    "text,message,wrong",
    [
        ("runtme>5", "runtme: unknown field. Did you mean runtime?", "runtme"),
        ("http://x", 'http: unknown field. Quote it to search for the text: "…".', "http"),
        ("state:ok state:faild", "No state is called faild. Did you mean failed?", "faild"),
        ("state:ok,faild", "No state is called faild. Did you mean failed?", "faild"),
        ("state:", "A value must follow : here.", ":"),
        ("a runtime>", "A value must follow > here.", ">"),
        ("(a", "This bracket is never closed.", "("),
        ("a)", "No bracket is open here.", ")"),
        ("()", "Something is missing before this bracket.", ")"),
        ("(a |)", "Something is missing before this bracket.", ")"),
        ("a |", "Something must follow here.", "|"),
        ("NOT ", "Something must follow here.", "T "),
        ("name:a,,b", "A value is missing here.", ",,"),
        ('name:a"b', "This quote is never closed.", '"b'),
        ('x "abc', "This quote is never closed.", '"abc'),
        ('""', "There is nothing between the quotes.", '""'),
        ("runtime:abc", "abc is not a duration. Write 500ms, 5s, 2m, 1h30m.", "abc"),
        ("retries:x..3", "x is not a number. Write 3.", "x..3"),
        ("time:25:99", "25:99 is not a time. Write 14:30, 14:30:05, 2026-11-22T14:30, today, -15m.", "25:99"),
        ("runtime:..", "A range needs a beginning or an end.", ".."),
        ("runtime>1..2", "A range takes no >. Write runtime:1..2.", "1..2"),
        ("name>3", "name has no order. > compares numbers, durations, sizes and times.", "3"),
        ("runtime~x", "runtime is not a text. Write a duration: 500ms, 5s, 2m, 1h30m.", "x"),
        ("exc!=/a b/", "!= takes no pattern. Write ~ instead.", "/a b/"),
        ("parent:a*", "Related tasks are found by their whole id. Leave out the *.", "a*"),
        ("is:runing", "is: does not know runing. Did you mean running?", "runing"),
        ("since>3m", "since has no order. > compares numbers, durations, sizes and times.", "3m"),
    ],
)
def test_a_mistake_is_explained_where_it_is(text: str, message: str, wrong: str) -> None:
    assert refused(text) == (message, wrong)


def test_a_field_of_another_kind_names_those_there_are() -> None:
    message, wrong = refused("runtime>5", "queue")
    assert (message.startswith("Queues have no runtime. They have name,"), wrong) == (True, "runtime")
    assert parse("runtime>5", NOW).matches(object(), NOW) is False


def test_what_can_not_be_known_yet_is_said_and_matches_nothing() -> None:
    assert parse("is:muted", NOW).notes == ("is:muted needs a plugin that groups errors",)
    assert parse("has:locals has:locals", NOW).notes == ("has:locals needs the probe in the workers",)
    assert parse("trace:4bf9", NOW, "task").notes == ("trace needs a plugin that collects traces",)
    assert parse("state:ok", NOW).notes == ()


def test_a_very_long_or_deep_filter_is_refused() -> None:
    assert refused("a " * 2_000)[0] == "A filter has at most 2,000 characters."
    assert refused("(" * 100 + "a" + ")" * 100)[0] == "A filter has at most 40 brackets."
    assert parse("-" * 1_999 + "a", NOW).matches("a", NOW) in (True, False)


@pytest.mark.parametrize(
    "pattern,why",
    [
        ("(a+)+", "a repeat of something that varies"),
        ("(a|ab)*c", "a repeat of something that varies"),
        ("(a?){30}a{30}", "a repeat of something that varies"),
        ("(.*)*x", "a repeat of something that varies"),
        ("(a{1,30}){1,30}", "a repeat of something that varies"),
        (r"(\w+\.)+x", "a repeat of something that varies"),
        (".*a.*b.*c.*d", "more than 3 open repeats"),
        ("a?" * 20, "too many choices"),
        (r"(a)\1", "references to groups"),
        ("x" * 201, "longer than 200 characters"),
        ("[a", "unterminated character set"),
        ("a{99999999999}", "the repetition number is too large"),
        ("(" * 100, "missing ), unterminated subpattern"),
    ],
)
def test_a_pattern_that_could_run_for_ever_is_refused(pattern: str, why: str) -> None:
    with pytest.raises(PatternError, match=why.replace("(", r"\(").replace(")", r"\)")):
        regex(pattern)


@pytest.mark.parametrize(
    "pattern", ["^Conn", r"order_\d+", "a.*b", r"(foo|bar)-\d{2,4}", "(?i)time ?out", r"\[\w+\]$", "(ab)+"]
)
def test_patterns_as_people_write_them_are_taken(pattern: str) -> None:
    regex(pattern)("some text")


def test_a_glob_matches_the_whole_text_in_any_case() -> None:
    assert glob("orders.*")("Orders.charge")
    assert not glob("orders.*")("my.orders.charge")
    assert glob("a*b*c")("aXXbYYc")
    assert not glob("ab*ba")("aba")
    assert glob("*")("")


@pytest.mark.parametrize(
    "text,seconds", [("500ms", 0.5), ("5s", 5), ("2m", 120), ("1h30m", 5400), ("1.5s", 1.5), ("3", 3), ("1d", 86400)]
)
def test_durations(text: str, seconds: float) -> None:
    assert (parsed := duration(text))
    assert parsed.start == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "5x", "1h30", "-5s", "5 s", "1e5", "\u0665s"])
def test_what_is_no_duration(text: str) -> None:
    assert duration(text) is None


@pytest.mark.parametrize(
    "text,number", [("10kb", 10_000), ("2MB", 2e6), ("1.5g", 1.5e9), ("4kib", 4096), ("7", 7), ("7b", 7)]
)
def test_sizes(text: str, number: float) -> None:
    assert (parsed := size(text))
    assert parsed.start == number
    assert size("kb") is size("5kx") is size("1k2") is None


@pytest.mark.parametrize(
    "text,start,length",
    [
        ("14:20", MIDNIGHT + 14 * 3600 + 20 * 60, 60),
        ("14:20:05", MIDNIGHT + 14 * 3600 + 20 * 60 + 5, 1),
        ("14:20:05.5", MIDNIGHT + 14 * 3600 + 20 * 60 + 5.5, 0.1),
        ("23:00", MIDNIGHT - 3600, 60),  # still to come: yesterday's
        ("today", MIDNIGHT, 86400),
        ("yesterday", MIDNIGHT - 86400, 86400),
        ("2026-11-22", MIDNIGHT, 86400),
        ("2026-11-22T01:00", MIDNIGHT + 3600, 60),
    ],
)
def test_times(text: str, start: float, length: float) -> None:
    assert (parsed := moment(text, NOW))
    assert parsed.start == start
    assert parsed.end - parsed.start == pytest.approx(length)


def test_times_of_day_are_in_the_given_zone() -> None:
    east = timezone(timedelta(hours=2))
    assert (parsed := moment("16:20", NOW, east))
    assert parsed.start == MIDNIGHT + 14 * 3600 + 20 * 60
    assert (parsed := moment("2026-11-22T14:20Z", NOW, east))
    assert parsed.start == MIDNIGHT + 14 * 3600 + 20 * 60


@pytest.mark.parametrize("text", ["24:00", "2026-02-30", "9999-99-99", "1:2", "-", "-x", "2026-11-22T"])
def test_what_is_no_time(text: str) -> None:
    assert moment(text, NOW) is None


def test_pieces_are_coloured_by_what_they_are() -> None:
    text = 'state:failed (runtme>5 | "a b") "op'
    tones = {text[token.start : token.end]: token.tone for token in tokens(text)}
    assert tones["state"] == Tone.FIELD
    assert tones["failed"] == Tone.TEXT
    assert tones["("] == tones["|"] == Tone.ACCENT
    assert tones["runtme"] == Tone.ERROR
    assert tones['"a b"'] == Tone.CODE_STRING
    assert tones['"op'] == Tone.ERROR


@pytest.mark.parametrize(
    "text,offers",
    [
        ("wor", ["worker:"]),
        ("state:ok ru", ["runtime>"]),
        ("runtme", ["runtime>"]),
        ("-que", ["queue:"]),
        ("(retr", ["retries:"]),
        ("state:fa", ["failure", "failed"]),
        ("state:ok,ret", ["retry"]),
        ("worker:we", ["web-1", "web-2"]),
        ("worker:mai", ['"mail 1"']),
        ("name=ord", ["orders.charge"]),
        ("is:ru", ["running"]),
        ("runtime>", ["5s"]),
        ("nosuch:", []),
    ],
)
def test_completion_offers_what_could_stand_there(text: str, offers: list[str]) -> None:
    assert [each.text for each in complete(text, len(text), VOCABULARY, "task")] == offers


def test_completion_replaces_only_what_is_being_written() -> None:
    text = "state:ok,ret name:x"
    offer = complete(text, 12, VOCABULARY)[0]
    assert text[: offer.start] + offer.text + text[offer.end :] == "state:ok,retry name:x"
    assert len(complete("", 0, VOCABULARY)) == len(FIELDS)
    assert all(each.help for each in complete("", 0, VOCABULARY))


def test_completion_offers_a_kind_its_own_fields_states_and_conditions() -> None:
    assert "runtime>" not in [each.text for each in complete("", 0, {}, "queue")]
    assert [each.text for each in complete("state:", 6, {}, "worker")] == ["online", "late", "mute", "offline"]
    assert [each.text for each in complete("is:", 3, {}, "queue")] == ["marked", "stuck"]


@given(st.text() | st.text('abc:<>=~!|()"/\\ -.,*[]{}?+staeruimNORAD0123456789'))
def test_nothing_but_a_filter_error_is_ever_raised(text: str) -> None:
    error = None
    try:
        parse(text, NOW).matches("record", NOW)
    except FilterError as raised:
        error = raised
    if error:
        start, end = error.span
        assert 0 <= start <= end <= max(len(text), 1)
        assert error.message


@given(st.text() | st.text('abc:<>=~!|()"/\\ -.,*[]'), st.integers(-5, 50))
def test_pieces_make_up_the_text_and_completion_never_fails(text: str, cursor: int) -> None:
    assert "".join(text[token.start : token.end] for token in tokens(text)) == text
    assert tokens(text) == tokens(text)
    assert all(0 <= each.start <= each.end <= len(text) for each in complete(text, cursor, VOCABULARY))


@given(st.sampled_from(VOCABULARY["worker"]) | st.text(min_size=1, max_size=20))
def test_every_offered_value_can_be_parsed(value: str) -> None:
    for offer in complete("worker:", 7, {"worker": [value]}):
        parse(f"worker:{offer.text}", NOW)


def test_the_documentation_is_made_from_the_tables() -> None:
    page = Path(__file__).parents[2] / "docs" / "filter-language.md"
    assert page.read_text(encoding="utf-8") == markdown(), (
        "run: python -m lazycelery_core.query.reference > docs/filter-language.md"
    )
    assert all(f"| `{each.name}` |" in markdown() for each in FIELDS)


def test_neither_numpy_nor_lark_is_loaded_before_they_are_needed() -> None:
    code = "import sys, lazycelery_core.query; sys.exit(bool({'numpy', 'lark'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_two_filters_together_mean_what_each_meant_when_it_was_typed() -> None:
    east = timezone(timedelta(hours=2))
    local, utc = parse("time:11:00..14:00", NOW, "task", east), parse("time:10:00..13:00", NOW, "task")
    together = both(local, utc)  # 9 to 12, and 10 to 13
    assert together.text == "(time:11:00..14:00) (time:10:00..13:00)"
    assert together.notes == (*local.notes, *utc.notes)
    for hour, expected in ((9.5, False), (11.5, True), (12.5, False)):
        assert together.matches(a_task(updated=MIDNIGHT + hour * 3600), NOW) is expected
