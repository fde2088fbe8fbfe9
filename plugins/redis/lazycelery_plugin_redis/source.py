"""Which sources does a connection get? Those of Redis, when its broker is one."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lazycelery_core.source import Source
from lazycelery_core.urls import REDIS
from lazycelery_plugin_redis.settings import RedisSettings

if TYPE_CHECKING:
    from lazycelery_core.config import Connection
    from lazycelery_plugin_redis.address import Address
    from lazycelery_plugin_redis.layout import Layout


def sources(connection: "Connection", settings: RedisSettings) -> Iterable[Source]:
    """Events, queues, and results where they are kept elsewhere; () when the broker is not Redis."""
    if connection.url.scheme not in REDIS:
        return ()
    from lazycelery_plugin_redis.abilities import Abilities
    from lazycelery_plugin_redis.address import address_of
    from lazycelery_plugin_redis.line import Line
    from lazycelery_plugin_redis.queues import RedisQueues
    from lazycelery_plugin_redis.stream import RedisStream

    broker, layout = address_of(connection.url, connection.master_name), layout_of(connection)
    results = _results(connection, broker)
    here = settings.results and results is not None and results.is_same_server(broker)
    channel = layout.every_event_channel if settings.every_database else layout.event_channel
    streams = [RedisStream("events", Line(broker), channel, layout.result_channel if here else "")]
    if settings.results and results is not None and not here:
        streams.append(RedisStream("results", Line(results), layout.result_channel))
    abilities = Abilities(broker, layout, results, connection.redactor)
    return (*streams, RedisQueues(Line(broker), layout, abilities, connection.queues, settings.poll))


def layout_of(connection: "Connection") -> "Layout":
    """The names of the connection's keys and channels."""
    from lazycelery_plugin_redis.layout import Layout

    return Layout(
        db=connection.url.database, prefix=connection.global_keyprefix, result_prefix=connection.result_keyprefix,
        fanout_prefix=connection.fanout_prefix, fanout_patterns=connection.fanout_patterns,
        event_exchange=connection.event_exchange, control_exchange=connection.control_exchange, sep=connection.sep,
        steps=connection.priority_steps, unacked=connection.unacked_key,
    )  # fmt: skip


def _results(connection: "Connection", broker: "Address") -> "Address | None":
    """Where results are: with the broker unless the settings say otherwise, None when it is no Redis."""
    from lazycelery_plugin_redis.address import address_of

    if connection.results is None:
        return broker
    return address_of(connection.results, connection.master_name) if connection.results.scheme in REDIS else None
