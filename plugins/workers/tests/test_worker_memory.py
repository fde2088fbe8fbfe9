"""Is the memory of workers kept as they tell it, within bounds?"""

from typing import Any

import pytest

from lazycelery_core.events import WorkerReply
from lazycelery_plugin_workers.chart import sampled, window
from lazycelery_plugin_workers.projection import POINTS, WORKERS, MemoryHistory, high_water

NOW = 1_700_000_000.0


def stats(hostname: str, at: float, kilobytes: Any = 1000) -> WorkerReply:
    return WorkerReply(hostname, "stats", at, {"rusage": {"maxrss": kilobytes}})


def test_each_stats_answer_adds_a_point() -> None:
    memory = MemoryHistory()
    memory.apply([stats("w1", NOW), stats("w2", NOW), stats("w1", NOW + 5, 2000)], NOW)
    assert memory.view() == {"w1": ((NOW, 1_024_000.0), (NOW + 5, 2_048_000.0)), "w2": ((NOW, 1_024_000.0),)}


def test_a_view_that_was_handed_out_never_changes() -> None:
    memory = MemoryHistory()
    memory.apply([stats("w1", NOW)], NOW)
    before = memory.view()
    assert memory.view() is before
    memory.apply([stats("w1", NOW + 5)], NOW + 5)
    assert before == {"w1": ((NOW, 1_024_000.0),)}


@pytest.mark.parametrize(
    "value", [None, [], "x", {}, {"rusage": None}, {"rusage": {"maxrss": "7"}}, {"rusage": {"maxrss": -1}}]
)
def test_an_answer_without_memory_adds_nothing(value: Any) -> None:
    assert high_water(value) is None


def test_points_and_workers_are_bounded() -> None:
    memory = MemoryHistory()
    memory.apply([stats("w", NOW + step) for step in range(3 * POINTS)], NOW)
    assert len(memory.view()["w"]) <= POINTS
    memory.apply([stats(f"w{number}", NOW + 5000) for number in range(WORKERS + 10)], NOW)
    assert len(memory.view()) == WORKERS
    assert "w" not in memory.view()


def test_points_older_than_the_chart_are_dropped() -> None:
    memory = MemoryHistory()
    memory.apply([stats("w", NOW), stats("w", NOW + 901)], NOW)
    assert len(memory.view()["w"]) == 1


def test_the_chart_is_blank_before_the_first_answer() -> None:
    values = sampled([(NOW - 450, 5.0), (NOW - 1, 9.0)], NOW, 900, steps=10)
    assert values == [None] * 4 + [5.0] * 5 + [9.0]


def test_a_chart_is_as_long_as_what_is_known_and_at_most_a_quarter_of_an_hour() -> None:
    assert [window(known) for known in (0, 60, 61, 500, 900, 10**6)] == [60, 60, 120, 600, 900, 900]
