"""How does a test say on RabbitMQ what a worker would say, or what nobody should?

with AmqpWire(vhost.url) as wire:
    wire.event(type="task-received", uuid="T", hostname="w1@a", name="shop.charge", args="(1,)")
    wire.publish(b"no event at all")
with numbers_over(vhost.url) as numbers: ...        # see numbered.py
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import amqp

from lazycelery_core.testing.numbered import Numbers, numbering
from lazycelery_core.urls import BrokerURL

EXCHANGE = "celeryev"
PATIENCE = 1.0  # s for the broker to take a message


class AmqpWire:
    """A line to a broker on which anything can be said; what was said has been taken by the broker."""

    def __init__(self, url: str, exchange: str = EXCHANGE, declare: bool = True) -> None:
        self._url, self._exchange, self._declare = BrokerURL.parse(url), exchange, declare
        self._connection: Any = None
        self._channel: Any = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Connect; make the exchange of events as Celery makes it."""
        url = self._url
        self._connection = amqp.Connection(
            f"{url.host}:{url.port}", url.user, url.password, virtual_host=url.virtual_host or "/",
            confirm_publish=True, connect_timeout=PATIENCE,
        )  # fmt: skip
        self._connection.connect()
        self._connection.transport.sock.settimeout(PATIENCE)
        self._channel = self._connection.channel()
        if self._declare:
            self._channel.exchange_declare(self._exchange, "topic", durable=True, auto_delete=False)

    def close(self) -> None:
        """Hang up."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            connection.collect()

    def publish(
        self, body: bytes, content_type: str = "application/json", key: str = "task.multi", **more: Any
    ) -> None:
        """A message as it stands. more: further properties. OSError when the broker does not take it."""
        try:
            if self._connection is None:
                self.open()
            message = amqp.Message(body, content_type=content_type, delivery_mode=1, **more)
            self._channel.basic_publish(message, exchange=self._exchange, routing_key=key)
        except (amqp.AMQPError, OSError, AttributeError) as error:  # the driver forgets its parts when it is cut off
            self.close()
            raise OSError(str(error)) from error

    def event(self, **fields: Any) -> None:
        """An event of now, unless it says another time."""
        told = {"timestamp": time.time(), "clock": 1, "pid": 1, "utcoffset": 0, **fields}
        self.publish(json.dumps(told).encode(), application_headers={"hostname": told.get("hostname", "")})


@contextmanager
def numbers_over(url: str) -> Iterator[Numbers]:
    """Numbered events to the event exchange of a virtual host."""
    wire = AmqpWire(url)
    try:
        with numbering(wire.publish) as numbers:
            yield numbers
    finally:
        wire.close()
