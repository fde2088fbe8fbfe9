"""What did the user set, and where? The file, the environment and the command line as one typed object.

The order: `--broker`, then `--connection` or `connection` of the file, then LAZYCELERY_BROKER_URL, then the only
connection of the file.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from lazycelery_core.config.checking import Problem, filled, is_section, meant
from lazycelery_core.config.connection import Connection, from_settings, from_url, password_in_file, with_warning
from lazycelery_core.config.environment import Environment, password_variable
from lazycelery_core.config.key_names import key_names, strange_key
from lazycelery_core.config.printing import config_example, shown
from lazycelery_core.config.reading import Document, Place, parse, read
from lazycelery_core.config.schema import ConnectionSettings, File, RedactSettings, TLSSettings, UISettings
from lazycelery_core.errors import ConfigError, PluginError
from lazycelery_core.redact import Redactor
from lazycelery_core.urls import BrokerURL, has_secret

__all__ = [
    "Connection",
    "ConnectionSettings",
    "Environment",
    "RedactSettings",
    "Settings",
    "TLSSettings",
    "UISettings",
    "config_example",
    "load",
    "loads",
    "password_in_file",
]

T = TypeVar("T")
NO_BROKER = (
    "Name one: lazycelery --broker redis://localhost:6379/0, or put its URL into LAZYCELERY_BROKER_URL,"
    " or into [connections.<name>] of the configuration file. `lazycelery demo` needs none."
)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked. Sections of plugins are read when the plugins are there: `plugin_settings`."""

    file: File = field(repr=False)  # sections of plugins may hold what their authors call a secret
    document: Document = field(repr=False)
    environment: Environment

    @property
    def ui(self) -> UISettings:
        """How things look."""
        return self.file.ui

    @property
    def path(self) -> Path | None:
        """The file they come from, None when there is none."""
        return self.document.path

    @property
    def keybindings(self) -> Mapping[str, str]:
        """Command name -> keys, separated by commas; "" unbinds."""
        given = self.file.keybindings.items()
        return {name: key_names(keys if isinstance(keys, str) else ",".join(keys)) for name, keys in given}

    @property
    def switched_off(self) -> Mapping[str, str]:
        """Name of each plugin that the file switches off, and why."""
        off = [name for name, values in self.file.plugins.items() if values.get("enabled") is False]
        return {name: f"enabled = false, {self._at(('plugins', name, 'enabled'))}" for name in off}

    @property
    def allowed(self) -> tuple[frozenset[str] | None, str]:
        """The plugins of others that may be loaded, None for all; and where that is said."""
        names = self.file.trust.allow
        return (None, "") if names is None else (frozenset(names), self._at(("trust", "allow")))

    def redactor(self) -> Redactor:
        """What hides secrets, by the rules of these settings."""
        return Redactor(self.file.redact.patterns, self.file.redact.keys, self.file.redact.tasks)

    def plugin_settings(self, name: str, kind: type[T]) -> T:
        """The section of a plugin as an object of its type. Raises ConfigError naming all that is wrong."""
        if not is_section(kind):
            raise PluginError("lazycelery_settings() has to return a dataclass or a msgspec.Struct.", plugin=name)
        values = {key: value for key, value in self.file.plugins.get(name, {}).items() if key != "enabled"}
        problems: list[Problem] = []
        made = filled(kind, values, ("plugins", name), lambda place, text: problems.append(Problem(place, text)))
        if problems:
            raise ConfigError(" ".join(self.told(problem) for problem in problems), f"See {self.path}.")
        assert isinstance(made, kind)
        return made

    def check_names(self, commands: Iterable[str], plugins: Iterable[str]) -> list[str]:
        """Complaints about names in `[keybindings]` and `[plugins]` that no command and no plugin has."""
        sections = (
            ("keybindings", self.file.keybindings, sorted(commands)),
            ("plugins", self.file.plugins, sorted(plugins)),
            ("trust", self.file.trust.allow or (), sorted(plugins)),
        )
        return [
            self.told(
                Problem((section, name), f"[{section}] has {name}, which nothing here is called{_close(name, known)}")
            )
            for section, given, known in sections
            for name in given
            if name not in known
        ]

    def connect(self, broker: str = "", connection: str = "") -> Connection:
        """The connection to open, its password fetched. broker, connection: as given on the command line."""
        return replace(self._chosen(broker, connection), redactor=self.redactor())

    def _chosen(self, broker: str, connection: str) -> Connection:
        name = connection or ("" if broker else self.file.connection)
        if name:
            return self._named(name, broker)
        if broker:
            return with_warning(from_url(broker, "--broker"))
        if self.environment.broker_url:
            return from_url(self.environment.broker_url, "LAZYCELERY_BROKER_URL")
        if len(self.file.connections) == 1:
            return self._named(next(iter(self.file.connections)))
        if self.file.connections:
            raise ConfigError(
                "Several connections are set up.", f"Choose one: --connection {_either(self.file.connections)}."
            )
        raise ConfigError("No broker to watch is known.", NO_BROKER)

    def show(self) -> str:
        """All settings in effect as TOML, without secrets."""
        return shown(self.file, self.document.path, self.environment)

    def _named(self, name: str, broker: str = "") -> Connection:
        settings = self.file.connections.get(name)
        if settings is None:
            known = _either(self.file.connections) or "none"
            raise ConfigError(f"There is no connection {name}{_close(name, self.file.connections)}", f"Known: {known}.")
        folder = self.path.parent if self.path else Path()
        made = from_settings(name, settings, self.environment, folder, broker)
        return with_warning(made) if broker and has_secret(broker) else made

    def told(self, problem: Problem) -> str:
        """A mistake with the line it is on."""
        return f"{self._at(problem.place)}: {problem.text}"

    def _at(self, place: Place) -> str:
        line = self.document.line(place)
        return f"line {line}" if line else "the file"


def load(environment: Environment, path: Path | None = None, themes: Sequence[str] = ()) -> Settings:
    """The settings. path: as named on the command line. themes: the names that `ui.theme` may have.

    Raises ConfigError: one sentence for a file that can't be read, all mistakes at once for one that can.
    """
    named = path or environment.asked_for
    document = read(named or environment.config_path, must_exist=named is not None)
    return _checked(document, environment, themes)


def loads(text: str, environment: Environment | None = None, themes: Sequence[str] = ()) -> Settings:
    """The settings in a text."""
    return _checked(parse(text, Path("config.toml")), environment or Environment(), themes)


def _checked(document: Document, environment: Environment, themes: Sequence[str]) -> Settings:
    problems: list[Problem] = []

    def report(place: Place, text: str) -> None:
        problems.append(Problem(place, text))

    file = filled(File, document.values, (), report)
    _check_values(document.values, themes, report)
    if file is not None and not problems:
        return Settings(file, document, environment)
    settings = Settings(File(), document, environment)
    problems.sort(key=lambda problem: document.line(problem.place) or 0)
    count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    raise ConfigError(f"{count} in {document.path}:", problems=[settings.told(problem) for problem in problems])


def _check_values(values: Mapping[str, Any], themes: Sequence[str], report: Any) -> None:
    """What types can't say."""
    theme = _table(values, "ui").get("theme")
    if isinstance(theme, str) and themes and theme not in themes:
        report(("ui", "theme"), f'ui.theme: there is no theme "{theme[:40]}"{meant(theme, themes, "themes")}')
    for name, connection in _table(values, "connections").items():
        _check_connection(name, connection if isinstance(connection, dict) else {}, report)
    for command, keys in _table(values, "keybindings").items():
        _check_keys(command, keys, report)
    for pattern in _listed(_table(values, "redact").get("patterns")):
        _check_pattern(pattern, report)
    for name, plugin in _table(values, "plugins").items():
        if isinstance(plugin, dict) and not isinstance(plugin.get("enabled", True), bool):
            report(("plugins", name, "enabled"), f"plugins.{name}.enabled must be true or false.")
    default = values.get("connection")
    if isinstance(default, str) and default and default not in _table(values, "connections"):
        report(("connection",), f"connection: there is no [connections.{default[:40]}].")


def _check_connection(name: str, connection: Mapping[str, Any], report: Any) -> None:
    if not re.fullmatch("[A-Za-z0-9_-]{1,40}", name):
        report(("connections", name), "The name of a connection has letters, digits, - and _, at most 40.")
    for key, part in (("url", "BROKER"), ("result_backend", "RESULT")):
        url, place = connection.get(key), ("connections", name, key)
        if isinstance(url, str) and has_secret(url):
            variable = password_variable(name, part)
            others = "password_command, password_file or " if key == "url" else ""
            report(place, f"{'.'.join(place)} contains a password. Take it out; use {others}the variable {variable}.")
        elif key == "url" and isinstance(url, str):
            _check_url(url, place, report)


def _check_url(url: str, place: Place, report: Any) -> None:
    try:
        BrokerURL.parse(url)
    except ConfigError as error:
        report(place, f"{'.'.join(place)}: {error}")


def _check_keys(command: str, keys: Any, report: Any) -> None:
    strange = strange_key(keys if isinstance(keys, str) else [key for key in _listed(keys) if isinstance(key, str)])
    if strange:
        name, near = strange
        close = f"; did you mean {near}?" if near else "; `lazycelery keys` shows how they are called."
        report(("keybindings", command), f'keybindings.{command}: there is no key "{name[:40]}"{close}')


def _check_pattern(pattern: Any, report: Any) -> None:
    try:
        re.compile(pattern if isinstance(pattern, str) else "")
    except re.error as error:
        report(("redact", "patterns"), f"redact.patterns: {pattern[:60]!r} is no regular expression: {error.msg}.")


def _table(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = values.get(name)
    return table if isinstance(table, dict) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _close(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]}?" if close else "."


def _either(names: Iterable[str]) -> str:
    return " or ".join(names)
