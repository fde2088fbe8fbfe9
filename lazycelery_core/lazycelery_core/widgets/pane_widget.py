"""How does a pane stand on the screen? One widget: frame and inside, drawn behind a guard, its rows read elsewhere."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from textual import events
from textual.message import Message

from lazycelery_core.frame import Frame, Row, draw_frame, indented
from lazycelery_core.layout import Rect
from lazycelery_core.pane import DrawContext, Pane, Rows, TablePane
from lazycelery_core.sheet import titled
from lazycelery_core.snapshot import RowQuery
from lazycelery_core.spans import wrap_line
from lazycelery_core.tones import Tone, line
from lazycelery_core.widgets.guard import Guard, Health
from lazycelery_core.widgets.lines import LinesWidget
from lazycelery_core.widgets.reader import Reader
from lazycelery_core.widgets.skin import Skin
from lazycelery_core.widgets.table_view import TableView
from lazycelery_core.widgets.views import DetailView, Drawing, PaneView
from lazycelery_core.widgets.watchdog import Watchdog

WHEEL = 3  # lines a notch
SPARING = 10  # a pane that takes long to draw gets at most 1/SPARING of the time ...
LONGEST_REST = 10.0  # s; ... but is asked this often


class PaneWidget(LinesWidget):
    """One pane in its box. The screen calls `update` with each new picture and `redraw` after a move."""

    class Pressed(Message):
        """The mouse asks for a command in this pane, which gets the focus first."""

        def __init__(self, widget: "PaneWidget", command: str = "") -> None:
            super().__init__()
            self.widget, self.command = widget, command

    class Moved(Message):
        """Another record is under the cursor, or the same one in a newer state."""

        def __init__(self, widget: "PaneWidget") -> None:
            super().__init__()
            self.widget = widget

    class Read(Message):
        """The reader's answer: rows, or None when the pane failed."""

        def __init__(self, rows: Rows | None, query: RowQuery) -> None:
            super().__init__()
            self.rows, self.query = rows, query

    def __init__(
        self, pane: Pane, view: PaneView, skin: Skin, reader: Reader, health: Health, watchdog: Watchdog | None = None
    ) -> None:
        super().__init__(skin, classes="pane")
        self.pane, self.view, self._reader = pane, view, reader
        self.guard = Guard(pane.plugin, pane.id, health, watchdog)
        self.context: DrawContext | None = None
        self.rect = Rect(0, 0, 0, 0)
        self.number = 0
        self.focused_pane = False
        self._failing = False  # the last answer of the reader was a failure
        self._rest = 0.0

    @property
    def table(self) -> TableView | None:
        """The view when it is a table."""
        return self.view if isinstance(self.view, TableView) else None

    @property
    def detail(self) -> DetailView | None:
        """The view when it shows tabs."""
        return self.view if isinstance(self.view, DetailView) else None

    @property
    def awaits_rows(self) -> bool:
        """Whether the rows shown are about to be replaced by others: nothing may be done to them any more."""
        if self.table is None or not self.table.outdated or self._failing or self.guard.off or self.rect.width < 1:
            return False
        return not self._reader.hangs(self.pane.id)

    def update(self, context: DrawContext) -> None:
        """Show a new picture. Tables read their rows on the reader's thread and are drawn when those are there."""
        self.context = self._inside(context)
        if self.detail is not None and self.detail.awaited(context):
            self.wake()
        if self._resting(context.snapshot.now):
            return
        if self.table is None:
            self.redraw()
        else:
            self.ask()

    def _resting(self, now: float) -> bool:
        """Whether the pane draws so slowly that it sits this picture out; a jump of the clock ends the rest."""
        if now < self._rest <= now + LONGEST_REST:
            return True
        self._rest = now + min(LONGEST_REST, self.guard.seconds * SPARING) if self.guard.seconds > 0.1 else 0.0
        return False

    def wake(self) -> None:
        """Draw the next picture however long it takes: somebody waits for it."""
        self._rest = 0.0

    def _inside(self, context: DrawContext) -> DrawContext:
        inside = (max(0, self.rect.width - 2), max(0, self.rect.height - 2))
        return replace(context, width=inside[0], height=inside[1], focused=self.focused_pane)

    def ask(self) -> None:
        """Read the rows of a table anew."""
        context, table = self.context, self.table
        if context is None or table is None or self.guard.off:
            self.redraw()
            return
        query = table.query()

        def job() -> None:
            rows = self.guard.attempt(lambda: read_rows(table.pane, query, context))
            self.post_message(self.Read(rows, query))

        self._reader.read(self.pane.id, job)
        if self._reader.hangs(self.pane.id):
            self.redraw()

    def on_pane_widget_read(self, message: Read) -> None:
        """Take the rows in, unless another question was asked since."""
        message.stop()
        table = self.table
        if table is None or not same_question(message.query, table.query()):
            return
        if not self.screen.is_active:
            return  # below a popup nothing moves: what it is about stays under the cursor
        rows = message.rows
        self._failing = rows is None
        if rows is not None:
            self.guard.attempt(lambda: table.adopt(rows))
        self.redraw()
        self.post_message(self.Moved(self))

    def redraw(self) -> None:
        """Draw the pane as it stands now."""
        context = self.context
        if context is None or self.rect.width < 1:
            return
        context = self._inside(context)
        drawing = None if self._failing else self.guard.attempt(lambda: self.view.draw(context))
        if drawing is not None:
            self.guard.recovered()
        frame, body = drawing or self._failed(context)
        frame = frame._replace(number=self.number, focused=self.focused_pane)
        late = self._reader.hangs(self.pane.id)
        if late:
            told = f"plugin {self.pane.plugin or '?'} has been reading for {late:.0f}s"
            frame = frame._replace(info=line((told, Tone.WARN)))
        self.show(draw_frame(frame, body, self.rect.width, self.rect.height))

    def _failed(self, context: DrawContext) -> Drawing:
        card = [part for each in self.guard.card() for part in wrap_line(each, max(1, context.width - 2))]
        body: list[Row] = indented(card)
        return Frame(self.pane.title, wrong=True), body

    def place(self, rect: Rect, number: int, focused: bool) -> None:
        """Stand in this box from now on."""
        if (rect, number, focused) != (self.rect, self.number, self.focused_pane):
            self.rect, self.number, self.focused_pane = rect, number, focused
            self.redraw()

    def changed(self, move: Callable[[], Any]) -> None:
        """Move about in the pane and show it."""
        self.guard.attempt(move)
        self.redraw()
        self.post_message(self.Moved(self))

    # --- mouse --------------------------------------------------------------------------------------------------------

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Click selects and focuses, right click opens the menu; header and tab names take clicks of their own."""
        event.stop()
        if event.button == 3:
            on_titles = self.table is not None and event.y == 1 and titled(self.table.pane)
            self._select(event)
            self.post_message(self.Pressed(self, "columns.choose" if on_titles else "menu.pointer"))
            return
        command = "" if self._select(event) else self._on_frame(event)
        self.post_message(self.Pressed(self, command))

    def on_click(self, event: events.Click) -> None:
        """A double click opens what it hits."""
        event.stop()
        if event.chain == 2 and event.button == 1 and event.y > 1:
            self.post_message(self.Pressed(self, "open.details"))

    def _select(self, event: events.MouseDown) -> bool:
        table = self.table
        if table is None or not 0 < event.y < self.rect.height - 1:
            return False
        found = self.guard.attempt(lambda: table.stand_at_line(event.y - 1))
        if found:
            self.redraw()
            self.post_message(self.Moved(self))
        return bool(found)

    def _on_frame(self, event: events.MouseDown) -> str:
        """A click beside the rows: the header of a table sorts, the name of a tab opens it."""
        table, detail = self.table, self.detail
        if table is not None and event.y == 1 and titled(table.pane):
            column = table.column_at(event.x - 1, self.rect.width - 2)
            if column:
                table.sort_by(column)
                self.ask()
        if detail is not None and event.y == 0:
            tab = detail.tab_at(self.rect.width - 1 - event.x)
            if tab:
                self.changed(lambda: detail.open_tab(tab))
        return ""

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel scrolls the pane under the pointer, focused or not."""
        event.stop()
        self._wheel(WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel, the other way."""
        event.stop()
        self._wheel(-WHEEL)

    def _wheel(self, lines: int) -> None:
        table = self.table
        self.changed(lambda: table.scroll(lines) if table is not None else self.view.move(lines))


def read_rows(pane: TablePane, query: RowQuery, context: DrawContext) -> Rows:
    """The pane's answer. Raises TypeError when it is none; a record's key is tried too, it is asked for everywhere."""
    rows: object = pane.rows(context.snapshot, _bound(pane, query, context), context)
    if not isinstance(rows, Rows):
        raise TypeError(f"{pane.id}: rows() returned a {type(rows).__name__}, not Rows")
    if len(rows.items) and rows.items[0] is not None:
        pane.key(rows.items[0])
    return rows


def _bound(pane: TablePane, query: RowQuery, context: DrawContext) -> RowQuery:
    """The question with what `is:marked` must know; panes of tasks see to that themselves, a slice at a time."""
    if query.filter is None or pane.on == "task":
        return query
    from lazycelery_core.query import bind

    return replace(query, filter=bind(query.filter, context.snapshot, query.marked))


def same_question(one: RowQuery, other: RowQuery) -> bool:
    """Whether two queries ask for the same rows in the same order; marks matter to filters only."""
    if (one.filter, one.sort, one.reverse) != (other.filter, other.sort, other.reverse):
        return False
    return one.filter is None or one.marked == other.marked
