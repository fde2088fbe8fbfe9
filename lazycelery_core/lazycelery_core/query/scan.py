"""What are the pieces of a filter that is still being typed: which colour has each, and what could come next?

Never fails: what can't be understood is a piece of its own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import NamedTuple

from lazycelery_core.query.build import field_names, state_names
from lazycelery_core.query.conditions import CONDITIONS
from lazycelery_core.query.fields import BY_NAME
from lazycelery_core.query.grammar import PIECES
from lazycelery_core.query.values import Type
from lazycelery_core.tones import Tone

MAX_OFFERS = 50


class Token(NamedTuple):
    """A stretch of the text, from `start` to before `end`, and its tone."""

    start: int
    end: int
    tone: Tone


class Completion(NamedTuple):
    """`text` replaces the stretch from `start` to `end`; `help` says what it is."""

    text: str
    help: str
    start: int
    end: int


class _Piece(NamedTuple):
    name: str
    start: int
    end: int


_AT_START = ("OR", "AND", "NOT", "KEY", "QUOTED", "REGEX", "OPEN_QUOTE", "WORD")
_AFTER = {
    "KEY": ("OP", "TILDE"),
    "OP": ("REGEX", "VALUE", "OPEN_QUOTE"),
    "TILDE": ("QUOTED", "REGEX", "OPEN_QUOTE", "PATTERN"),
}
_TONES = {
    "OR": Tone.ACCENT, "AND": Tone.ACCENT, "NOT": Tone.ACCENT, "BRACKET": Tone.ACCENT, "KEY": Tone.FIELD,
    "OP": Tone.DIM, "TILDE": Tone.DIM, "QUOTED": Tone.CODE_STRING, "REGEX": Tone.CODE_STRING,
    "PATTERN": Tone.CODE_STRING, "OPEN_QUOTE": Tone.ERROR,
}  # fmt: skip


@cache
def _compiled(names: tuple[str, ...]) -> re.Pattern[str]:
    patterns = [r"(?P<SPACE>\s+)", *(f"(?P<{name}>{PIECES[name]})" for name in names), r"(?P<BRACKET>[()])"]
    return re.compile("|".join(patterns))


def _pieces(text: str) -> Iterator[_Piece]:
    """The pieces in order; together they are the whole text."""
    at, before = 0, ""
    while at < len(text):
        expected = _AFTER.get(before, _AT_START)
        found = _compiled(expected).match(text, at) or _compiled(_AT_START).match(text, at)
        name, end = (str(found.lastgroup), found.end()) if found else ("WORD", at + 1)
        yield _Piece(name, at, end)
        at, before = end, before if name == "SPACE" else name


def tokens(text: str) -> list[Token]:
    """The text in coloured stretches, without gaps; unknown fields and open quotes in the tone of errors."""
    return [Token(piece.start, piece.end, _tone(text, piece)) for piece in _pieces(text)]


def _tone(text: str, piece: _Piece) -> Tone:
    if piece.name == "KEY" and text[piece.start : piece.end].lower() not in BY_NAME:
        return Tone.ERROR
    return _TONES.get(piece.name, Tone.TEXT)


def complete(text: str, cursor: int, vocabulary: Mapping[str, Sequence[str]], kind: str = "") -> list[Completion]:
    """What could stand at the cursor, best first.

    vocabulary: field name -> its values seen so far (`name`, `worker`, `queue` ...). kind: of the records filtered.
    """
    cursor = max(0, min(cursor, len(text)))
    key, word, start = _at_cursor(text[:cursor])
    if key:
        offers = _values(key, vocabulary, kind)
        return _best(offers, word.rpartition(",")[2], start + len(word) - len(word.rpartition(",")[2]), cursor)
    offers = [(f"{each}{BY_NAME[each].operator}", BY_NAME[each].help) for each in field_names(kind)]
    return _best(offers, word, start, cursor)


def _at_cursor(text: str) -> tuple[str, str, int]:
    """The field whose value is being written ("" for none), what is written of it, and where that begins."""
    pieces = [*_pieces(text)]
    if not pieces:
        return "", "", 0
    last = pieces[-1]
    before = [text[piece.start : piece.end] for piece in pieces if piece.name == "KEY"]
    if last.name in ("OP", "TILDE"):
        return before[-1], "", last.end
    if last.name in ("VALUE", "PATTERN"):
        return before[-1], text[last.start :], last.start
    return ("", text[last.start :], last.start) if last.name == "WORD" else ("", "", len(text))


def _values(key: str, vocabulary: Mapping[str, Sequence[str]], kind: str) -> list[tuple[str, str]]:
    """All values that can be offered for a field, with their help."""
    field = BY_NAME.get(key.lower())
    if field is None:
        return []
    if field.type is Type.STATE:
        return [(name, "state") for name in state_names(kind)]
    if field.type is Type.FLAG:
        known = [each for each in CONDITIONS[field.name].values() if each.knows(kind)]
        return [(each.name, each.absent or each.help) for each in known]
    seen = [(_quoted(value), field.help) for value in vocabulary.get(field.name, ())]
    example = [(field.example, field.type.value)] if field.example and field.type is not Type.TEXT else []
    return seen + example


def _quoted(value: str) -> str:
    """The value as it must be written."""
    if value and not re.search(r'[\s()|",*]', value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _best(offers: Sequence[tuple[str, str]], written: str, start: int, end: int) -> list[Completion]:
    """Offers that begin with what is written, then those that contain it, then those that look like it."""
    low = written.lower().lstrip('"')
    begun = [offer for offer in offers if offer[0].lower().lstrip('"').startswith(low)]
    inside = [offer for offer in offers if low in offer[0].lower() and offer not in begun]
    close = get_close_matches(low, [offer[0] for offer in offers], 3, 0.6) if len(low) > 2 else []
    similar = [offer for offer in offers if offer[0] in close and offer not in begun + inside]
    return [Completion(text, help_, start, end) for text, help_ in (begun + inside + similar)[:MAX_OFFERS]]
