"""What becomes of a line of text when a key is pressed? The cursor, the text, nothing of any terminal."""

import re
from collections.abc import Callable, Mapping

LIMIT = 2_000  # characters; a longer filter is refused anyway


class Editor:
    """One line that is being typed. `cursor` is the index of the character it stands on."""

    def __init__(self, text: str = "") -> None:
        self.text = ""
        self.cursor = 0
        self.set(text)

    def set(self, text: str) -> None:
        """Have this text, the cursor after it."""
        self.text = _typeable(text)[:LIMIT]
        self.cursor = len(self.text)

    def insert(self, text: str) -> None:
        """Put text in at the cursor; line breaks and tabs become blanks, what can't be seen is left out."""
        room = LIMIT - len(self.text)
        self.replace(self.cursor, self.cursor, _typeable(text)[: max(0, room)])

    def replace(self, start: int, end: int, text: str) -> None:
        """Put text in the place of a stretch, the cursor after it."""
        self.text = self.text[:start] + text + self.text[end:]
        self.cursor = start + len(text)

    def press(self, key: str, character: str | None) -> bool:
        """Take a key; whether it belongs to editing."""
        if key in _MOVES:
            self.cursor = max(0, min(len(self.text), _MOVES[key](self)))
        elif key in _CUTS:
            start, end = sorted((self.cursor, max(0, min(len(self.text), _CUTS[key](self)))))
            self.replace(start, end, "")
        elif key == "ctrl+u":
            self.set("")
        elif character is not None and character.isprintable():
            self.insert(character)
        else:
            return False
        return True

    def _word_left(self) -> int:
        found = re.search(r"\S+\s*\Z", self.text[: self.cursor])
        return found.start() if found else 0

    def _word_right(self) -> int:
        found = re.match(r"\s*\S+", self.text[self.cursor :])
        return self.cursor + found.end() if found else len(self.text)


def _typeable(text: str) -> str:
    return "".join(char for char in re.sub(r"\r\n|\s", " ", text) if char.isprintable())


_MOVES: Mapping[str, Callable[[Editor], int]] = {
    "left": lambda editor: editor.cursor - 1,
    "right": lambda editor: editor.cursor + 1,
    "home": lambda editor: 0,
    "ctrl+a": lambda editor: 0,
    "end": lambda editor: len(editor.text),
    "ctrl+e": lambda editor: len(editor.text),
    "ctrl+left": Editor._word_left,  # noqa: SLF001 - the editor's own table
    "ctrl+right": Editor._word_right,  # noqa: SLF001
}
_CUTS: Mapping[str, Callable[[Editor], int]] = {  # from the cursor to there
    "backspace": lambda editor: editor.cursor - 1,
    "delete": lambda editor: editor.cursor + 1,
    "ctrl+w": Editor._word_left,  # noqa: SLF001
    "ctrl+k": lambda editor: len(editor.text),
}
