"""How does a configuration look as TOML: an example of everything that can be set, and what is set now?"""

import inspect
import textwrap
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from lazycelery_core.config.checking import MISSING, Setting, expected, is_section, sample, section_type, settings_of
from lazycelery_core.config.environment import Environment
from lazycelery_core.config.schema import ConnectionSettings, File
from lazycelery_core.redact import MASK, Redactor
from lazycelery_core.urls import mask_url

_HEAD = """\
LazyCelery's configuration. Everything has a default: uncomment what you want to change.
Check it with `lazycelery config check`, see what is in effect with `lazycelery config show`.
"""
_WIDTH = 100


def config_example(plugins: Mapping[str, type] | None = None) -> str:
    """A commented example of every setting, all lines commented out. plugins: name -> type of its settings."""
    return "\n".join([*_comment(_HEAD), *_section(File, ()), *_plugin_sections(plugins or {})]) + "\n"


def shown(file: File, path: Path | None, environment: Environment) -> str:
    """The settings in effect, without secrets; what comes from the environment as comments."""
    lines = [f"# {path or 'no file, all defaults'}"]
    lines += [f"# LAZYCELERY_BROKER_URL = {mask_url(environment.broker_url)}"] if environment.broker_url else []
    return "\n".join([*lines, *_tables(_public(file), ())]) + "\n"


def _section(kind: type, place: tuple[str, ...]) -> Iterator[str]:
    """The keys of a section, then the sections in it."""
    nested = []
    for setting in settings_of(kind):
        plain = section_type(setting.kind)
        if is_section(plain):
            nested.append((plain, (*place, setting.name)))
        elif setting.name == "connections":
            nested.append((ConnectionSettings, (*place, setting.name, "prod")))
        elif setting.name != "plugins" or place:
            yield from _setting(setting, place)
    for inner, where in nested:
        yield from ["", *_comment(inner.__doc__ or ""), f"# [{'.'.join(where)}]", *_section(inner, where)]


def _setting(setting: Setting, place: tuple[str, ...]) -> Iterator[str]:
    meta, value = _meta(setting.kind), _example(setting)
    if isinstance(value, dict):
        yield from ["", *_comment(meta.description or ""), f"# [{'.'.join((*place, setting.name))}]"]
        yield from (f"# {_key(name)} = {toml(item)}" for name, item in value.items())
    else:
        words = f"{meta.description}; " if meta.description else ""
        yield from _comment(f"{words}{expected(setting.kind)}")
        yield f"# {setting.name} = {toml(value)}"


def _example(setting: Setting) -> Any:
    """The default, where it says something; else an example."""
    examples = _meta(setting.kind).examples
    if setting.default is MISSING or setting.default is None or (examples and not setting.default):
        return examples[0] if examples else sample(setting.kind)
    return setting.default


def _plugin_sections(plugins: Mapping[str, type]) -> Iterator[str]:
    yield from [
        "",
        *_comment("Plugins have a section each; false switches one off."),
        "# [plugins.demo]",
        "# enabled = true",
    ]
    for name, kind in plugins.items():
        again = [] if name == "demo" else ["", *_comment(_said(kind)), f"# [plugins.{name}]", "# enabled = true"]
        yield from [*again, *_section(kind, ("plugins", name))]


def _said(kind: type) -> str:
    """The type's docstring, unless it is the one that dataclasses make up."""
    said = inspect.cleandoc(kind.__doc__ or "")
    return "" if said.startswith(f"{kind.__name__}(") else said


def _meta(kind: Any) -> msgspec.Meta:
    found = [each for each in typing.get_args(kind)[1:] if isinstance(each, msgspec.Meta)]
    return found[0] if typing.get_origin(kind) is typing.Annotated and found else msgspec.Meta()


def _comment(text: str) -> list[str]:
    paragraphs = [paragraph for paragraph in text.strip().split("\n") if paragraph.strip()]
    return [f"## {line}" for paragraph in paragraphs for line in textwrap.wrap(paragraph.strip(), _WIDTH)]


def _public(file: File) -> dict[str, Any]:
    """The file as plain values, without secrets."""
    values: dict[str, Any] = msgspec.to_builtins(file)
    for connection in values["connections"].values():
        connection.update({key: mask_url(connection[key]) for key in ("url", "result_backend")})
        command = connection["password_command"]
        connection["password_command"] = [command[0], *[MASK] * (len(command) - 1)] if command else []
    values["plugins"] = Redactor().value(values["plugins"])
    return values


def _tables(values: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[str]:
    """A table as TOML: its plain keys, then the tables in it. What is not set stays out: TOML has no word for it."""
    plain = {name: value for name, value in values.items() if value is not None and not isinstance(value, dict)}
    if place and plain:
        yield from ["", f"[{'.'.join(map(_key, place))}]"]
    yield from (f"{_key(name)} = {toml(value)}" for name, value in plain.items())
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _tables(value, (*place, name))


def toml(value: Any) -> str:
    """A value as TOML writes it on one line."""
    import json

    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(name)} = {toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(str(getattr(value, "value", value)), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if name and all(char.isascii() and (char.isalnum() or char in "-_") for char in name) else toml(name)
