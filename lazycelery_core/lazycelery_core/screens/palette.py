"""Where is the command whose key I do not know? Ctrl+P: commands, views, themes, filters, found by some letters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.fuzzy import FuzzySearch

from lazycelery_core.errors import FilterError
from lazycelery_core.host_commands import shown_key
from lazycelery_core.keys import Command
from lazycelery_core.screens.command_line import CommandLine
from lazycelery_core.screens.commands import listed
from lazycelery_core.screens.dispatcher import handles
from lazycelery_core.screens.offering import refusal
from lazycelery_core.screens.popup import Popup
from lazycelery_core.theme import THEMES
from lazycelery_core.tones import Tone
from lazycelery_core.widgets.editor import Editor
from lazycelery_core.widgets.palette_box import TALLEST, Entry, Found, palette_lines

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

VIEW = "View: "
MOVED_BY_HAND = (
    "cursor.",
    "columns.left",
    "columns.right",
    "pane.",
    "palette.",
    "app.back",
    "tab.",
)  # nobody looks for them


class Palette:
    """The handler of Ctrl+P."""

    def __init__(self, screen: "MainScreen", command_line: CommandLine) -> None:
        self._screen, self._line = screen, command_line

    @handles("palette.open")
    def open(self, _: str) -> None:
        """Offer everything."""
        self._screen.app.push_screen(PaletteScreen(self._screen, self.entries()), self._chosen)

    def _chosen(self, text: str | None) -> None:
        if text is None:
            return
        try:
            self._line.run(text)
        except FilterError as error:
            self._screen.say(str(error), Tone.WARN)

    def entries(self) -> list[Entry]:
        """All commands, those that work here first; then themes and the user's filters."""
        screen = self._screen
        targets, live = screen.targets(), set(screen.scopes())
        found = [
            pair
            for pair in listed(self._line.commands, screen.kind_here())
            if not pair[1].name.startswith(MOVED_BY_HAND)
        ]
        here = [
            _entry(phrase, command, refusal(screen, command, targets))
            for phrase, command in found
            if command.scope in live
        ]
        here.sort(key=_usefulness)
        elsewhere = [_entry(command.name, command, f"on a {command.scope.removeprefix('on:')}")
                     for _, command in found if command.scope not in live]  # fmt: skip
        themes = [Entry(f"theme {name}", f"Theme: {name}") for name in THEMES]
        named = self._line.named.of(screen.kind_here())
        filters = [Entry(f"filter use {name}", f"Filter: {name}  {text}") for name, text in named.items()]
        return [*here, *filters, *themes, *elsewhere]


def _usefulness(entry: Entry) -> tuple[bool, bool, bool, bool]:
    """What is about the record at hand comes first, what only copies it last of that; then views."""
    copies = entry.own and entry.label.startswith("Copy")
    return bool(entry.reason), not entry.own, copies, not entry.label.startswith(VIEW)


def _entry(phrase: str, command: Command, reason: str) -> Entry:
    label = command.label[:1].upper() + command.label[1:]
    if command.name.startswith("view."):
        label = f"{VIEW}{label}"
    keys = shown_key(command.keys[0]) if command.keys else ""
    return Entry(phrase, label, keys, reason, own=command.action is not None)


class PaletteScreen(Popup[str]):
    """The palette; its answer is what `:` would call the chosen entry."""

    scope = "prompt"

    def __init__(self, above: "MainScreen", entries: Sequence[Entry]) -> None:
        super().__init__(above)
        self._entries = entries
        self._editor = Editor()
        self._search = FuzzySearch()
        self._found = [Found(entry) for entry in entries]
        self._chosen = self._first = 0

    def draw(self) -> None:
        """Draw it near the top, where the eyes are when they come from the header."""
        rows = max(3, min(TALLEST, self.size.height - 9))
        editor = self._editor
        lines, columns, self._first = palette_lines(
            editor.text, editor.cursor, self._found, self._chosen, len(self._entries), self.size.width, rows
        )
        self.show(lines, columns, ((self.size.width - columns) // 2, 3))

    def press(self, key: str, character: str | None) -> None:
        """Type, move, choose."""
        verb = self.verb(key)
        if verb == "leave":
            self.dismiss(None)
        elif verb == "accept":
            self._choose(self._chosen)
        elif verb in STEPS or key in STEPS:
            self._step(STEPS.get(verb) or STEPS[key])
        elif self._editor.press(key, character):
            self._find()

    def paste(self, text: str) -> None:
        """Look for it."""
        self._editor.insert(text)
        self._find()

    def _find(self) -> None:
        self._found = ranked(self._editor.text, self._entries, self._search)
        self._chosen = 0
        self.draw()

    def _step(self, step: int) -> None:
        self._chosen = max(0, min(self._chosen + step, len(self._found) - 1))
        self.draw()

    def _choose(self, index: int) -> None:
        if 0 <= index < len(self._found):
            entry = self._found[index].entry
            if entry.reason:
                self.app.bell()
            else:
                self.dismiss(entry.text)

    def click(self, x: int, y: int) -> None:
        """A click on an entry chooses it."""
        self._choose(self._first + y - 3)

    def wheel(self, lines: int) -> None:
        """The wheel moves the choice."""
        self._step(lines)


STEPS = {"down": 1, "up": -1, "complete": 1, "pagedown": 10, "pageup": -10}


def ranked(text: str, entries: Sequence[Entry], search: FuzzySearch) -> list[Found]:
    """The entries in which the letters are found, best first; by label, else by what `:` calls them."""
    if not text.strip():
        return [Found(entry) for entry in entries]
    scored = []
    for entry in entries:
        score, places = search.match(text, entry.label)
        other, _ = search.match(text, entry.text)
        if score or other:
            scored.append((max(score, other * 0.9), Found(entry, places if score else ())))
    scored.sort(key=lambda pair: (bool(pair[1].entry.reason), -pair[0]))
    return [found for _, found in scored]
