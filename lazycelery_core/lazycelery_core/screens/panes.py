"""Which widgets stand for which panes? Made when a view is first opened, kept with everything the user did in them."""

from collections.abc import Iterable, Sequence
from typing import Any

from lazycelery_core.pane import OVERVIEW, CanvasPane, DetailPane, DetailTab, DrawContext, Pane, TablePane
from lazycelery_core.screens.contract import Loaded
from lazycelery_core.screens.state import RECORD_PANE, Record
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.widgets.body import Body
from lazycelery_core.widgets.pane_widget import PaneWidget
from lazycelery_core.widgets.reader import Reader
from lazycelery_core.widgets.skin import Skin
from lazycelery_core.widgets.table_view import TableView
from lazycelery_core.widgets.views import CanvasView, DetailView, PaneView
from lazycelery_core.widgets.watchdog import Watchdog


class RecordPane(DetailPane):
    """The tabs of one record on the whole screen."""

    id = RECORD_PANE
    view = OVERVIEW  # it belongs to none
    title = "Details"
    of = ""

    def __init__(self, record: Record) -> None:
        self.record = record

    def heading(self, context: DrawContext) -> str:
        """What the record is called."""
        return self.record.label


class Panes:
    """The pane widgets of a screen."""

    def __init__(self, body: Body, skin: Skin, reader: Reader, watchdog: Watchdog, loaded: Loaded) -> None:
        self._body, self._skin, self._reader, self._watchdog = body, skin, reader, watchdog
        self._loaded = loaded
        self._widgets: dict[str, PaneWidget] = {}
        self._record: PaneWidget | None = None

    def __iter__(self) -> Any:
        """All widgets made so far."""
        return iter(self._widgets.values())

    def get(self, pane_id: str) -> PaneWidget | None:
        """The widget of that pane, None when none was made."""
        return self._widgets.get(pane_id)

    def widgets(self, panes: Iterable[Pane]) -> list[PaneWidget]:
        """The widgets of these panes, made and mounted if they are not there yet."""
        missing = [pane for pane in panes if pane.id not in self._widgets]
        for pane in missing:
            self._widgets[pane.id] = self._made(pane, self._view(pane))
        if missing:
            self._body.mount_all(self._widgets[pane.id] for pane in missing)
        return [self._widgets[pane.id] for pane in panes]

    def record(self, record: Record) -> PaneWidget:
        """The widget that shows a record on the whole screen."""
        if self._record is not None:
            shown = self._record.detail
            if shown is not None and shown.pinned is record.item:
                return self._record
            self._record.remove()
        pane = RecordPane(record)
        self._record = self._made(pane, DetailView(pane, lambda: self.tabs(record.on), pinned=record.item))
        self._widgets[RECORD_PANE] = self._record
        self._body.mount(self._record)
        return self._record

    def tabs(self, on: str, only: Sequence[str] = (), plugin: str = "") -> list[DetailTab]:
        """The tabs about records of a kind, in order; of those of `plugin` only the ids named, where some are."""
        here = [tab for tab in self._loaded.tabs if tab.on == on]
        shown = [tab for tab in here if not only or tab.id in only or tab.plugin != plugin]
        return sorted(shown, key=lambda tab: tab.order)

    def _made(self, pane: Pane, view: PaneView) -> PaneWidget:
        return PaneWidget(pane, view, self._skin, self._reader, self._loaded.health, self._watchdog)

    def _view(self, pane: Pane) -> PaneView:
        if isinstance(pane, TablePane):
            return TableView(pane)
        if isinstance(pane, DetailPane):
            detail = pane
            return DetailView(detail, lambda: self.tabs(detail.on, detail.tabs, detail.plugin))
        if isinstance(pane, CanvasPane):
            return CanvasView(pane)
        raise TypeError(f"{pane.id} is neither a table, nor a canvas, nor a detail pane")


def up_to_date(record: Record, snapshot: Snapshot) -> Any:
    """The record as the snapshot knows it, the one at hand where it is not known any more."""
    item = record.item
    if record.on == "task":
        return snapshot.tasks.get(item.id) or item
    if record.on == "worker":
        return snapshot.worker(item.hostname) or item
    if record.on == "queue":
        return snapshot.queue(item.name) or item
    return item
