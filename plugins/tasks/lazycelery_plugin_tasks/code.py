"""How does text that is code look? Python and JSON, coloured; whatever can't be read stays as it was told."""

import ast
import json
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from pprint import pformat
from typing import TYPE_CHECKING, Any

from lazycelery_core.text import Safe, safe_lines
from lazycelery_core.tones import Line, Span, Tone

if TYPE_CHECKING:
    from pygments.lexer import Lexer

READ = 8_000  # characters of a value that is read to be laid out; a longer one is shown as told
COLOURED = 8_000  # characters that are coloured; 12 us each where every one is a token of its own
LINES = 3_000  # lines of one value
_FAILED = (ValueError, SyntaxError, MemoryError, RecursionError, TypeError)


def pretty(text: str, cells: int) -> str:
    """A printed Python or JSON value laid out in lines of `cells`; anything else as it is."""
    if len(text) > READ:
        return text
    try:
        return _laid_out(_value(text), max(20, cells))
    except _FAILED:
        return text


def _value(text: str) -> Any:
    """What a literal means; never runs it."""
    try:
        return ast.literal_eval(text)
    except _FAILED:
        return json.loads(text)


def _laid_out(value: Any, cells: int) -> str:
    text = pformat(value, width=cells, sort_dicts=False)
    return text.replace("Ellipsis", "...")  # Celery's sign for what it left out


def as_json(value: Any) -> str:
    """Fields of an event, laid out."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def coloured(text: str) -> list[Line]:
    """Text as lines in the tones of Python code, as far as colours come in time."""
    lines = safe_lines(text, max_lines=LINES)
    sizes = accumulate(len(each) + 1 for each in lines)
    head = sum(1 for size in sizes if size <= COLOURED)
    code = _split(_tokens("\n".join(lines[:head]))) if head else []
    return [*code, *((Span(each),) for each in lines[head:])]


def coloured_line(text: Safe) -> Line:
    """One line of source."""
    return next(iter(_split(_tokens(text))), ())


def _tokens(text: str) -> Sequence[tuple[str, Tone]]:
    return [(value, _tone(str(kind))) for kind, value in _lexer().get_tokens(text)]


def _split(tokens: Sequence[tuple[str, Tone]]) -> list[Line]:
    """Tokens as lines. Their text was made safe before it was cut into tokens."""
    lines: list[list[Span]] = [[]]
    for text, tone in tokens:
        first, *others = text.split("\n")
        lines[-1] += [Span(Safe(first), tone)] if first else []
        lines += [[Span(Safe(each), tone)] if each else [] for each in others]
    return [tuple(each) for each in lines]


@cache  # loading it takes 20 ms: not at start-up
def _lexer() -> "Lexer":
    from pygments.lexers.python import PythonLexer

    return PythonLexer(stripnl=False, ensurenl=False)


def _tone(kind: str) -> Tone:
    """The tone of a Pygments token type, `Token.Keyword.Constant`."""
    for part, tone in (
        ("Keyword", Tone.CODE_KEYWORD),
        ("Operator.Word", Tone.CODE_KEYWORD),
        ("String", Tone.CODE_STRING),
        ("Number", Tone.CODE_NUMBER),
        ("Comment", Tone.CODE_COMMENT),
        ("Name.Builtin", Tone.CODE_KEYWORD),
        ("Name", Tone.CODE_NAME),
    ):
        if part in kind:
            return tone
    return Tone.TEXT
