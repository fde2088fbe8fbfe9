"""Is an application on any supported Celery shown from its URL alone, started as it is?

Each version runs in an environment of its own, made once and kept in pytest's cache; worker and client are an ordinary
application that knows nothing of us. The oldest and the newest are tried in every run, all with
`LAZYCELERY_TEST_CELERY=all`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lazycelery_core.config import loads
from lazycelery_core.control import Inspects, Peeks
from lazycelery_core.launcher import Launcher, Options, Watch
from lazycelery_core.model import Task, TaskState, TaskStory, Worker
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.testing.processes import die_with_parent, stop_group, tail, wait_until
from lazycelery_core.testing.servers import Server, start_valkey
from lazycelery_core.testing.terminal import Terminal

VERSIONS = ("5.3", "5.4", "5.5", "5.6", "5.7")
TRIED = VERSIONS if os.environ.get("LAZYCELERY_TEST_CELERY") == "all" else (VERSIONS[0], VERSIONS[-1])
SHOP = """
import os
import time

from celery import Celery

app = Celery("shop", broker=os.environ["SHOP_BROKER"], backend=os.environ["SHOP_BROKER"])


@app.task
def price(amount, currency="EUR"):
    return f"{amount} {currency}"


@app.task
def charge(card):
    try:
        {}["balance"]
    except KeyError as error:
        raise ValueError("no money") from error


@app.task(bind=True)
def flaky(self):
    if self.request.retries == 0:
        raise self.retry(exc=ConnectionError("later"), countdown=0)
    return "at last"


@app.task
def hold(path):
    while not os.path.exists(path):
        time.sleep(0.02)
    return path
"""
CLIENT = """
import json, sys
import shop
for name, args, kwargs, options in json.load(sys.stdin):
    print(shop.app.send_task(name, args, kwargs, **options).id)
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass
class Shop:
    """A running application: two workers, one of them without `-E`, and a program that sends tasks."""

    version: str
    python: Path
    folder: Path
    server: Server
    watch: Watch

    @property
    def url(self) -> str:
        """The only thing that LazyCelery is told."""
        return self.server.tcp_url()

    def send(self, *tasks: tuple[str, list[Any], dict[str, Any], dict[str, Any]]) -> list[str]:
        """Send (name, args, kwargs, options) with the application's own Celery; the ids."""
        done = subprocess.run(
            [self.python, "-c", CLIENT], input=json.dumps(tasks), text=True, capture_output=True, check=False,
            cwd=self.folder, env=variables(self.url),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    def snapshot(self) -> Snapshot:
        """What is known now."""
        return self.watch.deployment.snapshot(time.time())

    def task(self, task_id: str, state: TaskState) -> Task:
        """The task, once it is in that state."""

        def found() -> Task | None:
            task = self.snapshot().tasks.get(task_id)
            return task if task is not None and task.state is state else None

        return wait_until(found, f"{task_id} {state.name}", 60)

    def story(self, task_id: str, state: TaskState) -> TaskStory:
        """All about the task, once it is in that state."""
        self.task(task_id, state)
        story = self.snapshot().tasks.story(task_id)
        assert story is not None
        return story

    def worker(self, name: str, *reads: str) -> Worker:
        """The worker, once it has answered these questions."""

        def found() -> Worker | None:
            worker = self.snapshot().worker(name)
            known = worker is not None and all(each in worker.reads for each in reads)
            return worker if known else None

        return wait_until(found, f"{name} with {reads}", 60)


def variables(url: str) -> dict[str, str]:
    """The environment of the application: nothing of ours, nothing that would configure Celery."""
    ours = ("CELERY", "DJANGO", "PYTHON", "LAZYCELERY")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(ours)}, "SHOP_BROKER": url}


def environment_of(version: str, place: Path) -> Path:
    """The Python of an environment with this Celery and the kombu of its time; made once. Skips where it can't be."""
    python, stamp = place / "bin" / "python", place / "installed"
    if not stamp.exists():
        major, minor = version.split(".")
        only = f">={version},<{major}.{int(minor) + 1}"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--clear", place], check=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
        done = subprocess.run(
            [*pip, "install", "--quiet", f"celery[redis]{only}", f"kombu[redis]{only}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"Celery {version} could not be installed, so it is NOT TESTED: {done.stderr[-300:]}")
        stamp.touch()
    return python


def start_worker(python: Path, url: str, folder: Path, name: str, *options: str) -> "subprocess.Popen[bytes]":
    """`celery -A shop worker`, not yet ready."""
    argv = [str(python), "-m", "celery", "-A", "shop", "worker", "-n", name, "-c", "2", "-l", "INFO", *options]
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            argv, cwd=folder, env=variables(url), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, preexec_fn=die_with_parent,  # noqa: PLW1509 - no other thread runs yet
        )  # fmt: skip


def ready(process: "subprocess.Popen[bytes]", log: Path) -> bool:
    """Whether it says so; RuntimeError if it has ended."""
    if process.poll() is not None:
        raise RuntimeError(tail(log))
    return " ready." in log.read_text(errors="replace")


@pytest.fixture(scope="module", params=TRIED)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    version = request.param
    folder = tmp_path_factory.mktemp(f"celery-{version}")
    cache = getattr(request.config, "cache", None)  # none with -p no:cacheprovider
    python = environment_of(version, cache.mkdir(f"celery-{version}") if cache else folder / "environment")
    (folder / "shop.py").write_text(SHOP, "utf-8")
    with ExitStack() as running:
        running.enter_context(pytest.MonkeyPatch.context()).setenv("XDG_STATE_HOME", str(folder))
        server = running.enter_context(start_valkey(folder, tcp=True))
        url = server.tcp_url()
        workers = {
            "loud@shop": start_worker(python, url, folder, "loud@shop", "-E", "-Q", "celery,mail"),
            "quiet@shop": start_worker(python, url, folder, "quiet@shop", "-Q", "quiet"),
        }
        for process in workers.values():
            running.callback(stop_group, process, seconds=0.1)
        launcher = Launcher(loads(""), Options())
        watch = launcher.watch(launcher.connect(url))
        for name, process in workers.items():
            wait_until(partial(ready, process, folder / f"{name}.log"), f"{name} is ready", 60)
        running.callback(watch.stop)
        watch.start()
        watch.deployment.focus(frozenset({"view:workers", "view:queues", *(f"worker:{name}" for name in workers)}))
        yield Shop(version, python, folder, server, watch)


def test_its_workers_tell_version_pool_queues_and_all_that_inspect_knows(shop: Shop) -> None:
    for name, queues in (("loud@shop", ("celery", "mail")), ("quiet@shop", ("quiet",))):
        worker = shop.worker(name, "stats", "conf", "active_queues", "registered")
        assert f"{shop.version}." in worker.software
        assert (worker.pool, worker.concurrency, worker.queues) == ("prefork", 2, queues)
        assert {command: read.error for command, read in worker.reads.items() if read.error} == {}
        assert "shop.price" in str(worker.reads["registered"].value)


@pytest.mark.parametrize("command", ["ping", "stats", "active", "reserved", "scheduled", "registered", "revoked",
                                     "active_queues", "conf"])  # fmt: skip
def test_every_question_is_answered_by_every_worker(shop: Shop, command: str) -> None:
    inspects = shop.watch.deployment.control.get(Inspects)
    assert inspects is not None
    replies = inspects.inspect(command, timeout=5.0)
    assert sorted((each.hostname, each.error) for each in replies.nodes) == [("loud@shop", ""), ("quiet@shop", "")]


def test_tasks_are_told_with_arguments_and_results(shop: Shop) -> None:
    (sent,) = shop.send(("shop.price", [12], {"currency": "CHF"}, {}))
    story = shop.story(sent, TaskState.SUCCESS)
    assert (story.task.name, story.task.worker, story.task.retries) == ("shop.price", "loud@shop", 0)
    assert [each and each.text for each in (story.args, story.kwargs)] == ["[12]", "{'currency': 'CHF'}"]
    assert story.result is not None
    assert "12 CHF" in story.result.text
    assert story.task.runtime is not None


def test_failures_are_told_with_exception_and_traceback(shop: Shop) -> None:
    (sent,) = shop.send(("shop.charge", ["card-1"], {}, {"queue": "mail"}))
    story = shop.story(sent, TaskState.FAILURE)
    assert story.task.exception == "ValueError('no money')"
    assert story.traceback is not None
    assert "KeyError: 'balance'" in story.traceback.text
    assert "shop.py" in story.traceback.text


def test_retries_are_attempts_of_one_task(shop: Shop) -> None:
    (sent,) = shop.send(("shop.flaky", [], {}, {}))
    story = shop.story(sent, TaskState.SUCCESS)
    assert story.task.retries == 1
    assert {moment.attempt for moment in story.moments} == {0, 1}


def test_what_runs_and_what_waits_for_its_time_is_known_from_the_worker(shop: Shop, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    running, later = shop.send(
        ("shop.hold", [str(gate)], {}, {"queue": "quiet"}),
        ("shop.price", [1], {}, {"queue": "quiet", "countdown": 600}),
    )

    def told() -> bool:
        tasks = shop.snapshot().tasks
        held, planned = tasks.get(running), tasks.get(later)
        return bool(held and planned and held.name == "shop.hold" and held.worker == "quiet@shop" and planned.eta)

    try:
        wait_until(told, "both tasks are seen without any event", 60)
    finally:
        gate.touch()
    shop.task(running, TaskState.SUCCESS)


def test_results_are_seen_where_no_task_events_are_sent(shop: Shop) -> None:
    good, bad = shop.send(
        ("shop.price", [12], {}, {"queue": "quiet"}), ("shop.charge", ["card-1"], {}, {"queue": "quiet"})
    )
    story = shop.story(good, TaskState.SUCCESS)
    assert story.result is not None
    assert "12 EUR" in story.result.text
    story = shop.story(bad, TaskState.FAILURE)
    assert story.traceback is not None
    assert "no money" in story.traceback.text
    assert story.task.exception == "ValueError('no money')"


def test_a_queue_nobody_consumes_is_counted_by_priority_and_can_be_looked_into(shop: Shop) -> None:
    ids = shop.send(*(("shop.price", [n], {"currency": "USD"}, {"queue": "late", "priority": n}) for n in (0, 3, 9, 9)))

    def counted() -> bool:
        queue = shop.snapshot().queue("late")
        return queue is not None and queue.ready == 4 and queue.by_priority == {0: 1, 3: 1, 9: 2}

    wait_until(counted, "the queue is counted", 60)
    peeks = shop.watch.deployment.control.get(Peeks)
    assert peeks is not None
    messages = peeks.peek("late").messages
    assert [(each.task_id, each.task, each.priority) for each in messages] == [
        (sent, "shop.price", n) for sent, n in zip(ids, (0, 3, 9, 9), strict=True)
    ]
    assert (messages[0].args, messages[0].kwargs) == ("(0,)", "{'currency': 'USD'}")


def test_the_program_shows_all_of_it_from_the_url_alone(shop: Shop, tmp_path: Path) -> None:
    home = {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with Terminal([sys.executable, "-m", "lazycelery_core", "--broker", shop.url], environment=home) as terminal:
        terminal.wait_for(lambda text: "● loud" in text and "● quiet" in text)
        shop.send(("shop.charge", ["card-1"], {}, {}))
        terminal.type("Q")
        terminal.wait_for(lambda text: "late" in text and "mail" in text)
        terminal.type("T")
        terminal.wait_for("shop.charge")
        terminal.type("enter")
        terminal.wait_for("ValueError")
        terminal.type("]", "]", "]", "]")
        terminal.wait_for(lambda text: "KeyError: 'balance'" in text)
        terminal.type("q")
        assert terminal.wait() == 0
