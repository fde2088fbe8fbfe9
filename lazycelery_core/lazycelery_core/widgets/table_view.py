"""Where does the user stand in a table? Cursor by record, marks, sort, filter, follow, and an order that holds still.

While newest-first rows stream in, the order is frozen as soon as the user has left the top row; what came since is
counted and taken in at the top (`G`/`gg`/`F`), so targets never slide away under the cursor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lazycelery_core import columns
from lazycelery_core.frame import Frame
from lazycelery_core.pane import Column, DrawContext, Rows, TablePane
from lazycelery_core.sheet import SEPARATOR, Sheet, TableState, placed_columns, titled
from lazycelery_core.snapshot import Filter, RowQuery
from lazycelery_core.spans import join
from lazycelery_core.tones import Line, Tone, line
from lazycelery_core.widgets.views import Drawing

SEARCHED = 1_000  # rows around the cursor's old place in which its record is looked for after a change of order
READING = "Reading …"


class TableView:
    """One table pane as the user left it."""

    scope = "table"

    def __init__(self, pane: TablePane) -> None:
        self.pane = pane
        self.rows: Rows | None = None
        self.filter: Filter | None = None
        self.sort, self.reverse = pane.default_sort, pane.default_reverse
        self.follow = pane.follows
        self.marks: dict[str, Any] = {}
        self.cursor, self.offset, self.skipped = -1, 0, 0
        self.anchor = ""  # key of the record where a range of marks began
        self.wanted = ""  # key that the cursor shall stand on as soon as it is there
        self.found: Mapping[str, int] = {}  # key -> place among the matches of a search
        self.searched = ""  # what was searched for
        self.columns: Sequence[Column] = pane.columns
        self._key = ""
        self._waiting: Rows | None = None
        self._anew = False
        self._touched = False  # until the user has moved the cursor it stays on the first row
        self._height = 1
        self._sheet: Sheet | None = None
        self._seen: tuple[object, ...] = ()

    # --- what is shown ------------------------------------------------------------------------------------------------

    def query(self) -> RowQuery:
        """What the pane is asked."""
        return RowQuery(self.filter, self.sort, self.reverse, frozenset(self.marks))

    def item(self) -> Any:
        """The record under the cursor, None when there is none."""
        return self._at(self.cursor)

    def targets(self) -> list[Any]:
        """What an action applies to: the marked records, else the one under the cursor."""
        if self.marks:
            return list(self.marks.values())
        item = self.item()
        return [] if item is None else [item]

    def _at(self, index: int) -> Any:
        items = self.rows.items if self.rows is not None else ()
        return items[index] if 0 <= index < len(items) else None

    def _key_at(self, index: int) -> str:
        item = self._at(index)
        return "" if item is None else self.pane.key(item)

    @property
    def newer(self) -> int:
        """How many records wait above the frozen order."""
        if self._waiting is None or self.rows is None:
            return 0
        return max(1, (self._waiting.matched or self._waiting.total) - (self.rows.matched or self.rows.total))

    @property
    def outdated(self) -> bool:
        """Whether the rows are those of an earlier filter or order, or not there yet."""
        return self._anew or self.rows is None

    def adopt(self, rows: Rows) -> None:
        """Take in a new answer, unless it would move what the user looks at."""
        if not self._anew and self._frozen() and len(rows.items) and self.pane.key(rows.items[0]) != self._key_at(0):
            self._waiting = rows
            return
        self._take(rows)

    def _frozen(self) -> bool:
        by_arrival = self.pane.follows and not self.wanted and self.sort == self.pane.default_sort
        return by_arrival and not self.follow and self.rows is not None and (self.cursor > 0 or self.offset > 0)

    def _take(self, rows: Rows) -> None:
        before, self.rows, self._waiting = self.cursor, rows, None
        anew, self._anew = self._anew, False
        count = len(rows.items)
        if not count or self.follow or not (self._touched or self.wanted):
            self.offset = 0
            self._stand_on(0 if count else -1)
            return
        wanted = self.wanted or self._key
        found = self._find(wanted, max(0, before), everywhere=bool(self.wanted))
        if found >= 0:
            self.wanted = ""
        lost = 0 if anew else min(max(0, before), count - 1)
        index = found if found >= 0 else lost
        if before >= 0:
            self.offset = max(0, min(self.offset + index - before, count - 1))
        self._stand_on(index)

    def _find(self, key: str, near: int, everywhere: bool) -> int:
        """The index of the record with that key, looked for around its old place; -1 when it is not there."""
        count = len(self.rows.items) if self.rows is not None else 0
        reach = count if everywhere else min(count, SEARCHED)
        if not key:
            return -1
        for distance in range(reach):
            for index in {near + distance, near - distance}:
                if 0 <= index < count and self._key_at(index) == key:
                    return index
        return -1

    def asked_anew(self) -> None:
        """The filter or the order is another: the next answer is taken whatever it holds."""
        self._waiting = None
        self._anew = True

    # --- moving -------------------------------------------------------------------------------------------------------

    def _stand_on(self, index: int) -> None:
        self.cursor = index
        self._key = self._key_at(index)
        self._scroll_to_cursor()
        if self.anchor:
            self._mark_range()

    def _scroll_to_cursor(self) -> None:
        if self.cursor < self.offset:
            self.offset = max(0, self.cursor)
        elif self.cursor >= self.offset + self._height:
            self.offset = self.cursor - self._height + 1

    def move(self, lines: int) -> None:
        """Move the cursor; following ends when it leaves the top."""
        count = len(self.rows.items) if self.rows is not None else 0
        if not count:
            return
        self._touched = True
        self._stand_on(max(0, min(self.cursor + lines, count - 1)))
        if self.cursor > 0:
            self.follow = False
        elif lines < 0:
            self._catch_up()

    def scroll(self, lines: int) -> None:
        """Scroll without moving the cursor further than the box."""
        count = len(self.rows.items) if self.rows is not None else 0
        self.offset = max(0, min(self.offset + lines, count - self._height))
        self._touched = True
        if self.offset > 0:
            self.follow = False
        inside = max(self.offset, min(self.cursor, self.offset + self._height - 1))
        if count and inside != self.cursor:
            self._stand_on(inside)

    def to_edge(self, end: bool) -> None:
        """To the first row, or to the last."""
        count = len(self.rows.items) if self.rows is not None else 0
        self.move(count if end else -count)

    def stand_at_line(self, y: int) -> bool:
        """Move the cursor to the row drawn at line y of the inside; whether there is one."""
        row = y - titled(self.pane)
        index = self.offset + row
        if not 0 <= row < self._height or self._at(index) is None:
            return False
        self._touched = True
        self._stand_on(index)
        self.follow = self.follow and index == 0
        return True

    def stand_on_key(self, key: str) -> None:
        """Put the cursor on that record as soon as it is there."""
        self.wanted, self.follow, self._anew, self._touched = key, False, True, True

    def page(self) -> int:
        """Rows that fit in the box."""
        return self._height

    def _catch_up(self) -> None:
        if self._waiting is not None:
            self._key = ""
            self._take(self._waiting)
            self._stand_on(0)

    def toggle_follow(self) -> None:
        """Hold the newest row in view, or let go of it."""
        self.follow = self.pane.follows and not self.follow
        if self.follow:
            self._catch_up()
            self.offset = 0
            self._stand_on(min(0, self.cursor) if self.rows is None or not self.rows.items else 0)

    def scroll_columns(self, step: int) -> None:
        """Scroll sideways by whole columns."""
        self.skipped = max(0, min(self.skipped + step, len(self.columns) - 2))

    # --- marks, order, filter -----------------------------------------------------------------------------------------

    def toggle_mark(self) -> None:
        """Mark or unmark the record under the cursor."""
        item = self.item()
        if item is None or not self.pane.markable:
            return
        key = self.pane.key(item)
        if self.marks.pop(key, None) is None:
            self.marks[key] = item

    def mark_all(self) -> None:
        """Mark all rows that are shown; unmark them when they all are marked."""
        if not self.pane.markable or self.rows is None:
            return
        shown = {self.pane.key(item): item for item in self.rows.items if item is not None}
        if shown.keys() <= self.marks.keys():
            self.marks = {key: item for key, item in self.marks.items() if key not in shown}
        else:
            self.marks |= shown

    def toggle_range(self) -> None:
        """Begin a range of marks at the cursor, or end it."""
        self.anchor = "" if self.anchor or not self.pane.markable else self._key
        if self.anchor:
            self._mark_range()

    def _mark_range(self) -> None:
        start = self._find(self.anchor, self.cursor, everywhere=False)
        if start < 0:
            self.anchor = ""
            return
        for index in range(min(start, self.cursor), max(start, self.cursor) + 1):
            item = self._at(index)
            if item is not None:
                self.marks[self.pane.key(item)] = item

    def clear_marks(self) -> bool:
        """Unmark everything; whether anything was marked."""
        had = bool(self.marks or self.anchor)
        self.marks, self.anchor = {}, ""
        return had

    def sort_next(self) -> None:
        """Sort by the next sortable column; after the last one the pane's own order comes back."""
        names = [column.id for column in self.pane.columns if column.sort is not None]
        if not names:
            return
        at = names.index(self.sort) + 1 if self.sort in names else 0
        self.sort_by(names[at] if at < len(names) else self.pane.default_sort)

    def sort_by(self, column: str) -> None:
        """Sort by that column; once more turns the order round."""
        if column == self.sort and column:
            self.reverse = not self.reverse
        else:
            self.sort, self.reverse = column, column == self.pane.default_sort and self.pane.default_reverse
        self.asked_anew()

    def turn_order(self) -> None:
        """Turn the order round."""
        self.reverse = not self.reverse
        self.asked_anew()

    def column_at(self, x: int, inside: int) -> str:
        """The id of the sortable column whose title stands at cell x of the inside; "" for none."""
        placed = placed_columns(self.pane, inside, self.skipped, self.columns)
        start = x - (5 if self.pane.markable else 3)
        column = columns.column_at(placed, columns.gap(inside), start) if start >= 0 else None
        return column.id if column is not None and column.sort is not None else ""

    def set_filter(self, chosen: Filter | None) -> None:
        """Show only rows that match."""
        self.filter = chosen
        self.asked_anew()

    # --- drawing ------------------------------------------------------------------------------------------------------

    def draw(self, context: DrawContext) -> Drawing:
        """Frame and inside."""
        context = replace(context, follow=self.follow)
        frame = Frame(self.pane.heading(context), info=self._info(context))
        if self.rows is None:
            return frame, []
        sheet = self._picture(self.rows, context)
        self._height = sheet.visible
        self._scroll_to_cursor()
        self.offset = max(0, min(self.offset, len(self.rows.items) - self._height))
        state = TableState(
            self.cursor, self.offset, self.skipped, self.sort, self.reverse, frozenset(self.marks), self.found,
            self.columns, self.query(),
        )  # fmt: skip
        return frame._replace(foot=sheet.foot(state)), sheet.draw(state)

    def _picture(self, rows: Rows, context: DrawContext) -> Sheet:
        """The sheet of these rows; the one at hand while nothing that its cells depend on is another."""
        seen = (
            context.width, context.height, context.focused, context.follow, context.time_mode, context.paused,
            self.skipped, id(self.columns), id(rows), id(context.snapshot), id(context.selected),
        )  # fmt: skip
        if self._sheet is None or seen != self._seen:
            self._sheet, self._seen = Sheet(self.pane, rows, context, self.skipped, self.columns), seen
        return self._sheet

    def _info(self, context: DrawContext) -> Line:
        parts = [self.pane.info(context)]
        told = any("follow" in text for text, _ in parts[0])  # the pane says so itself
        parts.append(self._search_info())
        if self.newer:
            parts.append(line((f"{self.newer:,} new", Tone.ACCENT)))
        if self.pane.follows and not told:
            parts.append(line(("F following" if self.follow else "not following (F)", Tone.DIM)))
        if self.anchor:
            parts.append(line(("marking a range (v ends)", Tone.ACCENT)))
        return join(parts, SEPARATOR)

    def _search_info(self) -> Line:
        """`/charge 3 of 17`."""
        if not self.searched:
            return ()
        place = self.found.get(self._key)
        told = f"{place + 1} of {len(self.found):,}" if place is not None else f"{len(self.found):,} found"
        return line((f"/{self.searched} ", Tone.DIM), (told, Tone.ACCENT))
