"""How do rows get into a file? `Y`: which rows, in which form, to which file; nothing is overwritten unasked."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lazycelery_core.export import FORMATS, exported
from lazycelery_core.pane import DrawContext, TablePane
from lazycelery_core.screens.copying import shown_path
from lazycelery_core.screens.dispatcher import handles
from lazycelery_core.screens.popup import Popup
from lazycelery_core.text import count
from lazycelery_core.tones import Tone
from lazycelery_core.widgets.editor import Editor
from lazycelery_core.widgets.export_box import Choice, ExportForm, export_lines
from lazycelery_core.widgets.table_view import TableView

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

SUFFIXES = {"csv": ".csv", "json": ".json", "ndjson": ".ndjson", "text": ".txt"}
FOLDER = "exports"  # in the state folder


class Order(NamedTuple):
    """What is to be written where. `marked`: the marked rows only; `replaces`: a file of that name may go."""

    form: str
    marked: bool
    path: Path
    replaces: bool


class Exporting:
    """The handler of `Y`. folder: the state folder."""

    def __init__(self, screen: "MainScreen", folder: Callable[[], Path]) -> None:
        self._screen, self._folder = screen, folder

    @handles("export.open")
    def open(self, _: str) -> None:
        """Ask what to write."""
        screen = self._screen
        widget, context = screen.stage.focused(), screen.context()
        table = widget.table if widget is not None else None
        if table is None or context is None or table.rows is None or not len(table.rows.items):
            screen.say("There are no rows to export here.", Tone.WARN)
            return
        items, marked, pane = table.rows.items, list(table.marks.values()), table.pane
        folder = self._folder() / FOLDER

        def chosen(order: Order | None) -> None:
            if order is not None:
                rows = marked if order.marked else items
                screen.run_worker(self._write(order, pane, rows, replace(context, width=200)), exit_on_error=False)

        stamp = datetime.fromtimestamp(context.snapshot.now, UTC).strftime("%Y%m%d-%H%M%S")
        name = f"{pane.view.id}-{stamp}"
        screen.app.push_screen(ExportScreen(screen, _rows_of(table), len(marked), folder, name), chosen)

    async def _write(self, order: Order, pane: TablePane, rows: Sequence[Any], context: DrawContext) -> None:
        try:
            written = await asyncio.to_thread(write, order, pane, rows, context)
        except FileExistsError:
            self._screen.say(f"{shown_path(order.path)} is there already; nothing was written.", Tone.WARN)
        except OSError as error:
            self._screen.say(f"{shown_path(order.path)} can't be written: {error.strerror}.", Tone.ERROR)
        else:
            self._screen.say(
                f"Wrote {count(written)} row{'s' * (written != 1)} to {shown_path(order.path)}.", Tone.SUCCESS
            )


def _rows_of(table: TableView) -> tuple[int, int]:
    """How many rows are listed, and how many match."""
    rows = table.rows
    listed = len(rows.items) if rows is not None else 0
    return listed, max(listed, (rows.matched or 0) if rows is not None else 0)


def write(order: Order, pane: TablePane, rows: Sequence[Any], context: DrawContext) -> int:
    """Write the rows; how many. Raises OSError; FileExistsError when the file is there and may not be replaced."""
    items = [item for index in range(len(rows)) if (item := rows[index]) is not None]
    text = exported(order.form, pane.columns, items, context)
    order.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kind = os.O_TRUNC if order.replaces else os.O_EXCL
    handle = os.open(order.path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | kind, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return len(items)


class ExportScreen(Popup[Order]):
    """The dialog. rows: listed and matching; folder: where names without one are put."""

    scope = "dialog"

    def __init__(self, above: "MainScreen", rows: tuple[int, int], marked: int, folder: Path, name: str) -> None:
        super().__init__(above)
        self._rows, self._marked, self._folder = rows, marked, folder
        self._form, self._only_marked = 0, marked > 0
        self._editor = Editor(f"{shown_path(folder)}/{name}{SUFFIXES[FORMATS[0]]}")
        self._problem = ""
        self._replaces: Path | None = None  # the file that Enter, pressed once more, replaces

    def draw(self) -> None:
        """Draw the dialog."""
        listed, matching = self._rows
        shown = f"{count(listed)} shown" if matching <= listed else f"the first {count(listed)} of {count(matching)}"
        words = [shown, f"{self._marked:,} marked"] if self._marked else [shown]
        choices = [Choice("Rows", words, int(self._only_marked), "↑ ↓"), Choice("Form", FORMATS, self._form, "Tab")]
        form = ExportForm("Export rows", choices, self._editor.text, self._editor.cursor, self._problem)
        lines, columns = export_lines(form, self.size.width)
        self.show(lines, columns)

    def press(self, key: str, character: str | None) -> None:
        """Choose, type, write."""
        verb = self.verb(key)
        if verb == "close":
            self.dismiss(None)
            return
        if key in ("tab", "shift+tab"):
            self._next_form(1 if key == "tab" else -1)
        elif key in ("up", "down"):
            self._only_marked = not self._only_marked and self._marked > 0
        elif verb == "push":
            self._accept()
            return
        elif self._editor.press(key, character):
            self._problem = ""
        self.draw()

    def paste(self, text: str) -> None:
        """A path."""
        self._editor.insert(text)
        self._problem = ""
        self.draw()

    def click(self, x: int, y: int) -> None:
        """A click on a line of choices goes to the next one."""
        if y == 2:
            self.press("down", None)
        elif y == 3:
            self.press("tab", None)

    def _next_form(self, step: int) -> None:
        """Another form; the file's suffix follows as long as it is the old form's."""
        before = SUFFIXES[FORMATS[self._form]]
        self._form = (self._form + step) % len(FORMATS)
        if self._editor.text.endswith(before):
            self._editor.set(self._editor.text.removesuffix(before) + SUFFIXES[FORMATS[self._form]])

    def _path(self) -> Path:
        path = Path(self._editor.text.strip()).expanduser()
        return path if path.is_absolute() else self._folder / path

    def _accept(self) -> None:
        path = self._path()
        self._problem = self._wrong_with(path)
        if self._problem:
            self.draw()
        else:
            self.dismiss(Order(FORMATS[self._form], self._only_marked, path, self._replaces == path))

    def _wrong_with(self, path: Path) -> str:
        if not self._editor.text.strip() or path.is_dir():
            return "A file needs a name."
        if not path.parent.is_dir() and not path.is_relative_to(self._folder):
            return f"There is no folder {shown_path(path.parent)}."
        if path.exists() and self._replaces != path:
            self._replaces = path
            return "This file is there already. Enter once more replaces it."
        return ""
