"""Do inspect and the switch of task events work on real workers, whatever the broker? Scenarios for `cluster`.

class TestClusterOnMyBroker(ClusterScenarios):
    @pytest.fixture
    def work(self, celery_worker_factory):
        return lambda **options: celery_worker_factory(url=..., **options)

    @pytest.fixture
    def url(self):
        return "mybroker://..."
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lazycelery_core.action import Action
from lazycelery_core.audit import verify
from lazycelery_core.config import loads
from lazycelery_core.launcher import Launcher, Options, Watch
from lazycelery_core.model import Worker as WorkerRecord
from lazycelery_core.model import WorkerState
from lazycelery_core.testing.processes import wait_until

if TYPE_CHECKING:
    from lazycelery_core.testing.celery_worker import Worker

PATIENCE = 60.0  # s; no promise, only the end of a test that fails
StartWorker = Callable[..., "Worker"]


@contextmanager
def watching(url: str, *allow: str) -> Iterator[Watch]:
    """The whole program but its screen."""
    launcher = Launcher(loads(""), Options(allow=allow))
    watch = launcher.watch(launcher.connect(url))
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def worker(watch: Watch, name: str) -> WorkerRecord | None:
    found = watch.deployment.snapshot(time.time()).workers
    return next((each for each in found if each.hostname.startswith(name)), None)


def met(watch: Watch, name: str) -> WorkerRecord:
    """The worker, once it has told its pool."""

    def known() -> WorkerRecord | None:
        found = worker(watch, name)
        return found if found is not None and found.pool else None

    return wait_until(known, f"{name} is known", PATIENCE)


def action(watch: Watch, name: str) -> Action:
    return next(each for each in watch.plugins.actions if each.name == name)


def _with_events(watch: Watch, name: str) -> WorkerRecord | None:
    found = worker(watch, name)
    return found if found is not None and found.task_events is True else None


class ClusterScenarios:
    """Subclass it in a test and override `work` and `url`."""

    @pytest.fixture
    def work(self) -> StartWorker:
        """Starts a real worker on the broker, with the keywords of `start_worker`."""
        raise NotImplementedError

    @pytest.fixture
    def url(self) -> str:
        """The broker's URL."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Where the audit record goes."""
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        return tmp_path / "state"

    def test_a_worker_tells_its_pool_queues_and_running_task(
        self, work: StartWorker, url: str, home: Path, tmp_path: Path
    ) -> None:
        running = work(name="plain", pool="prefork", events=False, queues=["celery", "mail"], concurrency=2)
        gate = tmp_path / "gate"
        sent = running.app.send_task("testing.hold", [str(gate)])
        with watching(url) as watch:
            found = met(watch, "plain")
            assert (found.pool, found.concurrency) == ("prefork", 2)
            wait_until(lambda: (worker(watch, "plain") or found).queues == ("celery", "mail"), "its queues are known")

            def held() -> bool:
                task = watch.deployment.snapshot(time.time()).tasks.get(sent.id)
                return task is not None and task.name == "testing.hold" and bool(task.worker)

            wait_until(held, "the task that runs without events is seen by inspect", PATIENCE)
        gate.touch()

    def test_task_events_are_switched_on_audited_proved_and_undone_on_exit(
        self, work: StartWorker, url: str, home: Path
    ) -> None:
        running = work(name="quiet", events=False)
        with watching(url, "events") as watch:
            found = met(watch, "quiet")
            assert found.task_events is not True
            writes, snapshot = watch.deployment.writes, watch.deployment.snapshot(time.time())
            switch = action(watch, "worker.events")
            assert writes.refusal(switch, snapshot, [found]) is None
            writes.run(switch, [found])
            assert list(watch.deployment.snapshot(time.time()).requests.values()) in ([], ["requested"])
            sent = running.app.send_task("testing.add", [1, 2])

            def proved() -> bool:
                now = watch.deployment.snapshot(time.time())
                task = now.tasks.get(sent.id)
                return task is not None and task.received is not None and not now.requests

            wait_until(proved, "events flow and the request is proved", PATIENCE)
        records = [json.loads(line) for line in (home / "lazycelery" / "audit.jsonl").read_text().splitlines()]
        assert [(each["stage"], each["action"]) for each in records] == [
            ("intent", "worker.events"),
            ("outcome", "worker.events"),
            ("intent", "worker.disable_events"),
            ("outcome", "worker.disable_events"),
        ]
        assert records[-1]["replies"] == {found.hostname: "task events disabled"}
        assert verify(home / "lazycelery" / "audit.jsonl").wrong is None

    def test_what_was_on_before_stays_on_after_exit(self, work: StartWorker, url: str, home: Path) -> None:
        running = work(name="switched", events=False)
        running.app.control.enable_events()
        with watching(url, "events") as watch:
            found = met(watch, "switched")
            watch.deployment.writes.run(action(watch, "worker.enable_events"), [found])
        replies = running.app.control.broadcast("enable_events", reply=True, timeout=2, limit=1)
        assert replies == [{found.hostname: {"ok": "task events already enabled"}}]

    def test_a_worker_started_with_e_says_that_its_events_stay_on(self, work: StartWorker, url: str) -> None:
        running = work(name="loud", events=True)
        with watching(url, "events") as watch:
            met(watch, "loud")
            running.app.send_task("testing.add", [1, 2])
            found = wait_until(lambda: _with_events(watch, "loud"), "its events are heard", PATIENCE)
            sent = watch.deployment.writes.run(action(watch, "worker.events"), [found])
            assert [reply.error for reply in sent.replies] == ["started with -E: only a restart switches them off"]
            assert watch.deployment.snapshot(time.time()).requests == {}

    def test_without_the_scope_nothing_reaches_a_worker(self, work: StartWorker, url: str, home: Path) -> None:
        work(name="quiet", events=False)
        with watching(url) as watch:
            found = met(watch, "quiet")
            refusal = watch.deployment.writes.refusal(
                action(watch, "worker.events"), watch.deployment.snapshot(time.time()), [found]
            )
            assert refusal == "needs --allow events"
        assert not (home / "lazycelery" / "audit.jsonl").exists()

    def test_a_busy_solo_worker_is_mute_not_gone(self, work: StartWorker, url: str, home: Path, tmp_path: Path) -> None:
        running = work(name="solo", pool="solo", concurrency=1, events=True)
        gate = tmp_path / "gate"
        with watching(url) as watch:
            met(watch, "solo")
            running.app.send_task("testing.hold", [str(gate)])

            def silent() -> bool:
                found = worker(watch, "solo")
                return found is not None and found.state in (WorkerState.MUTE, WorkerState.LATE)

            wait_until(silent, "the silent worker is called mute or late", PATIENCE)
            gate.touch()
            wait_until(
                lambda: getattr(worker(watch, "solo"), "state", None) is WorkerState.ONLINE,
                "it is online again",
                PATIENCE,
            )

    def test_a_worker_that_answers_in_pickle_is_named_and_never_opened(
        self, work: StartWorker, url: str, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("C_FORCE_ROOT", "1")  # Celery's own guard against pickle under root; the worker is ours
        settings = {"task_serializer": "pickle", "accept_content": ["json", "pickle"], "result_serializer": "json"}
        work(name="pickler", events=False, settings=settings)
        with watching(url) as watch:

            def named() -> bool:
                found = worker(watch, "pickler")
                return found is not None and any("pickle" in read.error for read in found.reads.values())

            wait_until(named, "the pickled answer is named", PATIENCE)
            assert all(
                read.value is None for read in (worker(watch, "pickler") or pytest.fail("it is gone")).reads.values()
            )
