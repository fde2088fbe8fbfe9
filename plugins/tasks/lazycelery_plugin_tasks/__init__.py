"""What does the plugin `tasks` add? What runs now, what just happened, every task that was seen, and all about one."""

from collections.abc import Iterable, Mapping
from typing import Any

from lazycelery_core.action import Action
from lazycelery_core.hookspecs import hookimpl
from lazycelery_core.pane import DetailTab, Pane
from lazycelery_core.projection import Projection
from lazycelery_plugin_tasks.actions import ACTIONS, KEYS
from lazycelery_plugin_tasks.active import ActiveTasks
from lazycelery_plugin_tasks.feed import EventsPane
from lazycelery_plugin_tasks.pane import TaskDetail, TaskList
from lazycelery_plugin_tasks.projection import EventFeed
from lazycelery_plugin_tasks.tabs import Attempts, Details
from lazycelery_plugin_tasks.throughput import Throughput
from lazycelery_plugin_tasks.value_tabs import Args, Raw, Result, Traceback


@hookimpl
def lazycelery_projections(settings: Any) -> Iterable[Projection]:
    return [EventFeed()]


@hookimpl
def lazycelery_panes(settings: Any) -> Iterable[Pane | DetailTab]:
    panes = (ActiveTasks, EventsPane, Throughput, TaskList, TaskDetail)
    tabs = (Details, Attempts, Args, Result, Traceback, Raw)
    return [each() for each in (*panes, *tabs)]


@hookimpl
def lazycelery_actions(settings: Any) -> Iterable[Action]:
    return ACTIONS


@hookimpl
def lazycelery_keybindings(settings: Any) -> Mapping[str, str]:
    return KEYS
