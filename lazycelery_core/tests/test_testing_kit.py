"""The servers and workers that every other test stands on."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import redis

from lazycelery_core.testing.celery_worker import Worker
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.servers import Server, start_valkey
from lazycelery_core.testing.tls import Front


def test_a_server_answers_at_once_and_is_gone_afterwards(tmp_path: Path) -> None:
    with start_valkey(tmp_path) as server, server.client() as client:
        assert client.ping()
        pid = server.process.pid
    assert not psutil.pid_exists(pid)


def test_the_shared_server_is_empty_and_usable(valkey: Server) -> None:
    with valkey.client() as client:
        assert client.dbsize() == 0
        client.set("left", "over")


def test_the_shared_server_is_emptied_between_tests(valkey: Server, broker_url: str) -> None:
    assert broker_url == valkey.url
    with valkey.client() as client:
        assert client.dbsize() == 0


def test_a_server_can_have_a_port_a_password_and_users(valkey_factory: Callable[..., Server]) -> None:
    server = valkey_factory(tcp=True, password="p w/@1", users=["reader on >look ~* &* +ping"])
    assert redis.Redis.from_url(server.tcp_url()).ping()
    assert redis.Redis.from_url(server.tcp_url(user="reader", password="look")).ping()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(server.tcp_url(password="wrong")).ping()
    assert "p w" not in " ".join(psutil.Process(server.process.pid).cmdline())


def test_a_server_with_a_long_directory_still_gets_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with start_valkey(deep) as server, server.client() as client:
        assert client.ping()
    assert not server.socket.parent.exists()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="nonsense"), start_valkey(tmp_path, args=["nonsense yes"]):
        pass


def test_a_server_behind_tls_is_trusted_only_with_the_right_authority(
    valkey: Server, tls_front_factory: Callable[..., Front]
) -> None:
    front = tls_front_factory()
    url = f"rediss://localhost:{front.port}/0?ssl_cert_reqs=required&ssl_ca_certs="
    with redis.Redis.from_url(f"{url}{front.ca}") as client:
        assert client.set("over", "tls")
    with redis.Redis.from_url(f"{url}{front.wrong_ca}") as client, pytest.raises(redis.ConnectionError, match="verify"):
        client.ping()
    with valkey.client() as client:
        assert client.get("over") == b"tls"


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_runs_tasks_and_sends_events(
    pool: str, valkey: Server, celery_worker_factory: Callable[..., Worker]
) -> None:
    worker = celery_worker_factory(pool=pool, name="w7@testing")
    with valkey.client() as client, client.pubsub() as pubsub:
        pubsub.psubscribe("/0.celeryev/task.multi")
        worker.app.send_task("testing.add", (2, 3), task_id="t-1")
        wait_until(lambda: client.get("celery-task-meta-t-1"), "the result")
        wait_until(lambda: (pubsub.get_message() or {}).get("type") == "pmessage", "an event")
    assert worker.hostname == "w7@testing"


def test_a_worker_without_events_sends_none_about_tasks(
    valkey: Server, celery_worker_factory: Callable[..., Worker]
) -> None:
    worker = celery_worker_factory(events=False)
    with valkey.client() as client, client.pubsub() as pubsub:
        pubsub.psubscribe("/0.celeryev/*")
        for n in range(3):
            worker.app.send_task("testing.add", (n, n), task_id=f"t-{n}")
        wait_until(
            lambda: client.exists("celery-task-meta-t-0", "celery-task-meta-t-1", "celery-task-meta-t-2") == 3, "r"
        )
        seen = {str(message["channel"]) for message in iter(pubsub.get_message, None) if message["type"] == "pmessage"}
    assert not any("task.multi" in channel for channel in seen)


def test_a_held_task_runs_until_the_test_lets_go(
    tmp_path: Path, valkey: Server, celery_worker_factory: Callable[..., Worker]
) -> None:
    worker, go = celery_worker_factory(settings={"task_track_started": True}), tmp_path / "go"
    worker.app.send_task("testing.hold", (str(go),), task_id="t")
    with valkey.client() as client:
        wait_until(lambda: b'"STARTED"' in (client.get("celery-task-meta-t") or b""), "the start")
        go.touch()
        wait_until(lambda: b'"SUCCESS"' in (client.get("celery-task-meta-t") or b""), "the end")


def test_a_crash_leaves_no_child_of_the_pool(celery_worker_factory: Callable[..., Worker]) -> None:
    worker = celery_worker_factory(pool="prefork", concurrency=2)
    family = psutil.Process(worker.process.pid).children(recursive=True)
    assert len(family) == 2
    worker.kill()
    wait_until(lambda: not any(process.is_running() for process in family), "the end of the pool")


def test_other_layouts_reach_the_worker_as_settings(
    valkey: Server, celery_worker_factory: Callable[..., Worker]
) -> None:
    worker = celery_worker_factory(
        url=valkey.socket_url(db=3),
        settings={"broker_transport_options": {"global_keyprefix": "shop:"}},
    )
    worker.app.send_task("testing.add", (1, 1), task_id="t-1")
    with valkey.client(db=3) as client:
        wait_until(lambda: client.get("celery-task-meta-t-1"), "the result")
        assert client.exists("shop:_kombu.binding.celery")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal exists on Linux only")
def test_a_killed_test_run_leaves_nothing_behind(tmp_path: Path) -> None:
    run = textwrap.dedent("""
        import pathlib, sys, time
        from lazycelery_core.testing.celery_worker import start_worker
        from lazycelery_core.testing.servers import start_valkey
        here = pathlib.Path(sys.argv[1])
        with start_valkey(here) as server, start_worker(server.url, here, pool="prefork") as worker:
            print("up", flush=True)
            time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", run, str(tmp_path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        family = psutil.Process(parent.pid).children(recursive=True)
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not any(process.is_running() for process in family), "the end of the family")
    assert len(family) == 3
