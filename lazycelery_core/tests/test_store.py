"""The store as a whole: batches in, snapshot parts out."""

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lazycelery_core.decode import Tally, events_of
from lazycelery_core.events import WireEvent
from lazycelery_core.model import TaskState
from lazycelery_core.snapshot import RowQuery, Tasks
from lazycelery_core.store import Limits, Store

RECORDED = Path(__file__).parent / "data" / "redis-events.jsonl.gz"


def recorded() -> Iterator[list[WireEvent]]:
    """The recorded stream, a message at a time."""
    with gzip.open(RECORDED) as lines:
        for line in lines:
            yield events_of(json.dumps(json.loads(line)["body"]).encode(), 1795362100.0, Tally())


@pytest.fixture(scope="module")
def store() -> Store:
    """A store that has taken in the recorded stream."""
    store = Store(Limits(), str, 1795362100.0)
    for events in recorded():
        store.apply(events, max(event.timestamp for event in events) + 0.01)
    return store


NOW = 1795362130.0


def test_every_recorded_task_is_held_once(store: Store) -> None:
    tasks: Tasks = store.tasks(NOW)
    assert (tasks.held, tasks.evicted) == (1078, 0)
    assert len({task.id for task in tasks}) == 1078
    assert {state: count for state, count in tasks.counts().items() if count} == {
        TaskState.RECEIVED: 2,
        TaskState.STARTED: 10,
        TaskState.SUCCESS: 1025,
        TaskState.FAILURE: 41,
    }


def test_without_filter_and_sort_the_newest_tasks_come_first(store: Store) -> None:
    page = store.tasks(NOW).select(RowQuery(), limit=3)
    assert list(page.rows) == [1077, 1076, 1075]
    assert (page.matched, page.total) == (1078, 1078)


def test_the_workers_of_the_recording_have_said_goodbye(store: Store) -> None:
    workers = store.workers(NOW)
    assert [(worker.hostname, worker.state.value) for worker in workers] == [
        (f"w{number}@node-w{number}", "offline") for number in (1, 2, 3)
    ]
    assert sum(worker.succeeded for worker in workers) == 1025


def test_taking_events_in_does_not_load_numpy() -> None:
    code = (
        "import sys; from lazycelery_core.store import Store, Limits; from lazycelery_core.events import WireEvent\n"
        "store = Store(Limits(), str, 0.0); store.apply([WireEvent('task-received', 1.0, 'w', 'i')], 1.0)\n"
        "store.tasks(), store.workers(1.0), store.queues(1.0), store.totals(1.0)\n"
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
