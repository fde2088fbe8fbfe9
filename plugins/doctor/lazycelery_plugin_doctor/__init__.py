"""How complete and how fresh is what is shown, and what does watching cost? The health view."""

from collections.abc import Iterable
from typing import Any

from lazycelery_core.hookspecs import hookimpl
from lazycelery_core.pane import DetailTab, Pane
from lazycelery_plugin_doctor.clocks import WorkerClocks
from lazycelery_plugin_doctor.cost import OwnCost
from lazycelery_plugin_doctor.details import GapDetails, SourceDetails
from lazycelery_plugin_doctor.gaps import GapList
from lazycelery_plugin_doctor.losses import LossList
from lazycelery_plugin_doctor.pane import SourceList
from lazycelery_plugin_doctor.times import PluginTimes


@hookimpl
def lazycelery_panes(settings: Any) -> Iterable[Pane | DetailTab]:
    panes = (SourceList, GapList, LossList, WorkerClocks, OwnCost, PluginTimes)
    return [each() for each in (*panes, SourceDetails, GapDetails)]
