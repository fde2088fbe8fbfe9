"""Celery's inspect and remote control: who is there, what they run, and the switch of their task events."""

from collections.abc import Iterable, Mapping

from lazycelery_core.action import Action
from lazycelery_core.config import Connection
from lazycelery_core.hookspecs import hookimpl
from lazycelery_core.source import Source
from lazycelery_plugin_cluster.actions import ACTIONS, KEYS
from lazycelery_plugin_cluster.settings import ClusterSettings
from lazycelery_plugin_cluster.source import InspectSource


@hookimpl
def lazycelery_settings() -> type:
    return ClusterSettings


@hookimpl
def lazycelery_sources(connection: Connection, settings: ClusterSettings) -> Iterable[Source]:
    return [InspectSource(settings)]


@hookimpl
def lazycelery_actions(settings: ClusterSettings) -> Iterable[Action]:
    return ACTIONS


@hookimpl
def lazycelery_keybindings(settings: ClusterSettings) -> Mapping[str, str]:
    return KEYS
