"""How does a parsed filter become a tree of nodes, and what is wrong with a field or a value?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from difflib import get_close_matches
from typing import TYPE_CHECKING

from lazycelery_core.errors import FilterError
from lazycelery_core.model import TaskState, WorkerState
from lazycelery_core.query import patterns, values
from lazycelery_core.query.conditions import CONDITIONS, ConditionTerm
from lazycelery_core.query.fields import BY_NAME, FIELDS, PLURALS, Field
from lazycelery_core.query.grammar import QUOTED, syntax_tree
from lazycelery_core.query.nodes import (
    Both,
    Constant,
    Either,
    KeyTerm,
    Negated,
    Node,
    NumberTerm,
    StateTerm,
    TextTerm,
    WordTerm,
)
from lazycelery_core.query.values import Moment, Type

if TYPE_CHECKING:
    from lark import Token, Tree

STATES: dict[str, tuple[frozenset[TaskState], frozenset[WorkerState]]] = {
    **{state.name.lower(): (frozenset([state]), frozenset()) for state in TaskState},
    **{state.value: (frozenset(), frozenset([state])) for state in WorkerState},
    "ok": (frozenset([TaskState.SUCCESS]), frozenset()),
    "failed": (frozenset([TaskState.FAILURE]), frozenset()),
    "active": (frozenset([TaskState.STARTED]), frozenset()),
    "waiting": (frozenset([TaskState.PENDING, TaskState.RECEIVED]), frozenset()),
    "scheduled": (frozenset(), frozenset()),
}


@dataclass
class Parsed:
    """The tree of a text, and notes on what can't be known yet."""

    node: Node
    notes: list[str] = field(default_factory=list)


def parse_tree(text: str, now: float, kind: str, zone: tzinfo = UTC) -> Parsed:
    """The meaning of a filter. Raises FilterError only."""
    builder = _Builder(now, kind, zone)
    return Parsed(builder.build(syntax_tree(text)), builder.notes)


def suggestion(word: str, known: Sequence[str]) -> str:
    """`Did you mean runtime?`, or nothing."""
    close = get_close_matches(word.lower(), known, 1, 0.6)
    return f"Did you mean {close[0]}?" if close else ""


def field_names(kind: str) -> list[str]:
    """The fields that a kind of record has, all for ""."""
    return [each.name for each in FIELDS if not kind or kind in each.on or kind in (each.absent or ())]


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a value and where it stands."""

    text: str
    start: int
    end: int
    quoted: bool = False

    def error(self, message: str, hint: str = "") -> FilterError:
        return FilterError(message, hint, (self.start, self.end))


class _Builder:
    """Makes nodes of a parse tree. Depth is bounded by MAX_DEPTH, so recursion is too."""

    def __init__(self, now: float, kind: str, zone: tzinfo) -> None:
        self.now, self.kind, self.zone = now, kind, zone
        self.notes: list[str] = []

    def build(self, tree: "Tree[Token]") -> Node:
        match tree.data:
            case "start":
                return Constant(answer=True)
            case "disjunction" | "conjunction":
                parts = [self.build(child) for child in tree.children]  # type: ignore[arg-type]
                joined = Either if tree.data == "disjunction" else Both
                return parts[0] if len(parts) == 1 else joined(parts)
            case "negation":
                node = self.build(tree.children[-1])  # type: ignore[arg-type]
                return node if len(tree.children) % 2 else Negated(node)
            case "word":
                return self._word(tree.children[0])  # type: ignore[arg-type]
            case _:
                key, operator, value = tree.children
                return self._term(key, operator, value)  # type: ignore[arg-type]

    def _word(self, token: "Token") -> Node:
        part = _part(token)
        if token.type == "REGEX":
            return WordTerm(_regex(part))
        if not part.text:
            raise part.error("There is nothing between the quotes.")
        return WordTerm(
            patterns.glob(f"*{part.text}*") if "*" in part.text and not part.quoted else patterns.contains(part.text)
        )

    def _term(self, key: "Token", operator: "Token", value: "Token") -> Node:
        known = self._field(_part(key))
        if value.type in ("REGEX", "PATTERN") or operator == "~":
            return self._pattern(known, operator, _part(value))
        if value.type == "OPEN_QUOTE":
            raise _part(value).error("This quote is never closed.")
        parts = _split(value)
        node = self._compare(known, str(operator), parts)
        return Negated(node) if operator == "!=" else node

    def _field(self, key: _Part) -> Field:
        known = BY_NAME.get(key.text.lower())
        if known is None:
            close = suggestion(key.text, field_names(self.kind))
            raise key.error(f"{key.text}: unknown field.", close or 'Quote it to search for the text: "…".')
        if self.kind in PLURALS and self.kind not in known.on:
            missing = (known.absent or {}).get(self.kind)
            if missing is None:
                names = ", ".join(field_names(self.kind))
                raise key.error(f"{PLURALS[self.kind].capitalize()} have no {known.name}.", f"They have {names}.")
        if self.kind in ("", "task") and (missing := (known.absent or {}).get("task")):
            self._note(f"{known.name} {missing}")
        return known

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _pattern(self, known: Field, operator: str, part: _Part) -> Node:
        if known.type is not Type.TEXT:
            raise part.error(f"{known.name} is not a text.", f"Write {known.type.value}.")
        if operator not in ("~", ":", "="):
            raise part.error(f"{operator} takes no pattern.", "Write ~ instead.")
        return self._text(known, _regex(part))

    def _text(self, known: Field, fits: patterns.Predicate) -> Node:
        if "task" not in known.on and self.kind in ("", "task") and known.absent:
            return Constant(answer=False)
        return TextTerm(known, fits)

    def _compare(self, known: Field, operator: str, parts: Sequence[_Part]) -> Node:
        if operator in ("<", ">", "<=", ">=") and (not known.type.ordered or known.name == "since"):
            raise _span(parts).error(
                f"{known.name} has no order.", f"{operator} compares numbers, durations, sizes and times."
            )
        match known.type:
            case Type.TEXT:
                make = _textual if operator == ":" else patterns.equals
                texts = [_filled(part).text for part in parts]
                if operator == ":":
                    return self._text(known, patterns.any_of([_textual(part) for part in parts]))
                return self._text(known, patterns.any_of([make(text) for text in texts]))  # type: ignore[arg-type]
            case Type.STATE:
                return self._states(parts, exact=operator != ":")
            case Type.FLAG:
                return _either([self._condition(known.name, part) for part in parts])
            case Type.KEY:
                return KeyTerm(known, frozenset(self._key(part) for part in parts))
            case _:
                return NumberTerm(known, [self._interval(known, operator, part) for part in parts])

    def _key(self, part: _Part) -> int:
        if "*" in _filled(part).text and not part.quoted:
            raise part.error("Related tasks are found by their whole id.", "Leave out the *.")
        return hash(part.text)

    def _states(self, parts: Sequence[_Part], exact: bool) -> Node:
        tasks: set[TaskState] = set()
        workers: set[WorkerState] = set()
        names: set[str] = set()
        for part in parts:
            names |= self._state_names(part, exact)
        for name in names:
            tasks |= STATES[name][0]
            workers |= STATES[name][1]
        return StateTerm(frozenset(tasks), frozenset(workers), "scheduled" in names)

    def _state_names(self, part: _Part, exact: bool) -> set[str]:
        """The states meant: one that is so called, else those with that beginning."""
        wanted = _filled(part).text.lower()
        known = state_names(self.kind)
        if wanted in known:
            return {wanted}
        begun = {name for name in known if name.startswith(wanted)}
        if exact or not begun:
            raise part.error(
                f"No state is called {part.text}.", suggestion(wanted, known) or f"States are {', '.join(known)}."
            )
        return begun

    def _condition(self, of: str, part: _Part) -> Node:
        known = CONDITIONS[of]
        condition = known.get(part.text.lower())
        if condition is None:
            names = ", ".join(known)
            raise part.error(
                f"{of}: does not know {part.text or 'that'}.", suggestion(part.text, [*known]) or f"It knows {names}."
            )
        if condition.absent:
            self._note(f"{of}:{condition.name} {condition.absent}")
            return Constant(answer=False)
        return ConditionTerm(condition)

    def _interval(self, known: Field, operator: str, part: _Part) -> values.Interval:
        low, dots, high = _filled(part).text.partition("..")
        if not dots:
            moment = self._moment(known, part, part.text)
            if known.name == "since":
                return values.Interval(moment)
            return values.interval(operator, known.type, moment)
        if operator not in (":", "=", "!="):
            raise part.error(f"A range takes no {operator}.", f"Write {known.name}:{part.text}.")
        if not low and not high:
            raise part.error("A range needs a beginning or an end.")
        first = self._moment(known, part, low) if low else values.NEVER
        last = self._moment(known, part, high) if high else values.EVER
        return values.interval(operator, known.type, first, last)

    def _moment(self, known: Field, part: _Part, text: str) -> Moment:
        moment: Moment | None
        match known.type:
            case Type.NUMBER:
                moment = values.number(text)
            case Type.DURATION:
                moment = values.duration(text)
            case Type.SIZE:
                moment = values.size(text)
            case _:
                ago = values.duration(text) if known.name == "since" else None
                moment = values.moment(text, self.now, self.zone, known.name != "eta")
                moment = Moment(-ago.start, -ago.start, sliding=True) if ago else moment
        if moment is None:
            raise part.error(
                f"{text} is not {known.type.value.split(':')[0]}.", f"Write {known.type.value.split(': ')[-1]}."
            )
        return moment


def state_names(kind: str) -> list[str]:
    """The states that a kind of record can be in, and their other names."""
    if kind == "worker":
        return [state.value for state in WorkerState]
    return [name for name in STATES if kind != "task" or not STATES[name][1]]


def _part(token: "Token") -> _Part:
    """A token as text: quotes and slashes taken off."""
    start, end = token.start_pos or 0, token.end_pos or 0
    if token.type == "OPEN_QUOTE":
        raise FilterError("This quote is never closed.", span=(start, end))
    if token.type == "QUOTED":
        return _Part(_unquoted(token[1:-1]), start, end, quoted=True)
    return _Part(token[1:-1] if token.type == "REGEX" else str(token), start, end)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _split(token: "Token") -> list[_Part]:
    """The values between the commas of `a,"b, c",d`."""
    start, parts = token.start_pos or 0, []
    for found in re.finditer(rf"(?:{QUOTED}|[^,])+|(?<=,)(?=,|$)|^(?=,)", token):
        text = re.sub(QUOTED, lambda quoted: _unquoted(quoted[0][1:-1]), found[0])
        parts.append(_Part(text, start + found.start(), start + found.end(), '"' in found[0]))
    return parts


def _span(parts: Sequence[_Part]) -> _Part:
    return _Part("", parts[0].start, parts[-1].end)


def _filled(part: _Part) -> _Part:
    if not part.text:
        raise _Part("", max(0, part.start - 1), part.end + 1).error("A value is missing here.")
    return part


def _textual(part: _Part) -> patterns.Predicate:
    return patterns.glob(part.text) if "*" in part.text and not part.quoted else patterns.contains(_filled(part).text)


def _regex(part: _Part) -> patterns.Predicate:
    try:
        return patterns.regex(part.text)
    except patterns.PatternError as error:
        raise part.error(f"This pattern is refused: {error}.", "A * after : is enough for most.") from None


def _either(parts: Sequence[Node]) -> Node:
    return parts[0] if len(parts) == 1 else Either(parts)
