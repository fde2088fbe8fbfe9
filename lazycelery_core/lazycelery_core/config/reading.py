"""What does the configuration file hold, and on which line does each key stand?"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lazycelery_core.errors import ConfigError

LIMIT = 1_000_000  # bytes; nobody writes a longer one
Place = tuple[str, ...]  # of a key: ("connections", "prod", "url")

_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_NAME}(?:[ \t]*\.[ \t]*{_NAME})*"
_TABLE = re.compile(rf"[ \t]*\[\[?[ \t]*({_DOTTED})[ \t]*\]")
_KEY = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")
_POSITION = re.compile(r"\s*\(at (?:line (?P<line>\d+), column \d+|end of document)\)")


@dataclass(frozen=True, slots=True)
class Document:
    """The parsed file. `lines` tells where tables and keys stand, from 1 on."""

    path: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[Place, int] = field(default_factory=dict)

    def line(self, place: Place) -> int | None:
        """The line of a key, or of what is in it, or of the nearest thing around it."""
        if place not in self.lines:
            inside = [line for other, line in self.lines.items() if other[: len(place)] == place]
            if inside and place:
                return min(inside)
        return next((self.lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in self.lines), None)


def read(path: Path, must_exist: bool = True) -> Document:
    """The file, or an empty document where it may be missing. Raises ConfigError with one sentence and the line."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        if not must_exist:
            return Document()
        raise ConfigError(
            f"There is no configuration file {path}.", "`lazycelery config example` prints one."
        ) from error
    except OSError as error:
        raise ConfigError(
            f"The configuration file {path} can't be read: {error.strerror}.", "Name another one with --config."
        ) from error
    return parse(_decoded(data, path), path)


def parse(text: str, path: Path | None = None) -> Document:
    """The document in a text."""
    import tomllib  # most have no file, and do not wait for its parser

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{path}{_where(str(error), text)}", "The file is written in TOML, see https://toml.io."
        ) from None
    except RecursionError:
        raise ConfigError(f"{path} is nested too deeply.") from None
    return Document(path, values, _lines(text))


def _decoded(data: bytes, path: Path) -> str:
    if len(data) > LIMIT:
        raise ConfigError(f"The configuration file {path} is too long: {len(data):,} bytes.")
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: not UTF-8.", "Save the file as UTF-8.") from None


def _where(message: str, text: str) -> str:
    """The parser's message with the line before it. It quotes at most one character of the file."""
    position = _POSITION.search(message)
    line = position["line"] if position and position["line"] else text.count("\n") + 1
    return f", line {line}: {_POSITION.sub('', message).rstrip('.')}."


def _lines(text: str) -> dict[Place, int]:
    """Where each key stands. A line inside a multi-line text may look like a key; the first of a name wins."""
    lines: dict[Place, int] = {}
    table: Place = ()
    for number, line in enumerate(text.split("\n"), 1):
        if header := _TABLE.match(line):
            table = _names(header[1])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_names(key[1])), number)
    return lines


def _names(dotted: str) -> Place:
    return tuple(name.strip("\"'") for name in re.findall(_NAME, dotted))
