"""A story of megabytes is read as far as it can be shown, says what is left out, and shows no half of a secret."""

import json
from typing import Any

import pytest

from lazycelery_core.decode import Tally, events_of
from lazycelery_core.model import TaskStory
from lazycelery_core.redact import MASK, Redactor
from lazycelery_core.store import Limits, Store
from lazycelery_core.store.room import BESIDE, MOST, Reading, Room

NOW = 1_000_000.0
SMALL = Limits(tasks=4_096, segment_rows=2_048)


def story_of(*told: dict[str, Any], most: int = MOST) -> TaskStory:
    """The story of a task T of which this was told."""
    store = Store(SMALL, Redactor(), NOW)
    for number, fields in enumerate(told):
        event = {"uuid": "T", "hostname": "w1@a", "timestamp": NOW + number, **fields}
        store.apply(events_of(json.dumps(event).encode(), NOW, Tally()), NOW)
    story = store.tasks().story("T", most)
    assert story is not None
    return story


def test_what_fits_is_whole() -> None:
    story = story_of({"type": "task-received", "args": "x" * MOST, "kwargs": "{}"})
    assert story.args is not None
    assert (story.args.text, story.args.cut) == ("x" * MOST, False)


def test_what_is_longer_says_how_much_is_left_out() -> None:
    text = "x" * 1_000_000
    story = story_of({"type": "task-received", "args": text}, {"type": "task-failed", "traceback": text})
    for value in (story.args, story.traceback):
        assert value is not None
        assert value.text == "x" * MOST + "… 900,000 more characters"
        assert value.cut


def test_few_characters_are_asked_for_where_few_are_shown() -> None:
    story = story_of({"type": "task-received", "args": "y" * 1_000_000}, most=50)
    assert story.args is not None
    assert story.args.text == "y" * 50 + "… 999,950 more characters"


@pytest.mark.parametrize("before", range(MOST - 50, MOST + 2, 7))
def test_a_secret_across_the_edge_is_not_shown_in_half(before: int) -> None:
    secret = "ghp_" + "A1b2" * 9
    story = story_of({"type": "task-received", "args": f"{'-' * before} {secret} {'-' * BESIDE}"})
    assert story.args is not None
    assert "ghp_" not in story.args.text
    assert "1b2" not in story.args.text


def test_large_values_that_are_no_text_are_cut_inside() -> None:
    story = story_of(
        {"type": "task-received", "args": "()", "extra": [{"password": "hunter2", "n": list(range(10**5))}]}
    )
    (moment,) = story.moments
    kept, more = moment.fields["extra"]
    assert (kept[0]["password"], more) == (MASK, "… more")
    assert 0 < len(kept[0]["n"]) < 20_000


def test_all_moments_together_are_bounded_and_the_last_ones_are_kept() -> None:
    told = [{"type": "task-received", "retries": number, "args": f"{number}" * MOST} for number in range(6)]
    story = story_of(*told)
    lengths = [len(moment.fields["args"]) for moment in story.moments]
    assert [length == MOST for length in lengths] == [False, False, False, True, True, True]
    assert story.moments[2].fields["args"] == "… 100,000 more characters"
    assert [moment.fields["retries"] for moment in story.moments] == list(range(6))


def test_fields_beyond_the_limit_are_left_out_and_counted() -> None:
    event = {"type": "task-received", "args": "()", **{f"field-{number}": number for number in range(1_000)}}
    (moment,) = story_of(event).moments
    assert len(moment.fields) == 101
    assert moment.fields["…"] == "905 more fields"


def test_the_same_text_told_twice_takes_room_once() -> None:
    reading = Reading(Redactor(), "a", 1_000)
    texts = [reading.text("args", "z" * 1_000)[0] for _ in range(9)]
    assert set(texts) == {"z" * 1_000}
    assert reading.text("kwargs", "z" * 1_000) == ("z" * 1_000, False)


def test_room_goes_as_deep_as_anything_is_shown() -> None:
    deep: Any = "bottom"
    for _ in range(500):
        deep = [deep]
    room = Room(100)
    assert room.fit(deep) == deep
    assert not room.full
    assert Room(0).fit({"a": [1, "b"]}) == {}
