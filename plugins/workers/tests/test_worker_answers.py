"""Is a worker's answer believed only as far as its shape allows?"""

import math
from typing import Any

import pytest

from lazycelery_core.model import Read, Worker, WorkerState
from lazycelery_plugin_workers.reads import entries, figure, is_stale, requests, text, told, whole

NOW = 1_700_000_000.0


def answered(command: str, value: Any, error: str = "") -> Worker:
    return Worker("w1@host", WorkerState.ONLINE, reads={command: Read(value, NOW, error)})


def test_a_value_is_found_by_its_path() -> None:
    worker = answered("stats", {"pool": {"max-concurrency": 4}})
    assert told(worker, "stats", "pool", "max-concurrency") == 4
    assert told(worker, "stats", "pool", "missing") is None
    assert told(worker, "conf") is None


@pytest.mark.parametrize("value", [None, 7, "pool", ["pool"], {"pool": "prefork"}, {"pool": None}])
def test_an_answer_of_another_shape_counts_as_not_told(value: Any) -> None:
    assert told(answered("stats", value), "stats", "pool", "processes") is None


def test_an_answer_with_an_error_tells_nothing() -> None:
    assert told(answered("stats", {"pid": 1}, error="no answer within 1 s"), "stats", "pid") is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, "4", None, [4], 10**400])
def test_what_is_no_number_is_not_shown_as_one(value: Any) -> None:
    assert figure(value) is None
    assert whole(value) is None


def test_numbers_are_numbers() -> None:
    assert (figure(4), figure(0.5), whole(4), whole(0.5)) == (4.0, 0.5, 4, None)


def test_text_of_any_value_is_bounded() -> None:
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    assert all(len(text(value)) <= 20_000 for value in ("x" * 10**6, deep, {"k": "v" * 10**6}, list(range(10**5))))


def test_an_endless_list_is_looked_at_in_part() -> None:
    assert len(entries(list(range(10**5)))) == 2_000
    assert entries({"a": 1}) == []


def test_running_and_scheduled_tasks_are_read_alike() -> None:
    active = {
        "id": "a",
        "name": "t",
        "args": "(1,)",
        "time_start": NOW,
        "worker_pid": 9,
        "delivery_info": {"routing_key": "q"},
    }
    (request,) = requests(answered("active", [active]), "active")
    assert (request.id, request.name, request.args, request.pid, request.queue) == ("a", "t", "(1,)", 9, "q")
    inner = {"id": "b", "name": "t", "args": [1, "two"]}
    scheduled = {"eta": "2023-11-14T22:16:13+00:00", "priority": 6, "request": inner}
    (request,) = requests(answered("scheduled", [scheduled]), "scheduled")
    assert (request.id, request.eta, request.args) == ("b", "2023-11-14T22:16:13+00:00", "(1, 'two')")


@pytest.mark.parametrize("entry", [None, 3, "id", [], {}, {"id": 7}, {"request": {"id": None}}, {"request": "id"}])
def test_an_entry_that_names_no_task_is_left_out(entry: Any) -> None:
    good = {
        "id": "a",
        "name": ["not", "text"],
        "args": {"x": 1},
        "worker_pid": "nine",
        "delivery_info": 7,
        "time_start": "now",
    }
    found = requests(answered("active", [entry, good]), "active")
    assert [(each.id, each.pid, each.started, each.queue) for each in found] == [("a", None, None, "")]


def test_an_answer_is_stale_after_three_missed_reads() -> None:
    read = Read({}, NOW)
    assert not is_stale(read, "active", NOW + 15)
    assert is_stale(read, "active", NOW + 16)
    assert not is_stale(read, "conf", NOW + 16), "settings are asked every five minutes"
