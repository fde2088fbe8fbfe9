"""Celery on RabbitMQ: events, queues with or without the management plugin, and the road to ask workers."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lazycelery_core.hookspecs import hookimpl
from lazycelery_core.source import Source
from lazycelery_plugin_amqp.settings import AmqpSettings

if TYPE_CHECKING:
    from lazycelery_core.config import Connection


@hookimpl
def lazycelery_settings() -> type:
    return AmqpSettings


@hookimpl
def lazycelery_sources(connection: "Connection", settings: AmqpSettings) -> Iterable[Source]:
    from lazycelery_plugin_amqp.source import sources

    return sources(connection, settings)
