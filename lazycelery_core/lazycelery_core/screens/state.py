"""Where is the user? The view, the focused pane of each view, the way back, zoom, pause and the clock's mode."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lazycelery_core.layout import main_pane
from lazycelery_core.pane import Pane, View
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.text import TimeMode

NEXT_MODE = {TimeMode.UTC: TimeMode.LOCAL, TimeMode.LOCAL: TimeMode.AGO, TimeMode.AGO: TimeMode.UTC}
DEEPEST = 30  # places kept to go back to
RECORD_PANE = "host.record"  # the id of the pane that shows one record on the whole screen


class Record(NamedTuple):
    """One thing shown on the whole screen: its kind, itself, and what it is called in the breadcrumbs."""

    on: str
    item: Any
    label: str


class Place(NamedTuple):
    """Somewhere one can go back to. `label` is the breadcrumb's word for what was opened from there."""

    view: str
    pane: str
    label: str
    record: Record | None = None


@dataclass
class ScreenState:
    """The user's place among the views. `focus` maps view -> pane id; `selected` maps pane id -> the record under its
    cursor; `record` is shown on the whole screen; `frozen` is the picture that stands still while paused."""

    panes: Sequence[Pane] = ()
    view: str = ""
    last_view: str = ""
    focus: dict[str, str] = field(default_factory=dict)
    trail: list[Place] = field(default_factory=list)
    zoomed: str = ""
    record: Record | None = None
    time_mode: TimeMode = TimeMode.UTC
    selected: dict[str, Any] = field(default_factory=dict)
    frozen: Snapshot | None = None

    @property
    def views(self) -> list[View]:
        """The views that some pane names, in the header's order."""
        unique = {pane.view.id: pane.view for pane in self.panes}
        return sorted(unique.values(), key=lambda view: (view.order, view.title))

    def panes_of(self, view: str) -> list[Pane]:
        """The panes of a view."""
        return [pane for pane in self.panes if pane.view.id == view]

    @property
    def focused(self) -> str:
        """The id of the focused pane, "" when there is none."""
        if self.record is not None:
            return RECORD_PANE
        here = self.panes_of(self.view)
        chosen = self.focus.get(self.view, "")
        return chosen if any(pane.id == chosen for pane in here) else main_pane(here)

    def title(self, view: str) -> str:
        """A view's title."""
        return next((each.title for each in self.views if each.id == view), view)

    def open(self, view: str, label: str = "") -> bool:
        """Go to a view; with a label one step deeper, else to the top of a new trail. False when there is none."""
        if not any(each.id == view for each in self.views):
            return False
        if label:
            self._remember(label)
        else:
            self.trail = []
        if view != self.view:
            self.last_view = self.view
        self.view, self.zoomed, self.record = view, "", None
        return True

    def show(self, record: Record) -> None:
        """One step deeper: a record on the whole screen."""
        self._remember(record.label)
        self.record = record

    def _remember(self, label: str) -> None:
        pane = self.focus.get(self.view, "")
        self.trail = [*self.trail, Place(self.view, pane, label, self.record)][-DEEPEST:]

    def back(self) -> bool:
        """One step back on the trail; whether there was one."""
        if not self.trail:
            return False
        place = self.trail.pop()
        self.view, self.zoomed, self.record = place.view, "", place.record
        if place.pane:
            self.focus[place.view] = place.pane
        return True

    def crumbs(self) -> list[str]:
        """The words of the breadcrumbs, the last one for where the user is."""
        if not self.trail:
            return [self.title(self.view)]
        return [self.title(self.trail[0].view), *(place.label for place in self.trail)]

    def next_time_mode(self) -> None:
        """UTC, local, ago, UTC ..."""
        self.time_mode = NEXT_MODE[self.time_mode]
