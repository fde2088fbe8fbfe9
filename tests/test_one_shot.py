"""Do the commands without a screen tell what the screen tells, in forms that programs read?"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lazycelery_core.testing.celery_app import create_app
from lazycelery_core.testing.processes import wait_until

if TYPE_CHECKING:
    from lazycelery_core.testing.celery_worker import Worker
    from lazycelery_core.testing.servers import Server

StartWorker = Callable[..., "Worker"]
NOTHING = 1  # the exit code where there is nothing to list
LAZYCELERY = [sys.executable, "-m", "lazycelery_core"]
# A shell's background job ignores Ctrl+C, and so does all that it starts, a test's programs among them.
INTERRUPTIBLE = [
    sys.executable,
    "-c",
    (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from lazycelery_core.cli import main; main()"
    ),
]


@pytest.fixture
def run(broker_url: str, tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """run(*arguments) -> the finished command, with the test's broker in its environment."""
    environment = environment_for(broker_url, tmp_path)

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*LAZYCELERY, *arguments], capture_output=True, text=True, timeout=60, check=False, env=environment
        )

    return run


Run = Callable[..., "subprocess.CompletedProcess[str]"]


def environment_for(url: str, home: Path) -> dict[str, str]:
    return {**os.environ, "LAZYCELERY_BROKER_URL": url, "XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home)}


def listened(run: Run, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A listing that listens longer if there was nothing to list: on a busy machine workers and answers are late."""
    for seconds in ("3", "10", "30"):
        done = run(*arguments, "--seconds", seconds)
        if done.returncode != NOTHING:
            break
    return done


def test_workers_as_json_are_the_running_ones(run: Run, celery_worker_factory: StartWorker) -> None:
    celery_worker_factory(name="w1@here", queues=["celery", "mail"], pool="prefork", concurrency=2)
    done = listened(run, "workers", "--json")
    assert (done.returncode, [each["name"] for each in json.loads(done.stdout)]) == (0, ["w1@here"])
    assert "1 of 1" in done.stderr


def test_queues_count_what_waits_in_every_priority_also_where_nobody_consumes(run: Run, broker_url: str) -> None:
    app = create_app(broker_url)
    for priority in (0, 3, 9):
        app.send_task("testing.add", [1, 2], queue="lonely", priority=priority)
    done = listened(run, "queues", "--ndjson")
    rows = {each["name"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert (done.returncode, rows["lonely"]["ready"]) == (0, 3)


def test_tasks_are_filtered_by_the_filter_language(
    celery_worker_factory: StartWorker, valkey: "Server", tmp_path: Path
) -> None:
    app = celery_worker_factory(name="w1@here").app
    failed, rows, err = set(), [], ""
    for seconds in ("6", "15", "40"):  # on a busy machine the worker may need more than the first
        with valkey.client() as client:
            patterns = client.pubsub_numpat()
            listing = subprocess.Popen(
                [*LAZYCELERY, "tasks", "-f", "state:failed", "--json", "--seconds", seconds],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                env=environment_for(app.conf.broker_url, tmp_path),
            )  # fmt: skip
            # until it listens there is nobody to hear the tasks
            wait_until(partial(_listens, client, listing, patterns), "the command listens", 60)
        failed.add(app.send_task("testing.fail", ["no stock"]).id)
        app.send_task("testing.add", [1, 2])
        out, err = listing.communicate(timeout=100)
        rows = json.loads(out)
        if rows:
            break
    assert rows, err
    assert {(each["id"], each["state"]) for each in rows} <= {(each, "FAILURE") for each in failed}, err
    assert "match state:failed" in err


def _listens(client: Any, listing: "subprocess.Popen[str]", patterns: int) -> bool:
    return bool(client.pubsub_numpat() > patterns or listing.poll() is not None)


def test_nothing_found_is_exit_code_1_and_says_so(run: Run) -> None:
    done = run("tasks", "--seconds", "1")
    assert done.returncode == 1
    assert "0 of 0" in done.stderr


def test_a_misspelt_filter_is_explained(run: Run) -> None:
    done = run("tasks", "-f", "runtme>5s")
    assert done.returncode == 2
    assert "Did you mean runtime?" in done.stderr
    assert "Traceback" not in done.stderr


def test_watch_and_json_do_not_go_together(run: Run) -> None:
    done = run("queues", "--watch", "--json")
    assert done.returncode == 2
    assert "--ndjson" in done.stderr


def test_watch_prints_what_changes_until_it_is_interrupted(
    celery_worker_factory: StartWorker, broker_url: str, tmp_path: Path
) -> None:
    app = celery_worker_factory(name="w1@here").app
    lines = tmp_path / "lines"
    with lines.open("w") as out:
        watching = subprocess.Popen(
            [*INTERRUPTIBLE, "tasks", "--watch", "--ndjson", "--seconds", "1"],
            stdout=out, stderr=subprocess.DEVNULL, env=environment_for(broker_url, tmp_path),
        )  # fmt: skip
    try:
        sent = []

        def reported() -> bool:
            sent.append(app.send_task("testing.add", [1, 2]).id)
            states = [json.loads(line) for line in lines.read_text().splitlines()]
            return any(each["id"] in sent and each["state"] == "SUCCESS" for each in states)

        wait_until(reported, "a finished task is printed", 60)
        watching.send_signal(signal.SIGINT)
        assert watching.wait(60) == 0
    finally:
        watching.kill()
        watching.wait()


def test_doctor_finds_nothing_wrong_with_a_running_deployment(run: Run, celery_worker_factory: StartWorker) -> None:
    celery_worker_factory(name="w1@here")
    done = run("doctor", "connection")
    for _ in range(3):  # a worker on a busy machine may answer too late
        if done.returncode == 0:
            break
        done = run("doctor", "connection")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗" not in done.stdout


def test_doctor_names_the_missing_right(valkey_factory: Callable[..., "Server"], tmp_path: Path) -> None:
    server = valkey_factory(users=["half on >secret ~* &* -@all +ping +select +info +llen +scan"])
    environment = environment_for(server.socket_url(user="half", password="secret"), tmp_path)
    done = subprocess.run(
        [*LAZYCELERY, "doctor", "connection"], capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    assert done.returncode in (1, 3)
    assert "psubscribe" in done.stdout
    assert "secret" not in done.stdout + done.stderr
