"""Do values fit the type they are meant for? Every mistake is found, not only the first, and told in plain words."""

import dataclasses
import re
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from lazycelery_core.config.reading import Place
from lazycelery_core.redact import is_secret_key
from lazycelery_core.text import safe

MISSING: Any = msgspec.UNSET


class Problem(NamedTuple):
    """One mistake: the key, and a sentence about it."""

    place: Place
    text: str


class Setting(NamedTuple):
    """One key of a section: its name, type and default (MISSING when it has to be given)."""

    name: str
    kind: Any
    default: Any


_ITEM = re.compile(r"`\$\[(\d+)\]")
_SIMPLE: Mapping[type[inspect.Type], str] = {
    inspect.BoolType: "true or false",
    inspect.AnyType: "anything",
    inspect.StructType: "a table",
    inspect.DataclassType: "a table",
}
Report = Callable[[Place, str], None]


def settings_of(kind: type) -> list[Setting]:
    """The keys of a section's type, a msgspec.Struct or a dataclass, in order."""
    hints = typing.get_type_hints(kind, include_extras=True)
    if issubclass(kind, msgspec.Struct):
        return [Setting(each.encode_name, hints[each.name], _default(each)) for each in msgspec.structs.fields(kind)]
    fields: Sequence[dataclasses.Field[Any]] = dataclasses.fields(kind)  # type: ignore[arg-type]
    return [Setting(each.name, hints[each.name], _default(each)) for each in fields if each.init]


def is_section(kind: Any) -> bool:
    """Is this type a section of its own?"""
    return isinstance(kind, type) and (issubclass(kind, msgspec.Struct) or dataclasses.is_dataclass(kind))


def section_type(kind: Any) -> Any:
    """The type without its annotations."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind


def filled(kind: type, values: Mapping[str, Any], place: Place, report: Report) -> Any:
    """An object of the type with these values, or None when something was wrong; every mistake is reported."""
    known = {each.name: each for each in settings_of(kind)}
    mistakes = 0

    def count(where: Place, text: str) -> None:
        nonlocal mistakes
        mistakes += 1
        report(where, text)

    for name in values:
        if name not in known:
            belongs = _section_with(name, known.values())
            text = f"; it belongs into [{belongs}]." if belongs else meant(name, known)
            count((*place, name), f"{_dotted((*place, name))} is no setting{text}")
    given = {each.name: _value(each, values, place, count) for each in known.values()}
    return (
        None
        if mistakes
        else _made(kind, {name: value for name, value in given.items() if value is not MISSING}, place, report)
    )


def _section_with(name: str, settings: Iterable[Setting]) -> str:
    """The section that does have a setting of this name, "" when none has."""
    sections = (each for each in settings if is_section(section_type(each.kind)))
    return next((each.name for each in sections if name in {inner.name for inner in settings_of(each.kind)}), "")


def meant(name: str, known: Iterable[str], what: str = "known here") -> str:
    """`; did you mean theme? Known here: ...`"""
    names = list(known)
    close = get_close_matches(name, names, 1)
    suggestion = f"; did you mean {close[0]}?" if close else "."
    return f"{suggestion} {what.capitalize()}: {', '.join(names)}." if names else suggestion


def _value(setting: Setting, values: Mapping[str, Any], place: Place, report: Report) -> Any:
    if setting.name in values:
        return _converted(setting.kind, values[setting.name], (*place, setting.name), report)
    if setting.default is MISSING:
        report(place, f"{_dotted((*place, setting.name))} is missing.")
    return MISSING


def _converted(kind: Any, value: Any, place: Place, report: Report) -> Any:
    plain = section_type(kind)
    if is_section(plain) and isinstance(value, dict):
        return filled(plain, value, place, report)
    if typing.get_origin(plain) is dict and isinstance(value, dict):
        inner = typing.get_args(plain)[1]
        return {name: _converted(inner, item, (*place, name), report) for name, item in value.items()}
    try:
        return msgspec.convert(value, kind, dec_hook=_decoded)
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        item = _ITEM.search(str(error)) if isinstance(value, list) else None
        told = f"; item {int(item[1]) + 1} is not" if item else f", not {_told(value, kind, place)}"
        report(place, f"{_dotted(place)} must be {expected(kind)}{told}.{_close(value, kind)}")
        return None


def _decoded(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    raise TypeError(kind)


def _made(kind: type, values: dict[str, Any], place: Place, report: Report) -> Any:
    names = (
        {each.encode_name: each.name for each in msgspec.structs.fields(kind)}
        if issubclass(kind, msgspec.Struct)
        else {}
    )
    try:
        return kind(**{names.get(name, name): value for name, value in values.items()})
    except (ValueError, TypeError) as error:  # a type's own check, in its __post_init__
        report(place, f"{_dotted(place)}: {error}")
        return None


def _default(each: Any) -> Any:
    """The default of a field of either kind of type; MISSING when there is none."""
    missing = (msgspec.NODEFAULT, dataclasses.MISSING)
    if each.default not in missing:
        return each.default
    return MISSING if each.default_factory in missing else each.default_factory()


def expected(kind: Any) -> str:
    """What a value of the type is, in words: `a whole number from 1 to 30`, `one of unicode, ascii, nerd`."""
    return _in_words(inspect.type_info(kind))


def sample(kind: Any) -> Any:
    """A value of the type, for an example of a setting that has neither a default nor an example."""
    return _sample(inspect.type_info(kind))


def _sample(info: inspect.Type) -> Any:
    match info:
        case inspect.Metadata(type=inner):
            return _sample(inner)
        case inspect.UnionType(types=types):
            return _sample(next(each for each in types if not isinstance(each, inspect.NoneType)))
        case inspect.IntType(ge=least) | inspect.FloatType(ge=least):
            return least or 0
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType():
            return []
        case inspect.DictType():
            return {}
        case inspect.BoolType():
            return False
    return next(iter(choices_of(info)), "")


def _in_words(info: inspect.Type) -> str:
    words = choices_of(info)
    if words:
        return "one of " + ", ".join(words)
    match info:
        case inspect.Metadata(type=inner):
            return _in_words(inner)
        case inspect.UnionType(types=types):
            return " or ".join(_in_words(each) for each in types if not isinstance(each, inspect.NoneType))
        case inspect.IntType() | inspect.FloatType():
            return ("a whole number" if isinstance(info, inspect.IntType) else "a number") + _bounds(info)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item) | inspect.SetType(item_type=item):
            return f"a list, each {_in_words(item)}"
        case inspect.DictType(value_type=item):
            return f"a table, each value {_in_words(item)}"
        case inspect.StrType(min_length=least):
            return "text that is not empty" if least else "text"
    return _SIMPLE.get(type(info), "text")


def _bounds(info: inspect.IntType | inspect.FloatType) -> str:
    low = info.ge if info.ge is not None else info.gt
    high = info.le if info.le is not None else info.lt
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f" of at least {low}" if low is not None else f" of at most {high}" if high is not None else ""


def _told(value: Any, kind: Any, place: Place) -> str:
    """The wrong value, where it is short and no secret; else what it is."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return safe(str(value)[:40]) if not is_secret_key(place[-1]) else "a number"
    if isinstance(value, str):
        return f'"{safe(value, 40)}"' if choices(kind) else "text"
    names: Sequence[tuple[type, str]] = (
        (dict, "a table"),
        (list, "such a list" if "list" in expected(kind) else "a list"),
    )
    return next((name for each, name in names if isinstance(value, each)), "a date or time")


def _close(value: Any, kind: Any) -> str:
    close = get_close_matches(value, choices(kind), 1) if isinstance(value, str) else []
    return f" Did you mean {close[0]}?" if close else ""


def choices(kind: Any) -> list[str]:
    """The words that a setting of this type can be, empty when it is free."""
    return choices_of(inspect.type_info(kind))


def choices_of(info: inspect.Type) -> list[str]:
    """The same, of what msgspec knows about the type."""
    if isinstance(info, inspect.Metadata):
        return choices_of(info.type)
    if isinstance(info, inspect.LiteralType):
        return [str(value) for value in info.values]
    return [str(each.value) for each in info.cls] if isinstance(info, inspect.EnumType) else []


def _dotted(place: Place) -> str:
    return ".".join(part if re.fullmatch("[A-Za-z0-9_-]+", part) else f'"{safe(part, 80)}"' for part in place)
