"""Who works, and at what? The list of workers, their pools, settings and tasks."""

from collections.abc import Iterable, Mapping
from typing import Any

from lazycelery_core.action import Action
from lazycelery_core.hookspecs import hookimpl
from lazycelery_core.pane import DetailTab, Pane
from lazycelery_core.projection import Projection
from lazycelery_plugin_workers.actions import ACTIONS, KEYS
from lazycelery_plugin_workers.answers import WorkerConfig, WorkerRegistered, WorkerStats
from lazycelery_plugin_workers.chart import WorkerCharts
from lazycelery_plugin_workers.details import WorkerDetails
from lazycelery_plugin_workers.pane import OverviewWorker, OverviewWorkers, WorkerPool, WorkersList
from lazycelery_plugin_workers.pool import WorkerPoolTab
from lazycelery_plugin_workers.projection import MemoryHistory
from lazycelery_plugin_workers.tasks_here import TasksHere


@hookimpl
def lazycelery_projections(settings: Any) -> Iterable[Projection]:
    return [MemoryHistory()]


@hookimpl
def lazycelery_panes(settings: Any) -> Iterable[Pane | DetailTab]:
    panes = (OverviewWorkers, OverviewWorker, WorkersList, WorkerPool, WorkerCharts, TasksHere)
    tabs = (WorkerDetails, WorkerPoolTab, WorkerConfig, WorkerStats, WorkerRegistered)
    return [each() for each in (*panes, *tabs)]


@hookimpl
def lazycelery_actions(settings: Any) -> Iterable[Action]:
    return ACTIONS


@hookimpl
def lazycelery_keybindings(settings: Any) -> Mapping[str, str]:
    return KEYS
