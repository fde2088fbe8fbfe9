"""Is what real Celery workers say of themselves shown as they say it?"""

import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lazycelery_core.config import Environment, loads
from lazycelery_core.deployment import Deployment
from lazycelery_core.launcher import Launcher
from lazycelery_core.model import TaskState, Worker
from lazycelery_core.pane import DetailTab
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.table import snapshot_text
from lazycelery_plugin_workers.answers import WorkerConfig, WorkerRegistered, WorkerStats
from lazycelery_plugin_workers.details import WorkerDetails
from lazycelery_plugin_workers.here import EndedOn
from lazycelery_plugin_workers.pane import OverviewWorkers, WorkerPool, WorkersList
from lazycelery_plugin_workers.pool import WorkerPoolTab
from lazycelery_plugin_workers.tasks_here import TasksHere

if TYPE_CHECKING:
    from lazycelery_core.testing.servers import Server

needed = ("lazycelery_plugin_redis", "lazycelery_plugin_cluster")
pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, needed)), reason="needs the plugins that hear and ask workers"
)
TABS: tuple[DetailTab, ...] = (WorkerDetails(), WorkerPoolTab(), WorkerConfig(), WorkerStats(), WorkerRegistered())


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


def runs(snapshot: Snapshot, hostname: str, task_id: str) -> bool:
    """Whether the worker answered everything and named the task as active."""
    worker = snapshot.worker(hostname)
    answered = worker is not None and {"stats", "conf", "active", "registered"} <= set(worker.reads)
    return worker is not None and answered and task_id in str(worker.reads["active"].value)


def drawn(snapshot: Snapshot, worker: Worker, tab: int) -> str:
    return snapshot_text(WorkerPool(), snapshot, 100, 40, selected={"workers.list": worker}, tabs=TABS, tab=tab)


def test_a_prefork_worker_shows_its_slots_settings_and_tasks(
    celery_worker_factory: Any, deployment: Deployment, tmp_path: Path
) -> None:
    settings = {
        "task_time_limit": 360,
        "my_dsn": "postgres://shop:swordfish@db/shop",
        "worker_max_tasks_per_child": 1000,
    }
    real = celery_worker_factory(name="w1@host-1", pool="prefork", concurrency=2, settings=settings)
    gate = tmp_path / "gate"
    held = real.app.send_task("testing.hold", (str(gate),)).id
    deployment.focus(frozenset({"view:workers", "worker:w1@host-1"}))
    snapshot = seen(deployment, lambda now: runs(now, "w1@host-1", held), "the held task in an answer")
    worker = snapshot.worker("w1@host-1")
    assert worker is not None
    pool, settings_text, stats, registered = (drawn(snapshot, worker, tab) for tab in (1, 2, 3, 4))
    assert f"► busy  testing.hold {held[:6]}" in pool
    assert "◌ idle" in pool
    assert "hard 360s" in pool
    assert "max 1,000 tasks/child" in pool
    assert "worker_max_tasks_per_child" in settings_text
    assert "swordfish" not in settings_text
    assert "pool.implementation" in stats
    assert "testing.echo" in registered
    context_rows = TasksHere().rows(snapshot, RowQuery(), _context(snapshot, worker))
    assert [(item.id, item.place) for item in context_rows.items] == [(held, "active")]
    gate.touch()
    after = seen(deployment, lambda now: (task := now.tasks.get(held)) and task.state is TaskState.SUCCESS, "its end")
    rows = TasksHere().rows(after, RowQuery(), _context(after, worker))
    assert [(item.id, item.place) for item in rows.items] == [(held, "done")]
    assert len(after.tasks.select(RowQuery(EndedOn("nobody@else"))).rows) == 0


def test_a_threads_worker_shows_what_runs_without_pids(
    celery_worker_factory: Any, deployment: Deployment, tmp_path: Path
) -> None:
    real = celery_worker_factory(name="w2@host-2", pool="threads", concurrency=4, events=False)
    gate = tmp_path / "gate"
    held = real.app.send_task("testing.hold", (str(gate),)).id
    deployment.focus(frozenset({"view:workers", "worker:w2@host-2"}))
    snapshot = seen(deployment, lambda now: runs(now, "w2@host-2", held), "the held task in an answer")
    worker = snapshot.worker("w2@host-2")
    assert worker is not None
    pool = drawn(snapshot, worker, 1)
    assert f"testing.hold {held[:6]}" in pool
    assert "3 idle" in pool
    assert "1/4" in snapshot_text(OverviewWorkers(), snapshot, 60, 10)
    assert "threads 4" in snapshot_text(WorkersList(), snapshot, 120, 10)
    gate.touch()


def _context(snapshot: Snapshot, worker: Worker) -> Any:
    from lazycelery_core.pane import DrawContext

    return DrawContext(snapshot, 120, 20, selected={"workers.list": worker})
