"""Does the kit's RabbitMQ start, stop, crash and come back, and does nothing of it stay?"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import amqp
import psutil
import pytest

from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.rabbitmq import NONE, Grant, Rabbit, Vhost, start_rabbitmq


def connected(server: Rabbit, user: str = "guest", password: str = "guest", vhost: str = "/") -> amqp.Connection:
    connection = amqp.Connection(f"127.0.0.1:{server.port}", user, password, virtual_host=vhost, connect_timeout=10)
    connection.connect()
    return connection


def declare(vhost: Vhost, user: str, queue: str) -> None:
    with connected(vhost.server, user, "pw", vhost.name) as connection:
        connection.channel().queue_declare(queue, exclusive=True)


def test_a_virtual_host_is_empty_and_its_users_may_do_what_they_are_granted(rabbitmq_vhost: Vhost) -> None:
    rabbitmq_vhost.add_user("some", "pw", Grant("^mine", "^$", "^$"))
    rabbitmq_vhost.add_user("none", "pw", NONE)
    declare(rabbitmq_vhost, "some", "mine")
    with pytest.raises(amqp.AccessRefused):
        declare(rabbitmq_vhost, "some", "other")
    with pytest.raises(amqp.AccessRefused):
        declare(rabbitmq_vhost, "none", "mine")
    assert rabbitmq_vhost.server.ctl("list_queues", "-p", rabbitmq_vhost.name, "name") in ("", "name")


def test_a_crashed_node_comes_back_on_its_ports_and_nothing_of_it_stays(tmp_path: Path) -> None:
    with start_rabbitmq(tmp_path) as server:
        ports = server.ports
        server.kill()
        with pytest.raises(ConnectionRefusedError):
            connected(server)
        server.start()
        assert server.ports == ports
        connected(server).close()
        started = [server.process.pid, server.names.pid]
        assert all(map(psutil.pid_exists, started))
    assert not any(map(psutil.pid_exists, started))
    wait_until(lambda: not any(str(tmp_path) in line for line in _commands()), "the end of all its processes")


def _commands() -> list[str]:
    return [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]


def test_a_server_listens_on_the_loopback_only(rabbitmq_server: Rabbit) -> None:
    listening = [
        each.laddr for each in psutil.Process(rabbitmq_server.process.pid).net_connections("tcp")
        if each.status == psutil.CONN_LISTEN
    ]  # fmt: skip
    assert {each.ip for each in listening} == {"127.0.0.1"}
    assert {each.port for each in listening} == set(rabbitmq_server.ports) - {
        rabbitmq_server.ports.tls, rabbitmq_server.ports.names
    }  # fmt: skip


def test_an_expression_that_fails_in_the_node_is_an_error(rabbitmq_server: Rabbit) -> None:
    assert rabbitmq_server.call("20 + 22") == "42"
    with pytest.raises(RuntimeError, match="undef"):
        rabbitmq_server.call("nobody:knows()")


def test_where_it_is_missing_tests_skip_with_a_line_that_says_how_to_get_it(
    pytester_run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAZYCELERY_NEEDS_RABBITMQ", raising=False)
    said = pytester_run()
    assert "SKIPPED" in said
    assert "apt-get install" in said
    monkeypatch.setenv("LAZYCELERY_NEEDS_RABBITMQ", "1")
    assert "1 error" in pytester_run()


@pytest.fixture
def pytester_run(tmp_path: Path) -> Callable[..., str]:
    (tmp_path / "test_it.py").write_text(
        "import lazycelery_core.testing.rabbitmq as kit\n"
        "kit.has_rabbitmq = lambda: False\n"
        "def test_it(rabbitmq_vhost): pass\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rs",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]

    def run() -> str:
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout

    return run
