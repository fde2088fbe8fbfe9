"""May the demo play in a virtual host of somebody's RabbitMQ, and how does it leave it?

Nobody can list what is there without the management plugin, but the names of what Celery and the demo make are known.
None of them may be there before; so what bears them afterwards is the demo's own, and only that is deleted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import amqp

from lazycelery_core.errors import ConfigError, SourceError
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_demo.roles import QUEUES

PATIENCE = 3.0  # s for a connection
CELERY = ("celeryev", "celery.pidbox", "reply.celery.pidbox")  # its exchanges; those of queues are called like them
WITHOUT = "Leave --broker and LAZYCELERY_BROKER_URL out and it starts a server of its own."
TROUBLE = (amqp.AMQPError, OSError)


def claim(url: str, place: str) -> None:
    """Raise ConfigError or SourceError unless the virtual host is reachable and has nothing of ours or Celery's."""
    try:
        with _connected(url) as connection:
            queues = [queue for queue in QUEUES if _is_there(connection, queue=queue)]
            exchanges = [name for name in (*CELERY, *QUEUES) if _is_there(connection, exchange=name)]
    except TROUBLE as error:
        raise SourceError(f"The demo can't use {place}: {type(error).__name__}.", WITHOUT) from None
    found = [*queues, *exchanges]
    if found:
        raise ConfigError(
            f"The demo needs a virtual host without Celery, {place} has {', '.join(found[:3])}.",
            "Its workers would take other people's tasks. Make one for it: rabbitmqctl add_vhost demo; "
            "rabbitmqctl set_permissions -p demo USER '.*' '.*' '.*'.",
        )


def clean(url: str) -> None:
    """Delete what the demo made; queues that belong to one connection have gone with it."""
    with _connected(url) as connection:
        channel = connection.channel()
        for queue in QUEUES:
            channel.queue_delete(queue)
        for exchange in (*CELERY, *QUEUES):
            channel.exchange_delete(exchange)


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    """A connection as kombu reads the URL: no user is guest, no path the virtual host `/`."""
    said = BrokerURL.parse(url)
    connection = amqp.Connection(
        f"{said.host}:{said.port}", said.user or "guest", said.password or "guest",
        virtual_host=said.virtual_host or "/", connect_timeout=PATIENCE, read_timeout=PATIENCE,
    )  # fmt: skip
    connection.connect()
    try:
        yield connection
    finally:
        connection.close()


def _is_there(connection: Any, queue: str = "", exchange: str = "") -> bool:
    """Asked on a channel of its own, which a no costs."""
    channel = connection.channel()
    try:
        if queue:
            channel.queue_declare(queue=queue, passive=True)
        else:
            channel.exchange_declare(exchange=exchange, type="direct", passive=True)
    except amqp.exceptions.NotFound:
        return False
    except amqp.exceptions.ResourceLocked:
        return True
    channel.close()
    return True
