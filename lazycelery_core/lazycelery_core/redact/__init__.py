"""Which parts of a text are secrets, and how does it read without them?

Two nets: names (what stands after `password=`, `"api_key":`, `Cookie:`) and shapes (tokens of known makers, keys,
cards, credentials in URLs). Every rule reads the text once, so that no text from outside takes long.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from lazycelery_core.redact.names import counts, is_secret_key, items, named, plain
from lazycelery_core.redact.shapes import Hidden, is_card, looks_like_token, shapes

__all__ = ["MASK", "Hidden", "Redactor", "TaskRule", "is_secret_key", "looks_like_token"]

MASK = "••••••"
MAX_DEPTH = 60  # of parsed values; deeper than any argument that means something


@dataclass(frozen=True, slots=True)
class TaskRule:
    """What to hide of tasks by name: positions of args, names of kwargs, the result."""

    args: tuple[int, ...] = ()
    kwargs: tuple[str, ...] = ()
    result: bool = False


class Redactor:
    """Hides secrets by the rules of this file and those of the settings.

    patterns: regular expressions of further secrets. keys: further names whose values are secret.
    task_rules: by task name, `*` and `?` allowed. only_hides: what is hidden becomes dots, and nothing else changes.
    """

    only_hides = True

    def __init__(
        self,
        patterns: Iterable[str] = (),
        keys: Iterable[str] = (),
        task_rules: Mapping[str, TaskRule] | None = None,
    ) -> None:
        self._patterns = tuple(re.compile(pattern) for pattern in patterns)
        self._keys = frozenset(plain(key) for key in keys)
        self._task_rules = dict(task_rules or {})

    def text(self, text: str) -> str:
        """The text with every secret replaced by dots."""
        return _without(text, self.hidden(text))

    def hidden(self, text: str) -> list[Hidden]:
        """The secrets of the text, in order, none overlapping."""
        return _merged([*named(text, self.is_secret), *shapes(text), *self._own(text)])

    def is_secret(self, key: str) -> bool:
        """Does a value with this name have to be hidden?"""
        return is_secret_key(key) or (bool(self._keys) and plain(key) in self._keys)

    def args(self, args: str, task: str = "") -> str:
        """Positional arguments, as Celery prints them (`argsrepr`), without secrets."""
        marked = {position for rule in self._rules(task) for position in rule.args}
        if marked and not args.startswith(("(", "[")):
            return MASK  # not printed as usual: nobody knows where its second argument stands
        places = items(args) if marked else ()
        by_task = [Hidden(start, end, "task rule") for at, (start, end) in enumerate(places) if at in marked]
        return _without(args, _merged([*self.hidden(args), *by_task]))

    def kwargs(self, kwargs: str, task: str = "") -> str:
        """Keyword arguments, as Celery prints them (`kwargsrepr`), without secrets."""
        marked = {plain(name) for rule in self._rules(task) for name in rule.kwargs}
        by_task = list(named(kwargs, lambda key: plain(key) in marked)) if marked else []
        return _without(kwargs, _merged([*self.hidden(kwargs), *by_task]))

    def result(self, result: str, task: str = "") -> str:
        """A result without secrets."""
        return MASK if any(rule.result for rule in self._rules(task)) else self.text(result)

    def value(self, value: Any, depth: int = 0) -> Any:
        """A copy of a parsed JSON value without secrets."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bool | int | float) or value is None:
            return MASK if isinstance(value, int) and 10**12 <= value < 10**19 and is_card(str(value)) else value
        if depth > MAX_DEPTH:
            return MASK
        if isinstance(value, dict):
            return {self.value(key, depth + 1): self._member(key, item, depth) for key, item in value.items()}
        if isinstance(value, list | tuple):
            if len(value) == 2 and isinstance(value[0], str) and self.is_secret(value[0]):
                return [value[0], _masked(value[1])]
            return [self.value(item, depth + 1) for item in value]
        return MASK

    def _member(self, key: Any, item: Any, depth: int) -> Any:
        if isinstance(key, str) and self.is_secret(key) and not (counts(key) and isinstance(item, int | float)):
            return _masked(item)
        return self.value(item, depth + 1)

    def _rules(self, task: str) -> list[TaskRule]:
        return [rule for name, rule in self._task_rules.items() if task and fnmatchcase(task, name)]

    def _own(self, text: str) -> Iterator[Hidden]:
        for pattern in self._patterns:
            yield from (Hidden(*match.span(), "your pattern") for match in pattern.finditer(text) if match[0])


def _masked(value: Any) -> Any:
    return value if value is None or isinstance(value, bool) or value == "" else MASK


def _merged(found: list[Hidden]) -> list[Hidden]:
    merged: list[Hidden] = []
    for part in sorted(found):
        if merged and part.start < merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, part.end))
        else:
            merged.append(part)
    return merged


def _without(text: str, hidden: list[Hidden]) -> str:
    parts, at = [], 0
    for start, end, _rule in hidden:
        parts += [text[at:start], MASK]
        at = end
    return "".join([*parts, text[at:]]) if parts else text
