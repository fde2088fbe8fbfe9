"""Is a gap told in the same words everywhere, with its numbers, and for as long as it matters?"""

from dataclasses import replace

import pytest

from lazycelery_core.gaps import gap_note, last_gap, missed_names, missed_text
from lazycelery_core.model import Gap, Link, LinkState
from lazycelery_core.snapshot import Snapshot, Totals
from lazycelery_core.store import Limits, Store
from lazycelery_core.text import TimeMode
from lazycelery_core.tones import Tone

NOW = 1_795_358_150.0  # 2026-11-22 14:35:50 UTC
GAP = Gap(NOW - 20, NOW - 10, "connection lost")


def snapshot(*gaps: Gap) -> Snapshot:
    link = Link("redis", "redis", LinkState.LIVE, 0.0, gaps=gaps)
    return Snapshot(
        version=1, now=NOW, since=0.0, name="prod", broker="redis://h/0", level="READ-ONLY", scopes=frozenset(),
        tasks=Store(Limits(), str, 0.0).tasks(NOW), workers=(), queues=(), totals=Totals(), links=(link, link),
    )  # fmt: skip


@pytest.mark.parametrize(
    "missed, note, said",
    [
        (None, "", "tasks missed: unknown"),
        (None, "being counted", "tasks missed: being counted"),
        ({}, "", "no task missed"),
        ({"a": 0}, "w1 not counted", "no task missed (w1 not counted)"),
        ({"shop.mail": 1}, "", "1 task missed: shop.mail 1"),
        ({"a": 2, "b": 1, "c": 1_000}, "", "1,003 tasks missed: a 2, b 1, c 1,000"),
        ({"a": 2, "b": 1, "c": 1, "d": 1, "e": 1}, "w1 not counted",
         "6 tasks missed: a 2, b 1, c 1 and 2 more names (w1 not counted)"),
    ],
)  # fmt: skip
def test_what_was_missed_is_one_sentence(missed: dict[str, int] | None, note: str, said: str) -> None:
    assert missed_text(replace(GAP, missed=missed, note=note)) == said


def test_names_are_listed_up_to_the_number_asked_for() -> None:
    gap = replace(GAP, missed={"a": 2, "b": 1})
    assert [missed_names(gap, limit) for limit in (1, 2, 3)] == ["a 2 and 1 more names", "a 2, b 1", "a 2, b 1"]
    assert missed_names(GAP) == ""


def test_the_newest_gap_is_told_for_a_quarter_of_an_hour_after_its_end() -> None:
    older = replace(GAP, start=NOW - 500, end=NOW - 400)
    lasting = Gap(NOW - 5_000, None, "frozen")
    assert last_gap(snapshot(older, GAP)) is GAP
    assert last_gap(snapshot(GAP, older)) is GAP
    assert last_gap(snapshot(lasting)) is lasting
    assert last_gap(snapshot()) is None
    for ago, is_told in ((899.9, True), (900, False)):
        gap = Gap(NOW - 2_000, NOW - ago, "connection lost")
        assert (last_gap(snapshot(gap)) is gap) == is_told
        assert (gap_note(snapshot(gap), TimeMode.UTC) != []) == is_told
    assert last_gap(snapshot(older), lately=400) is None
    assert last_gap(snapshot(older), lately=401) is older


def test_a_list_that_a_gap_makes_incomplete_says_so_with_its_times() -> None:
    (told,) = gap_note(snapshot(replace(GAP, missed={"a": 2})), TimeMode.UTC)
    ((words, tone),) = [(span.text, span.tone) for span in told]
    assert words.endswith(" gap 14:35:30 to 14:35:40 (connection lost): 2 tasks missed: a 2")
    assert tone is Tone.WARN
    (told,) = gap_note(snapshot(replace(GAP, end=None)), TimeMode.UTC)
    assert "gap 14:35:30 to now (connection lost): tasks missed: unknown" in "".join(span.text for span in told)
