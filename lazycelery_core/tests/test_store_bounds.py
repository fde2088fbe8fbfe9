"""How much is held, which rows go first, and is everything that found no room counted by what it was?"""

import json

import pytest

from lazycelery_core.decode import Tally, events_of
from lazycelery_core.events import QueueSample, WireEvent
from lazycelery_core.model import Gap, TaskState
from lazycelery_core.query import parse
from lazycelery_core.snapshot import RowQuery
from lazycelery_core.store import Limits, Store
from lazycelery_core.store.dictionary import Dictionary, Exceptions, headless
from lazycelery_core.store.index import Index
from lazycelery_core.store.rings import Ring
from lazycelery_core.store.segment import Segment

NOW = 1_000_000.0
LONG = "x" * 60_000


def filled(tasks: int, limit: int) -> Store:
    """A store in pieces of eight that was told of so many tasks: every second one has ended."""
    store = Store(Limits(tasks=limit, segment_rows=8), str, NOW)
    for number in range(tasks):
        events = [WireEvent("task-received", NOW + number, "w1@a", f"T{number}", name=f"name{number % 2}")]
        if number % 2:
            events.append(WireEvent("task-succeeded", NOW + number, "w1@a", f"T{number}", runtime=1.0))
        store.apply(events, NOW + number)
    return store


@pytest.mark.parametrize(
    "limit, tasks, held",
    [(16, 16, 16), (16, 17, 9), (16, 24, 16), (17, 24, 24), (17, 25, 17), (1, 16, 16), (1, 17, 9), (24, 100, 20)],
)
def test_as_many_pieces_are_held_as_the_limit_needs_and_two_at_least(limit: int, tasks: int, held: int) -> None:
    view = filled(tasks, limit).tasks()
    assert (view.held, view.evicted) == (held, tasks - held)
    assert [task.id for task in view] == [f"T{number}" for number in range(tasks - 1, tasks - held - 1, -1)]
    assert view.get(f"T{tasks - held - 1}") is None
    assert view.row(tasks - held - 1) is None
    oldest = view.get(f"T{tasks - held}")
    assert oldest is not None
    assert oldest.row == tasks - held


@pytest.mark.parametrize("tasks", [40, 41, 47, 48])
def test_what_is_dropped_is_no_longer_counted_nor_found(tasks: int) -> None:
    view = filled(tasks, 16).tasks()
    rows = list(view)
    states = [task.state for task in rows]
    assert view.counts() == {state: states.count(state) for state in TaskState}
    assert [view.select(RowQuery(), 5).matched, view.select(RowQuery(), 5).total] == [view.held, view.held]
    found = view.select(RowQuery(parse("state:success", NOW)), 100)
    assert [view.row(row) for row in found.rows] == [task for task in rows if task.state is TaskState.SUCCESS]
    assert found.matched == states.count(TaskState.SUCCESS)


def test_a_dropped_task_that_comes_again_is_found_though_its_old_row_is_being_forgotten() -> None:
    store = filled(33, 16)
    for number in range(8):
        store.apply([WireEvent("task-received", NOW, "w1@a", f"T{number}", name="again")], NOW)
    view = store.tasks()
    assert [(task.id, task.name) for task in list(view)[:8]] == [(f"T{number}", "again") for number in range(7, -1, -1)]
    for number in range(8):
        task = view.get(f"T{number}")
        assert task is not None
        assert (task.row, task.name) == (33 + number, "again")


def test_the_first_page_and_the_last_of_all_tasks() -> None:
    view = filled(12, 64).tasks()
    assert list(view.select(RowQuery(), 3).rows) == [11, 10, 9]
    assert list(view.select(RowQuery(reverse=True), 3).rows) == [0, 1, 2]
    late = filled(20, 16).tasks()
    assert list(late.select(RowQuery(reverse=True), 3).rows) == [8, 9, 10]


def test_texts_without_room_are_counted_by_what_they_are() -> None:
    store = Store(Limits(tasks=64, segment_rows=32, names=2, hosts=2, queues=2, exceptions=2), str, NOW)
    for number in range(5):
        store.apply([
            WireEvent("task-sent", NOW, "c@a", f"T{number}", name=f"n{number}", queue=f"q{number}"),
            WireEvent("task-failed", NOW, f"w{number}@a", f"T{number}", exception=f"E{number}()"),
        ], NOW)  # fmt: skip
    left_out = store.totals(NOW).left_out
    assert {name: count for name, count in left_out.items() if "exceptions" not in name} == {
        "names beyond the limit": 3, "workers beyond the limit": 3, "queues beyond the limit": 3,
    }  # fmt: skip
    assert [(task.name, task.worker, task.queue) for task in store.tasks()][:3] == [("(other)",) * 3] * 3
    assert [task.exception for task in store.tasks()] == ["E4(…)", "E3(…)", "E2(…)", "E1()", "E0()"]
    assert Store(Limits(), str, NOW).totals(NOW).left_out == {}


def test_a_text_is_kept_up_to_its_length_and_told_apart_by_what_is_kept() -> None:
    words = Dictionary(10)
    whole, longer = "x" * 255, "x" * 256
    assert [words.add(text) for text in (whole, longer, f"{longer}y")] == [0, 1, 1]
    assert words.values == [whole, "x" * 254 + "…"]
    assert [words.text(code) for code in (0, -1)] == [whole, ""]


def test_exceptions_are_redacted_once_and_lose_their_message_beyond_the_limit() -> None:
    asked: list[str] = []

    def redact(text: str) -> str:
        asked.append(text)
        return text.replace("secret", "***")

    texts = Exceptions(2, redact)
    told = ["A('secret')", "A('secret')", "B(2)", "C('secret')", "C(4)", "D", "", None]
    assert [texts.text(texts.add(each)) for each in told] == [
        "A('***')",
        "A('***')",
        "B(2)",
        "C(…)",
        "C(…)",
        "D",
        "",
        "",
    ]
    assert asked == ["A('secret')", "B(2)"]
    assert headless("a.B(c(d))") == "a.B(…)"


def test_an_index_forgets_rows_that_are_gone_and_keeps_ids_that_came_again() -> None:
    index = Index()

    def put(task_id: str, row: int) -> None:
        index.shards[hash(task_id) & 255][task_id] = row

    for row, task_id in enumerate("abcde"):
        put(task_id, row)
    put("b", 9)
    index.drop(tuple("abcde"), 0)
    for _ in range(2):
        index.forget_some()
    assert [index.get(task_id) for task_id in "abcde"] == [-1, 9, -1, -1, 4]
    index.drop(("f",), 5)
    put("f", 5)
    index.forget_some()
    assert (index.get("e"), len(index.dropped)) == (-1, 1)
    index.forget_some()
    assert (index.get("f"), index.dropped) == (-1, [])
    assert index.get("never") == -1


def test_a_new_piece_of_memory_knows_nothing_of_its_rows() -> None:
    segment = Segment(3, 4)
    assert (segment.number, segment.rows, segment.size) == (3, 4, 0)
    assert [*segment.mark, *segment.retries, *segment.parent, *segment.root, *segment.changed] == [0] * 20
    assert [*segment.name, *segment.queue, *segment.worker, *segment.exception] == [-1] * 16
    for column in (segment.sent, segment.received, segment.started, segment.updated, segment.runtime):
        assert [value == value for value in column] == [False] * 4


def test_a_ring_counts_what_happened_in_its_time_and_forgets_the_rest() -> None:
    ring = Ring(1, 10)
    for second in range(30):
        ring.add(0, 100.0 + second, second)
    assert ring.sums(0, 120.0, 1.0, 10, 129.5) == list(range(20, 30))
    assert ring.sums(0, 110.0, 5.0, 4, 129.5) == [0.0, 0.0, (20 + 21 + 22 + 23 + 24) / 5, (25 + 26 + 27 + 28 + 29) / 5]
    assert ring.sums(1, 120.0, 1.0, 10, 129.5) == [0.0] * 10
    assert ring.last(0, 5, 129.5) == (24 + 25 + 26 + 27 + 28) / 5
    assert ring.last(0, 0, 129.5) == 28.0
    ring.add(0, 90.0, 7)  # time never goes back: it counts now
    assert ring.last(0, 1, 130.0) == 29 + 7
    assert ring.last(0, 10, 200.0) == 0.0
    wide = Ring(5, 4)
    wide.add(2, 12.0, 10)
    assert wide.sums(2, 0.0, 5.0, 4, 14.0) == [0.0, 0.0, 2.0, 0.0]


def test_steps_of_a_chart_that_a_gap_touches_are_named_and_those_before_the_start_unknown() -> None:
    store = Store(Limits(tasks=64, segment_rows=32), str, NOW)
    store.apply([WireEvent("task-received", NOW + 95, "w1@a", "T", name="a")], NOW + 95)
    store.gap(Gap(NOW + 50, NOW + 59, "cut"))
    store.gap(Gap(NOW + 75, None, "cut"))
    rates = store.tasks(NOW + 100).rates(100, 10)
    assert rates.gaps == {5, 7, 8, 9}
    early = store.tasks(NOW + 60).rates(120, 6)
    assert list(early.succeeded) == [None, None, None, 0.0, 0.0, 0.0]
    assert early.gaps == {5}
    assert store.tasks(NOW + 100).rates(100, 10, "nobody").succeeded == [0.0] * 10


def test_lost_samples_of_queues_and_workers_are_counted() -> None:
    store = Store(Limits(tasks=64, segment_rows=32, workers=2, queues=2), str, NOW)
    for number in range(4):
        beat = WireEvent("worker-heartbeat", NOW + number, f"w{number}@a", freq=2.0)
        store.apply([beat, QueueSample(f"q{number}", NOW, {0: 1})], NOW + number)
    assert [worker.hostname for worker in store.workers(NOW + 4)] == ["w2@a", "w3@a"]
    totals = store.totals(NOW + 4)
    assert totals.dropped == sum(totals.left_out.get(name, 0) for name in (
        "workers that were quiet longest", "samples of queues beyond the limit", "texts of old messages",
    ))  # fmt: skip
    assert totals.left_out["workers that were quiet longest"] == 2
    assert totals.left_out["samples of queues beyond the limit"] == 2


def test_kinds_of_exceptions_without_room_are_counted_too() -> None:
    store = Store(Limits(tasks=64, segment_rows=32, exceptions=1), str, NOW)
    for number in range(1_005):
        event = WireEvent("task-failed", NOW + number, "w1@a", "T", exception=f"Error{number}('x')")
        store.apply([event], NOW + number)
    assert store.totals(NOW).left_out == {"exceptions beyond the limit": 4}
    (task,) = store.tasks()
    assert task.exception == "(other)"


def test_messages_are_packed_as_they_come_and_dropped_with_the_tasks_they_told_of() -> None:
    store = Store(Limits(tasks=16, segment_rows=8), str, NOW)
    cold = store._table.cold
    most = 0
    for number in range(64):
        told = {"type": "task-received", "uuid": f"T{number}", "hostname": "w1@a", "timestamp": NOW, "args": LONG}
        store.apply(events_of(json.dumps(told).encode(), NOW, Tally()), NOW)
        most = max(most, sum(map(len, cold.open.bodies)))
    assert 0 < most < 1_000_000
    assert cold.ram > 0
    assert cold.read(1) is None
    assert cold.dropped == 0
    told_of = [store.tasks().story(task.id) for task in store.tasks()]
    assert [story is not None and story.missing == "" for story in told_of] == [True] * len(told_of)
