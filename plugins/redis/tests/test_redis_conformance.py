"""Does the Redis plugin do what a broker's plugin must? The suite of `conformance.py` on a real Valkey."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from lazycelery_core.testing.conformance import BrokerConformance
from lazycelery_core.testing.numbered import envelope
from lazycelery_core.testing.processes import freeze
from lazycelery_core.testing.servers import Server, start_valkey
from lazycelery_core.testing.tested_broker import TestedBroker

EVERYTHING = "on >pw ~* &* +@all"
LOGINS = {  # what it may not -> all but that
    "events": f"events {EVERYTHING} -psubscribe -subscribe",
    "workers": f"workers {EVERYTHING} -publish",
}


class Valkey(TestedBroker):
    """A server on a unix socket; what is published through it is a Redis envelope."""

    first_priority, last_priority = 0, 9  # kombu's buckets: the lowest number is served first

    def __init__(self, home: Path, running: ExitStack) -> None:
        self._home, self._running, self.settings = home, running, {}
        self._server = self._started()
        self.url = self._server.url

    def _started(self) -> Server:
        return self._running.enter_context(start_valkey(self._home, users=[*LOGINS.values()]))

    def publish(self, body: bytes, content_type: str = "application/json") -> None:
        message = envelope(body).replace(b"application/json", content_type.encode())
        try:
            with self._server.client(socket_timeout=30) as client:
                client.publish("/0.celeryev/task.multi", message)
        except redis.RedisError as error:
            raise OSError(str(error)) from error

    def delete(self, queue: str) -> None:
        with self._server.client() as client:
            client.delete(queue, *client.keys(f"{queue}\x06*"))
            client.delete(*client.keys("_kombu.binding*"))

    def kill(self) -> None:
        self._server.process.kill()
        self._server.process.wait()

    def start(self) -> None:
        self._server = self._started()

    def freeze(self) -> None:
        freeze(self._server.process)

    def thaw(self) -> None:
        os.kill(self._server.process.pid, signal.SIGCONT)

    def cut(self) -> None:
        with self._server.client() as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            client.execute_command("CLIENT", "KILL", "TYPE", "normal")

    def left_behind(self) -> dict[str, Any]:
        with self._server.client() as client:
            return {key.decode(errors="replace"): client.dump(key) for key in client.scan_iter()}

    def url_without(self, right: str) -> str:
        return self._server.socket_url(user=right, password="pw")


class TestRedis(BrokerConformance):
    @pytest.fixture
    def broker(self) -> Iterator[Valkey]:
        home = Path(tempfile.mkdtemp(prefix="lc-"))  # a path that is short enough for a socket, twice the same
        try:
            with ExitStack() as running:
                yield Valkey(home, running)
        finally:
            shutil.rmtree(home, ignore_errors=True)
