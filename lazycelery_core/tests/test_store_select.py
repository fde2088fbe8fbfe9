"""Pages of tasks: filtered, sorted, counted; children and active tasks."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from lazycelery_core.events import WireEvent
from lazycelery_core.model import Gap, Task, TaskState
from lazycelery_core.query import parse
from lazycelery_core.snapshot import Columns, RowQuery
from lazycelery_core.store import Limits, Store
from lazycelery_core.store.counting import Counting
from lazycelery_core.store.tasks import StoreTasks

NOW = 1_000_000.0
KINDS = ("received", "started", "succeeded", "failed", "retried")


def random_store(tasks: int = 700) -> Store:
    """Several small segments of tasks in all states."""
    chance = random.Random(5)
    store = Store(Limits(tasks=4_096, segment_rows=128), str, NOW - 100)
    for number in range(tasks):
        task_id, host = f"task-{number}", f"w{chance.randrange(3)}@a"
        at = NOW - 100 + number / 10
        events = [WireEvent("task-received", at, host, task_id, name=f"name-{chance.randrange(4)}", retries=0)]
        if chance.random() < 0.9:
            events.append(WireEvent("task-started", at + chance.random(), host, task_id))
            kind = chance.choice(KINDS[1:])
            runtime = round(chance.random(), 1) if kind == "succeeded" else None
            exception = f"E{chance.randrange(3)}()" if kind in ("failed", "retried") else None
            events.append(WireEvent(f"task-{kind}", at + 2, host, task_id, runtime=runtime, exception=exception))
        store.apply(events, at)
    return store


@pytest.fixture(scope="module")
def tasks() -> StoreTasks:
    """The view of a random store."""
    return random_store().tasks(NOW)


def rows_of(tasks: StoreTasks, rows: Sequence[int]) -> list[Task]:
    """The tasks in these rows."""
    return [task for task in map(tasks.row, rows) if task is not None]


FILTERS = (
    "state:failed", "name:name-2", "worker:w1 state:success", "exc:E1", "state:revoked", "runtime>0.5s", "runtime<2s",
    "-runtime>0.5s", "runtime:0.3s..1.6s,4s", "runtime>1s exc:E", "is:running | is:failed",
)  # fmt: skip


@pytest.mark.parametrize("text", FILTERS)
@pytest.mark.parametrize("limit", [5, 1_000])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_filtered_page_is_what_matching_every_task_gives(
    tasks: StoreTasks, text: str, limit: int, reverse: bool
) -> None:
    wanted = parse(text, NOW)
    expected = [task.row for task in tasks if wanted.matches(task, NOW)]
    expected = expected[::-1] if reverse else expected
    page = tasks.select(RowQuery(wanted, reverse=reverse), limit)
    assert list(page.rows) == expected[:limit]
    assert (page.matched, page.total) == (len(expected), 700)


@pytest.mark.parametrize("field", ["name", "state", "worker", "retries", "received", "started", "updated", "exception"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("limit", [1, 50, 1_000])
def test_a_sorted_page_is_in_order_with_unknown_values_last(
    tasks: StoreTasks, field: str, reverse: bool, limit: int
) -> None:
    def key(task: Task) -> Any:
        value = getattr(task, field)
        return None if value == "" else value

    everything = list(tasks)  # the newest first: so stand those with the same value
    known = sorted((task for task in everything if key(task) is not None), key=key, reverse=reverse)
    if reverse:  # sorted() keeps equal ones in order also when reversed
        known = sorted(known, key=lambda task: -task.row)
        known.sort(key=key, reverse=True)
    expected = known + [task for task in everything if key(task) is None]
    page = tasks.select(RowQuery(None, field, reverse), limit)
    assert [key(task) for task in rows_of(tasks, page.rows)] == [key(task) for task in expected[:limit]]
    assert list(page.rows) == [task.row for task in expected[:limit]]
    assert page.matched == 700


@pytest.mark.parametrize("text, matches", [("name-1", 11), ("name-39", 1), ("name", 40), ("nobody", 0)])
def test_few_and_many_names_of_a_dictionary_fit(text: str, matches: int) -> None:
    store = Store(Limits(), str, NOW)
    names = (*(f"name-{number}" for number in range(40)), None)
    store.apply([WireEvent("task-received", NOW, "w", f"t{at}", name=name) for at, name in enumerate(names)], NOW)
    tasks = store.tasks(NOW)
    assert len(tasks.select(RowQuery(parse(f"name:{text}", NOW)), 100).rows) == matches
    assert len(tasks.select(RowQuery(parse(f"-name:{text}", NOW)), 100).rows) == len(names) - matches


def test_a_page_can_be_filtered_and_sorted(tasks: StoreTasks) -> None:
    wanted = parse("state:success", NOW)
    page = tasks.select(RowQuery(wanted, "runtime", reverse=True), 10)
    expected = sorted((task.runtime or 0.0 for task in tasks if wanted.matches(task, NOW)), reverse=True)
    assert [task.runtime for task in rows_of(tasks, page.rows)] == expected[:10]


def test_an_unknown_sort_column_means_by_arrival(tasks: StoreTasks) -> None:
    assert list(tasks.select(RowQuery(None, "nonsense"), 3).rows) == [699, 698, 697]


def test_reversed_arrival_is_oldest_first(tasks: StoreTasks) -> None:
    assert list(tasks.select(RowQuery(reverse=True), 3).rows) == [0, 1, 2]


class Everything:
    """A filter that lets all through and remembers which segments it was asked about."""

    text = "everything"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def mask(self, columns: Columns, now: float) -> Any:
        self.asked.append(columns.ids[0])
        return columns.numbers("state") >= 0

    def matches(self, record: object, now: float) -> bool:
        return True


def test_a_page_is_not_kept_waiting_for_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lazycelery_core.store.search.ROWS", 256)
    store, wanted = random_store(), Everything()
    matched = [store.tasks(NOW).select(RowQuery(wanted), 10).matched for _ in range(3)]
    assert wanted.asked[0] == "task-640"
    assert matched[0] is None
    assert matched[-1] == 700


def test_counts_of_a_few_filters_are_remembered() -> None:
    counting = Counting()
    for key in range(20):
        counting.begin(key).set(0, key)
    assert counting.begin(19).total([0]) == 19
    assert counting.begin(19).total([0, 1]) is None
    assert counting.begin(0).due([0]) == [0]
    assert counting.begin(0).total([0]) is None


def test_active_tasks_are_running_then_waiting_then_to_be_retried(tasks: StoreTasks) -> None:
    active = tasks.active(1_000)
    order = {TaskState.STARTED: 0, TaskState.RECEIVED: 1, TaskState.RETRY: 2}
    assert {task.state for task in active} == set(order)
    assert [order[task.state] for task in active] == sorted(order[task.state] for task in active)
    started = [task.started or 0.0 for task in active if task.state is TaskState.STARTED]
    assert started == sorted(started)
    assert len(active) == sum(task.state.active or task.state is TaskState.RETRY for task in tasks)
    assert [task.row for task in tasks.active(7)] == [task.row for task in active[:7]]


def test_children_are_found_oldest_first_and_never_the_task_itself() -> None:
    store = Store(Limits(tasks=4_096, segment_rows=128), str, NOW)
    store.apply([WireEvent("task-received", NOW, "w", "P", name="p", parent_id="P", root_id="P")], NOW)
    for number in range(400):
        parent = "P" if number % 3 == 0 else "Q"
        event = WireEvent("task-received", NOW, "w", f"c{number}", name="c", parent_id=parent, root_id="P")
        store.apply([event], NOW)
    tasks = store.tasks()
    parent_task = tasks.get("P")
    assert parent_task is not None
    found = [task.id for task in tasks.children(parent_task)]
    assert found == [f"c{number}" for number in range(0, 400, 3)]
    assert [task.id for task in tasks.children(parent_task, 2)] == ["c0", "c3"]


def test_unfinished_tasks_are_named_in_turn() -> None:
    store = Store(Limits(tasks=4_096, segment_rows=128), str, NOW)
    for number in range(300):
        store.apply([WireEvent("task-received", NOW + number, "w", f"t{number}")], NOW + number)
    store.apply([WireEvent("task-succeeded", NOW + 300, "w", "t1", runtime=1.0)], NOW + 300)
    assert list(store.unfinished(3, True)) == ["t0", "t2", "t3"]
    assert list(store.unfinished(2, True)) == ["t4", "t5"]
    silent = [task_id for _ in range(10) for task_id in store.unfinished(100, False)]
    assert "t200" in silent
    assert "t280" not in silent


def test_names_come_with_counts_and_percentiles(tasks: StoreTasks) -> None:
    names = tasks.names()
    assert [stats.name for stats in names] == sorted(
        (stats.name for stats in names), key=lambda name: -sum(task.name == name for task in tasks)
    )
    stats = tasks.stats("name-1")
    assert stats is not None
    assert stats.counts[TaskState.FAILURE] == sum(
        task.name == "name-1" and task.state is TaskState.FAILURE for task in tasks
    )
    assert tasks.stats("nobody") is None


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_percentiles_are_right_to_a_few_per_cent(share: float) -> None:
    store = Store(Limits(tasks=16_384, segment_rows=4_096), str, NOW)
    runtimes = [random.Random(1).expovariate(1) for _ in range(5_000)]
    chance = random.Random(2)
    runtimes = [chance.expovariate(0.1) for _ in range(5_000)]
    for number, runtime in enumerate(runtimes):
        name = {"name": "a", "retries": 0}
        store.apply([WireEvent("task-received", NOW, "w", f"{number}", **name)], NOW)  # type: ignore[arg-type]
        store.apply([WireEvent("task-succeeded", NOW, "w", f"{number}", runtime=runtime)], NOW)
    stats = store.tasks().stats("a")
    assert stats is not None
    told = {0.5: stats.p50, 0.95: stats.p95, 0.99: stats.p99}[share]
    assert told == pytest.approx(sorted(runtimes)[int(share * 5_000) - 1], rel=0.03)


def test_rates_are_by_step_and_unknown_before_we_listened() -> None:
    store = Store(Limits(tasks=4_096, segment_rows=128), str, NOW)
    for second in range(60):
        events = [
            WireEvent("task-succeeded", NOW + second, "w1@a", f"{second}-{each}", runtime=1.0)
            for each in range(second // 10)
        ]
        store.apply(events or [WireEvent("task-started", NOW + second, "w1@a", "x")], NOW + second + 0.5)
    store.gap(Gap(NOW + 12, NOW + 14, "lost"))
    rates = store.tasks(NOW + 60).rates(80, 8)
    assert rates.succeeded == [None, None, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert rates.gaps == frozenset({3})
    assert store.tasks(NOW + 60).rates(60, 6, "w1@a").succeeded == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert store.tasks(NOW + 60).rates(60, 6, "nobody").succeeded == [0.0] * 6


def test_rates_of_the_last_quarter_of_an_hour_only() -> None:
    store = Store(Limits(tasks=4_096, segment_rows=128), str, NOW - 10_000)
    store.apply([WireEvent("task-failed", NOW, "w", "a", exception="E")], NOW)
    rates = store.tasks(NOW + 5).rates(1_800, 6)
    assert rates.failed[:2] == [None, None]
    assert rates.failed[-1] == pytest.approx(1 / 300)
