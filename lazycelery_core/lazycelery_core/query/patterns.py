"""Does a text match what was written: a part of it, a glob, exactly, or a regular expression that can't run for ever?

Parts and globs ignore case; exact texts and regular expressions do not (`(?i)` makes them).
"""

import re
from collections.abc import Callable, Sequence
from re import _constants, _parser
from typing import Any, NamedTuple

Predicate = Callable[[str], bool]

DOT = "•"  # what secrets are replaced by

MAX_PATTERN = 200  # characters of a regular expression; more is a program, not a filter
MAX_REPEATS = 3  # open repeats (`*`, `+`); each may multiply the time by the text's length
MAX_CHOICES = 500  # ways through `?`, `{1,3}` and `|` that may be tried at one place
# Characters of a text that are looked at, by the number of open repeats: about 10 ms for the worst text.
_LENGTHS = (1_000_000, 4_000, 500, 150)


class Literal:
    """Fits by characters that were written, none of them a dot: then where a text with dots for its secrets fits, the
    text itself does too. What it does not let through need not be searched for secrets first."""

    __slots__ = ("_fits",)

    def __init__(self, fits: Predicate) -> None:
        self._fits = fits

    def __call__(self, text: str) -> bool:
        return self._fits(text)


def _written(pattern: str, fits: Predicate) -> Predicate:
    return fits if DOT in pattern else Literal(fits)


def contains(part: str) -> Predicate:
    """Texts that have this part, in any case."""
    wanted = part.lower()
    return _written(part, lambda text: wanted in text.lower())


def equals(whole: str) -> Predicate:
    """This text only."""
    return _written(whole, lambda text: text == whole)


def glob(pattern: str) -> Predicate:
    """Texts that fit a pattern with `*` from beginning to end, in any case; linear in the text's length."""
    first, *inner = pattern.lower().split("*")
    last = inner.pop()

    def fits(text: str) -> bool:
        text = text.lower()
        if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
            return False
        at, end = len(first), len(text) - len(last)
        for part in inner:
            at = text.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True

    return _written(pattern, fits)


def any_of(predicates: Sequence[Predicate]) -> Predicate:
    """Texts that one of them lets through."""
    if len(predicates) == 1:
        return predicates[0]
    literal = all(isinstance(fits, Literal) for fits in predicates)
    return _written("" if literal else DOT, lambda text: any(fits(text) for fits in predicates))


class PatternError(ValueError):
    """Why a regular expression is refused."""


def regex(pattern: str) -> Predicate:
    """Texts in which a regular expression is found. Raises PatternError for one that is wrong or could run for ever."""
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"longer than {MAX_PATTERN} characters")
    try:
        weight = _weigh(_parser.parse(pattern))
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(str(error)) from None
    if weight.repeats > MAX_REPEATS:
        raise PatternError(f"more than {MAX_REPEATS} open repeats can take for ever")
    if weight.choices > MAX_CHOICES:
        raise PatternError("too many choices can take for ever")
    length = _LENGTHS[weight.repeats]
    return lambda text: compiled.search(text, 0, length) is not None


class _Weight(NamedTuple):
    """What decides how long a search may take: open repeats, and ways through everything else."""

    repeats: int = 0
    choices: int = 1


_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT)


def _weigh(tree: Any) -> _Weight:
    """The weight of a parsed sequence. Raises PatternError where a repeat stands over anything but a fixed text."""
    repeats, choices = 0, 1
    for operator, argument in tree:
        part = _weigh_one(operator, argument)
        repeats, choices = repeats + part.repeats, min(choices * part.choices, MAX_CHOICES + 1)
    return _Weight(repeats, choices)


def _weigh_one(operator: Any, argument: Any) -> _Weight:
    if operator in _REPEATS:
        return _weigh_repeat(*argument)
    if operator is _constants.SUBPATTERN:
        return _weigh(argument[-1])
    if operator is _constants.ATOMIC_GROUP:
        return _weigh(argument)
    if operator in (_constants.ASSERT, _constants.ASSERT_NOT):
        return _weigh(argument[1])
    if operator is _constants.BRANCH:
        parts = [_weigh(each) for each in argument[1]]
        return _Weight(max(part.repeats for part in parts), sum(part.choices for part in parts))
    if operator in (_constants.GROUPREF, _constants.GROUPREF_EXISTS):
        raise PatternError("references to groups are not supported")
    return _Weight()


def _weigh_repeat(least: int, most: int, body: Any) -> _Weight:
    """A repeat over something that varies by itself is what makes a search exponential."""
    inner = _weigh(body)
    if most > 1 and inner != _Weight():
        raise PatternError("a repeat of something that varies can take for ever")
    if most - least > 50:
        return _Weight(1, 1)
    return _Weight(inner.repeats, min((most - least + 1) * inner.choices, MAX_CHOICES + 1))
