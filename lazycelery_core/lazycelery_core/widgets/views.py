"""What does a pane of each kind need to be looked at? Where the user stands in it, kept apart from any terminal.

A view draws its pane (`draw`) and moves about in it (`move`, `to_edge`). The pane's widget adds frame and mouse.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from lazycelery_core.detail import detail_rows, tab_names
from lazycelery_core.frame import Frame, Row
from lazycelery_core.pane import CanvasPane, DetailPane, DetailTab, DrawContext
from lazycelery_core.table import canvas_rows

Drawing = tuple[Frame, list[Row]]


class PaneView(Protocol):
    """What a pane's widget asks of the view in it. `scope` is its kind for keys."""

    scope: str

    def draw(self, context: DrawContext) -> Drawing:
        """Frame and inside, for `context.width` x `context.height` cells inside."""

    def move(self, lines: int) -> None:
        """Down, or up where negative."""

    def to_edge(self, end: bool) -> None:
        """To the first line, or to the last."""


class CanvasView:
    """A pane that draws itself: nothing to move about in."""

    scope = "canvas"

    def __init__(self, pane: CanvasPane) -> None:
        self.pane = pane

    def draw(self, context: DrawContext) -> Drawing:
        """Frame and inside."""
        return Frame(self.pane.heading(context), info=self.pane.info(context)), canvas_rows(self.pane, context)

    def move(self, lines: int) -> None:
        """Nothing moves."""

    def to_edge(self, end: bool) -> None:
        """Nothing moves."""


class DetailView:
    """The tabs of one record: which tab is open, how far it is scrolled, whether it wraps and folds.

    pinned: the record shown, whatever is selected elsewhere (a full-screen detail); `current` brings it up to date.
    """

    scope = "detail"

    def __init__(self, pane: DetailPane, tabs: Callable[[], Sequence[DetailTab]], pinned: Any = None) -> None:
        self.pane, self._tabs, self.pinned = pane, tabs, pinned
        self.tab = ""
        self.offset = 0
        self.wrap = True
        self.folded = True
        self._shown: list[DetailTab] = []
        self._length = self._height = 0
        self._item: Any = None
        self._key: tuple[Any, ...] = ()
        self._rows: tuple[list[Row], bool] = ([], True)

    def item(self, context: DrawContext) -> Any:
        """The record whose tabs are shown."""
        return self.pinned if self.pinned is not None else context.selected.get(self.pane.of)

    def awaited(self, context: DrawContext) -> bool:
        """Whether a record is to be shown where none stands yet, or the other way round."""
        return (self.item(context) is None) != (self._item is None)

    def draw(self, context: DrawContext) -> Drawing:
        """Frame and the part of the open tab that is scrolled into view."""
        item = self.item(context)
        self._shown = [] if item is None else [each for each in self._tabs() if each.applies(item, context.snapshot)]
        tab = next((each for each in self._shown if each.id == self.tab), self._shown[0] if self._shown else None)
        rows, whole = self._drawn(tab, item, context)
        self._length, self._height = len(rows), context.height
        self.offset = 0 if whole else max(0, min(self.offset, self._length - self._height))
        names = tab_names(self._shown, self._shown.index(tab) if tab else 0)
        frame = Frame(self.pane.heading(context), info=names or self.pane.info(context))
        return frame, rows[self.offset : self.offset + context.height]

    def _drawn(self, tab: DetailTab | None, item: Any, context: DrawContext) -> tuple[list[Row], bool]:
        """The tab's lines; computed again only when something they depend on is another."""
        snapshot = context.snapshot
        key = (
            tab, id(item), snapshot.version, int(snapshot.now), context.width, context.height, context.time_mode,
            self.wrap, self.folded,
        )  # fmt: skip
        if key != self._key:
            self._item, self._key = item, key  # the record is kept so that its id stays its own
            self._rows = detail_rows(self.pane, tab, item, replace(context, folded=self.folded), self.wrap)
        return self._rows

    def turn(self, step: int) -> None:
        """Open the next tab, or the previous one."""
        if self._shown:
            names = [tab.id for tab in self._shown]
            here = names.index(self.tab) if self.tab in names else 0
            self.open_tab(names[(here + step) % len(names)])

    def open_tab(self, tab: str) -> None:
        """Open the tab of that id."""
        self.tab, self.offset = tab, 0

    def tab_at(self, cells_from_right: int) -> str:
        """The id of the tab whose name stands there, counted from the frame's right corner; "" for none."""
        start = 3  # corner, line and blank
        for tab in reversed(self._shown):
            if start <= cells_from_right < start + len(tab.title):
                return tab.id
            start += len(tab.title) + 3
        return ""

    def move(self, lines: int) -> None:
        """Scroll."""
        self.offset = max(0, min(self.offset + lines, self._length - self._height))

    def to_edge(self, end: bool) -> None:
        """To the first line, or to the last."""
        self.offset = max(0, self._length - self._height) if end else 0
