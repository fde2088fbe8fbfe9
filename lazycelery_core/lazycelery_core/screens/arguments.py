"""What does a command do with the words typed behind it? `:theme light`, `:columns +retries`, `:events on worker-3`.

Every method takes the words and raises FilterError with the span of what is wrong in them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lazycelery_core import glyphs
from lazycelery_core.action import Go
from lazycelery_core.errors import FilterError
from lazycelery_core.keys import Command
from lazycelery_core.layout import main_pane
from lazycelery_core.pane import TablePane
from lazycelery_core.query import Expression, parse
from lazycelery_core.screens.commands import meant
from lazycelery_core.screens.filtering import Filtering
from lazycelery_core.screens.named_filters import NamedFilters
from lazycelery_core.screens.targeting import KINDS, MARKED, records_named
from lazycelery_core.screens.time_range import TimeRange
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.text import TimeMode, zone_of
from lazycelery_core.theme import THEMES
from lazycelery_core.tones import Tone
from lazycelery_core.widgets.table_view import TableView

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

Takes = Callable[[str], None]
VIEWS_OF = {"worker": "workers", "queue": "queues", "task": "tasks"}
KEPT = ("save", "use", "drop")
SETTINGS = {
    "time": tuple(mode.value for mode in TimeMode),
    "glyphs": ("unicode", "ascii", "nerd"),
    "theme": tuple(THEMES),
}


class Arguments:
    """Runs commands with words behind them."""

    def __init__(self, screen: "MainScreen", filtering: Filtering, ranges: TimeRange) -> None:
        self._screen, self._filtering, self._ranges = screen, filtering, ranges
        self._named: NamedFilters = filtering.named
        self._takers: dict[str, Takes] = {
            "filter.open": self._filter, "search.open": self._search, "theme.choose": self.theme,
            "range.open": ranges.set, "columns.choose": self._columns, "set.value": self._set,
            **{f"go.{kind}": partial(self._go, kind) for kind in KINDS},
        }  # fmt: skip

    def taker(self, command: Command) -> Takes | None:
        """What takes the words behind a command, None when it takes none."""
        if command.action is not None:
            return partial(self._act, command) if command.action.on else None
        if command.name.startswith("view.") and command.name != "view.last":
            return partial(self._view, command.name.removeprefix("view."))
        return self._takers.get(command.name)

    def needed(self, command: Command) -> bool:
        """Whether a command means nothing without words behind it."""
        return command.name.startswith("go.") or command.name == "set.value"

    # --- filters ------------------------------------------------------------------------------------------------------

    def kind_of(self, view: str) -> str:
        """The kind of record that a view's main pane lists."""
        panes = self._screen.state.panes_of(view)
        pane = next((pane for pane in panes if pane.id == main_pane(panes)), None)
        return pane.on if isinstance(pane, TablePane) else ""

    def _parsed(self, text: str, kind: str) -> Expression:
        now = self._now()
        return parse(text, now, kind, zone_of(self._screen.state.time_mode, now))

    def _now(self) -> float:
        return self._screen.latest.now if self._screen.latest is not None else 0.0

    def _view(self, view: str, text: str) -> None:
        chosen = self._parsed(text, self.kind_of(view))
        self._screen.navigation.open_view(view)
        widget = self._screen.stage.focused()
        if widget is not None and widget.table is not None:
            self._screen.set_filter(widget, chosen)

    def _table(self) -> TableView:
        widget = self._screen.stage.focused()
        if widget is None or widget.table is None:
            raise FilterError("This pane is not a list.", "Tab goes to the next one.")
        return widget.table

    def _filter(self, text: str) -> None:
        verb, _, name = text.partition(" ")
        table, widget = self._table(), self._screen.stage.focused()
        assert widget is not None
        if verb in KEPT:
            self._keep(verb, name.strip(), table)
        else:
            self._screen.set_filter(widget, self._parsed(text, table.pane.on))

    def _keep(self, verb: str, name: str, table: TableView) -> None:
        """Save, use or drop a filter by name."""
        kind, widget = table.pane.on, self._screen.stage.focused()
        known = self._named.of(kind)
        if not name:
            raise FilterError(f"{verb} needs a name.", f"Like :filter {verb} slow", (0, len(verb)))
        if verb == "save":
            if table.filter is None:
                raise FilterError("There is no filter to save.", "f makes one.", (0, len(verb)))
            self._screen.say(self._filtering.save(kind, name, table.filter.text), Tone.SUCCESS)
            return
        if name not in known:
            close = meant(name, known)
            hint = f"Did you mean {close}?" if close else f"There are: {', '.join(known) or 'none'}."
            raise FilterError(f"{name}: no filter has this name.", hint, (len(verb) + 1, len(verb) + 1 + len(name)))
        if verb == "use" and widget is not None:
            self._screen.set_filter(widget, self._parsed(known[name], kind))
        elif verb == "drop":
            self._named.drop(kind, name)
            self._screen.say(f"The filter {name} is forgotten.")

    def _search(self, text: str) -> None:
        widget, table = self._screen.stage.focused(), self._table()
        assert widget is not None
        wanted = self._parsed(text, table.pane.on)
        self._filtering.search.begin(widget)
        self._filtering.search.find(widget, wanted)

    # --- looks --------------------------------------------------------------------------------------------------------

    def theme(self, name: str) -> None:
        """Draw with another theme."""
        chosen = THEMES.get(name)
        if chosen is None:
            close = meant(name, THEMES)
            raise _unknown(name, "theme", close, THEMES)
        app: Any = self._screen.app
        app.set_theme(chosen)

    def _set(self, text: str) -> None:
        name, _, value = text.partition(" ")
        value = value.strip()
        known = SETTINGS.get(name)
        if known is None:
            raise _unknown(name, "setting that can be changed here", meant(name, SETTINGS), SETTINGS)
        if value not in known:
            start = len(name) + 1
            raise FilterError(f"{name} is one of {', '.join(known)}.", span=(start, max(len(text), start + 1)))
        if name == "theme":
            self.theme(value)
        elif name == "time":
            self._screen.state.time_mode = TimeMode(value)
        else:
            self._screen.skin.glyphs = glyphs.choose(value)
            self._screen.repaint()
        self._screen.show_again()

    def _columns(self, text: str) -> None:
        table, widget = self._table(), self._screen.stage.focused()
        table.columns = chosen_columns(text, table)
        table.skipped = 0
        if widget is not None:
            widget.redraw()

    # --- records ------------------------------------------------------------------------------------------------------

    def _snapshot(self) -> Snapshot:
        if self._screen.latest is None:
            raise FilterError("Nothing is known yet.")
        return self._screen.latest

    def _go(self, kind: str, text: str) -> None:
        found = records_named(kind, text, self._snapshot())
        if not found:
            raise FilterError(f"Which {kind}?", f"Like :{kind} NAME")
        key = getattr(found[0], "hostname", "") or (found[0].id if kind == "task" else found[0].name)
        self._screen.going.go(Go(VIEWS_OF[kind], select=key))

    def _act(self, command: Command, text: str) -> None:
        """Run an action on the records that are named: `on worker-3`, `marked`."""
        action = command.action
        assert action is not None
        text = text.removeprefix("on ")
        if text in MARKED:
            if self._screen.kind_here() != action.on:
                raise FilterError(f"No {action.on} is marked here.", span=(0, len(text)))
            self._soon(command, self._screen.targets())
            return
        if action.on not in KINDS:
            raise FilterError(f"A {action.on} can't be named here.", "Select it, then run this without a name.",
                              (0, len(text)))  # fmt: skip
        self._soon(command, records_named(action.on, text, self._snapshot()))

    def _soon(self, command: Command, targets: Sequence[Any]) -> None:
        """Run it when the prompt is gone: a dialog answers to whoever opened it."""
        self._screen.call_later(self._screen.act, command, targets)


def _unknown(name: str, what: str, close: str, known: Sequence[str] | Any) -> FilterError:
    hint = f"Did you mean {close}?" if close else f"There are: {', '.join(known)}."
    return FilterError(f"{name}: no such {what}.", hint, (0, len(name)))


def chosen_columns(text: str, table: TableView) -> list[Any]:
    """The columns after `+retries -queue`; `all` brings back the pane's own. One that is asked for is dropped last."""
    own = table.pane.columns
    if text.strip() == "all":
        return list(own)
    known = {column.id: column for column in own}
    shown = {column.id: column for column in table.columns}
    at = 0
    for word in text.split():
        at = text.index(word, at)
        name = word.lstrip("+-")
        if name not in known:
            error = _unknown(name, "column", meant(name, known), known)
            raise FilterError(error.message, error.hint, (at, at + len(word)))
        if word.startswith("-"):
            shown.pop(name, None)
        else:
            shown[name] = replace(known[name], priority=-1)
        at += len(word)
    if not shown:
        raise FilterError("One column has to stay.", span=(0, len(text)))
    return [shown[column.id] for column in own if column.id in shown]
