"""What can be copied, and where does it go? `y` offers it; OSC 52, tmux's buffer and a file take it."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lazycelery_core import clipboard
from lazycelery_core.export import exported, record
from lazycelery_core.host_commands import shown_key
from lazycelery_core.keys import Command
from lazycelery_core.pane import Column, DrawContext, TablePane
from lazycelery_core.screens.dispatcher import handles
from lazycelery_core.screens.menu import MenuScreen, copied, is_copy, title_of
from lazycelery_core.screens.offering import offers_here
from lazycelery_core.spans import plain
from lazycelery_core.text import safe_lines
from lazycelery_core.tones import Tone
from lazycelery_core.widgets.menu_box import Item

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

FILE = "clipboard.txt"
LIMIT, MOST_LINES = 1_000_000, 20_000  # characters and lines; more is what exports are for
CELL = 30  # characters of a value that the menu shows
WHOLE = 2  # texts of whole rows, before those of cells


class Copying:
    """The handler of `y`, and of everything else that copies. folder: where the file goes; tmux: the environment for a
    program of tmux's, None where we are not in tmux."""

    def __init__(
        self, screen: "MainScreen", folder: Callable[[], Path], tmux: Callable[[], Mapping[str, str] | None]
    ) -> None:
        self._screen, self._folder, self._tmux = screen, folder, tmux

    def copy(self, text: str, what: str) -> None:
        """Put text on the clipboard, and say how."""
        self._screen.run_worker(self._deliver(pasteable(text), what), exit_on_error=False)

    async def _deliver(self, text: str, what: str) -> None:
        ways = []
        if clipboard.fits_osc52(text):
            self._screen.app.copy_to_clipboard(text)
            ways.append("the terminal's clipboard (OSC 52)")
        variables = self._tmux()
        if variables is not None and await asyncio.to_thread(clipboard.to_tmux, text, variables):
            ways.append("tmux's buffer")
        path = self._folder() / FILE
        try:
            await asyncio.to_thread(clipboard.to_file, text, path)
            ways.append(shown_path(path))
        except OSError as error:
            self._screen.say(f"{shown_path(path)} can't be written: {error.strerror}.", Tone.WARN)
        if ways:
            self._screen.say(f"Copied {what} to {', '.join(ways)}.", Tone.SUCCESS)

    @handles("copy.open")
    def open(self, _: str) -> None:
        """Offer what can be copied of the targets."""
        screen = self._screen
        targets, context = screen.targets(), screen.context()
        if not targets or context is None:
            screen.say("There is nothing to copy here.", Tone.WARN)
            return
        commands = [offer.command for offer in offers_here(screen) if is_copy(offer.command) and not offer.reason]
        own = texts_of(targets, columns_of(screen), context)
        rows = [Item(f"#{at}", "", label, note=note) for at, (label, note, _) in enumerate(own)]
        items = numbered([*map(_item, commands), *rows])
        whole = len(commands) + WHOLE
        sections = [items[: len(commands)], items[len(commands) : whole], items[whole:]]

        def chosen(name: str | None) -> None:
            if name is None:
                return
            if name.startswith("#"):
                label, _, text = own[int(name[1:])]
                self.copy(text(), label.lower())
            else:
                screen.dispatcher.run_named(name)

        title = f"Copy of {title_of(screen)}"
        screen.app.push_screen(MenuScreen(screen, title, sections), chosen)


def numbered(items: Sequence[Item]) -> list[Item]:
    """The items, those without a key with a digit each as long as there are some."""
    digits = iter("123456789")
    return [item if item.keys else replace(item, keys=next(digits, "")) for item in items]


def _item(command: Command) -> Item:
    label = copied(command.label)
    return Item(command.name, shown_key(command.keys[0]) if command.keys else "", label[:1].upper() + label[1:])


def columns_of(screen: "MainScreen") -> Sequence[Column]:
    """The columns of the focused table, else of the first table of such records."""
    widget, kind = screen.stage.focused(), screen.kind_here()
    if widget is not None and widget.table is not None:
        return widget.table.pane.columns
    tables = (pane for pane in screen.state.panes if isinstance(pane, TablePane) and pane.on == kind)
    return next((pane.columns for pane in tables), ())


Offered = tuple[str, str, Callable[[], str]]


def texts_of(targets: Sequence[Any], columns: Sequence[Column], context: DrawContext) -> list[Offered]:
    """(label, how it begins, the text) of everything that rows hold: whole rows, then the values of each column."""
    context = replace(context, width=200)
    rows = "row" if len(targets) == 1 else f"{len(targets):,} rows"
    found: list[Offered] = []
    if columns:
        found = [
            (f"The {rows} as JSON", "", lambda: _json(targets, columns, context)),
            (f"The {rows} as text", "", lambda: exported("text", columns, targets, context)),
        ]
    for column in columns:
        values = [value for target in targets if (value := _value(column, target, context))]
        if values and column.title:
            shown = values[0] if len(values) == 1 else f"{len(values):,} values"
            found.append((column.title.capitalize(), shown[:CELL], partial("\n".join, values)))
    return found


def _json(targets: Sequence[Any], columns: Sequence[Column], context: DrawContext) -> str:
    records = [record(columns, target, context) for target in targets]
    return json.dumps(records[0] if len(records) == 1 else records, indent=2, default=str)


def _value(column: Column, target: Any, context: DrawContext) -> str:
    """What the cell holds: text whole, everything else as it is drawn; nothing for a drawing."""
    raw = column.value(target) if column.value is not None else None
    if isinstance(raw, str):
        return raw
    drawn = plain(column.cell(target, context)).strip()
    return drawn if any(char.isalnum() for char in drawn) else ""


def pasteable(text: str) -> str:
    """The text as it is shown: what somebody sent may hold an escape sequence or a return that a paste would obey."""
    lines = safe_lines(text, LIMIT, MOST_LINES)
    return "\n".join("" if set(each) == {"␠"} else each for each in lines)


def shown_path(path: Path) -> str:
    """The path, with ~ for the user's folder."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
