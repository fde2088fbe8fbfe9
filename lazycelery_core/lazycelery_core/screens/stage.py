"""Which panes stand on the screen, and where? Widgets put into the boxes that the view, the zoom and the size give."""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from textual.geometry import Region
from textual.widget import Widget

from lazycelery_core.frame import Painted
from lazycelery_core.layout import CHROME, Arrangement, Rect, SizeClass, arrange
from lazycelery_core.pane import Pane, TablePane
from lazycelery_core.screens.contract import Loaded
from lazycelery_core.screens.panes import Panes
from lazycelery_core.screens.state import RECORD_PANE
from lazycelery_core.text import Safe
from lazycelery_core.tones import Tone
from lazycelery_core.widgets.body import Body
from lazycelery_core.widgets.lines import LinesWidget
from lazycelery_core.widgets.pane_widget import PaneWidget
from lazycelery_core.widgets.reader import Reader
from lazycelery_core.widgets.watchdog import Watchdog

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

POLLED_KINDS = ("worker", "queue")  # kinds of records that sources look at more closely while they are on the screen


class Stage:
    """The body of the main screen: panes, the line for those without a box, the banner, a message."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen
        self.arrangement = Arrangement(SizeClass.NORMAL)
        self.reader, self.watchdog = Reader(), Watchdog()
        self.body = Body()
        skin = screen.skin
        self.summary, self.banner = LinesWidget(skin, id="summary"), LinesWidget(skin, id="banner")
        self.message = LinesWidget(skin, id="message")
        self.lost = False  # the broker: a banner tells so above the panes
        self.panes: Panes | None = None

    def fill(self, loaded: Loaded) -> None:
        """Show these plugins' panes from now on."""
        if self.panes is None:
            self.panes = Panes(self.body, self._screen.skin, self.reader, self.watchdog, loaded)

    def arrange(self) -> None:
        """Put the panes of the view into their boxes."""
        if self.panes is None:
            return
        state, size, above = self._screen.state, self._screen.size, int(self.lost)
        here = state.panes_of(state.view)
        self.arrangement = arrange(here, size.width, size.height, main=state.focused, zoomed=state.zoomed, above=above)
        if state.record is not None and not self.arrangement.message:
            box = Rect(0, above, size.width, size.height - CHROME - above)
            self.arrangement = Arrangement(self.arrangement.size, {RECORD_PANE: box})
            self._put(self.panes, [self.panes.record(state.record)])
        else:
            numbered = [pane for pane in here if pane.id in self.arrangement.numbers]
            self._put(self.panes, self.panes.widgets(numbered))

    def _put(self, panes: Panes, widgets: list[PaneWidget]) -> None:
        arrangement, state, width = self.arrangement, self._screen.state, self._screen.size.width
        boxes: dict[Widget, Rect] = {}
        for widget in widgets:
            rect = arrangement.rects.get(widget.pane.id)
            if rect is not None:
                boxes[widget] = rect
                widget.place(rect, arrangement.numbers.get(widget.pane.id, 0), widget.pane.id == state.focused)
        if arrangement.line is not None:
            boxes[self.summary] = Rect(0, arrangement.line, width, 1)
        if self.lost:
            boxes[self.banner] = Rect(0, 0, width, 1)
        if arrangement.message:
            boxes[self.message] = Rect(0, 0, width, 1)
            self.message.show([Painted(before=((Safe(arrangement.message), Tone.WARN),))])
        self.body.put(boxes)

    def shown(self) -> list[PaneWidget]:
        """The widgets of the panes that have a box now."""
        found = (self.made(pane_id) for pane_id in self.arrangement.rects)
        return [widget for widget in found if widget is not None]

    def stands(self, widgets: Iterable[PaneWidget]) -> bool:
        """Whether these stand where they shall: not when they have just got another box."""
        corner = self.body.region.offset
        return all(widget.region == Region(*widget.rect).translate(corner) for widget in widgets)

    def made(self, pane_id: str) -> PaneWidget | None:
        """The widget of that pane, None when its view was never opened."""
        return None if self.panes is None else self.panes.get(pane_id)

    def focused(self) -> PaneWidget | None:
        """The widget of the focused pane."""
        return self.made(self._screen.state.focused)

    def squashed(self) -> list[Pane]:
        """The panes of the view that have no box, in reading order."""
        state = self._screen.state
        by_id = {pane.id: pane for pane in state.panes_of(state.view)}
        return [by_id[pane_id] for pane_id in self.arrangement.squashed if pane_id in by_id]

    def topics(self) -> frozenset[str]:
        """What is looked at, as sources call it: the view, and the worker or queue under a cursor."""
        state = self._screen.state
        topics = {f"view:{state.view}"}
        for pane in state.panes_of(state.view):
            item, widget = state.selected.get(pane.id), self.made(pane.id)
            if isinstance(pane, TablePane) and pane.on in POLLED_KINDS and item is not None and widget is not None:
                key = widget.guard.attempt(partial(pane.key, item))
                topics.update([] if key is None else [f"{pane.on}:{key}"])
        return frozenset(topics)
