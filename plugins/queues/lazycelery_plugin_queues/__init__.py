"""What waits where? The list of queues, their messages, rates and consumers."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lazycelery_core.action import Action
from lazycelery_core.hookspecs import hookimpl
from lazycelery_core.pane import DetailTab, Pane
from lazycelery_core.projection import Projection
from lazycelery_core.source import Source
from lazycelery_plugin_queues.actions import ACTIONS, KEYS
from lazycelery_plugin_queues.chart import QueueRates
from lazycelery_plugin_queues.messages import QueueMessages
from lazycelery_plugin_queues.pane import OverviewQueues, QueuesList
from lazycelery_plugin_queues.projection import LastPeeks
from lazycelery_plugin_queues.routing import ACTIONS as ROAD_ACTIONS
from lazycelery_plugin_queues.routing import KEYS as ROAD_KEYS
from lazycelery_plugin_queues.routing import RoadDetails, RoutingMap
from lazycelery_plugin_queues.settings import QueuesSettings
from lazycelery_plugin_queues.source import PeekSource
from lazycelery_plugin_queues.tabs import TABS, QueueDetail

if TYPE_CHECKING:
    from lazycelery_core.config import Connection


@hookimpl
def lazycelery_settings() -> type:
    return QueuesSettings


@hookimpl
def lazycelery_sources(connection: "Connection", settings: QueuesSettings) -> Iterable[Source]:
    return [PeekSource(settings)]


@hookimpl
def lazycelery_projections(settings: QueuesSettings) -> Iterable[Projection]:
    return [LastPeeks()]


@hookimpl
def lazycelery_panes(settings: QueuesSettings) -> Iterable[Pane | DetailTab]:
    panes = (OverviewQueues, QueuesList, QueueDetail, QueueRates, QueueMessages, RoutingMap)
    return [each() for each in (*panes, *TABS, RoadDetails)]


@hookimpl
def lazycelery_actions(settings: QueuesSettings) -> Iterable[Action]:
    return (*ACTIONS, *ROAD_ACTIONS)


@hookimpl
def lazycelery_keybindings(settings: QueuesSettings) -> Mapping[str, str]:
    return {**KEYS, **ROAD_KEYS}
