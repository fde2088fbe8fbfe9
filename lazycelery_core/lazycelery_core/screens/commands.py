"""Which command do typed words mean? Every command has its name and a few short words; all is made from the keymap.

`:tasks state:failed`, `:theme light`, `:events on worker-3`: the longest beginning that is a command's is taken, the
rest is its argument.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from lazycelery_core.errors import FilterError
from lazycelery_core.keys import Command

VERBS = ("open", "toggle", "choose", "cycle", "value")  # of names whose first part says it all
SHORT = {"quit": "app.quit", "q": "app.quit", "h": "help.open", "?": "help.open", "/": "search.open"}


class Spoken(NamedTuple):
    """A command and what follows it; `start` is where that begins in the text."""

    command: Command
    argument: str
    start: int


def phrases(command: Command) -> list[str]:
    """What may be typed for a command, the best first."""
    thing, _, verb = command.name.rpartition(".")
    verb = verb.replace("_", " ")
    if command.action is not None:
        label = command.label.rstrip("…").lower()
        return [verb, label, command.name] if "/" not in label else [verb, command.name]
    if thing == "view":
        return [verb, command.name] if verb != "last" else ["last", command.name]
    if thing in ("app", "go"):
        return [verb, command.name]
    return [thing if verb in VERBS else f"{thing} {verb}", command.name]


def spoken_words(commands: Iterable[Command], kind: str = "") -> dict[str, Command]:
    """Phrase -> command. The host's commands come before actions, those on records of `kind` before other actions."""
    ranked = sorted(commands, key=lambda command: _rank(command, kind))
    words: dict[str, Command] = {}
    for command in ranked:
        for phrase in phrases(command):
            words.setdefault(phrase, command)
    by_name = {command.name: command for command in ranked}
    return words | {short: by_name[name] for short, name in SHORT.items() if name in by_name}


def _rank(command: Command, kind: str) -> int:
    if command.action is None:
        return 0 if command.name.startswith("view.") else 1
    return 2 if command.action.on in (kind, "") else 3


def understand(text: str, words: Mapping[str, Command]) -> Spoken:
    """The command that the text begins with. Raises FilterError with the span of what is not understood."""
    parts = _parts(text)
    for count in range(min(len(parts), 4), 0, -1):
        command = words.get(" ".join(part for part, _ in parts[:count]).lower())
        if command is not None:
            start = parts[count][1] if len(parts) > count else len(text)
            return Spoken(command, text[start:].strip(), start)
    if not parts:
        raise FilterError("Type a command.", "Tab lists them.", (0, len(text)))
    word, start = parts[0]
    close = meant(word, words)
    raise FilterError(f"{word}: no such command.", f"Did you mean {close}?" if close else "Tab lists them.",
                      (start, start + len(word)))  # fmt: skip


def meant(word: str, known: Iterable[str]) -> str:
    """The one that was probably meant, "" when nothing is close."""
    return next(iter(get_close_matches(word.lower(), sorted(known), 1, 0.6)), "")


def _parts(text: str) -> list[tuple[str, int]]:
    """The words of a text and where they begin."""
    parts, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        parts.append((word, at))
        at += len(word)
    return parts


def listed(commands: Sequence[Command], kind: str = "") -> list[tuple[str, Command]]:
    """(best phrase, command) of everything that can be typed, by phrase; `kind` as in `spoken_words`."""
    words = spoken_words(commands, kind)
    best = {command.name: next((each for each in phrases(command) if words.get(each) is command), command.name)
            for command in commands}  # fmt: skip
    return sorted(((best[command.name], command) for command in commands), key=lambda pair: pair[0])
