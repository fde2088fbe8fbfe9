"""What does a run consist of? Settings, plugins, one watched deployment, its keymap and its road of writes.

Commands get a `Launcher` through `click.pass_obj`: the screen, the one-shot commands and the commands of plugins start
from the same place and see the same data.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lazycelery_core.config import Connection, Environment, Settings
from lazycelery_core.errors import ConfigError
from lazycelery_core.text import safe

if TYPE_CHECKING:
    from lazycelery_core.action import Policy
    from lazycelery_core.deployment import Deployment
    from lazycelery_core.keys import Keymap
    from lazycelery_core.plugins import Plugins
    from lazycelery_core.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said for every command.

    allow: granted scopes; without: plugins left out; only: those that are loaded, all when empty; no_plugins: none but
    the standard ones.
    """

    broker: str = ""
    connection: str = ""
    allow: tuple[str, ...] = ()
    passive: bool = False
    without: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    no_plugins: bool = False


@dataclass
class Watch:
    """Everything that a screen shows and talks to. `notes` are sentences to show once it is up."""

    settings: Settings
    connection: Connection
    plugins: "Plugins"
    deployment: "Deployment"
    keys: "Keymap"
    notes: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Connect; returns at once."""
        self.deployment.start()

    def stop(self) -> list[str]:
        """Undo what this session switched on, disconnect; sentences on what could not be undone."""
        problems = self.deployment.writes.undo_all(self.plugins.actions)
        self.deployment.stop()
        return problems

    def rebind(self) -> None:
        """Make the keymap anew: a late plugin brought actions."""
        self.keys = keymap(self.settings, self.plugins)


class Launcher:
    """The start of every command. settings: checked; options: as given on the command line."""

    def __init__(self, settings: Settings, options: Options | None = None) -> None:
        self.settings = settings
        self.options = options or Options()
        self._plugins: Plugins | None = None

    @property
    def environment(self) -> Environment:
        """The variables of this process."""
        return self.settings.environment

    def plugins(self, patience: float | None = None) -> "Plugins":
        """The plugins, loaded once; `patience` as in `Plugins.load`. Raises ConfigError for a misspelt name."""
        if self._plugins is None:
            self._plugins = self.found_plugins()
            self._plugins.load(patience)
            self._check_names(self._plugins)
        return self._plugins

    def found_plugins(self, is_locked: bool = True) -> "Plugins":
        """The plugins, not loaded yet; `is_locked`: as far as the lock lets them."""
        from lazycelery_core.plugin_health import PluginHealth
        from lazycelery_core.plugin_trust import Trust, read_lock
        from lazycelery_core.plugins import Plugins

        options, (allow, allowed_at) = self.options, self.settings.allowed
        lock = read_lock(self.environment.lock_path) if is_locked else None
        only = frozenset(options.only) if options.only else None
        switched_off = {**self.settings.switched_off, **dict.fromkeys(options.without, "--without")}
        trust = Trust(allow, allowed_at, lock, only, options.no_plugins)
        health = PluginHealth(self.settings.redactor().text)
        return Plugins(switched_off, self.settings.plugin_settings, trust=trust, health=health)

    def _check_names(self, plugins: "Plugins") -> None:
        known = {plugin.name for plugin in plugins.found}
        for option, names in (("--without", self.options.without), ("--only", self.options.only)):
            unknown = [name for name in names if name not in known]
            if unknown:
                raise ConfigError(
                    f"{option} {unknown[0]}: there is no such plugin.", f"Known: {', '.join(sorted(known))}."
                )

    def connect(self, url: str = "", name: str = "") -> Connection:
        """The connection to watch: `url` when given (a demo's own), else what options and settings say."""
        connection = self.settings.connect(url or self.options.broker, "" if url else self.options.connection)
        return replace(connection, name=name, notes=()) if name else connection

    def policy(self, connection: Connection) -> "Policy":
        """The level of this run and its scopes. Raises ConfigError when asked to be passive and to write."""
        from lazycelery_core.action import Policy
        from lazycelery_core.control import Level

        self._check_level()
        scopes = frozenset((*self.options.allow, *connection.allow))
        if self.options.passive or connection.passive:
            return Policy(Level.PASSIVE)
        return Policy(Level.GRANTED, scopes) if scopes else Policy(Level.READ_ONLY)

    def _check_level(self) -> None:
        if self.options.passive and self.options.allow:
            raise ConfigError("--passive sends nothing, --allow sends something.", "Give one of the two.")

    def watch(self, connection: Connection, patience: float | None = None) -> Watch:
        """A deployment ready to be started, with all that belongs to it.

        Raises ConfigError when no plugin knows this kind of broker.
        """
        from lazycelery_core.audit import Audit
        from lazycelery_core.deployment import Deployment
        from lazycelery_core.store import Limits, Store

        plugins = self.plugins(patience)
        policy = self.policy(connection)
        sources = plugins.sources(connection)
        if not any(source.streams for source in sources):
            scheme = connection.url.scheme
            raise ConfigError(
                f"No plugin here can watch {connection.shown}.",
                f"Install one that knows {scheme}://, or look at `lazycelery plugins` for what failed.",
            )
        store = Store(Limits(), self.settings.redactor(), time.time())
        audit = Audit(self.environment.state_path / "audit.jsonl")
        deployment = Deployment(connection, sources, plugins.projections(), policy, store, plugins.health, audit)
        keys = keymap(self.settings, plugins)
        return Watch(self.settings, connection, plugins, deployment, keys, self._notes(connection, keys))

    def _notes(self, connection: Connection, keys: "Keymap") -> list[str]:
        found = self.plugins().found
        misspelt = self.settings.check_names([command.name for command in keys.commands], [each.name for each in found])
        return [*connection.notes, *misspelt, *(each.complaint for each in found if each.complaint)]

    @contextmanager
    def watching(self, url: str = "", name: str = "") -> "Iterator[Deployment]":
        """A started deployment, stopped at the end: for commands without a screen. The notes go to standard error."""
        watch = self.watch(self.connect(url, name))
        for note in watch.notes:
            sys.stderr.write(f"lazycelery: {safe(note)}\n")
        watch.start()
        try:
            yield watch.deployment
        finally:
            watch.stop()

    def observe(self, url: str, seconds: float) -> "Snapshot":
        """Watch for so many seconds and return what was seen."""
        end = time.monotonic() + seconds
        with self.watching(url) as deployment:
            while (left := end - time.monotonic()) > 0:
                time.sleep(min(1.0, left))
                deployment.snapshot(time.time())  # the pollers are told of the workers and queues that were met
            return deployment.snapshot(time.time())

    def run_screen(self, url: str = "", name: str = "", seconds: float | None = None) -> int:
        """Show the screen until the user quits (or `seconds` are over); the exit code.

        Everything that can be wrong with the settings is found before the terminal is taken over.
        """
        from lazycelery_core.run import run

        connection = self.connect(url, name)
        self._check_level()
        return run(lambda: self._watch_patiently(connection), self.settings, connection, seconds)

    def _watch_patiently(self, connection: Connection) -> Watch:
        """A deployment, and at least those plugins that loaded in time; the others come late."""
        from lazycelery_core.plugins import LOAD_PATIENCE

        return self.watch(connection, LOAD_PATIENCE)


def keymap(settings: Settings, plugins: "Plugins") -> "Keymap":
    """Host commands, the views that exist, and the plugins' actions, with the user's own keys."""
    from lazycelery_core.host_commands import HOST_COMMANDS, view_commands
    from lazycelery_core.keys import Keymap

    host = [*HOST_COMMANDS, *view_commands({pane.view.id: pane.view for pane in plugins.panes}.values())]
    return Keymap(host, plugins.actions, plugins.keybindings, settings.keybindings)


def listed(given: Sequence[str]) -> tuple[str, ...]:
    """The values of an option that is repeated, or has several separated by commas."""
    return tuple(dict.fromkeys(each.strip() for values in given for each in values.split(",") if each.strip()))
