"""How much of a long value is read out? As much as is searched for secrets and drawn within a frame.

Whoever may send a task may send megabytes; the search for secrets takes 0.15 s for each of them.
"""

from typing import Any

from lazycelery_core.redact import Redactor
from lazycelery_core.store.texts import shown

MOST = 100_000  # characters of one text that a story reads out
ALL = 2  # times that, in all that its reports hold besides
BESIDE = 4_096  # characters behind those that are shown in which secrets are sought too: none is shown in half
DEEPEST = 70  # levels; what is deeper is hidden anyway
SHORT = 100  # characters that there is always room for
NUMBER = 8  # characters that a number takes, about


class Room:
    """Room for so many characters of a value; what does not fit is left out, then `full` is true."""

    def __init__(self, most: int) -> None:
        self._most = self._left = most + BESIDE if most else 0
        self.full = False

    @property
    def used(self) -> int:
        """Characters that were let in."""
        return self._most - self._left

    def fit(self, value: Any, depth: int = 0) -> Any:
        """The value, or the beginning of it that fits."""
        if isinstance(value, str):
            return self._text(value)
        if depth < DEEPEST and isinstance(value, list):
            return [self.fit(each, depth + 1) for each in value if self._has_more()]
        if depth < DEEPEST and isinstance(value, dict):
            return {self._text(key): self.fit(each, depth + 1) for key, each in value.items() if self._has_more()}
        self._left -= NUMBER
        return value

    def _text(self, text: str) -> str:
        kept = text[: max(0, self._left)]
        self._left -= len(kept) + 2  # its quotes
        self.full = self.full or len(kept) < len(text)
        return kept

    def _has_more(self) -> bool:
        self.full = self.full or self._left <= 0
        return self._left > 0


class Reading:
    """Reads values of a task called `name` out without secrets: `most` characters of one text.

    A text read twice is searched once. Of all `value`s together, and of texts with `further`, only so much is read.
    """

    def __init__(self, redactor: Redactor, name: str, most: int) -> None:
        self._redactor, self._name, self._most = redactor, name, most
        self._left = ALL * most
        self._read: dict[tuple[str, str], tuple[str, bool]] = {}

    def text(self, field: str, value: Any, further: bool = False) -> tuple[str, bool]:
        """A field as text, and whether its end is left out, which the text then says."""
        if not isinstance(value, str):
            return self._beginning(field, value, further)
        found = self._read.get((field, value))
        if found is None:
            found = self._read[field, value] = self._beginning(field, value, further)
        return found

    def value(self, field: str, value: Any) -> Any:
        """A field as it was told; short ones always."""
        fitted, most = self._fit(value, True)
        kept = next(iter(self._redactor.value({field: fitted}).values()))
        if most is None:
            return kept
        return kept[:most] + _more(value, most) if isinstance(kept, str) else [kept, "… more"]

    def _beginning(self, field: str, value: Any, further: bool) -> tuple[str, bool]:
        fitted, most = self._fit(value, further)
        text = shown(self._redactor, field, fitted, self._name)
        return (text, False) if most is None else (text[:most] + _more(value, most), True)

    def _fit(self, value: Any, further: bool) -> tuple[Any, int | None]:
        """What of the value there is room for; how many characters may be shown, None when it is whole."""
        if not isinstance(value, str | list | dict) or (isinstance(value, str) and len(value) <= SHORT):
            return value, None
        most = max(0, min(self._most, self._left)) if further else self._most
        room = Room(most)
        fitted = room.fit(value)
        self._left -= min(most, room.used) if further else 0
        return fitted, most if room.full else None


def _more(value: Any, most: int) -> str:
    return f"… {len(value) - most:,} more characters" if isinstance(value, str) else "… more"
