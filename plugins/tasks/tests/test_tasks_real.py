"""Are tasks of real Celery workers shown as they were: recorded ones, and ones that run now?"""

import gzip
import importlib.util
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lazycelery_core.config import Environment, loads
from lazycelery_core.decode import Tally, events_of
from lazycelery_core.deployment import Deployment
from lazycelery_core.launcher import Launcher
from lazycelery_core.model import TaskState
from lazycelery_core.pane import DetailTab, DrawContext
from lazycelery_core.query import complete, parse, vocabulary
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.spans import plain
from lazycelery_core.store import Limits, Store
from lazycelery_core.table import snapshot_text
from lazycelery_plugin_tasks.active import ActiveTasks
from lazycelery_plugin_tasks.feed import EventsPane
from lazycelery_plugin_tasks.pane import TaskDetail, TaskList
from lazycelery_plugin_tasks.projection import NAME, RING, EventFeed
from lazycelery_plugin_tasks.tabs import Attempts, Details
from lazycelery_plugin_tasks.value_tabs import Args, Raw, Result, Traceback

if TYPE_CHECKING:
    from lazycelery_core.testing.servers import Server

RECORDED = Path(__file__).parents[3] / "lazycelery_core" / "tests" / "data" / "redis-events.jsonl.gz"
LATER = 1_795_362_130.0  # a moment after the recording
TABS: tuple[DetailTab, ...] = (Details(), Attempts(), Args(), Result(), Traceback(), Raw())


@pytest.fixture(scope="module")
def recording() -> Snapshot:
    """What is known after the whole recording."""
    store, feed = Store(Limits(), str, LATER - 30), EventFeed()
    with gzip.open(RECORDED) as lines:
        for line in lines:
            events = events_of(json.dumps(json.loads(line)["body"]).encode(), LATER, Tally())
            store.apply(events, max(event.timestamp for event in events) + 0.01)
            feed.apply(events, LATER)
    return Snapshot(
        store.version, LATER, LATER - 30, "shop", "redis://", "READ-ONLY", frozenset(), store.tasks(LATER),
        store.workers(LATER), (), store.totals(LATER), (), {NAME: feed.view()},
    )  # fmt: skip


def counted(snapshot: Snapshot, text: str) -> int | None:
    return TaskList().rows(snapshot, RowQuery(parse(text, LATER, "task")), DrawContext(snapshot)).matched


def test_filters_count_on_the_recording_what_its_states_say(recording: Snapshot) -> None:
    counts = recording.tasks.counts()
    assert counted(recording, "state:failed") == counts[TaskState.FAILURE]
    assert counted(recording, "-state:ok") == recording.tasks.held - counts[TaskState.SUCCESS]
    by_name = {stats.name: sum(stats.counts.values()) for stats in recording.tasks.names()}
    assert counted(recording, "name=emails.send") == by_name["emails.send"]
    assert counted(recording, "name:orders.*") == sum(n for name, n in by_name.items() if name.startswith("orders."))


def test_what_was_seen_can_be_completed(recording: Snapshot) -> None:
    offers = [each.text for each in complete("worker:w", 8, vocabulary(recording), "task")]
    assert offers == ["w1@node-w1", "w2@node-w2", "w3@node-w3"]
    assert complete("name:charge", 11, vocabulary(recording))[0].text == "orders.charge_card"


def test_what_the_columns_say_the_stories_say_too(recording: Snapshot) -> None:
    for text in (
        "exc:timeout",
        "wait>100ms",
        "runtime>500ms | is:failed",
        "has:parent -worker:w3",
        "retries>0",
        "order",
    ):
        chosen = parse(text, LATER, "task")
        page = recording.tasks.select(RowQuery(chosen), 2_000)
        one_by_one = {
            task.row for task in recording.tasks
            if (story := recording.tasks.story(task.id)) and chosen.matches(story, LATER)
        }  # fmt: skip
        assert set(page.rows) == one_by_one, text
        assert page.rows, text


def test_every_tab_of_every_kind_of_recorded_task_can_be_drawn(recording: Snapshot) -> None:
    seen: set[tuple[str, TaskState]] = set()
    for task in recording.tasks:
        if (task.name, task.state) not in seen:
            seen.add((task.name, task.state))
            for at in range(len(TABS)):
                text = snapshot_text(TaskDetail(), recording, 100, 40, selected={TaskList.id: task}, tabs=TABS, tab=at)
                assert "no longer held" not in text
    assert len(seen) > 10


def test_a_recorded_failure_is_told_with_its_frames_and_causes(recording: Snapshot) -> None:
    page = recording.tasks.select(RowQuery(parse("name:charge state:failed", LATER)))
    task = recording.tasks.row(page.rows[0])
    assert task
    shown = [plain(getattr(each, "spans", each)) for each in Traceback().lines(task, DrawContext(recording, 100))]  # type: ignore[arg-type]
    assert any("GatewayTimeout" in each for each in shown)
    assert any(each.startswith("▾ ") for each in shown)


def test_the_feed_holds_the_end_of_the_recording(recording: Snapshot) -> None:
    assert len(recording.views[NAME]) == RING
    drawn = snapshot_text(EventsPane(), recording, 140, 30)
    assert drawn.count("[") >= 20


needed = ("lazycelery_plugin_redis",)
running = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, needed)), reason="needs the plugin that hears events"
)


@pytest.fixture
def deployment(valkey: "Server", tmp_path: Path) -> Iterator[Deployment]:
    environment = Environment({"XDG_STATE_HOME": str(tmp_path)})
    with Launcher(loads("", environment)).watching(valkey.url) as watched:
        yield watched


def seen(deployment: Deployment, condition: Callable[[Snapshot], Any], what: str) -> Snapshot:
    """The first snapshot that fulfils the condition, within twenty seconds."""
    from lazycelery_core.testing.processes import wait_until

    def look() -> list[Snapshot]:
        snapshot = deployment.snapshot(time.time())
        return [snapshot] if condition(snapshot) else []

    return wait_until(look, what, seconds=20)[0]


@running
def test_a_task_is_followed_from_its_start_to_its_traceback(
    celery_worker_factory: Any, deployment: Deployment, tmp_path: Path
) -> None:
    worker = celery_worker_factory(name="w1@host-1", concurrency=2)
    gate = tmp_path / "gate"
    held = worker.app.send_task("testing.hold", (str(gate),)).id
    snapshot = seen(deployment, lambda now: _state(now, held) is TaskState.STARTED, "the held task running")
    active = snapshot_text(ActiveTasks(), snapshot, 110, 12)
    assert held[:6] in active
    assert "► STARTED" in active
    gate.touch()
    failed = worker.app.send_task("testing.fail", ("no stock",)).id
    snapshot = seen(deployment, lambda now: _state(now, failed) is TaskState.FAILURE, "the failure")
    selected = {TaskList.id: snapshot.tasks.get(failed)}
    shown = [snapshot_text(TaskDetail(), snapshot, 110, 50, selected=selected, tabs=TABS, tab=at) for at in range(6)]
    assert "✗ FAILURE" in shown[0]
    assert "no stock" in shown[2]
    assert "▾ " in shown[4]
    assert '"type": "task-received"' in shown[5]
    assert counted(seen(deployment, lambda now: _state(now, held) is TaskState.SUCCESS, "the end"), "testing") == 2


def _state(snapshot: Snapshot, task_id: str) -> TaskState | None:
    task = snapshot.tasks.get(task_id)
    return task.state if task else None
