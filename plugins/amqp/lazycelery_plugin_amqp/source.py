"""Which sources does a connection get? Those of RabbitMQ, when its broker is one."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lazycelery_core.source import Source
from lazycelery_plugin_amqp.settings import AmqpSettings

if TYPE_CHECKING:
    from lazycelery_core.config import Connection

SCHEMES = ("amqp", "amqps", "pyamqp")


def sources(connection: "Connection", settings: AmqpSettings) -> Iterable[Source]:
    """Events and queues; () when the broker does not speak AMQP."""
    if connection.url.scheme not in SCHEMES:
        return ()
    return ()
