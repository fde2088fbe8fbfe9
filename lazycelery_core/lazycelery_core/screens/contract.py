"""What must be loaded before the screen shows more than its frame? Plugins, keymap and one watched deployment."""

from __future__ import annotations  # no module that these types stand in is needed for the first frame

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lazycelery_core.config import Connection, Settings
    from lazycelery_core.control import Control
    from lazycelery_core.cost import Cost
    from lazycelery_core.keys import Keymap
    from lazycelery_core.pane import DetailTab, Pane
    from lazycelery_core.plugins import Plugin
    from lazycelery_core.snapshot import Snapshot
    from lazycelery_core.widgets.guard import Health
    from lazycelery_core.writes import Writes


class Watched(Protocol):
    """A deployment as the screen needs it; `deployment.Deployment` is one."""

    def snapshot(self, now: float) -> Snapshot:
        """What is known at this moment."""

    @property
    def cost(self) -> Cost:
        """What this program itself costs: the app tells it what the terminal gets."""

    @property
    def writes(self) -> Writes:
        """The road of everything that changes something."""

    @property
    def control(self) -> Control:
        """What can be asked and done."""

    def refresh(self) -> None:
        """Ask everything again now."""

    def focus(self, topics: frozenset[str]) -> None:
        """Tell the pollers what is on the screen."""

    def resting(self) -> AbstractContextManager[None]:
        """Away from the broker while the program is suspended."""


class Loaded(Protocol):
    """What the plugins brought; `plugins.Plugins` is one."""

    @property
    def panes(self) -> Sequence[Pane]:
        """All panes."""

    @property
    def tabs(self) -> Sequence[DetailTab]:
        """All detail tabs."""

    @property
    def found(self) -> Sequence[Plugin]:
        """Every plugin on this machine, and what became of it."""

    @property
    def health(self) -> Health:
        """Where failures are written down."""


class Watch(Protocol):
    """All that the screen shows and talks to."""

    @property
    def deployment(self) -> Watched:
        """The watched deployment."""

    @property
    def plugins(self) -> Loaded:
        """What the plugins brought."""

    @property
    def connection(self) -> Connection:
        """What is watched."""

    @property
    def settings(self) -> Settings:
        """What was configured."""

    @property
    def keys(self) -> Keymap:
        """Which key does what."""


class Running(Watch, Protocol):
    """The same, as the app starts and ends it: the launcher's `Watch` is one."""

    def start(self) -> None:
        """Connect; returns at once."""

    def stop(self) -> list[str]:
        """Disconnect; sentences on what could not be undone."""

    def rebind(self) -> None:
        """Make the keymap anew: a late plugin brought actions."""

    @property
    def notes(self) -> Sequence[str]:
        """Sentences to show once the screen is up."""
