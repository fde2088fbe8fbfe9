"""Shuffled, duplicated and cut streams end in the states that celery.events.state.State comes to in order of time."""

import gzip
import json
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from celery.events.state import State
from hypothesis import given, settings
from hypothesis import strategies as st

from lazycelery_core.events import WireEvent
from lazycelery_core.model import Task
from lazycelery_core.store import Limits, Store

RECORDED = Path(__file__).parent / "data" / "redis-events.jsonl.gz"
SMALL = Limits(tasks=4_096, segment_rows=2_048)
Told = dict[str, Any]


@cache
def recorded() -> tuple[Told, ...]:
    """All recorded events in order of arrival."""
    events: list[Told] = []
    with gzip.open(RECORDED) as lines:
        for line in lines:
            body = json.loads(line)["body"]
            events += body if isinstance(body, list) else [body]
    return tuple(events)


@cache
def recorded_tasks() -> tuple[tuple[Told, ...], ...]:
    """The recorded task events, by task; custom ones, which State takes for states, left out."""
    tasks: dict[str, list[Told]] = defaultdict(list)
    for event in recorded():
        if "uuid" in event and event["type"] != "task-progress":
            tasks[event["uuid"]].append(event)
    return tuple(map(tuple, tasks.values()))


@cache
def unusual_tasks() -> tuple[tuple[Told, ...], ...]:
    """Those with more than sent, received, started, succeeded in this order."""
    usual = ("task-sent", "task-received", "task-started", "task-succeeded")
    return tuple(task for task in recorded_tasks() if tuple(event["type"] for event in task) != usual)


def folded(events: Sequence[Told]) -> Store:
    """A store that has taken the events in, one by one."""
    store = Store(SMALL, str, 0.0)
    for event in events:
        store.apply([msgspec.convert(event, WireEvent)], event["timestamp"] + 1)
    return store


def task_after(events: Sequence[Told]) -> Task:
    """The one task that the events tell of."""
    task = folded(events).tasks().get(events[0]["uuid"])
    assert task is not None
    return task


def oracle(events: Sequence[Told]) -> Any:
    """Celery's own state of the one task, when its events come in order of time and each once."""
    state = State(max_tasks_in_memory=100)
    once = {json.dumps(event, sort_keys=True): event for event in events}
    for event in sorted(once.values(), key=lambda event: event["timestamp"]):
        state.event({**event, "local_received": event["timestamp"]})
    return state.tasks[events[0]["uuid"]]


def was_retried(events: Sequence[Told]) -> bool:
    """Whether State's answer depends on more than the rank of states."""
    return any(event["type"] == "task-retried" for event in events)


@st.composite
def disturbed(draw: st.DrawFn, of: Sequence[Sequence[Told]], whole: bool = False) -> list[Told]:
    """The events of a task, some of them twice, in any order; not whole: some of them missing."""
    task = draw(st.sampled_from(of))
    kept = list(task) if whole else draw(st.lists(st.sampled_from(task), min_size=1, unique_by=id))
    twice = draw(st.lists(st.sampled_from(kept), max_size=3))
    return draw(st.permutations([*kept, *twice]))


def test_every_recorded_task_ends_as_in_state_when_nothing_is_disturbed() -> None:
    tasks = folded(recorded()).tasks()
    state = State(max_tasks_in_memory=10_000)
    for event in recorded():
        if event["type"] != "task-progress":
            state.event({**event, "local_received": event["timestamp"]})
    assert tasks.held == len(state.tasks)
    for task_id, expected in state.tasks.items():
        task = tasks.get(task_id)
        assert task is not None
        told = (task.name, task.state.name, task.worker, task.runtime, task.sent, task.received, task.started)
        assert told == (
            expected.name, expected.state, expected.worker.hostname, expected.runtime, expected.sent,
            expected.received, expected.started,
        )  # fmt: skip
        assert task.retries == expected.retries


@settings(max_examples=300, deadline=None)
@given(disturbed(recorded_tasks()))
def test_disturbed_streams_without_retries_end_as_in_state(events: list[Told]) -> None:
    if not was_retried(events):
        task, expected = task_after(events), oracle(events)
        assert task.state.name == expected.state
        assert (task.name or None, task.sent, task.received, task.started, task.runtime) == (
            expected.name, expected.sent, expected.received, expected.started, expected.runtime
        )  # fmt: skip


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(0, len(recorded()) - 1))
def test_a_whole_stream_cut_doubled_and_out_of_order_ends_as_in_state(seed: int, start: int) -> None:
    """Listening begins in the middle, a fifth is lost, a tenth comes twice, and all of it up to a second late."""
    chance = Random(seed)
    heard = [event for event in recorded()[start:] if event["type"] != "task-progress" and chance.random() < 0.8]
    told = [*heard, *(event for event in heard if chance.random() < 0.1)]
    tasks = folded(sorted(told, key=lambda event: event["timestamp"] + chance.random())).tasks()
    of_each: dict[str, list[Told]] = defaultdict(list)
    for event in heard:
        if "uuid" in event:
            of_each[event["uuid"]].append(event)
    assert tasks.held == len(of_each)
    for task_id, events in of_each.items():
        task = tasks.get(task_id)
        assert task is not None
        if not was_retried(events):
            assert (task.state.name, task.name or None) == (oracle(events).state, oracle(events).name)


@settings(max_examples=300, deadline=None)
@given(disturbed(unusual_tasks(), whole=True))
def test_whole_streams_in_any_order_end_as_in_state(events: list[Told]) -> None:
    task, expected = task_after(events), oracle(events)
    assert (task.state.name, task.name, task.retries) == (expected.state, expected.name, expected.retries)
    assert task.worker == expected.worker.hostname


@settings(max_examples=300, deadline=None)
@given(disturbed(unusual_tasks()), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(events: list[Told], chance: Any) -> None:
    other = list(events)
    chance.shuffle(other)
    assert facts(task_after(events)) == facts(task_after(other))


def facts(task: Task) -> tuple[Any, ...]:
    """What must not depend on the order of arrival. Who received an attempt is not kept apart from who ran the last."""
    return (
        task.state, task.name, task.retries, task.sent, task.received, task.started, task.runtime,
        task.exception, task.queue, task.parent_key, task.root_key,
    )  # fmt: skip


@st.composite
def lifecycles(draw: st.DrawFn) -> list[Told]:
    """A made-up task with retries on any of two workers, in order of time, one clock for all."""
    at, events = 1_000.0, []
    attempts = draw(st.integers(1, 3))
    for attempt in range(attempts):
        host = draw(st.sampled_from(("w1@a", "w2@b")))
        ends = ("succeeded", "failed", "revoked", "") if attempt == attempts - 1 else ("retried",)
        for kind in ("sent", "received", "started", draw(st.sampled_from(ends))):
            at += draw(st.sampled_from((0.001, 1.0)))
            if kind:
                events.append(made(kind, at, host, attempt))
    return events


def made(kind: str, at: float, host: str, attempt: int) -> Told:
    """One event of a made-up task."""
    event: Told = {"type": f"task-{kind}", "timestamp": at, "hostname": host, "uuid": "T", "clock": 1, "pid": 1}
    if kind in ("sent", "received"):
        event |= {"name": "shop.charge", "retries": attempt, "root_id": "T", "parent_id": "T" if attempt else None}
    return event


@settings(max_examples=200, deadline=None)
@given(lifecycles(), st.randoms(use_true_random=False))
def test_made_up_tasks_in_any_order_end_as_in_state(events: list[Told], chance: Any) -> None:
    expected = oracle(events)
    chance.shuffle(events)
    task = task_after(events)
    assert (task.state.name, task.retries, task.parent_key) == (expected.state, expected.retries, 0)


@pytest.mark.parametrize("kind", ["progress", "xyz", "cancelled"])
def test_a_custom_event_is_no_state(kind: str) -> None:
    events = [made("received", 1.0, "w1@a", 0), made("started", 2.0, "w1@a", 0), made(kind, 3.0, "w1@a", 0)]
    assert task_after(events).state.name == "STARTED"
