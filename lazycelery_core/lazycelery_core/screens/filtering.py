"""What do `f` and `/` do? Rows that do not match are hidden, or found one after the other; while it is typed.

Each table has a filter and a search of its own. A text that is wrong changes nothing: the last good one stays.
"""

from contextlib import suppress
from typing import TYPE_CHECKING

from lazycelery_core.errors import FilterError
from lazycelery_core.query import FIELDS, Completion, Expression, Token, bind, complete, parse, tokens
from lazycelery_core.screens.dispatcher import handles
from lazycelery_core.screens.named_filters import NamedFilters
from lazycelery_core.screens.prompt import Prompt, Question, Said
from lazycelery_core.screens.searching import Search
from lazycelery_core.snapshot import Filter, Snapshot
from lazycelery_core.spans import join
from lazycelery_core.text import Safe, count, zone_of
from lazycelery_core.tones import Line, Span, Tone, line
from lazycelery_core.widgets.pane_widget import PaneWidget
from lazycelery_core.widgets.table_view import TableView

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

HINT = line(("state:failed runtime>5s   Tab completes · Enter keeps · Esc leaves · Ctrl+F search instead", Tone.DIM))
SEARCH_HINT = line(("a word, or state:failed   Enter keeps · n N walk · Esc leaves · Ctrl+F filter instead", Tone.DIM))
NAME_HINT = line(("a name for this filter   Enter keeps it · Esc goes back", Tone.DIM))
APART = Span(Safe("  "), Tone.TEXT)
FIELD_NAMES = frozenset(field.name for field in FIELDS)
VALUES = 200  # of a field that completion offers at most


class Filtering:
    """Handlers of filter and search; keeps what was typed before."""

    def __init__(self, screen: "MainScreen", named: NamedFilters) -> None:
        self.screen, self.named = screen, named
        self.search = Search(screen)
        self.history: dict[str, list[str]] = {}  # kind of record -> texts

    @handles("filter.open")
    def open(self, _: str) -> None:
        """Ask for a filter."""
        self._ask(searches=False)

    @handles("search.open")
    def find(self, _: str) -> None:
        """Ask for a search."""
        self._ask(searches=True)

    @handles("search.next", "search.previous")
    def walk(self, where: str) -> None:
        """To the next match, or the one before."""
        widget = self.screen.stage.focused()
        if widget is not None:
            self.search.walk(widget, 1 if where == "next" else -1)

    def save(self, kind: str, name: str, text: str) -> str:
        """Keep a filter under a name; what is to be said about that."""
        try:
            self.named.save(kind, name, text)
        except OSError as error:
            return f"▲ {self.named.path} can't be written: {error.strerror}"
        return f"✓ saved: :filter use {name}"

    def _ask(self, searches: bool) -> None:
        widget = self.screen.stage.focused()
        if widget is None or widget.table is None:
            self.screen.app.bell()
            return
        question = FilterQuestion(self, widget, searches)
        prompt = Prompt(self.screen, question, question.text())
        question.prompt = prompt
        self.screen.take_line(prompt)


class FilterQuestion(Question):
    """Which rows? Asked about one table; live, and undone by Escape."""

    prompt: Prompt

    def __init__(self, filtering: Filtering, widget: PaneWidget, searches: bool) -> None:
        assert widget.table is not None
        self._filtering, self._widget, self._table = filtering, widget, widget.table
        self._screen, self.kind = filtering.screen, widget.table.pane.on
        super().__init__(filtering.history.setdefault(self.kind, []))
        self._before = widget.table.filter
        self._search = filtering.search
        self._search.begin(widget)
        self._wrong: FilterError | None = None
        self._notes: tuple[str, ...] = ()
        self._saved = ""  # what was said about the last saving
        self._naming: str | None = None  # the filter that is to get a name
        self.searches = searches
        self._name()

    def text(self) -> str:
        """What is there to begin with."""
        chosen: Filter | None = self._search.filter(self._widget) if self.searches else self._before
        return chosen.text if chosen is not None else ""

    def _name(self) -> None:
        self.label = "save as" if self._naming is not None else "search" if self.searches else "filter"
        self.hint = NAME_HINT if self._naming is not None else SEARCH_HINT if self.searches else HINT

    def tokens(self, text: str) -> list[Token]:
        """The colours of the language."""
        return [] if self._naming is not None else tokens(text)

    def offers(self, text: str, cursor: int) -> list[Completion]:
        """Named filters first while nothing is typed, then whatever the language knows here."""
        saved = self._filtering.named.of(self.kind).items()
        if self._naming is not None:
            return [Completion(name, saved_text, 0, len(text)) for name, saved_text in saved if name.startswith(text)]
        offers = [each for each in complete(text, cursor, vocabulary(self._snapshot), self.kind) if _fits(each, text)]
        if text.strip() or self.searches:
            return offers
        return [*(Completion(saved_text, f"your filter {name}", 0, len(text)) for name, saved_text in saved), *offers]

    @property
    def _snapshot(self) -> Snapshot | None:
        return self._screen.latest

    def changed(self, text: str) -> None:
        """Filter by the text, or search for it, as soon as it is right."""
        self._saved = ""
        if self._naming is not None:
            return
        try:
            chosen = self._parsed(text)
        except FilterError as error:
            self._wrong = error
            self._go_back_to(text[: error.span[0]])
            return
        self._wrong, self._notes = None, () if chosen is None else chosen.notes
        self._apply(chosen)

    def _go_back_to(self, text: str) -> None:
        """What stands before a mistake: a field that turns out to be none was a word to look for while it was typed."""
        if text.strip():
            with suppress(FilterError):
                self._apply(self._parsed(text))

    def _apply(self, chosen: Expression | None) -> None:
        if self.searches:
            self._search.find(self._widget, chosen)
        elif (chosen.text if chosen else "") != (self._table.filter.text if self._table.filter else ""):
            self._screen.set_filter(self._widget, chosen)

    def _parsed(self, text: str) -> Expression | None:
        snapshot = self._snapshot
        now = snapshot.now if snapshot is not None else 0.0
        return parse(text, now, self.kind, zone_of(self._screen.state.time_mode, now)) if text.strip() else None

    def said(self, text: str) -> Said:
        """How many rows match, or what is wrong."""
        if self._naming is not None:
            return Said(line((self._naming, Tone.FIELD)))
        if self._wrong is not None and text.strip():
            said = line((f"▲ {self._wrong}", Tone.WARN))
            return Said(said, self._wrong.span)
        if self._saved:
            return Said(line((self._saved, Tone.SUCCESS)))
        if self._notes:
            return Said(line((f"▲ {self._notes[0]}", Tone.WARN)))
        return Said(self._search.told(self._widget) if self.searches else self._counted(text))

    def _counted(self, text: str) -> Line:
        """`✓ 10,000 → 342 shown  3 marked, 2 hidden`."""
        rows = self._table.rows
        if rows is None:
            return ()
        shown = "…" if rows.matched is None else count(rows.matched)
        parts = [line(("✓ " if text.strip() else "", Tone.DIM), (f"{count(rows.total)} → ", Tone.DIM),
                      (f"{shown} shown", Tone.STRONG))]  # fmt: skip
        if self._table.marks:
            parts.append(line((marked(self._table, self._snapshot), Tone.ACCENT)))
        return join(parts, APART)

    def verb(self, verb: str, text: str) -> bool:
        """Ctrl+F searches instead of filtering and the other way; Ctrl+S keeps the filter under a name."""
        if verb == "switch" and self._naming is None:
            self._switch(text)
        elif verb == "save":
            self._name_it(text)
        else:
            return False
        return True

    def _switch(self, text: str) -> None:
        if self.searches:
            self._search.forget(self._widget)
        else:
            self._screen.set_filter(self._widget, self._before)
        self.searches = not self.searches
        self._name()
        self.changed(text)

    def _name_it(self, text: str) -> None:
        if self._wrong is None and self._naming is None and text.strip():
            self._naming = text.strip()
            self._name()
            self.prompt.say_instead("")

    def _named(self, name: str) -> None:
        text, self._naming = self._naming or "", None
        self._name()
        self.prompt.say_instead(text)
        if name:
            self._saved = self._filtering.save(self.kind, name, text)

    def over(self) -> bool:
        """Another pane was clicked."""
        return self._screen.stage.focused() is not self._widget

    def accept(self, text: str) -> bool:
        """Keep the filter, or the search; not a wrong one."""
        if self._naming is not None:
            self._named(text)
            return False
        self.changed(text)
        return self._wrong is None

    def leave(self) -> bool:
        """All rows are shown that were shown before."""
        if self._naming is not None:
            self._named("")
            return False
        if self.searches:
            self._search.undo(self._widget)
        elif self._table.filter is not self._before:
            self._screen.set_filter(self._widget, self._before)
        return True


def _fits(offer: Completion, text: str) -> bool:
    """Not a field that only looks like the word that is searched for: the list would cover what it finds."""
    written = text[offer.start : offer.end].lower()
    names_field = offer.text.rstrip(":>") in FIELD_NAMES
    return not names_field or offer.text.startswith(written)


def marked(table: TableView, snapshot: Snapshot | None) -> str:
    """`3 marked, 2 hidden`: an action applies to hidden rows too. Unknown where texts would have to be opened."""
    chosen, marks = table.filter, table.marks
    said = f"{len(marks):,} marked"
    if snapshot is None or not isinstance(chosen, Expression) or chosen.opens_text:
        return said
    bound = bind(chosen, snapshot, marks)
    hidden = sum(bound is not None and not bound.matches(item, snapshot.now) for item in marks.values())
    return f"{said}, {hidden:,} hidden" if hidden else said


def vocabulary(snapshot: Snapshot | None) -> dict[str, list[str]]:
    """Field -> values seen so far."""
    if snapshot is None:
        return {}
    return {
        "name": [stats.name for stats in snapshot.tasks.names()][:VALUES],
        "worker": [worker.hostname for worker in snapshot.workers][:VALUES],
        "queue": [queue.name for queue in snapshot.queues][:VALUES],
        "pool": sorted({worker.pool for worker in snapshot.workers if worker.pool}),
    }
