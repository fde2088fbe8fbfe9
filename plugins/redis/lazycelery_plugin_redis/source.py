"""Which sources does a connection get? Those of Redis, when its URL is one of Redis."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lazycelery_core.source import Source
from lazycelery_plugin_redis.address import address_of
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.settings import RedisSettings

if TYPE_CHECKING:
    from lazycelery_core.config import Connection

SCHEMES = ("redis", "rediss", "redis+socket", "sentinel")


def sources(connection: "Connection", settings: RedisSettings) -> Iterable[Source]:
    """Events and queues of this connection; () when its broker is another one."""
    if connection.url.scheme not in SCHEMES:
        return ()
    from lazycelery_plugin_redis.abilities import Abilities
    from lazycelery_plugin_redis.line import Line
    from lazycelery_plugin_redis.queues import RedisQueues
    from lazycelery_plugin_redis.stream import RedisEvents

    address = address_of(connection.url)
    layout = Layout(db=address.db)
    events = RedisEvents(Line(address), layout, settings.every_database, settings.results)
    return (events, RedisQueues(Line(address), layout, Abilities(address, layout), period=settings.poll))
