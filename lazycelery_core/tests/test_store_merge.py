"""What task events, results and inspect replies make of a task."""

import json
from typing import Any

import pytest

from lazycelery_core.decode import Tally, events_of
from lazycelery_core.events import Event, ResultMeta, TaskSeen, WireEvent
from lazycelery_core.model import Task, TaskState
from lazycelery_core.store import Limits, Store

NOW = 1_000_000.0
SMALL = Limits(tasks=4_096, segment_rows=2_048)


def event(kind: str, at: float = 0.0, host: str = "w1@a", task_id: str = "T", **fields: Any) -> WireEvent:
    """A task event `at` seconds after NOW."""
    return WireEvent(f"task-{kind}", NOW + at, host, task_id, **fields)


def wire(kind: str, at: float = 0.0, **fields: Any) -> WireEvent:
    """A task event with its body, as from the wire."""
    told = {"type": f"task-{kind}", "timestamp": NOW + at, "hostname": "w1@a", "uuid": "T", **fields}
    return events_of(json.dumps(told).encode(), NOW, Tally())[0]


def store_of(*events: Event) -> Store:
    """A store that has taken these in, one at a time."""
    store = Store(SMALL, str, NOW)
    for each in events:
        store.apply([each], NOW + 10)
    return store


def task_of(*events: Event) -> Task:
    """The task T after these events."""
    task = store_of(*events).tasks().get("T")
    assert task is not None
    return task


def test_a_second_delivery_that_fails_later_counts() -> None:
    assert task_of(event("succeeded", 1, runtime=1.0), event("failed", 2, exception="E()")).state is TaskState.FAILURE
    assert task_of(event("failed", 2, exception="E()"), event("succeeded", 1, runtime=1.0)).state is TaskState.FAILURE


def test_a_hard_time_limit_is_named_and_counted_once() -> None:
    traceback = (
        'Traceback (most recent call last):\n  File "pool.py"\nbilliard.TimeLimitExceeded: TimeLimitExceeded(5,)\n'
    )
    failed = wire("failed", 3, exception="ExceptionWithTraceback()", traceback=traceback)
    again = wire("failed", 4, exception="ExceptionWithTraceback()", traceback=traceback)
    store = store_of(wire("received"), wire("started", 1), failed, again)
    task = store.tasks().get("T")
    assert task is not None
    assert (task.state, task.exception) == (TaskState.FAILURE, "TimeLimitExceeded(5,)")
    assert store.workers(NOW)[0].failed == 1


def test_a_replaced_task_has_its_new_name_and_keeps_its_true_parent() -> None:
    task = task_of(
        event("received", 0, name="flow.split", parent_id="P", root_id="R"), event("started", 1),
        event("sent", 2, name="flow.part", parent_id="T", root_id="R"),
        event("received", 3, name="flow.part", parent_id="T", root_id="R"), event("started", 4),
    )  # fmt: skip
    assert (task.name, task.parent_key, task.root_key) == ("flow.part", hash("P"), hash("R"))


def test_a_task_that_is_its_own_parent_has_none() -> None:
    assert task_of(event("received", name="a", parent_id="T", root_id="T")).parent_key == 0


def test_an_ignored_task_stays_started() -> None:
    assert task_of(event("received"), event("started", 1)).state is TaskState.STARTED


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1e12, 1e18, 0.0])
def test_an_impossible_time_becomes_the_time_of_arrival(time: float) -> None:
    task = task_of(WireEvent("task-received", time, "w1@a", "T"))
    assert (task.received, task.updated) == (NOW + 10, NOW + 10)


@pytest.mark.parametrize("runtime", [float("nan"), float("inf"), -1.0, 1e300])
def test_an_impossible_runtime_is_unknown(runtime: float) -> None:
    store = store_of(event("received", name="a"), event("succeeded", 1, runtime=runtime))
    task, stats = store.tasks().get("T"), store.tasks().stats("a")
    assert task is not None
    assert stats is not None
    assert (task.state, task.runtime, stats.p50) == (TaskState.SUCCESS, None, None)


def test_events_without_an_id_are_rejected_and_counted() -> None:
    store = store_of(event("received", task_id=""), event("received", task_id="x" * 2_000))
    assert store.tasks().held == 0
    assert store.totals(NOW).rejected == {"a task event without an id": 1, "a task id that is too long": 1}


def test_retries_without_numbers_are_counted_by_what_happened() -> None:
    task = task_of(
        event("received"), event("started"), event("retried", exception="E"), event("received"), event("started"),
        event("succeeded", runtime=1.0),
    )  # fmt: skip
    assert (task.state, task.retries) == (TaskState.SUCCESS, 1)


def test_a_retry_on_a_host_with_another_clock_ends_as_it_ended() -> None:
    """The first worker is six hours ahead: its retry seems to come after everything that follows."""
    ahead = 21_600.0
    task = task_of(
        event("received", ahead, retries=0), event("started", ahead + 1), event("retried", ahead + 2, exception="E"),
        event("received", 3, "w2@b", retries=1), event("started", 4, "w2@b"),
        event("succeeded", 5, "w2@b", runtime=1.0),
    )  # fmt: skip
    assert (task.state, task.worker, task.retries) == (TaskState.SUCCESS, "w2@b", 1)


def test_a_retry_that_is_told_late_does_not_undo_the_next_attempt() -> None:
    task = task_of(
        event("received", retries=0), event("started", 1), event("received", 2, "w2@b", retries=1),
        event("started", 2.1, "w2@b"), event("succeeded", 2.2, "w2@b", runtime=0.1),
        event("retried", 2.3, exception="E"), event("retried", 2.3, exception="E"),
    )  # fmt: skip
    assert (task.state, task.worker) == (TaskState.SUCCESS, "w2@b")


def test_duplicates_count_once() -> None:
    received = event("received", name="a")
    succeeded = event("succeeded", 1, runtime=0.5)
    store = store_of(received, received, received, succeeded, succeeded)
    stats = store.tasks().stats("a")
    assert stats is not None
    assert stats.counts == {TaskState.SUCCESS: 1}
    assert store.workers(NOW)[0].succeeded == 1
    assert sum(value or 0.0 for value in store.tasks(NOW + 11).rates(10, 10).succeeded) == 1.0


def test_a_custom_event_makes_a_row_but_no_state() -> None:
    task = task_of(event("progress", 1))
    assert (task.state, task.updated) == (TaskState.PENDING, NOW + 1)


def test_a_name_that_comes_late_moves_the_task_to_it() -> None:
    store = store_of(event("started", 1), event("received", 0, name="late.name"))
    stats = store.tasks().stats("late.name")
    assert stats is not None
    assert stats.counts == {TaskState.STARTED: 1}


def test_exceptions_are_redacted_before_they_are_kept() -> None:
    store = Store(SMALL, lambda text: text.replace("hunter2", "***"), NOW)
    store.apply([event("failed", exception="LoginError('hunter2')")], NOW)
    task = store.tasks().get("T")
    assert task is not None
    assert task.exception == "LoginError('***')"
    assert "hunter2" not in repr(vars(store._table)["exceptions"].values)


def meta(status: str, at: float = 5.0, **fields: Any) -> ResultMeta:
    """A stored result of T."""
    return ResultMeta("T", status, NOW + at, **fields)


def test_a_stored_result_repairs_an_end_that_was_missed() -> None:
    task = task_of(event("received", name="a"), event("started", 1), meta("FAILURE", exception="E('gone')"))
    assert (task.state, task.exception) == (TaskState.FAILURE, "E('gone')")


def test_a_task_that_only_a_result_tells_of_is_held() -> None:
    task = task_of(meta("SUCCESS", name="quiet", worker="w9@z", queue="slow", retries=2, parent_id="P"))
    assert (task.name, task.worker, task.queue, task.retries) == ("quiet", "w9@z", "slow", 2)
    assert task.parent_key == hash("P")


def test_the_event_after_its_result_counts_once_and_brings_the_runtime() -> None:
    store = store_of(
        event("received", name="a"), meta("SUCCESS", 1), event("started", 0.5), event("succeeded", 1.1, runtime=0.4)
    )
    task, stats = store.tasks().get("T"), store.tasks().stats("a")
    assert task is not None
    assert stats is not None
    assert (task.state, task.runtime) == (TaskState.SUCCESS, 0.4)
    assert stats.p50 == pytest.approx(0.4, rel=0.03)
    assert store.workers(NOW)[0].succeeded == 1


def test_a_revoke_written_while_the_task_runs_elsewhere_is_not_believed() -> None:
    revoked = meta("REVOKED", 2)
    running = [event("received", 0), event("started", 1)]
    assert task_of(*running, revoked).state is TaskState.STARTED
    assert task_of(revoked, *running).state is TaskState.STARTED
    assert task_of(event("received", 0), revoked, event("started", 3)).state is TaskState.STARTED
    assert task_of(revoked, *running, event("succeeded", 4, runtime=1.0)).state is TaskState.SUCCESS


def test_a_revoke_of_a_waiting_task_is_believed() -> None:
    assert task_of(event("received", 0), meta("REVOKED", 2)).state is TaskState.REVOKED


def test_a_worker_that_runs_a_revoked_task_is_believed() -> None:
    seen = TaskSeen("T", "active", NOW + 8, "w1@a", "STARTED", started=NOW + 1)
    assert task_of(event("received", 0), meta("REVOKED", 2), seen).state is TaskState.STARTED
    assert task_of(event("received", 0), event("revoked", 2), seen).state is TaskState.REVOKED


def test_inspect_shows_tasks_whose_events_are_off() -> None:
    seen = TaskSeen("T", "active", NOW + 8, "w1@a", "STARTED", name="quiet", queue="q", started=NOW + 1)
    task = task_of(seen)
    assert (task.state, task.name, task.worker, task.started) == (TaskState.STARTED, "quiet", "w1@a", NOW + 1)


def test_inspect_never_undoes_an_end() -> None:
    seen = TaskSeen("T", "active", NOW + 8, "w1@a", "STARTED", started=NOW + 1)
    assert task_of(event("received"), event("succeeded", 2, runtime=1.0), seen).state is TaskState.SUCCESS


def test_a_scheduled_task_has_its_eta() -> None:
    due = "2026-11-22T15:41:57+00:00"
    seen = TaskSeen("T", "scheduled", NOW, "w1@a", "RECEIVED", eta=due)
    assert task_of(seen).eta == task_of(event("received", eta=due)).eta == 1795362117.0


def test_an_eta_that_is_no_time_is_unknown() -> None:
    assert task_of(event("received", eta="soon")).eta is None


def test_a_stored_retry_waits_for_the_next_attempt() -> None:
    retry = meta("RETRY", 2, exception="E()")
    assert task_of(event("received", retries=0), event("started", 1), retry).state is TaskState.RETRY
    again = [event("retried", 2.01, exception="E()"), event("received", 3, retries=1), event("started", 4)]
    store = store_of(event("received", retries=0), event("started", 1), retry, *again)
    task = store.tasks().get("T")
    assert task is not None
    assert task.state is TaskState.STARTED
    assert store.workers(NOW)[0].retried == 1


def test_an_unknown_status_of_a_result_is_no_state() -> None:
    assert task_of(event("received"), event("started", 1), meta("PROGRESS")).state is TaskState.STARTED
