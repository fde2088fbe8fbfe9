"""What do the lines around the panes say now? Header, breadcrumbs, summary of squashed panes, status and keys."""

from typing import TYPE_CHECKING

from lazycelery_core.frame import Painted, Pieces
from lazycelery_core.keys import Keymap
from lazycelery_core.layout import SizeClass
from lazycelery_core.pane import Pane, TablePane
from lazycelery_core.spans import cut_line, join, line_width
from lazycelery_core.text import Safe, age, count
from lazycelery_core.tones import Line, Span, Tone, line
from lazycelery_core.widgets.header import Words, crumb_words, header_words, pane_digits
from lazycelery_core.widgets.key_line import footer, key_line
from lazycelery_core.widgets.status import starting_status, status_line

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

APART = Span(Safe("   "), Tone.TEXT)


class Chrome:
    """Draws everything on the main screen that is not a pane."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen
        self.begun = ""  # keys of a sequence that waits for its next one
        self._footer_of: tuple[Keymap, list[str], list[tuple[str, str, str]]] | None = None

    def draw(self) -> None:
        """Draw all lines; only what changed is sent."""
        screen = self._screen
        cells = screen.size.width
        state, snapshot = screen.state, screen.snapshot
        name = snapshot.name if snapshot is not None else screen.connection
        screen.header.say(header_words(name, state.views, state.view, cells))
        screen.crumbs.say(self._crumbs(cells))
        screen.stage.summary.show([self._summary(cells)])
        self.draw_status()
        entries = [each for each in self._footer() if screen.applies(each[0])]
        screen.keys.show([key_line(entries, cells, self.begun)])

    def _footer(self) -> list[tuple[str, str, str]]:
        """What the key line may hold; made anew when the keymap or the scopes are others."""
        keys, scopes = self._screen.dispatcher.keys, self._screen.scopes()
        if self._footer_of is None or self._footer_of[0] is not keys or self._footer_of[1] != scopes:
            self._footer_of = (keys, scopes, footer(keys, scopes))
        return self._footer_of[2]

    def draw_status(self) -> None:
        """Draw the status line: the only one that moves while the picture stands still."""
        screen = self._screen
        cells, latest, frozen = screen.size.width, screen.latest, screen.state.frozen
        if latest is None:
            screen.status.show([starting_status(cells)])
            return
        paused = None if frozen is None else latest.totals.events - frozen.totals.events
        screen.status.show([status_line(latest, cells, screen.state.time_mode, paused)])

    def _crumbs(self, cells: int) -> Words:
        crumbs = self._screen.state.crumbs()
        right = self._right(cells)
        plain: Line = tuple(Span(text, Tone.TEXT) for text, _ in right)
        words = crumb_words(crumbs, plain, cells)
        before = words.line.before
        return Words(Painted(before=(*before[: len(before) - len(right)], *right)), words.spots)

    def _right(self, cells: int) -> Pieces:
        """What the view has to say: the numbers of panes in a small terminal, the filter, else what it shows."""
        screen = self._screen
        arrangement = screen.stage.arrangement
        if screen.snapshot is None:
            return ()
        if arrangement.size is SizeClass.SMALL and len(arrangement.numbers) > 1:
            focused = arrangement.numbers.get(screen.state.focused, 0)
            return pane_digits(list(arrangement.numbers.values()), focused)
        filtered = self._filter()
        if filtered:
            return cut_line(filtered, cells // 2)
        seconds = screen.snapshot.now - screen.snapshot.since
        return line((f"listening for {age(seconds)}", Tone.DIM))

    def _filter(self) -> Line:
        """`filter state:failed  10,000 → 342 shown  3 marked`."""
        widget = self._screen.stage.focused()
        table = widget.table if widget is not None else None
        if table is None or table.filter is None or table.rows is None:
            return ()
        rows = table.rows
        shown = "…" if rows.matched is None else count(rows.matched)
        parts = [line(("filter ", Tone.DIM), (table.filter.text, Tone.FIELD))]
        parts.append(line((f"{count(rows.total)} → ", Tone.DIM), (f"{shown} shown", Tone.STRONG)))
        if table.marks:
            parts.append(line((f"{len(table.marks):,} marked", Tone.ACCENT)))
        return join(parts, Span(Safe("  "), Tone.TEXT))

    def _summary(self, cells: int) -> Painted:
        """One line for all panes that have no box: `1 Workers ●3 ◐1   2 Queues 3,178`."""
        parts = [self._summary_of(pane) for pane in self._screen.stage.squashed()]
        words = join([part for part in parts if part], APART)
        cut = cut_line((Span(Safe(" "), Tone.TEXT), *words), cells)
        return Painted(before=(*cut, (Safe(" " * max(0, cells - line_width(cut))), Tone.TEXT)))

    def _summary_of(self, pane: Pane) -> Line:
        widget, snapshot = self._screen.stage.made(pane.id), self._screen.snapshot
        if widget is None or snapshot is None:
            return ()
        said = widget.guard.attempt(lambda: pane.summary(snapshot))
        number = self._screen.stage.arrangement.numbers.get(pane.id, 0)
        if not said and not isinstance(pane, TablePane):
            return ()
        return (*line((f"{number} ", Tone.DIM), (f"{pane.title} ", Tone.STRONG)), *(said or ()))
