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
    from lazycelery_plugin_amqp.abilities import Abilities
    from lazycelery_plugin_amqp.address import address_of
    from lazycelery_plugin_amqp.line import Line
    from lazycelery_plugin_amqp.stream import AmqpStream
    from lazycelery_plugin_amqp.watching import queue_source

    broker = address_of(connection.url)
    abilities = Abilities(broker, connection.control_exchange, connection.redactor, connection.event_exchange)
    stream = AmqpStream(Line(broker, "events"), connection.event_exchange)
    return (
        stream,
        queue_source(connection, settings, broker, abilities),
    )
