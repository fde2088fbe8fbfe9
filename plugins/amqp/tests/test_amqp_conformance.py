"""Does the AMQP plugin do what a broker's plugin must? The suite of `conformance.py` on a real RabbitMQ.

Once as Celery alone shows it, once with the management plugin to ask.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import amqp
import pytest

from lazycelery_core.testing.conformance import BrokerConformance
from lazycelery_core.testing.rabbitmq import Grant, Rabbit, Vhost, start_rabbitmq
from lazycelery_core.testing.tested_broker import TestedBroker

HIGHEST = 9  # a queue's own number of priorities: what is above it counts as this
WHY = "the test wants it"
LACKS = {
    "events": Grant(read=r"^(?!celeryev$).*"),
    "workers": Grant(write=r"^(?!celery\.pidbox$).*"),
}


class RabbitMQ(TestedBroker):
    """An empty virtual host; its events exchange is there, as after any worker's start."""

    free_looks = False

    def __init__(self, vhost: Vhost, is_managed: bool) -> None:
        self._vhost, self._server, self.url = vhost, vhost.server, vhost.url
        self.counts_held = is_managed
        self.config = f'[plugins.amqp]\nmanagement_url = "{self._server.management_url}"\n' if is_managed else ""
        self.settings = {"result_backend": "rpc://", "task_queue_max_priority": HIGHEST}
        self._line: amqp.Connection | None = None
        self._channel: Any = None
        self._connect()

    def _connect(self) -> None:
        where = f"127.0.0.1:{self._server.port}"
        self._line = amqp.Connection(where, "guest", "guest", virtual_host=self._vhost.name, read_timeout=30)
        self._line.connect()
        self._channel = self._line.channel()
        self._channel.exchange_declare("celeryev", "topic", durable=True, auto_delete=False)

    def publish(self, body: bytes, content_type: str = "application/json") -> None:
        try:
            if self._line is None:
                self._connect()
            message = amqp.Message(body, content_type=content_type, content_encoding="utf-8", delivery_mode=1)
            self._channel.basic_publish(message, "celeryev", "task.multi")
        except (OSError, amqp.AMQPError, AttributeError) as error:
            self._line = None
            raise OSError(str(error)) from error

    def delete(self, queue: str) -> None:
        assert self._line is not None
        with self._line.channel() as channel:
            channel.queue_delete(queue)

    def kill(self) -> None:
        self._server.kill()

    def start(self) -> None:
        self._server.start()

    def freeze(self) -> None:
        self._server.freeze()

    def thaw(self) -> None:
        self._server.thaw()

    def cut(self) -> None:
        name = self._vhost.name
        self._server.call(
            f'[rabbit_networking:close_connection(P, "{WHY}") || [{{pid, P}}, {{vhost, V}}] <- '
            f'rabbit_networking:connection_info_all([pid, vhost]), V =:= <<"{name}">>], ok'
        )

    def left_behind(self) -> dict[str, Any]:
        lists = {"list_queues": ("name", "messages"), "list_exchanges": ("name",), "list_bindings": ()}
        found = {
            what: sorted(self._server.ctl(what, "-p", self._vhost.name, *columns).splitlines())
            for what, columns in lists.items()
        }
        lines = self._server.ctl("list_connections", "vhost", "client_properties").splitlines()
        ours = [line for line in lines if line.startswith(self._vhost.name) and "lazycelery" in line]
        return {**found, "connections": len(ours)}  # Celery opens and closes some of its own

    def url_without(self, right: str) -> str:
        self._vhost.add_user(right, "pw", LACKS[right])
        return self._vhost.url_for(right, "pw")

    def close(self) -> None:
        """End its own connection."""
        if self._line is not None:
            with suppress(OSError, amqp.AMQPError):
                self._line.close()


def running(server: Rabbit) -> Rabbit:
    """The server, whatever the test before has done to it."""
    if server.process.poll() is not None:
        server.start()
    server.thaw()
    return server


class OnRabbitMQ(BrokerConformance):
    """`server` is overridden: with or without the management plugin."""

    is_managed = False

    @pytest.fixture
    def broker(self, server: Rabbit) -> Iterator[RabbitMQ]:
        with running(server).vhost() as vhost:
            broker = RabbitMQ(vhost, self.is_managed)
            try:
                yield broker
            finally:
                running(server)
                broker.close()


class TestPlain(OnRabbitMQ):
    @pytest.fixture(scope="class")
    def server(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
        with start_rabbitmq(tmp_path_factory.mktemp("plain")) as server:
            yield server


class TestWithManagement(OnRabbitMQ):
    is_managed = True

    @pytest.fixture(scope="class")
    def server(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
        with start_rabbitmq(tmp_path_factory.mktemp("managed"), management=True) as server:
            yield server
