"""How is a pane, or the whole screen, tried without a broker? With snapshots made by hand.

text = snapshot_text(MyPane(), snapshot_of(workers=[...]), 120, 36)

async with screen_of([MyPane()], snapshot_of(...)).run_test(size=(120, 36)) as pilot: ...
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lazycelery_core.action import Action
from lazycelery_core.keys import Keymap
from lazycelery_core.pane import DetailTab, Pane
from lazycelery_core.plugin_health import PluginHealth
from lazycelery_core.snapshot import Snapshot, Totals

if TYPE_CHECKING:
    from lazycelery_core.app import LazyCeleryApp

NOW = 1_795_357_927.0  # 2026-11-22 14:32:07 UTC


def snapshot_of(**fields: Any) -> Snapshot:
    """A snapshot in which nothing was seen yet, but for the given fields."""
    from lazycelery_core.store import Limits, Store

    known: dict[str, Any] = {
        "version": 1, "now": NOW, "since": NOW - 900, "name": "prod", "broker": "redis://cache:6379/0",
        "level": "READ-ONLY", "scopes": frozenset(), "workers": (), "queues": (), "totals": Totals(), "links": (),
    }  # fmt: skip
    known |= fields
    if "tasks" not in known:
        known["tasks"] = Store(Limits(), str, NOW - 900).tasks()
    return Snapshot(**known)


@dataclass
class StillDeployment:
    """A deployment that shows the same snapshot until a test puts another one in. It notes what the screen asked."""

    shown: Snapshot
    refreshes: int = 0
    topics: frozenset[str] = frozenset()

    def snapshot(self, now: float) -> Snapshot:
        """The snapshot; its clock stands still."""
        return self.shown

    def change(self, **fields: Any) -> None:
        """Show something else from now on."""
        self.shown = replace(self.shown, version=self.shown.version + 1, **fields)

    def refresh(self) -> None:
        """Note that fresh numbers were asked for."""
        self.refreshes += 1

    def focus(self, topics: frozenset[str]) -> None:
        """Note what is on the screen."""
        self.topics = topics


@dataclass
class StillPlugins:
    """What plugins would have brought."""

    panes: Sequence[Pane] = ()
    tabs: Sequence[DetailTab] = ()
    actions: Sequence[Action] = ()
    health: PluginHealth = field(default_factory=PluginHealth)


class StillWatch:
    """What the screen is given to show. keybindings: action name -> key."""

    def __init__(self, plugins: StillPlugins, shown: Snapshot, keybindings: dict[str, str] | None = None) -> None:
        from lazycelery_core.host_commands import HOST_COMMANDS, view_commands

        self.plugins, self.deployment = plugins, StillDeployment(shown)
        views = {pane.view.id: pane.view for pane in plugins.panes}
        host = [*HOST_COMMANDS, *view_commands(views.values())]
        self.keys = Keymap(host, plugins.actions, {"": keybindings or {}})
        self.notes: list[str] = []
        self.running = False

    def start(self) -> None:
        """Note that it runs."""
        self.running = True

    def stop(self) -> list[str]:
        """Note that it does not run any more."""
        self.running = False
        return []

    def rebind(self) -> None:
        """Nothing comes late."""


def screen_of(
    panes: Sequence[Pane],
    shown: Snapshot,
    tabs: Sequence[DetailTab] = (),
    actions: Sequence[Action] = (),
    keybindings: dict[str, str] | None = None,
    reports: Path = Path("/nonexistent"),
) -> "LazyCeleryApp":
    """The app with these panes on its screen; `app.watched` is a StillWatch once it has started."""
    from lazycelery_core.app import LazyCeleryApp
    from lazycelery_core.config import UISettings

    watch = StillWatch(StillPlugins(panes, tabs, actions), shown, keybindings)
    return LazyCeleryApp(lambda: watch, UISettings(), shown.name, reports)
