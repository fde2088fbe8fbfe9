"""How is a filter written? The grammar, and what is wrong where a text does not follow it.

The pieces (`PIECES`) are shared with `scan.py`, which colours and completes texts that are not complete yet.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

from lazycelery_core.errors import FilterError

if TYPE_CHECKING:
    from lark import Lark, LarkError, Token, Tree

MAX_TEXT = 2_000  # characters
MAX_DEPTH = 40  # brackets in a text

QUOTED = r'"(?:\\.|[^"\\])*"'
_END = r"(?=[\s()|]|$)"
_IN_PATTERN = r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]"
_CHARS = r"[^\s()|\[\\]"
_GROUP = rf"\((?:{_IN_PATTERN}|[^()\[\\]|\((?:{_IN_PATTERN}|[^()\[\\])*\))*\)"
# Name -> regular expression. A bare pattern may have brackets, two deep, so that `(exc~(a|b) name:c)` reads as meant.
PIECES = {
    "OR": rf"\|\|?|OR{_END}",
    "AND": rf"AND{_END}",
    "NOT": r"[-!](?=\S)|NOT(?=[\s(])",
    "KEY": r"[A-Za-z_][A-Za-z_0-9]*(?=:|\s*(?:!=|>=|<=|[=~<>]))",
    "OP": r"!=|>=|<=|[:=<>]",
    "TILDE": r"~",
    "QUOTED": QUOTED,
    "REGEX": rf"/(?:\\.|[^/\\\n])+/{_END}",
    "OPEN_QUOTE": r'"(?:\\.|[^"\\])*\\?$',
    "VALUE": rf'(?:{QUOTED}|[^\s()|"])+',
    "PATTERN": rf"(?:{_IN_PATTERN}|{_GROUP}|{_CHARS}|[\[\\])+",
    "WORD": r'[^\s()|"]+',
}
_PRIORITY = {"OR": 4, "AND": 4, "NOT": 4, "KEY": 3, "QUOTED": 2, "REGEX": 2, "WORD": 0, "VALUE": 0}

_RULES = r"""
?start: disjunction?
disjunction: conjunction (_OR conjunction)*
conjunction: negation (_AND? negation)*
negation: NOT* atom
?atom: "(" disjunction ")"
     | KEY OP (VALUE | REGEX | OPEN_QUOTE)             -> term
     | KEY TILDE (PATTERN | QUOTED | REGEX | OPEN_QUOTE) -> pattern
     | (QUOTED | REGEX | WORD | OPEN_QUOTE)            -> word
%ignore /\s+/
"""
_SILENT = ("OR", "AND")


@cache
def _parser() -> "Lark":
    from lark import Lark

    terminals = (
        f"{'_' if name in _SILENT else ''}{name}.{_PRIORITY.get(name, 1)}: /{pattern.replace('/', chr(92) + '/')}/"
        for name, pattern in PIECES.items()
    )
    return Lark(_RULES + "\n".join(terminals), parser="lalr", maybe_placeholders=False)


def syntax_tree(text: str) -> "Tree[Token]":
    """The parse tree of a filter. Raises FilterError only."""
    from lark import LarkError

    if len(text) > MAX_TEXT:
        raise FilterError(f"A filter has at most {MAX_TEXT:,} characters.", span=(MAX_TEXT, len(text)))
    if text.count("(") > MAX_DEPTH:
        raise FilterError(f"A filter has at most {MAX_DEPTH} brackets.", span=(text.index("("), len(text)))
    try:
        return _parser().parse(text)
    except LarkError as error:
        raise _explain(error, text) from None


def _explain(error: "LarkError", text: str) -> FilterError:
    """What stands at the place where the parser stopped, and what should."""
    token, start = getattr(error, "token", None), getattr(error, "pos_in_stream", None)
    if start is None or (token is not None and token.type == "$END"):
        start = len(text)
    operator = re.search(r"(!=|>=|<=|[:=<>~])\s*$", text[:start])
    if operator:
        return FilterError(
            f"A value must follow {operator[1]} here.", span=(operator.start(), max(start, operator.end()))
        )
    unclosed = _unclosed(text[:start])
    if start >= len(text):
        if unclosed is not None and _complete(text[unclosed + 1 :]):
            return FilterError("This bracket is never closed.", span=(unclosed, unclosed + 1))
        return FilterError("Something must follow here.", span=(max(0, len(text.rstrip()) - 1), len(text)))
    if text[start] == ")":
        message = "No bracket is open here." if unclosed is None else "Something is missing before this bracket."
        return FilterError(message, span=(start, start + 1))
    return FilterError(
        f"{text[start]} is not understood here.", 'Quote what is to be searched: "…".', (start, start + 1)
    )


def _complete(text: str) -> bool:
    """Whether the text ends with something that could be closed."""
    return bool(text.strip()) and not text.rstrip().endswith(("|", "(", "-", "!", "NOT", "AND", "OR"))


def _unclosed(text: str) -> int | None:
    """Where the innermost bracket stands that is never closed, quoted text left aside."""
    opened = []
    for found in re.finditer(rf"{QUOTED}|[()]", text):
        if found[0] == "(":
            opened.append(found.start())
        elif found[0] == ")" and opened:
            opened.pop()
    return opened[-1] if opened else None
