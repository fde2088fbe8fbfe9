"""Does a small store tell each column, order, worker fact and queue fact to the digit?"""

import threading
from typing import Any

import numpy as np
import pytest

from lazycelery_core.events import Event, QueueGone, QueueSample, WireEvent, WorkerCensus, WorkerReply
from lazycelery_core.model import Queue, Task, Worker, WorkerState
from lazycelery_core.query import parse
from lazycelery_core.snapshot import RowQuery
from lazycelery_core.store import Limits, Store
from lazycelery_core.store.cold import Cold, ColdReader
from lazycelery_core.store.columns import SegmentColumns
from lazycelery_core.store.texts import TextReader

NOW = 1_000_000.0
SMALL = Limits(tasks=64, segment_rows=4)
NUMBERS = ("retries", "sent", "received", "started", "updated", "runtime", "eta")
TEXTS = ("name", "queue", "worker", "exception")


def mixed() -> Store:
    """Eleven tasks over three pieces of memory, no two alike."""
    store = Store(SMALL, str, NOW - 5)
    for number in range(11):
        at, task_id, host = NOW + 10 * number, f"T{number}", f"w{number % 3}@a"
        parent = "T3" if number > 7 else None
        told: dict[str, Any] = {"name": f"n{number % 4}", "root_id": "R", "parent_id": parent}
        due = "1970-01-12T14:00:00+00:00" if number % 2 else None
        events = [WireEvent("task-sent", at, "c@a", task_id, queue=f"q{number % 2}", **told)]
        if number % 5:
            events.append(WireEvent("task-received", at + 1, host, task_id, eta=due, retries=number % 3, **told))
        if number % 5 > 1:
            events.append(WireEvent("task-started", at + 2 + number % 2, host, task_id))
        if number % 5 == 3:
            events.append(WireEvent("task-succeeded", at + 4, host, task_id, runtime=2.0 - number / 10))
        if number % 5 == 4:
            events.append(WireEvent("task-failed", at + 4, host, task_id, exception=f"E{number}()"))
        store.apply(events, at + 5)
    return store


def columns_of(store: Store) -> list[SegmentColumns]:
    table = store._table
    reader = TextReader(ColdReader(table.cold), store._redactor)
    return [SegmentColumns(table, segment, segment.size, reader) for segment in table.segments.values()]


def test_columns_hold_what_the_rows_hold() -> None:
    store = mixed()
    rows: list[Task] = list(store.tasks())[::-1]
    pieces = columns_of(store)
    assert [piece.size for piece in pieces] == [4, 4, 3]
    assert [task_id for piece in pieces for task_id in piece.ids] == [task.id for task in rows]
    for field in NUMBERS:
        values = np.concatenate([piece.numbers(field) for piece in pieces]).tolist()
        assert [None if value != value else value for value in values] == [getattr(task, field) for task in rows]
    assert np.concatenate([piece.numbers("state") for piece in pieces]).tolist() == [int(task.state) for task in rows]
    assert np.concatenate([piece.numbers("parent") for piece in pieces]).tolist() == [task.parent_key for task in rows]
    assert np.concatenate([piece.numbers("root") for piece in pieces]).tolist() == [task.root_key for task in rows]
    for field in TEXTS:
        told = [piece.values(field)[code] if code >= 0 else "" for piece in pieces for code in piece.codes(field)]
        assert told == [getattr(task, field) for task in rows]


def test_a_view_of_fewer_rows_has_no_facts_of_later_ones() -> None:
    store = mixed()
    table = store._table
    segment = table.segments[0]
    reader = TextReader(ColdReader(table.cold), store._redactor)
    assert len(SegmentColumns(table, segment, 3, reader).numbers("eta")) == 3
    assert [task.id for task in store.tasks() if task.eta is not None] == ["T9", "T7", "T3", "T1"]
    view = store.tasks()
    store.apply([WireEvent("task-received", NOW, "w1@a", "new", name="n1", eta="1970-01-12T14:00:00+00:00")], NOW)
    assert view.select(RowQuery(parse("name:n1", NOW)), 100).matched == 3
    assert list(view.select(RowQuery(None, "eta"), 4).rows) == [9, 7, 3, 1]


@pytest.mark.parametrize("field", [*TEXTS, "state", "retries", "sent", "received", "started", "updated"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("only", ["", "state:success,failure"])
def test_any_column_orders_the_page(field: str, reverse: bool, only: str) -> None:
    tasks = mixed().tasks(NOW)
    wanted = parse(only, NOW) if only else None
    rows = [task for task in tasks if wanted is None or wanted.matches(task, NOW)]

    def known(task: Task) -> Any:
        value = getattr(task, field)
        return None if value == "" else value

    order = sorted((task for task in rows if known(task) is not None), key=lambda task: -task.row)
    order.sort(key=known, reverse=reverse)
    expected = [task.row for task in order] + [task.row for task in rows if known(task) is None]
    page = tasks.select(RowQuery(wanted, field, reverse), 7)
    assert list(page.rows) == expected[:7]
    assert (page.matched, page.total) == (len(rows), 11)


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 100])
def test_pages_over_several_pieces_have_as_many_rows_as_asked_for(limit: int) -> None:
    tasks = mixed().tasks(NOW)
    wanted = parse("queue:q0", NOW)
    assert list(tasks.select(RowQuery(wanted), limit).rows) == [10, 8, 6, 4, 2, 0][:limit]
    assert list(tasks.select(RowQuery(wanted, reverse=True), limit).rows) == [0, 2, 4, 6, 8, 10][:limit]
    third = tasks.get("T3")
    assert third is not None
    assert [task.id for task in tasks.children(third, limit)] == ["T8", "T9", "T10"][:limit]


def test_active_tasks_run_wait_or_retry_and_the_longest_come_first() -> None:
    store = mixed()
    assert [task.id for task in store.tasks().active()] == ["T2", "T7", "T1", "T6"]
    store.apply([WireEvent("task-received", NOW - 1, "w1@a", "old", name="n"),
                 WireEvent("task-retried", NOW + 300, "w1@a", "T1", exception="E()"),
                 WireEvent("task-received", NOW + 500, "w1@a", "slow", name="n"),
                 WireEvent("task-started", NOW - 2, "w1@a", "slow"),
                 WireEvent("task-started", NOW + 600, "w1@a", "T2")], NOW + 600)  # fmt: skip
    assert [task.id for task in store.tasks().active()] == ["slow", "T7", "T2", "old", "T6", "T1"]
    assert [task.id for task in store.tasks().active(2)] == ["slow", "T7"]
    assert Store(SMALL, str, NOW).tasks().active() == []


def test_tasks_without_an_end_come_oldest_first_from_a_row_on_and_round() -> None:
    tasks = mixed().tasks()
    open_ = ["T0", "T1", "T2", "T5", "T6", "T7", "T10"]
    assert [task.id for task in tasks.unfinished(100, None, -1)] == open_
    assert [task.id for task in tasks.unfinished(3, None, 2)] == ["T5", "T6", "T7"]
    assert [task.id for task in tasks.unfinished(100, None, 6)] == ["T7", "T10", *open_[:5]]
    assert [task.id for task in tasks.unfinished(100, NOW + 51, -1)] == ["T0", "T1", "T2", "T5"]
    assert [task.id for task in tasks.unfinished(100, NOW + 50, -1)] == ["T0", "T1", "T2"]
    assert Store(SMALL, str, NOW).tasks().unfinished(5, None, -1) == []


# Queues


def queue_after(*samples: QueueSample, sent: int = 0) -> Queue:
    """The queue q after samples; `sent` messages are told before the last of them."""
    store = Store(SMALL, str, NOW)
    for sample in samples:
        if sample is samples[-1]:
            for number in range(sent):
                store.apply([WireEvent("task-sent", sample.at, "c@a", f"T{number}", name="n", queue="q")], sample.at)
        store.apply([sample], sample.at)
    (queue,) = store.queues(samples[-1].at)
    return queue


def sample(at: float, ready: int) -> QueueSample:
    return QueueSample("q", NOW + at, {0: ready})


@pytest.mark.parametrize(
    "before, after, sent, came, left",
    [
        (0, 0, 20, 2.0, 2.0), (5, 15, 20, 2.0, 1.0), (15, 5, 20, 2.0, 3.0), (0, 20, 20, 2.0, 0.0),
        (0, 22, 20, None, None), (0, 0, 0, None, None), (0, 420, 400, 40.0, 0.0),
        (0, 421, 400, None, None), (0, 103, 100, 10.0, 0.0),
    ],
)  # fmt: skip
def test_what_left_a_queue_is_what_came_and_is_not_there(
    before: int, after: int, sent: int, came: float | None, left: float | None
) -> None:
    queue = queue_after(sample(0, before), sample(10, after), sent=sent)
    assert (queue.in_rate, queue.out_rate) == (came, left)


def test_rates_need_two_counts_a_second_apart_within_a_minute() -> None:
    assert queue_after(sample(0, 0), sample(0.9, 0), sent=9).in_rate is None
    assert queue_after(sample(0, 0), sample(1, 0), sent=9).in_rate == 9.0
    assert queue_after(sample(0, 0), sample(60, 0), sent=60).in_rate == 1.0
    assert queue_after(sample(0, 0), sample(60.5, 0), sent=60).in_rate is None
    assert queue_after(sample(0, 0), QueueSample("q", NOW + 5, {}), sent=5).ready is None


def test_each_sample_and_each_end_of_a_queue_is_seen_at_once() -> None:
    store = Store(SMALL, str, NOW)
    seen = []
    events: list[Event] = [sample(0, 1), sample(0, 2), QueueGone("other", NOW), QueueGone("q", NOW), sample(0, 3)]
    for event in events:
        store.apply([event], NOW)
        seen.append([queue.ready for queue in store.queues(NOW)])
    assert seen == [[1], [2], [2], [], [3]]


# Workers


def worker_after(now: float, *events: tuple[float, Event]) -> Worker:
    """w1@a at a time."""
    store = Store(SMALL, str, NOW)
    for at, event in events:
        store.apply([event], NOW + at)
        store.workers(NOW + at)
    (worker,) = store.workers(NOW + now)
    return worker


def beat(at: float, pid: int = 1, **fields: Any) -> tuple[float, Event]:
    return at, WireEvent("worker-heartbeat", NOW + at, "w1@a", pid=pid, **{"freq": 2.0, "active": 0, **fields})


def answer(at: float, command: str, value: Any, **fields: Any) -> tuple[float, Event]:
    return at, WorkerReply("w1@a", command, NOW + at, value, **{"latency": 0.25, **fields})


def test_a_heartbeat_tells_software_load_and_its_own_frequency() -> None:
    worker = worker_after(
        1, beat(0, sw_ident="py-celery", sw_ver="5.7.0", sw_sys="Linux", loadavg=[1.0, 2.0, 3.0, 4.0])
    )
    assert (worker.software, worker.loadavg, worker.freq) == ("py-celery 5.7.0 Linux", (1.0, 2.0, 3.0), 2.0)
    assert worker_after(1, beat(0, sw_ident="py-celery", sw_sys="Linux")).software == "py-celery Linux"
    assert worker_after(1, beat(0, freq=30.0)).freq == 30.0
    assert worker_after(1, beat(0, freq=3_600.0)).freq == 3_600.0
    assert worker_after(1, beat(0, freq=3_601.0)).freq == 2.0
    assert worker_after(1, beat(0, freq=5.0, active=None)).freq == 2.0


def test_a_worker_is_late_after_three_beats_and_a_little() -> None:
    assert worker_after(6, beat(0)).state is WorkerState.ONLINE
    assert worker_after(6.01, beat(0)).state is WorkerState.LATE
    assert worker_after(6.01, beat(0)).reason == "heartbeats are overdue"
    gone = [beat(0), (10.0, WorkerCensus(NOW + 10, 0, ()))]
    assert (worker_after(10, *gone).state, worker_after(10, *gone).reason) == (
        WorkerState.OFFLINE, "no heartbeats, and gone from the broker",
    )  # fmt: skip
    mute = [beat(0), (10.0, WorkerCensus(NOW + 10, 1, ()))]
    assert (worker_after(10, *mute).state, worker_after(10, *mute).reason) == (
        WorkerState.MUTE, "no heartbeats and no answer, but the broker still counts it",
    )  # fmt: skip


def test_twins_are_told_apart_as_long_as_both_may_live() -> None:
    twins = [beat(0, 1), beat(1, 2), beat(2, 1)]
    assert (worker_after(2, *twins).twins, worker_after(2, *twins).pids) == (True, (1, 2))
    assert worker_after(14, *twins, beat(12, 1)).twins
    assert not worker_after(15, *twins, beat(14, 1)).twins
    assert not worker_after(2, beat(0, 1), beat(1, 2)).twins
    assert worker_after(2, beat(0, 1), beat(1, 2)).reason == ""
    assert worker_after(2, *twins).reason == "two workers share this name"


def test_each_answer_is_seen_at_once_and_a_missing_one_changes_nothing_else() -> None:
    stats = {"pool": {"implementation": "celery.concurrency.prefork:TaskPool", "max-concurrency": 4,
                      "processes": [1, 2, 3]}, "rusage": {"maxrss": 1_000}}  # fmt: skip
    worker = worker_after(1, beat(0), answer(1, "stats", stats))
    assert (worker.pool, worker.concurrency, worker.rss, worker.latency) == ("prefork", 3, 1_024_000, 0.25)
    failed = worker_after(1, beat(0), answer(1, "stats", stats), answer(1, "conf", None, latency=None, error="silent"))
    assert (failed.latency, failed.reads["conf"].error, failed.reads["stats"].value) == (0.25, "silent", stats)
    most = worker_after(1, beat(0), answer(1, "stats", {"pool": {"max-concurrency": 8}}))
    assert (most.pool, most.concurrency, most.rss) == ("", 8, None)
    for concurrency, known in (((1 << 40) - 1, True), (1 << 40, False), (-1, False), (0, True)):
        told = worker_after(1, beat(0), answer(1, "stats", {"pool": {"max-concurrency": concurrency}})).concurrency
        assert told == (concurrency if known else None)


def test_task_events_are_off_only_after_two_beats_in_which_tasks_were_taken_in_silence() -> None:
    def after(*processed: int) -> bool | None:
        return worker_after(20, *(beat(2.0 * at, processed=number) for at, number in enumerate(processed))).task_events

    assert [after(0), after(0, 1), after(5, 5, 5)] == [None, None, None]
    assert [after(0, 1, 2), after(5, 6, 6, 7), after(0, 0, 1, 2)] == [False, False, False]


def test_what_a_worker_ended_is_its_rate_over_the_last_minute() -> None:
    store = Store(SMALL, str, NOW)
    for second in range(30):
        task_id = f"T{second}"
        received = WireEvent("task-received", NOW + second, "w1@a", task_id, name="n")
        succeeded = WireEvent("task-succeeded", NOW + second, "w1@a", task_id, runtime=1.0)
        store.apply([received, succeeded], NOW + second)
    (worker,) = store.workers(NOW + 30)
    assert worker.succeeded == 30
    assert 0.4 < worker.rate <= 1.0


# Cold storage


def test_blocks_are_kept_read_back_spilled_and_dropped_in_order() -> None:
    rows = 0
    lock = threading.Lock()
    cold = Cold(Limits(cold_ram=4_000, cold_disk=8_000), lambda: rows, lock)
    rng = np.random.default_rng(1)
    places: list[int] = []
    bodies: list[bytes] = []
    for number in range(40):
        rows = number
        body = rng.bytes(1_000) + b"%d" % number
        cold.begin(body, 0)
        places.append(cold.append(number, places[-1] if places else 0))
        bodies.append(body)
        cold.seal()
        assert cold.ram <= 4_000
        assert cold.disk <= 8_000
    reader = ColdReader(cold)
    found = [reader.record(place) for place in places]
    kept = [number for number, record in enumerate(found) if record is not None]
    assert kept == list(range(kept[0], 40))
    assert len(kept) in (10, 11)
    assert cold.dropped == 40 - len(kept)
    for number in kept:
        record = found[number]
        assert record is not None
        assert (record.body, record.part) == (bodies[number], number)
    ram, disk = cold.ram, cold.disk
    cold.drop(39)
    assert (cold.disk, 0 < cold.ram < ram, disk > 0) == (0, True, True)
    assert [number for number, place in enumerate(places) if ColdReader(cold).record(place) is not None] == [39]
    cold.drop(40)
    assert (cold.ram, cold.disk) == (0, 0)


def test_a_body_may_be_as_large_as_the_limit_and_one_larger_is_left_out() -> None:
    cold = Cold(Limits(body=10), lambda: 0, threading.Lock())
    places = []
    for body in (b"0123456789", b"0123456789!", b"short"):
        cold.begin(body, 0)
        places.append(cold.append(0, 0))
    records = [ColdReader(cold).record(place) for place in places]
    assert [record.body for record in records if record is not None] == [b"0123456789", b"", b"short"]
    assert ColdReader(cold).record(places[-1] + 1) is None
    assert ColdReader(cold).record(0) is None
