"""Celery on Redis or Valkey: events, results, queue depths, and the road on which workers are asked."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lazycelery_core.hookspecs import hookimpl
from lazycelery_core.source import Source
from lazycelery_plugin_redis.settings import RedisSettings

if TYPE_CHECKING:
    from lazycelery_core.config import Connection


@hookimpl
def lazycelery_settings() -> type:
    return RedisSettings


@hookimpl
def lazycelery_sources(connection: "Connection", settings: RedisSettings) -> Iterable[Source]:
    from lazycelery_plugin_redis.source import sources

    return sources(connection, settings)
