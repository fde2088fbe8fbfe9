"""What happens when there is too much of something: retention, floods of invented names, readers beside the writer."""

import gc
import json
import random
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from lazycelery_core.decode import Tally, events_of
from lazycelery_core.events import WireEvent
from lazycelery_core.model import TaskState
from lazycelery_core.query import parse
from lazycelery_core.snapshot import RowQuery
from lazycelery_core.store import Limits, Store
from lazycelery_core.store.dictionary import Dictionary, Exceptions

NOW = 1_000_000.0
STREAMS = Path(__file__).parent / "data" / "streams.jsonl"
MIB = 1 << 20


def received(number: int, **fields: Any) -> WireEvent:
    """A task of its own."""
    return WireEvent("task-received", NOW + number / 1_000, "w1@a", f"task-{number}", **fields)


def full_store(tasks: int) -> Store:
    """A store for 512 tasks in segments of 256 that was given more."""
    store = Store(Limits(tasks=512, segment_rows=256), str, NOW)
    for number in range(tasks):
        store.apply([received(number, name=f"name-{number % 3}")], NOW)
    return store


def test_retention_drops_whole_segments_and_counts_them() -> None:
    tasks = full_store(1_000).tasks()
    assert (tasks.held, tasks.evicted) == (488, 512)
    assert tasks.get("task-511") is None
    assert tasks.row(511) is None
    oldest = tasks.get("task-512")
    assert oldest is not None
    assert oldest.row == 512
    assert tasks.counts()[TaskState.RECEIVED] == 488
    assert len(list(tasks)) == 488


def test_a_view_keeps_what_it_has_while_the_store_goes_on() -> None:
    store = full_store(500)
    view = store.tasks()
    for number in range(500, 2_000):
        store.apply([received(number)], NOW)
    assert view.held == 500
    assert len(list(view)) == 500
    assert len(view.select(RowQuery(parse("state:received", NOW)), 600).rows) == 500


def test_a_task_that_comes_again_after_it_was_dropped_is_a_new_one() -> None:
    store = full_store(2_000)
    store.apply([received(3), WireEvent("task-started", NOW, "w1@a", "task-3")], NOW)
    task = store.tasks().get("task-3")
    assert task is not None
    assert (task.row, task.state) == (2_000, TaskState.STARTED)
    for number in range(3_000, 3_600):
        store.apply([received(number)], NOW)
    assert store.tasks().get("task-3") is None


def test_ids_of_dropped_tasks_are_forgotten() -> None:
    store = full_store(20_000)
    assert sum(map(len, store._table.index.shards)) < 3 * 512


def test_a_dictionary_puts_what_is_too_much_under_other() -> None:
    words = Dictionary(3)
    assert [words.add(word) for word in ("a", "b", "c", "d", "e", "a", "", None)] == [0, 1, 2, 3, 3, 0, -1, -1]
    assert (words.values, words.left_out) == (["a", "b", "c", "(other)"], 2)
    assert Dictionary(3, cut=5).text(-1) == ""


def test_texts_longer_than_the_cut_are_one() -> None:
    words = Dictionary(9, cut=5)
    assert words.add("abcdefgh") == words.add("abcdXXXX") == words.add("abcd…")


def test_exceptions_beyond_the_limit_keep_their_type() -> None:
    known = Exceptions(2, str)
    codes = [known.add(f"KeyError('{number}')") for number in range(5)]
    assert codes == [0, 1, 2, 2, 2]
    assert known.values == ["KeyError('0')", "KeyError('1')", "KeyError(…)"]
    assert known.add("ValueError('x')") == 3
    assert known.values[3] == "ValueError(…)"
    assert known.add("") == -1


def test_types_of_exceptions_are_bounded_too() -> None:
    known = Exceptions(2, str)
    for number in range(5_000):
        known.add(f"Error{number}()")
    assert len(known.values) < 1_100
    assert known.values[-1] == "(other)"


def flood(events: Any) -> tuple[Store, int]:
    """A store after the flood, and by how many bytes the process grew."""
    before = psutil.Process().memory_info().rss
    store = Store(Limits(), str, NOW)
    batch: list[WireEvent] = []
    for event in events:
        batch.append(event)
        if len(batch) == 256:
            store.apply(batch, NOW)
            batch = []
    store.apply(batch, NOW)
    store.workers(NOW), store.tasks().names(), store.totals(NOW)
    return store, psutil.Process().memory_info().rss - before


def test_a_hundred_thousand_invented_names_are_bounded() -> None:
    chance = random.Random(1)
    store, grown = flood(
        events_of(
            json.dumps(
                {
                    "type": "task-failed" if number % 2 else "task-received",
                    "timestamp": NOW,
                    "hostname": "w1@a",
                    "uuid": f"{chance.getrandbits(128):032x}",
                    "name": f"invented.{chance.getrandbits(128):032x}",
                    "exception": f"E{number}('{chance.getrandbits(64)}')",
                }
            ).encode(),
            NOW,
            Tally(),
        )[0]
        for number in range(100_000)
    )
    names = store.tasks().names()
    assert len(names) == Limits().names + 1
    assert names[-1].name == "(other)"
    assert sum(sum(stats.counts.values()) for stats in names) == 50_000
    assert store.totals(NOW).left_out["names beyond the limit"] == 30_000
    assert grown < 150 * MIB


def test_a_hundred_thousand_invented_hosts_are_bounded() -> None:
    store, grown = flood(
        WireEvent("worker-heartbeat", NOW, f"w{number}@invented", pid=1, active=0, processed=0, loadavg=[0.0, 0.0, 0.0])
        for number in range(100_000)
    )
    assert len(store.workers(NOW)) == 10_000
    assert store.totals(NOW).dropped == 90_000
    assert grown < 150 * MIB


def test_invented_event_types_are_bounded() -> None:
    store = Store(Limits(tasks=4_096, segment_rows=2_048), str, NOW)
    store.apply([WireEvent(f"mood-{'x' * 500}{number}", NOW, "w") for number in range(1_000)], NOW)
    store.apply([WireEvent(f"mood-{number}", NOW, "w") for number in range(1_000)], NOW)
    assert len(store.totals(NOW).ignored) <= 101


def test_no_object_a_task_or_event_is_left_for_the_garbage_collector() -> None:
    store = Store(Limits(tasks=65_536, segment_rows=8_192), str, NOW)

    def take_in(first: int) -> int:
        for number in range(first, first + 8_192):
            told = [received(number, name="a", retries=0), WireEvent("task-started", NOW, "w1@a", f"task-{number}")]
            told[0].body = told[1].body = b'{"type": "task-received"}'
            store.apply(told, NOW)
        gc.collect()
        return len(gc.get_objects())

    before = take_in(0)
    assert take_in(8_192) - before < 100


def streams() -> list[Any]:
    """Hostile sequences that hold events, as test parameters."""
    cases = [json.loads(line) for line in STREAMS.read_text().splitlines()]
    return [pytest.param(case, id=case["id"]) for case in cases if "events" in case]


def at_now(value: Any) -> Any:
    """`NOW+2` as a number."""
    return NOW + float(value[3:] or 0) if isinstance(value, str) and value.startswith("NOW") else value


@pytest.mark.parametrize("case", streams())
def test_hostile_sequences_end_as_expected(case: dict[str, Any]) -> None:
    store = Store(Limits(tasks=4_096, segment_rows=2_048), str, NOW)
    for event in case["events"]:
        body = json.dumps({name: at_now(value) for name, value in event.items()}).encode()
        store.apply(events_of(body, NOW, Tally()), NOW)
    tasks, expected = store.tasks(), case["expect"]
    for task_id, state in expected.get("state", {}).items():
        assert getattr(tasks.get(task_id), "state", None) == TaskState[state]
    for task_id in expected.get("name", {}):
        assert getattr(tasks.get(task_id), "name", None) == ""
    for task_id, attempts in expected.get("attempts", {}).items():
        assert getattr(tasks.get(task_id), "retries", None) == attempts - 1
    for task_id, moments in expected.get("history", {}).items():
        assert len(getattr(tasks.story(task_id), "moments", ())) == moments
    assert tasks.held == expected.get("tasks", 1)


def test_readers_beside_the_writer_see_whole_tasks() -> None:
    store = Store(Limits(tasks=2_048, segment_rows=1_024, cold_ram=100_000), str, NOW)
    done = threading.Event()

    def write() -> None:
        try:
            for start in range(0, 20_000, 50):
                for kind in ("received", "started", "succeeded"):
                    bodies = [
                        {"type": f"task-{kind}", "timestamp": NOW, "hostname": "w1@a", "uuid": f"{number}",
                         "name": "a", "args": "x" * 100, "runtime": 1.0}
                        for number in range(start, start + 50)
                    ]  # fmt: skip
                    store.apply(events_of(json.dumps(bodies).encode(), NOW, Tally()), NOW)
        finally:
            done.set()

    writer = threading.Thread(target=write)
    writer.start()
    wanted = parse("state:success name:a", NOW)
    rounds = 0
    while not done.is_set() or rounds == 0:
        tasks = store.tasks(NOW)
        page = tasks.select(RowQuery(wanted), 20)
        for row in page.rows:
            task = tasks.row(row)
            assert task is not None
            assert (task.name, task.state, task.runtime) == ("a", TaskState.SUCCESS, 1.0)
            story = store.tasks().story(task.id)
            assert story is None or story.missing or len(story.moments) == 3
        tasks.active(), tasks.names(), store.workers(NOW), store.totals(NOW)
        rounds += 1
    writer.join()
