"""Which stretch of time is looked at? Ctrl+T asks for one and makes it a part of the filter."""

from typing import TYPE_CHECKING

from lazycelery_core.errors import FilterError
from lazycelery_core.query import Completion, parse, tokens
from lazycelery_core.screens.dispatcher import handles
from lazycelery_core.screens.prompt import Prompt, Question, Said
from lazycelery_core.text import count, zone_of
from lazycelery_core.tones import Tone, line
from lazycelery_core.widgets.pane_widget import PaneWidget

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

HINT = line(("15m   or 13:00..14:00   or today   Enter keeps · Esc leaves · nothing: any time", Tone.DIM))
OFTEN = (
    ("5m", "the last five minutes"), ("15m", "the last quarter of an hour"), ("1h", "the last hour"),
    ("today", "since midnight"), ("-2h..-1h", "the hour before the last"), ("13:00..14:00", "from one time to another"),
)  # fmt: skip
TIMES = ("time", "since")


def with_range(text: str, stretch: str) -> str:
    """The filter with its times replaced by a stretch of time; "" takes them away."""
    kept, at = [], 0
    pieces = [each for each in tokens(text) if text[each.start : each.end].strip()]
    skip = 0
    for index, piece in enumerate(pieces):
        if skip:
            skip -= 1
            at = piece.end
            continue
        if text[piece.start : piece.end].lower() in TIMES and index + 1 < len(pieces):
            kept.append(text[at : piece.start])
            skip, at = 2, piece.end
            continue
        kept.append(text[at : piece.end])
        at = piece.end
    bare = " ".join("".join(kept).split())
    return " ".join(part for part in (bare, term(stretch)) if part)


def term(stretch: str) -> str:
    """The stretch as a term of the filter language: how long ago, or from when to when."""
    stretch = stretch.strip().replace(" .. ", "..")
    if not stretch:
        return ""
    return f"time:{stretch}" if ".." in stretch else f"since:{stretch.removeprefix('-')}"


class TimeRange:
    """The handler of Ctrl+T."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen
        self._history: list[str] = []

    @handles("range.open")
    def open(self, _: str) -> None:
        """Ask for a stretch of time."""
        problem = self.problem()
        if problem:
            self._screen.say(problem, Tone.WARN)
            return
        widget = self._screen.stage.focused()
        assert widget is not None
        question = RangeQuestion(self._screen, widget, self._history)
        self._screen.take_line(Prompt(self._screen, question))

    def problem(self) -> str:
        """Why there is no time to choose here."""
        widget = self._screen.stage.focused()
        kind = widget.table.pane.on if widget is not None and widget.table is not None else ""
        return "" if kind == "task" else "Only lists of tasks have times to choose from: T opens one."

    def set(self, stretch: str) -> None:
        """Filter the focused table by a stretch of time. Raises FilterError."""
        widget = self._screen.stage.focused()
        if self.problem() or widget is None:
            raise FilterError(self.problem())
        apply(self._screen, widget, stretch)


def apply(screen: "MainScreen", widget: PaneWidget, stretch: str) -> None:
    """Filter a table by a stretch of time. Raises FilterError."""
    table = widget.table
    assert table is not None
    text = with_range(table.filter.text if table.filter is not None else "", stretch)
    now = screen.latest.now if screen.latest is not None else 0.0
    parse(term(stretch), now, table.pane.on, zone_of(screen.state.time_mode, now))  # its span is that of what was typed
    chosen = parse(text, now, table.pane.on, zone_of(screen.state.time_mode, now)) if text else None
    screen.set_filter(widget, chosen)


class RangeQuestion(Question):
    """From when to when? Live, and undone by Escape."""

    label, hint = "time range", HINT

    def __init__(self, screen: "MainScreen", widget: PaneWidget, history: list[str]) -> None:
        super().__init__(history)
        assert widget.table is not None
        self._screen, self._widget, self._table = screen, widget, widget.table
        self._before = widget.table.filter
        self._wrong: FilterError | None = None

    def offers(self, text: str, cursor: int) -> list[Completion]:
        """A few that are often wanted."""
        return [Completion(each, help_, 0, len(text)) for each, help_ in OFTEN if each.startswith(text)]

    def changed(self, text: str) -> None:
        """Show what happened then."""
        try:
            apply(self._screen, self._widget, text)
            self._wrong = None
        except FilterError as error:
            self._wrong = error

    def said(self, text: str) -> Said:
        """How many rows are left, or what is wrong."""
        if self._wrong is not None:
            return Said(line((f"▲ {self._wrong}", Tone.WARN)), (0, len(text)))
        rows = self._table.rows
        shown = "…" if rows is None or rows.matched is None else count(rows.matched)
        total = "…" if rows is None else count(rows.total)
        return Said(line((f"{total} → ", Tone.DIM), (f"{shown} shown", Tone.STRONG)))

    def over(self) -> bool:
        """Another pane was clicked."""
        return self._screen.stage.focused() is not self._widget

    def accept(self, text: str) -> bool:
        """Keep it."""
        self.changed(text)
        return self._wrong is None

    def leave(self) -> bool:
        """The filter is what it was."""
        self._screen.set_filter(self._widget, self._before)
        return True
