"""What can a colour mean? Meanings that panes draw with; a theme maps them to colours."""

from enum import StrEnum
from typing import NamedTuple

from lazycelery_core.text import Safe, safe


class Tone(StrEnum):
    """The meaning of a piece of text. Colour never carries meaning alone: a glyph or a word stands beside it."""

    TEXT = "text"
    STRONG = "strong"  # text that matters most, bold
    DIM = "dim"  # units, labels, what is old
    TITLE = "title"
    ACCENT = "accent"  # keys, focus, marks
    SUCCESS = "success"
    FAILURE = "failure"
    RETRY = "retry"
    WARN = "warn"
    STARTED = "started"
    RECEIVED = "received"
    PENDING = "pending"
    REVOKED = "revoked"
    SCHEDULED = "scheduled"
    FIELD = "field"  # a field name in the filter language, a table header
    BAR = "bar"
    ERROR = "error"  # our own errors
    BADGE = "badge"  # READ-ONLY
    DANGER = "danger"  # READ-WRITE, unverified TLS
    CODE_KEYWORD = "code.keyword"
    CODE_STRING = "code.string"
    CODE_NUMBER = "code.number"
    CODE_COMMENT = "code.comment"
    CODE_NAME = "code.name"


class Span(NamedTuple):
    """A run of safe text in one tone."""

    text: Safe
    tone: Tone = Tone.TEXT


Line = tuple[Span, ...]


def span(text: str, tone: Tone = Tone.TEXT, limit: int = 2000) -> Span:
    """Text of any origin made safe, in a tone."""
    return Span(text if isinstance(text, Safe) else safe(text, limit), tone)


def line(*parts: str | Span | tuple[str, Tone]) -> Line:
    """A line from strings (plain tone), (text, tone) pairs and spans; all text made safe."""
    spans = []  # a loop: this is asked for every cell of a table
    for part in parts:
        if isinstance(part, str):
            spans.append(span(part))
        else:
            text, tone = part
            spans.append(part if isinstance(part, Span) else span(text, tone))
    return tuple(spans)
