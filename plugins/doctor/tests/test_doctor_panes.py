"""Does the health view say what is missing, why, and what watching costs?

The pictures are plain files in snapshots/; a missing one is written by the first run, which fails.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lazycelery_core.model import Gap, Host, Incident, Link, LinkState, PlaceTime, WorkerState
from lazycelery_core.pane import DrawContext, Pane
from lazycelery_core.query import parse
from lazycelery_core.snapshot import RowQuery, Snapshot, Totals
from lazycelery_core.spans import plain
from lazycelery_core.testing.kit import NOW, a_snapshot, a_worker, draw, draw_tab, records
from lazycelery_plugin_doctor import lazycelery_panes
from lazycelery_plugin_doctor.clocks import WorkerClocks
from lazycelery_plugin_doctor.cost import OwnCost
from lazycelery_plugin_doctor.details import GapDetails, SourceDetails
from lazycelery_plugin_doctor.gaps import GapList
from lazycelery_plugin_doctor.losses import LossList
from lazycelery_plugin_doctor.pane import SourceList
from lazycelery_plugin_doctor.times import PluginTimes

SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES = [(80, 24), (120, 36), (250, 70)]
PANES = [each for each in lazycelery_panes(None) if isinstance(each, Pane)]
each_pane = pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.id)

LOST = Link(
    "results", "redis", LinkState.RETRYING, NOW - 9, "Nobody listens at 127.0.0.1:6380.", "Is the broker running?",
    NOW + 0.4, gaps=(Gap(NOW - 9.5, None, "127.0.0.1:6380 closed the connection."),), commands=0.0,
)  # fmt: skip
EVENTS = Link(
    "events", "redis", LinkState.LIVE, NOW - 60, latency=0.003, lag=0.012, rate=142.0, events=1_204_113, commands=2.0,
    rejected={"not a message envelope": 12, "no event type": 3}, repaired={"timestamp": 2},
    notice="published results are not heard: missing right &celery-task-meta-*",
    gaps=(
        Gap(NOW - 700, NOW - 650, "this screen was stopped or starved: events may be missing", {}),
        Gap(NOW - 400, NOW - 390, "No answer from 127.0.0.1:6379 for 1.5 s.", {"shop.charge": 41, "shop.mail": 2},
            "w2@b not counted: restarted meanwhile"),
        Gap(NOW - 70, NOW - 60, "127.0.0.1:6379 closed the connection.", None, "being counted"),
    ),
)  # fmt: skip
LINKS = (
    EVENTS,
    LOST,
    Link("queues", "redis", LinkState.LIVE, NOW - 900, latency=0.002, rate=4.0, events=3_600, commands=13.0),
    Link("inspect", "cluster", LinkState.LIVE, NOW - 900, rate=0.4, events=312, commands=2.4),
)
HOST = Host(
    0.034, 84_300_000, 91_000_000, 12, 31, 1_240.0,
    (
        PlaceTime("redis", "import and hooks", 1, 0.041, 0.041),
        PlaceTime("tasks", "tasks.list", 4_100, 8.2, 0.131),
        PlaceTime("workers", "projection memory", 900, 0.09, 0.0004),
    ),
    (Incident("slow", "slow.list", "ZeroDivisionError: division by zero"),), {"slow": 7},
)  # fmt: skip
WORKERS = [
    a_worker("worker-1@web-7", skew=0.004),
    a_worker("worker-2@web-8", skew=-21_600.2, latency=0.2),
    a_worker("worker-3@web-9", WorkerState.OFFLINE, skew=None, latency=None, beat_at=NOW - 300),
]
TOTALS = Totals(
    1_204_113, 142.0, 0.012, 900, 20, {"a task id that is too long": 1}, {"worker-mood": 40},
    {"workers that were quiet longest": 20},
)  # fmt: skip


def moment(**known: Any) -> Snapshot:
    return a_snapshot(workers=WORKERS, **{"links": LINKS, "host": HOST, "totals": TOTALS, **known})


def assert_as_drawn(name: str, text: str) -> None:
    file = SNAPSHOTS / f"{name}.txt"
    if not file.exists():
        file.write_text(text + "\n", "utf-8")
        pytest.fail(f"{file.name} was missing and is written now: look at it")
    assert text + "\n" == file.read_text("utf-8")


BOXES = {  # the box of each pane in a terminal of 80x24, 120x36 and 250x70
    "health.sources": [(80, 19), (120, 10), (250, 10)],
    "health.gaps": [(80, 19), (120, 6), (250, 38)],
    "health.losses": [(80, 19), (76, 8), (206, 9)],
    "health.clocks": [(80, 19), (44, 8), (44, 9)],
    "health.cost": [(80, 19), (44, 8), (44, 9)],
    "health.plugins": [(80, 19), (76, 8), (206, 9)],
}


@pytest.mark.parametrize("size", range(3), ids=lambda size: "{}x{}".format(*SIZES[size]))
@each_pane
def test_each_pane_looks_as_drawn(pane: Pane, size: int) -> None:
    columns, rows = SIZES[size]
    assert_as_drawn(f"{pane.id}-{columns}x{rows}", draw(pane, moment(), BOXES[pane.id][size]))


@each_pane
def test_nothing_known_is_said_in_words(pane: Pane) -> None:
    text = draw(pane, a_snapshot(links=()), (80, 12))
    assert any(word in text for word in ("No source", "No gap", "Nothing was", "No worker", "–", "No call")), text


def summaries(snapshot: Snapshot) -> list[str]:
    return [plain(pane.summary(snapshot)) for pane in PANES]


def test_each_pane_has_a_word_for_a_small_terminal() -> None:
    assert summaries(moment()) == ["●3 ✗1", "▲4", "▲36", "▲ -6h00m", "3.4% 84 MB", "✗7"]
    fine = a_snapshot(workers=[a_worker(skew=0.0)])
    assert summaries(fine) == ["●1", "0", "0", "fine", "– –", "fine"]


def shown(pane: Pane, columns: int = 160, rows: int = 12, **known: Any) -> str:
    return draw(pane, moment(**known), (columns, rows))


def test_a_source_that_is_lost_says_why_and_what_helps() -> None:
    text = shown(SourceList())
    assert "✗ redis.results: Nobody listens at 127.0.0.1:6380. Is the broker running?" in text
    assert "▲ redis.events: published results are not heard: missing right &celery-task-meta-*" in text


def test_a_gap_tells_its_bounds_its_cause_and_the_tasks_missed_by_name() -> None:
    text = shown(GapList(), 220)
    row = next(line for line in text.split("\n") if "43: shop" in line)
    assert "14:25:27" in row
    assert "14:25:37" in row
    assert "shop.charge 41, shop.mail 2 (w2@b not counted: restarted meanwhile)" in row
    assert "No answer from" in row
    assert "none" in next(line for line in text.split("\n") if "14:20:27" in line)
    assert "being counted" in text
    assert "now" in next(line for line in text.split("\n") if "redis.results" in line)


def test_everything_about_a_gap_is_in_its_details() -> None:
    gap = next(each for each in records(GapList(), moment()) if each.tasks == 43)
    text = draw_tab(GapDetails(), gap, moment(), (90, 16))
    for words in (
        "14:25:27",
        "10.0s",
        "43 tasks began of which nothing was heard.",
        "  shop.mail 2",
        "w2@b not counted",
    ):
        assert words in text
    unknown = next(each for each in records(GapList(), moment()) if each.gap.end is None)
    assert "Tasks missed: not known." in draw_tab(GapDetails(), unknown, moment())


def test_everything_about_a_source_is_in_its_details() -> None:
    text = draw_tab(SourceDetails(), EVENTS, moment(), (90, 16))
    for words in ("● live since 14:31:07", "1,204,113, 142/s", "12 not a message envelope", "missing right"):
        assert words in text
    text = draw_tab(SourceDetails(), LOST, moment(), (90, 16))
    assert "Nobody listens at 127.0.0.1:6380. Is the broker running?" in text
    assert "in 0.40s" in text


def test_what_was_not_taken_is_counted_by_reason_and_source() -> None:
    found = {(each.what, each.why): (each.number, each.source) for each in records(LossList(), moment())}
    assert found == {
        ("rejected", "not a message envelope"): (12, "redis.events"),
        ("rejected", "no event type"): (3, "redis.events"),
        ("rejected", "a task id that is too long"): (1, "store"),
        ("left out", "workers that were quiet longest"): (20, "store"),
        ("repaired", "timestamp"): (2, "redis.events"),
        ("ignored", "worker-mood"): (40, "store"),
    }


def test_the_clock_that_is_furthest_off_comes_first() -> None:
    assert [each.hostname for each in records(WorkerClocks(), moment())] == [
        "worker-2@web-8", "worker-1@web-7", "worker-3@web-9"
    ]  # fmt: skip
    assert "-6h00m" in shown(WorkerClocks())


def test_own_cost_adds_up_what_all_sources_ask() -> None:
    text = shown(OwnCost(), 60)
    for words in ("3.4% of a core", "84 MB, at most 91 MB", "17/s commands", "1.2 kB/s written", "31 files"):
        assert words in text


def test_a_slow_plugin_and_its_incidents_are_named() -> None:
    text = shown(PluginTimes(), 100)
    assert text.index("tasks.list") < text.index("import and hooks")
    assert "✗ slow: slow.list: ZeroDivisionError: division by zero" in text


@pytest.mark.parametrize(
    "pane, words, left",
    [
        (SourceList(), "results", ["redis.events", "redis.results"]),
        (LossList(), "envelope", ["rejected redis.events not a message envelope"]),
    ],
    ids=["sources", "losses"],
)  # fmt: skip
def test_free_words_filter_every_list(pane: Any, words: str, left: Sequence[str]) -> None:
    rows = pane.rows(moment(), RowQuery(parse(words, NOW)), DrawContext(moment()))
    assert [pane.key(each) for each in rows.items] == left
