"""How is the whole screen tried without a broker? With a deployment that shows a snapshot made by hand.

text = snapshot_text(MyPane(), snapshot_of(workers=[...]), 120, 36)

async with screen_of([MyPane()], snapshot_of(...)).run_test(size=(120, 36)) as pilot: ...
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lazycelery_core.action import Action, Policy
from lazycelery_core.audit import Audit
from lazycelery_core.config import UISettings, loads
from lazycelery_core.config.connection import from_url
from lazycelery_core.control import Control
from lazycelery_core.cost import Cost
from lazycelery_core.keys import Keymap
from lazycelery_core.pane import DetailTab, Pane
from lazycelery_core.plugin_health import PluginHealth
from lazycelery_core.plugins import Plugin
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.writes import Writes

if TYPE_CHECKING:
    from lazycelery_core.app import LazyCeleryApp

NOWHERE = Path("/nonexistent")


@dataclass
class StillDeployment:
    """A deployment that shows the same snapshot until a test puts another one in. It notes what the screen asked."""

    shown: Snapshot
    writes: Writes
    control: Control = field(default_factory=Control)
    refreshes: int = 0
    topics: frozenset[str] = frozenset()
    cost: Cost = field(default_factory=lambda: Cost(PluginHealth()))

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

    def resting(self) -> AbstractContextManager[None]:
        """There is no broker to leave."""
        return nullcontext()


@dataclass
class StillPlugins:
    """What plugins would have brought."""

    panes: Sequence[Pane] = ()
    tabs: Sequence[DetailTab] = ()
    actions: Sequence[Action] = ()
    found: Sequence[Plugin] = ()
    health: PluginHealth = field(default_factory=PluginHealth)


class StillWatch:
    """What the screen is given to show. keys: action name -> key; control: for actions; folder: for the audit file."""

    def __init__(
        self,
        plugins: StillPlugins,
        shown: Snapshot,
        keys: Mapping[str, str] | None = None,
        control: Control | None = None,
        policy: Policy | None = None,
        folder: Path = NOWHERE,
    ) -> None:
        from lazycelery_core.host_commands import HOST_COMMANDS, view_commands

        control = control or Control()
        writes = Writes(
            control, policy or Policy(), Audit(folder / "audit.jsonl"), shown.broker, lambda: shown.now, plugins.health
        )
        self.plugins, self.deployment = plugins, StillDeployment(shown, writes, control)
        self.settings, self.connection = loads(""), from_url(shown.broker, "test")
        views = {pane.view.id: pane.view for pane in plugins.panes}
        self.keys = Keymap([*HOST_COMMANDS, *view_commands(views.values())], plugins.actions, {"": keys or {}})
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
    folder: Path = NOWHERE,
    **known: Any,
) -> "LazyCeleryApp":
    """The app with these panes on its screen. folder: for crash reports and the audit file; known: of StillWatch.

    `app.watched` is a StillWatch once the app has started.
    """
    from lazycelery_core.app import LazyCeleryApp

    watch = StillWatch(StillPlugins(panes, tabs, actions), shown, folder=folder, **known)
    return LazyCeleryApp(lambda: watch, UISettings(), shown.name, folder)
