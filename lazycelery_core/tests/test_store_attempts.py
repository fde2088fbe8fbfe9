"""Which attempt does a retry close, when it is told after the next attempt was received, run or even over?

An idle worker takes the next attempt before it is done with telling of the last one. With no countdown that is what
happens to about every second retry of a real worker.
"""

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazycelery_core.decode import Tally, events_of
from lazycelery_core.events import Event, ResultMeta, WireEvent
from lazycelery_core.model import Task, TaskState
from lazycelery_core.store import Limits, Store

NOW = 1_000_000.0
SMALL = Limits(tasks=4_096, segment_rows=2_048)
W1, W2 = "w1@a", "w2@b"


def event(kind: str, at: float, host: str = W1, **fields: Any) -> WireEvent:
    """An event of the task T."""
    return WireEvent(f"task-{kind}", NOW + at, host, "T", **fields)


def stored(status: str, at: float) -> ResultMeta:
    """A stored result of T."""
    return ResultMeta("T", status, NOW + at)


def store_of(*events: Event) -> Store:
    """A store that has taken them in one by one."""
    store = Store(SMALL, str, NOW)
    for number, each in enumerate(events):
        store.apply([each], NOW + number)
    return store


def task_of(*events: Event) -> Task:
    """What they make of T."""
    task = store_of(*events).tasks().get("T")
    assert task is not None
    return task


FIRST = (event("received", 0, retries=0), event("started", 1))
NEXT = (event("received", 2, retries=1), event("started", 3))
DONE = event("succeeded", 4, runtime=1.0)
TOLD = event("retried", 5, exception="E()")


def test_a_retry_told_after_the_next_attempt_has_ended_does_not_undo_its_end() -> None:
    store = store_of(*FIRST, *NEXT, DONE, TOLD, TOLD)
    task = store.tasks().get("T")
    assert task is not None
    assert (task.state, task.retries, task.runtime, task.exception) == (TaskState.SUCCESS, 1, 1.0, "E()")
    assert (store.workers(NOW)[0].retried, store.workers(NOW)[0].succeeded) == (1, 1)


def test_nor_a_failure() -> None:
    task = task_of(*FIRST, *NEXT, event("failed", 4, exception="F()"), TOLD)
    assert (task.state, task.exception) == (TaskState.FAILURE, "F()")


def test_the_next_attempt_still_runs_or_waits_when_the_retry_is_told_late() -> None:
    assert task_of(*FIRST, *NEXT, TOLD).state is TaskState.STARTED
    assert task_of(*FIRST, NEXT[0], TOLD).state is TaskState.RECEIVED


def test_the_next_attempt_ends_as_it_ends_when_the_retry_is_told_late() -> None:
    assert task_of(*FIRST, *NEXT, TOLD, event("succeeded", 6, runtime=1.0)).state is TaskState.SUCCESS
    assert task_of(*FIRST, *NEXT, TOLD, event("retried", 6)).state is TaskState.RETRY


def test_the_retry_of_an_attempt_that_was_the_first_one_seen_is_that_attempts() -> None:
    third = (event("received", 2, retries=3), event("started", 3))
    assert task_of(*third, TOLD).state is TaskState.RETRY
    assert task_of(*third, event("received", 4, retries=4), TOLD).state is TaskState.RECEIVED
    assert task_of(event("started", 3), TOLD).state is TaskState.RETRY


def test_a_lost_report_is_made_up_for_by_the_next_attempt() -> None:
    """The first retry was not heard: the second one is taken for it, until its own next attempt is received."""
    after_gap = (*FIRST, *NEXT, event("retried", 4), event("received", 6, retries=2, eta="2027-01-01T00:00:00"))
    assert task_of(*after_gap).state is TaskState.RECEIVED


@pytest.mark.parametrize("place", range(4, 9))
def test_a_stored_retry_counts_once_wherever_it_arrives(place: int) -> None:
    reports: list[Event] = [*FIRST, *NEXT, DONE, event("retried", 4.5)]
    reports.insert(place - 2, stored("RETRY", 7))
    store = store_of(*reports)
    assert (store.workers(NOW)[0].retried, store.tasks().counts()[TaskState.SUCCESS]) == (1, 1)


def test_a_stored_retry_has_no_time_so_a_worker_whose_clock_is_behind_is_not_held_up() -> None:
    """The retry arrives an hour later than the worker believes."""
    reports: list[Event] = [*FIRST, stored("RETRY", 3_600), event("retried", 1.5), *NEXT, DONE]
    states = [task_of(*reports[:count]).state.name for count in range(2, 7)]
    assert states == ["STARTED", "RETRY", "RETRY", "RECEIVED", "STARTED"]
    assert task_of(*reports).state is TaskState.SUCCESS


def test_a_stored_retry_of_a_quiet_task_is_as_old_as_its_arrival() -> None:
    assert (task_of(stored("RETRY", 9)).state, task_of(stored("RETRY", 9)).updated) == (TaskState.RETRY, NOW + 9)
    assert task_of(stored("RETRY", 9), stored("SUCCESS", 1)).state is TaskState.SUCCESS


def test_reports_of_two_workers_make_the_same_in_any_order() -> None:
    """Each worker tells its own part in order; theirs may come interleaved in any way."""
    here = [*FIRST, event("retried", 2.5, exception="E()")]
    there = [event("received", 2, W2, retries=1), event("started", 2.1, W2), event("succeeded", 2.2, W2, runtime=0.1)]
    for order in set(permutations((True, True, True, False, False, False))):
        left, right = iter(here), iter(there)
        task = task_of(*(next(left) if own else next(right) for own in order))
        assert (task.state, task.worker, task.retries) == (TaskState.SUCCESS, W2, 1), order


def test_a_story_has_every_retry_in_the_attempt_that_it_closed() -> None:
    told = [("received", 0, 0), ("started", 1, None), ("received", 2, 1), ("started", 3, None), ("retried", 4, None),
            ("received", 5, 2), ("retried", 6, None), ("started", 7, None), ("succeeded", 8, None)]  # fmt: skip
    fields = [
        {"type": f"task-{kind}", "timestamp": NOW + at, "hostname": W1, "uuid": "T", "retries": number}
        for kind, at, number in told
    ]
    store = Store(SMALL, str, NOW)
    store.apply(events_of(json.dumps(fields).encode(), NOW, Tally()), NOW)
    story = store.tasks().story("T")
    assert story is not None
    assert [moment.attempt for moment in story.moments] == [0, 0, 1, 1, 0, 2, 1, 2, 2]


@st.composite
def races(draw: st.DrawFn) -> tuple[list[WireEvent], str]:
    """What one idle worker tells of up to five attempts, each retry anywhere behind the attempt that made it."""
    attempts = draw(st.integers(1, 5))
    ending = draw(st.sampled_from(("succeeded", "failed")))
    told: list[tuple[float, str, int]] = []
    for attempt in range(attempts):
        last = attempt == attempts - 1
        told += [(attempt * 4.0, "received", attempt), (attempt * 4 + 1.0, "started", attempt)]
        late = (
            1.0 if last else draw(st.integers(1, 36)) / 4 + attempt / 100
        )  # no two at one time: that is one told twice
        told += [(attempt * 4 + 1 + late, ending if last else "retried", attempt)]
    events = [event(kind, at, retries=number if kind == "received" else None) for at, kind, number in sorted(told)]
    return events, {"succeeded": "SUCCESS", "failed": "FAILURE"}[ending]


@given(races())
def test_however_late_retries_are_told_a_task_ends_as_its_last_attempt_ended(race: tuple[list[WireEvent], str]) -> None:
    events, ending = race
    store = store_of(*events)
    task = store.tasks().get("T")
    assert task is not None
    assert task.state.name == ending
    assert store.workers(NOW)[0].retried == sum(each.type == "task-retried" for each in events)
