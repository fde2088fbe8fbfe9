"""Does it matter how events are cut into batches, and tasks into pieces of memory? And do the counts add up?"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from random import Random
from typing import Any

import pytest

from lazycelery_core.decode import Tally, events_of
from lazycelery_core.events import QueueSample, WireEvent
from lazycelery_core.model import Task, TaskState
from lazycelery_core.snapshot import NameStats
from lazycelery_core.store import Limits, Store

NOW = 1_000_000.0
ROOMY = Limits(tasks=8_192, segment_rows=4_096)  # usual events take the short road
TIGHT = Limits(tasks=8_192, segment_rows=2)  # each batch may need another segment: all take the long one
KINDS = ("sent", "received", "started", "succeeded", "failed", "retried", "revoked", "rejected")
USUAL = ("sent", "received", "started", "succeeded")
QUEUES = ("celery", "emails", "slow")
SEEDS = range(6)


def told(kind: str, at: float, number: int, rng: Random, **more: Any) -> dict[str, Any]:
    """A task event as a worker or a client writes it."""
    event: dict[str, Any] = {"type": f"task-{kind}", "timestamp": NOW + at, "uuid": f"T{number}", "clock": int(at) + 1,
                             "hostname": f"w{number % 3}@a" if kind != "sent" else "gen1@client"}  # fmt: skip
    if kind in ("sent", "received"):
        event |= {"name": f"shop.job{number % 4}", "root_id": f"T{number - number % 5}", "parent_id": f"T{number - 1}"}
    if kind == "sent":
        event["queue"] = QUEUES[number % 3]
    if kind == "succeeded":
        event |= {"runtime": rng.choice((0.0, 0.00005, 0.004, 0.12, 2.5, 4_000.0, 2e6)), "result": f"{number}"}
    if kind in ("failed", "retried"):
        event |= {"exception": f"ValueError({number % 2})", "traceback": "Traceback ..."}
    return event | more


def usual(seed: int) -> list[dict[str, Any]]:
    """Forty tasks in the usual order, mixed up with each other."""
    rng = Random(seed)
    steps = sorted((rng.random() * 50 + step, number, step) for number in range(40) for step in range(4))
    done: Counter[int] = Counter()
    events = []
    for at, number, _ in steps:
        events.append(told(USUAL[done[number]], at, number, rng))
        done[number] += 1
    return [event for event in events if rng.random() < 0.95]


def odd(seed: int) -> list[dict[str, Any]]:
    """Thirty tasks of which anything is told, in any order and often more than once."""
    rng = Random(100 + seed)
    events = usual(seed)
    for _ in range(160):
        kind, number = rng.choice(KINDS), rng.randrange(30)
        more: dict[str, Any] = {}
        if kind in ("sent", "received") and rng.random() < 0.5:
            more["retries"] = rng.randrange(3)
        if kind == "received" and rng.random() < 0.2:
            more["eta"] = "1970-01-12T14:00:00+00:00"
        if rng.random() < 0.1:
            more["name"] = rng.choice(("shop.other", None))
        if rng.random() < 0.1:
            more["hostname"] = "w9@elsewhere"
        if rng.random() < 0.05:
            more["timestamp"] = rng.choice((1e9 * 4, 5.0))
        events.append(told(kind, rng.random() * 60, number, rng, **more))
    rng.shuffle(events)
    return events


def store_of(events: Sequence[dict[str, Any]], limits: Limits, batch: int = 7) -> Store:
    """A store that has taken these in."""
    store, taken = Store(limits, str, NOW - 5), Tally()
    wire = [event for each in events for event in events_of(json.dumps(each).encode(), NOW, taken)]
    store.apply([QueueSample(name, NOW + 90, {0: 5}) for name in QUEUES], NOW + 90)
    for start in range(0, len(wire), batch):
        store.apply(wire[start : start + batch], NOW + 100)
    store.apply([QueueSample(name, NOW + 100, {0: 5}) for name in QUEUES], NOW + 100)
    return store


def all_facts(store: Store) -> dict[str, Any]:
    """Everything that a store tells, but for row numbers and versions."""
    tasks, now = store.tasks(), NOW + 110
    names = [field.name for field in fields(Task) if field.name not in ("row", "version")]
    facts = {task.id: [getattr(task, name) for name in names] for task in tasks}
    stories = {name: tasks.story(name) for name in facts}
    return {
        "tasks": facts,
        "stories": {
            name: [(each.kind, each.timestamp, each.worker, each.attempt, each.fields) for each in story.moments]
            for name, story in stories.items() if story is not None
        },
        "counts": tasks.counts(),
        "names": tasks.names(),
        "workers": store.workers(now),
        "queues": store.queues(now),
        "rates": [tasks.rates(60, 12, worker) for worker in ("", "w0@a", "w1@a", "nobody")],
        "totals": store.totals(now),
        "held": (tasks.held, tasks.evicted),
    }  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("made", [usual, odd])
def test_neither_batches_nor_pieces_of_memory_change_what_is_told(made: Any, seed: int) -> None:
    events = made(seed)
    whole = all_facts(store_of(events, ROOMY))
    pieces = all_facts(store_of(events, TIGHT))
    for what, facts in whole.items():
        assert pieces[what] == facts, what
    single = all_facts(store_of(events, ROOMY, 1))
    assert {name: single[name] for name in ("tasks", "stories", "counts")} == {
        name: whole[name] for name in ("tasks", "stories", "counts")
    }


@pytest.mark.parametrize("limits", [ROOMY, TIGHT], ids=["roomy", "tight"])
@pytest.mark.parametrize("seed", SEEDS)
def test_counts_are_those_of_the_rows(seed: int, limits: Limits) -> None:
    store = store_of(odd(seed), limits)
    tasks = store.tasks()
    rows = list(tasks)
    states = Counter(task.state for task in rows)
    assert tasks.counts() == {state: states[state] for state in TaskState}
    assert {stats.name: dict(stats.counts) for stats in tasks.names() if stats.counts} == {
        name: dict(Counter(task.state for task in rows if task.name == name))
        for name in {task.name for task in rows} - {""}
    }


@pytest.mark.parametrize("limits", [ROOMY, TIGHT], ids=["roomy", "tight"])
def test_what_ended_is_counted_by_worker_in_all_and_by_second(limits: Limits) -> None:
    store = store_of(usual(1), limits)
    ended = [task for task in store.tasks() if task.state is TaskState.SUCCESS]
    by_worker = Counter(task.worker for task in ended)
    assert {worker.hostname: worker.succeeded for worker in store.workers(NOW + 110) if worker.succeeded} == by_worker
    assert sum(rate or 0.0 for rate in store.tasks(NOW + 110).rates(60, 60).succeeded) == pytest.approx(len(ended))
    store.apply([WireEvent("worker-heartbeat", NOW + 110, "w0@a")], NOW + 110)  # closes the five seconds
    for worker, count in by_worker.items():
        rates = store.tasks(NOW + 115).rates(60, 12, worker)
        assert sum(rate or 0.0 for rate in rates.succeeded) * 5 == pytest.approx(count)
        assert not any(rates.failed)
        assert not any(rates.retried)


@pytest.mark.parametrize("limits", [ROOMY, TIGHT], ids=["roomy", "tight"])
@pytest.mark.parametrize("runtime", [0.0, 0.00005, 0.0001, 0.003, 0.9, 60.0, 86_400.0, 1e6])
def test_percentiles_are_right_to_two_percent_whatever_the_runtime(limits: Limits, runtime: float) -> None:
    rng = Random(1)
    events = [told(kind, 1.0, number, rng, runtime=runtime, name="same") for number in range(8) for kind in USUAL]
    store = store_of(events, limits)
    stats = store.tasks().stats("same")
    assert stats is not None
    assert stats.counts == {TaskState.SUCCESS: 8}
    for figure in (stats.p50, stats.p95, stats.p99):
        assert figure == pytest.approx(runtime, rel=0.021, abs=0.0001)
    (worker,) = {worker.p95 for worker in store.workers(NOW + 110) if worker.succeeded}
    assert worker == stats.p95


@pytest.mark.parametrize("limits", [ROOMY, TIGHT], ids=["roomy", "tight"])
def test_the_middle_and_the_slowest_of_a_hundred_runtimes(limits: Limits) -> None:
    rng = Random(1)
    events = [
        told(kind, 1.0, number, rng, runtime=float(number + 1), name="same") for number in range(100) for kind in USUAL
    ]
    stats = store_of(events, limits).tasks().stats("same")
    assert stats is not None
    for figure, true in ((stats.p50, 50), (stats.p95, 95), (stats.p99, 99)):
        assert figure == pytest.approx(true, rel=0.021)


@pytest.mark.parametrize("limits", [ROOMY, TIGHT], ids=["roomy", "tight"])
def test_a_longer_time_than_the_last_bucket_counts_as_the_longest(limits: Limits) -> None:
    rng = Random(1)
    events = [told(kind, 1.0, 1, rng, runtime=3e8, name="same") for kind in USUAL]
    stats = store_of(events, limits).tasks().stats("same")
    assert stats is not None
    assert stats.p50 is not None
    assert 12 * 86_400 < stats.p50 < 14 * 86_400


@pytest.mark.parametrize("limits", [ROOMY, TIGHT], ids=["roomy", "tight"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_event_alone_makes_its_state(limits: Limits, kind: str) -> None:
    state = {"sent": "PENDING", "succeeded": "SUCCESS", "failed": "FAILURE", "retried": "RETRY"}.get(kind, kind.upper())
    store = store_of([told(kind, 3.0, 4, Random(1))], limits)
    (task,) = store.tasks()
    assert (task.state.name, task.updated, task.id) == (state, NOW + 3, "T4")
    assert task.worker == ("" if kind == "sent" else "w1@a")
    times = {"sent": task.sent, "received": task.received, "started": task.started}
    assert {name: at for name, at in times.items() if at is not None} == ({kind: NOW + 3} if kind in times else {})
    assert (task.name, task.queue) == (
        "shop.job0" if kind in ("sent", "received") else "", "emails" if kind == "sent" else "",
    )  # fmt: skip
    assert (task.root_key, task.parent_key) == ((hash("T0"), hash("T3")) if kind in ("sent", "received") else (0, 0))


@pytest.mark.parametrize("limits", [ROOMY, TIGHT], ids=["roomy", "tight"])
def test_a_row_knows_the_version_of_the_store_at_its_last_change(limits: Limits) -> None:
    rng, store = Random(1), Store(limits, str, NOW)
    versions = []
    for kind in USUAL:
        (event,) = events_of(json.dumps(told(kind, 1.0, 1, rng)).encode(), NOW, Tally())
        store.apply([event], NOW)
        (task,) = store.tasks()
        versions.append((task.version, store.version))
        store.apply([WireEvent("worker-heartbeat", NOW, "w1@a")], NOW)
    assert versions == [(1, 1), (3, 3), (5, 5), (7, 7)]


@pytest.mark.parametrize("limits", [ROOMY, TIGHT], ids=["roomy", "tight"])
@pytest.mark.parametrize("beyond, believed", [(-1, True), (0, False)])
@pytest.mark.parametrize("direction", [1, -1])
def test_a_time_more_than_ten_years_away_is_the_time_of_arrival(
    limits: Limits, direction: int, beyond: int, believed: bool
) -> None:
    now = 1_800_000_000.0
    store, at = Store(limits, str, now), now + direction * (10 * 365 * 86_400 + beyond)
    store.apply([WireEvent("task-received", at, "w1@a", "T", name="a")], now)
    (task,) = store.tasks()
    assert task.received == (at if believed else now)


@pytest.mark.parametrize("limits", [ROOMY, TIGHT], ids=["roomy", "tight"])
def test_an_id_may_have_a_thousand_characters(limits: Limits) -> None:
    store = Store(limits, str, NOW)
    ids = ["x" * length for length in (1, 1_000, 1_001)]
    store.apply([WireEvent("task-received", NOW, "w1@a", each, name="a") for each in ids], NOW)
    store.apply([WireEvent("task-received", NOW, "w1@a", f"{each}!", name="a") for each in ids], NOW)
    assert [len(task.id) for task in store.tasks()] == [2, 1_000, 1]
    assert store.totals(NOW).rejected == {"a task id that is too long": 3}


@pytest.mark.parametrize("limits", [ROOMY, TIGHT], ids=["roomy", "tight"])
def test_a_sent_event_that_comes_later_tells_only_what_was_not_known(limits: Limits) -> None:
    rng = Random(1)
    received = told("received", 5.0, 4, rng, name="shop.new")
    sent = told("sent", 1.0, 4, rng, name="shop.old")
    (task,) = store_of([received, sent], limits).tasks()
    assert (task.name, task.queue, task.sent, task.received) == ("shop.new", "emails", NOW + 1, NOW + 5)
    assert (task.state, task.updated) == (TaskState.RECEIVED, NOW + 5)
    nameless = {name: value for name, value in received.items() if name != "name"}
    (task,) = store_of([nameless, sent], limits).tasks()
    assert task.name == "shop.old"


@pytest.mark.parametrize("limits", [ROOMY, TIGHT], ids=["roomy", "tight"])
def test_of_two_reports_of_one_kind_the_later_is_believed(limits: Limits) -> None:
    rng = Random(1)
    for kind in KINDS:
        first, second = told(kind, 1.0, 4, rng), told(kind, 2.0, 4, rng, hostname="w2@a")
        for events in ([first, second], [second, first]):
            (task,) = store_of(events, limits).tasks()
            assert task.updated == NOW + 2
            assert task.worker == ("" if kind == "sent" else "w2@a")
            if kind in ("sent", "received", "started"):
                assert getattr(task, kind) == NOW + 2


@pytest.mark.parametrize("limits", [ROOMY, TIGHT], ids=["roomy", "tight"])
def test_a_success_told_twice_counts_once_and_its_runtime_once(limits: Limits) -> None:
    rng = Random(1)
    events = [told(kind, 1.0, 4, rng, runtime=0.0) for kind in USUAL]
    store = store_of([*events, told("succeeded", 2.0, 4, rng, runtime=5.0)], limits)
    (task,) = store.tasks()
    stats = store.tasks().stats("shop.job0")
    assert stats is not None
    assert task.runtime == 5.0
    assert stats.p99 == pytest.approx(0.0, abs=0.0001)
    assert [worker.succeeded for worker in store.workers(NOW) if worker.hostname == "w1@a"] == [1]


both = pytest.mark.parametrize("limits", [ROOMY, TIGHT], ids=["roomy", "tight"])


def one(limits: Limits, *events: dict[str, Any]) -> Task:
    """The one task that the events tell of."""
    (task,) = store_of(events, limits, 1).tasks()
    return task


@both
def test_a_success_need_not_tell_how_long_it_took_and_only_a_success_does(limits: Limits) -> None:
    rng = Random(1)
    begun = [told(kind, 1.0, 4, rng) for kind in USUAL[:3]]
    task = one(limits, *begun, told("succeeded", 2.0, 4, rng, runtime=None))
    assert (task.state, task.runtime) == (TaskState.SUCCESS, None)
    task = one(limits, *begun, told("failed", 2.0, 4, rng, runtime=1.0))
    assert (task.state, task.runtime, task.exception) == (TaskState.FAILURE, None, "ValueError(0)")
    ten_years = 10 * 365 * 86_400.0
    for runtime, known in ((0.0, 0.0), (ten_years - 1, ten_years - 1), (ten_years, None)):
        assert one(limits, *begun, told("succeeded", 2.0, 4, rng, runtime=runtime)).runtime == known


@both
def test_the_name_that_a_worker_received_is_believed_and_no_name_takes_none_away(limits: Limits) -> None:
    rng = Random(1)
    sent, received = told("sent", 1.0, 4, rng, name="old"), told("received", 2.0, 4, rng, name="new")
    assert one(limits, sent, received).name == "new"
    assert one(limits, received, sent).name == "new"
    assert one(limits, sent, received, told("received", 2.0, 4, rng, name="newer")).name == "newer"
    assert one(limits, sent, told("received", 2.0, 4, rng, name=None)).name == "old"
    assert one(limits, received, told("received", 3.0, 4, rng, name=None)).name == "new"


@both
def test_a_retry_waits_again_once_it_is_sent_again(limits: Limits) -> None:
    rng = Random(1)
    attempt = [told("received", 1.0, 4, rng, retries=0), told("started", 2.0, 4, rng), told("retried", 3.0, 4, rng)]
    assert one(limits, *attempt).state is TaskState.RETRY
    again = one(limits, *attempt, told("sent", 4.0, 4, rng, retries=1))
    assert (again.state, again.updated, again.retries, again.queue) == (TaskState.PENDING, NOW + 4, 1, "emails")
    assert one(limits, *attempt, told("sent", 0.5, 4, rng)).state is TaskState.RETRY
    failed = [told("failed", 3.5, 4, rng), told("sent", 4.0, 4, rng, retries=1)]
    assert one(limits, *attempt, *failed).state is TaskState.FAILURE


@both
def test_tasks_sent_to_a_queue_are_its_rate_in(limits: Limits) -> None:
    rng = Random(1)
    store = store_of([told("sent", 1.0, number, rng) for number in range(30)], limits)
    assert {queue.name: queue.in_rate for queue in store.queues(NOW + 100)} == dict.fromkeys(QUEUES, 1.0)


@both
def test_a_worker_whose_received_tasks_are_told_sends_task_events(limits: Limits) -> None:
    rng, store = Random(1), Store(limits, str, NOW)
    for second in range(20):
        beat = WireEvent("worker-heartbeat", NOW + second, "w1@a", pid=1, freq=2.0, active=0, processed=second)
        (task,) = events_of(json.dumps(told("received", second, 3 * second + 1, rng)).encode(), NOW, Tally())
        store.apply([beat, task], NOW + second)
    (worker,) = store.workers(NOW + 20)
    assert worker.task_events is True


@both
@pytest.mark.parametrize("kind", ["received", "succeeded", "failed", "retried"])
def test_a_worker_that_sends_no_heartbeats_lives_as_long_as_its_tasks_are_told(limits: Limits, kind: str) -> None:
    rng, store = Random(1), Store(limits, str, NOW)
    for second in range(60):
        events = [told(step, second, 3 * second + 1, rng) for step in dict.fromkeys(("received", kind))]
        store.apply(
            [each for one in events for each in events_of(json.dumps(one).encode(), NOW, Tally())], NOW + second
        )
    assert [worker.reason for worker in store.workers(NOW + 60)] == ["no heartbeats, but task events come"]
    assert [worker.reason for worker in store.workers(NOW + 600)] == ["heartbeats are overdue"]


def test_names_are_told_busiest_first_then_by_name_and_the_rest_last() -> None:
    store = Store(Limits(tasks=4_096, segment_rows=2_048, names=3), str, NOW)
    names = ["b", "a", "c", "c", *(f"more{number}" for number in range(9))]
    store.apply([WireEvent("task-received", NOW, "w1@a", f"{at}", name=name) for at, name in enumerate(names)], NOW)
    assert [stats.name for stats in store.tasks().names()] == ["c", "a", "b", "(other)"]
    assert store.tasks().stats("nothing") is None
    assert store.totals(NOW).left_out == {"names beyond the limit": 9}
    first: NameStats | None = store.tasks().stats("c")
    assert first is not None
    assert first.counts == {TaskState.RECEIVED: 2}


def test_a_row_that_is_not_there_is_none() -> None:
    tasks = store_of(usual(1), ROOMY).tasks()
    assert tasks.held == 40
    assert [tasks.row(row) is None for row in (-1, 0, 39, 40, 4_096)] == [True, False, False, True, True]
    assert [task.row for task in tasks] == list(range(39, -1, -1))
    assert tasks.get("nobody") is None
    assert tasks.story("nobody") is None
