"""Which plugins are here, what do they bring, and which of them misbehave?

Entry points are read first and loaded one by one; each plugin is asked alone, so one that raises, exits, hangs or
clashes costs only itself and is named. Loading runs on one thread that is not the screen's: the first frame never waits
for a plugin (`LOAD_PATIENCE`).
"""

import importlib.metadata
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pluggy

from lazycelery_core import hookspecs
from lazycelery_core.action import Action
from lazycelery_core.errors import LazyCeleryError, PluginError
from lazycelery_core.pane import DetailTab, Pane, TablePane
from lazycelery_core.plugin_fit import check_api, unfit
from lazycelery_core.plugin_health import PluginHealth
from lazycelery_core.plugin_trust import Trust

if TYPE_CHECKING:
    import click

    from lazycelery_core.config import Connection
    from lazycelery_core.projection import Projection
    from lazycelery_core.source import Source

log = logging.getLogger("lazycelery.plugins")
BUNDLED = ("redis", "amqp", "cluster", "workers", "queues", "tasks", "doctor", "demo")
DIST_PREFIX = "lazycelery-plugin-"
LOAD_PATIENCE = 0.8  # s; a first frame with content within one second, whatever a plugin does at import


class PluginState(StrEnum):
    """What became of a plugin."""

    LOADED = "loaded"
    LOADING = "loading"
    DISABLED = "disabled"
    REFUSED = "refused"  # by the host: API, name, unknown hook
    FAILED = "failed"  # by its own fault


@dataclass
class Plugin:
    """One plugin as found on this machine. `seconds` is what its import and its hooks took.

    unfit: why this host can't run it and what to do, by its own metadata.
    """

    name: str
    distribution: str
    version: str
    path: str = ""
    state: PluginState = PluginState.LOADING
    error: str = ""
    hint: str = ""
    seconds: float = 0.0
    settings: Any = None
    unfit: tuple[str, str] | None = None
    hooks: tuple[str, ...] = ()
    brings: dict[str, list[str]] = field(default_factory=dict)

    @property
    def bundled(self) -> bool:
        """Whether this is one of the host's own standard plugins."""
        return self.name in BUNDLED and self.distribution == DIST_PREFIX + self.name

    @property
    def complaint(self) -> str:
        """A sentence on what is wrong and what to do; "" where nothing is, or where it is left out on purpose."""
        if not self.error or self.state is PluginState.DISABLED:
            return ""
        state = "has a fault" if self.state is PluginState.LOADED else "is not used"
        why = "; ".join(each.rstrip(".") for each in (self.error, self.hint) if each)
        return f"Plugin {self.name} of {self.distribution} {state}: {why}."

    def fail(self, state: PluginState, error: str, hint: str = "") -> None:
        """Write down why this plugin is not used."""
        self.state, self.error, self.hint = state, error, hint


SettingsReader = Callable[[str, type], Any]
Candidate = tuple[Plugin, importlib.metadata.EntryPoint]


class Plugins:
    """The plugins of one run. `load()` once, then read `panes`, `tabs`, `actions`, `keybindings`, `commands()`.

    switched_off: name -> why it is off (config, command line). read_settings(name, type) returns the typed settings of
    `[plugins.<name>]`, raising LazyCeleryError. entry_points: for tests; default is what is installed. trust: what may
    be loaded of it.
    """

    def __init__(
        self,
        switched_off: Mapping[str, str] | None = None,
        read_settings: SettingsReader | None = None,
        entry_points: Iterable[importlib.metadata.EntryPoint] | None = None,
        trust: Trust | None = None,
        health: PluginHealth | None = None,
    ) -> None:
        self.found: list[Plugin] = []
        self.health = health or PluginHealth()
        self.panes: list[Pane] = []
        self.tabs: list[DetailTab] = []
        self.actions: list[Action] = []
        self.keybindings: dict[str, dict[str, str]] = {}
        self._switched_off = dict(switched_off or {})
        self._read_settings = read_settings or (lambda name, kind: kind())
        self._entry_points = entry_points
        self._trust = trust or Trust()
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._standard, self._loaded = threading.Event(), threading.Event()

    def load(self, patience: float | None = None, when_late: Callable[[], None] | None = None) -> None:
        """Load and ask every plugin. With `patience` (seconds) plugins of others are waited for no longer than that;
        those that come later are added then and `when_late` is called, on the loading thread. The standard plugins are
        waited for however slow the machine is: without them there is nothing to watch."""
        if patience is None:
            self._load_all()
            return
        thread = threading.Thread(target=self._load_all, name="plugins", daemon=True)
        thread.start()
        self._standard.wait()
        if not self._loaded.wait(patience) and when_late is not None:
            threading.Thread(target=_after, args=(thread, when_late), name="late plugins", daemon=True).start()

    def _load_all(self) -> None:
        try:
            self._load_each()
        finally:
            self._standard.set()
            self._loaded.set()

    def _load_each(self) -> None:
        for plugin, entry_point in self.discover():
            if not plugin.bundled:  # they come last
                self._standard.set()
            started = time.perf_counter()
            self._load(plugin, entry_point)
            plugin.seconds = time.perf_counter() - started
            self.health.timed(plugin.name, "import and hooks", plugin.seconds)
        for plugin in self.found:
            if plugin.state is PluginState.REFUSED:
                self.health.refused(plugin.name, plugin.error)

    def discover(self) -> list[Candidate]:
        """Candidates in loading order, bundled first, none imported; others are named in `found` with the reason."""
        points = self._entry_points
        if points is None:
            points = importlib.metadata.entry_points(group=hookspecs.GROUP)
        pairs = _once((_plugin_of(point), point) for point in points)
        pairs.sort(key=lambda pair: (not pair[0].bundled, pair[0].distribution, pair[0].name))
        self.found = [plugin for plugin, _ in pairs]
        return [pair for pair in pairs if self._may_load(*pair)]

    def _may_load(self, plugin: Plugin, point: importlib.metadata.EntryPoint) -> bool:
        twins = [other for other in self.found if other.name == plugin.name and other is not plugin]
        if plugin.name in self._switched_off:
            plugin.fail(PluginState.DISABLED, self._switched_off[plugin.name])
        elif left_out := self._trust.left_out(plugin.name, plugin.bundled):
            plugin.fail(PluginState.DISABLED, left_out)
        elif plugin.name in BUNDLED and not plugin.bundled:
            plugin.fail(
                PluginState.REFUSED,
                f"the name {plugin.name} belongs to {DIST_PREFIX}{plugin.name}, but {plugin.distribution} claims it",
                f"uninstall {plugin.distribution} or ask its author to rename the plugin",
            )
        elif plugin.unfit:
            plugin.fail(PluginState.REFUSED, *plugin.unfit)
        elif not plugin.bundled and twins:
            claimed = " and ".join(sorted([plugin.distribution, *(twin.distribution for twin in twins)]))
            plugin.fail(
                PluginState.REFUSED, f"the name {plugin.name} is claimed by {claimed}", "uninstall one of the two"
            )
        elif not plugin.bundled and (refusal := self._trust.refusal(plugin.name, point)):
            plugin.fail(PluginState.REFUSED, *refusal)
        else:
            return True
        return False

    def _load(self, plugin: Plugin, entry_point: importlib.metadata.EntryPoint) -> None:
        try:
            module = entry_point.load()
            check_api(module)
            self._manager.register(module, plugin.name)
            self._manager.check_pending()
        except PluginError as error:
            plugin.fail(PluginState.REFUSED, error.message, error.hint)
        except pluggy.PluginValidationError as error:
            self._manager.unregister(name=plugin.name)
            plugin.fail(PluginState.REFUSED, f"unknown or wrong hook: {error}", "see docs/hooks.md")
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - guard "plugin load": even sys.exit() at import is only its own
            plugin.fail(PluginState.FAILED, self.health.told(error, " at import"), "see the log for the traceback")
            self.health.report(plugin.name, "import", error)
        else:
            plugin.path = str(getattr(module, "__file__", "") or "")
            plugin.hooks = tuple(caller.name for caller in self._manager.get_hookcallers(module) or ())
            self._ask_all(plugin)

    def _ask_all(self, plugin: Plugin) -> None:
        """The start-up questions, in an order in which each may use the settings."""
        plugin.state = PluginState.LOADED
        kind = self._ask(plugin, "lazycelery_settings")
        if isinstance(kind, type):
            try:
                plugin.settings = self._read_settings(plugin.name, kind)
            except LazyCeleryError as error:
                plugin.fail(PluginState.FAILED, error.message, error.hint)
                self._manager.unregister(name=plugin.name)
                return
        shown = self._listed(plugin, "lazycelery_panes", (Pane, DetailTab))
        self.panes += [each for each in shown if isinstance(each, Pane)]
        self.tabs += [each for each in shown if isinstance(each, DetailTab)]
        actions = [_owned(action, plugin.name) for action in self._listed(plugin, "lazycelery_actions", (Action,))]
        self.actions += actions
        keys = self._ask(plugin, "lazycelery_keybindings", settings=plugin.settings) or {}
        self.keybindings[plugin.name] = {str(name): str(key) for name, key in dict(keys).items()}
        plugin.brings = {
            "panes": [each.id for each in shown if isinstance(each, Pane)],
            "tabs": [f"{each.on}: {each.title}" for each in shown if isinstance(each, DetailTab)],
            "actions": [action.name for action in actions],
            "keys": list(self.keybindings[plugin.name].values()),
        }

    def _listed(self, plugin: Plugin, hook: str, kinds: tuple[type, ...], **arguments: Any) -> list[Any]:
        """The answer as a list of objects of the right kinds that know their plugin; anything else is reported."""
        arguments.setdefault("settings", plugin.settings)
        answer = self._ask(plugin, hook, **arguments)
        items = []
        for item in answer or ():
            if isinstance(item, kinds):
                items.append(item)
                if not isinstance(item, Action) and hasattr(item, "plugin"):
                    item.plugin = plugin.name
            else:
                wrong = PluginError(f"{hook} of {plugin.name} returned a {type(item).__name__}", "see docs/hooks.md")
                self.health.report(plugin.name, hook, wrong)
        return items

    def _ask(self, plugin: Plugin, hook: str, **arguments: Any) -> Any:
        """One plugin's answer to one hook, None when it has none or failed to answer."""
        others = [each for name, each in self._manager.list_name_plugin() if name != plugin.name and each is not None]
        started = time.perf_counter()
        try:
            answers = self._manager.subset_hook_caller(hook, others)(**arguments)
            answer = answers[0] if answers else None
            return list(answer) if hook in _LISTS and answer is not None else answer
        except Exception as error:  # noqa: BLE001 - guard "plugin ask"
            self.health.report(plugin.name, hook, error)
            plugin.error = self.health.told(error, f" in {hook}")
            return None
        finally:
            self.health.timed(plugin.name, hook, time.perf_counter() - started)

    def _each_loaded(self) -> list[Plugin]:
        return [plugin for plugin in self.found if plugin.state is PluginState.LOADED]

    def sources(self, connection: "Connection") -> "list[Source]":
        """What all plugins offer for this connection."""
        from lazycelery_core.source import Source

        return [
            source
            for plugin in self._each_loaded()
            for source in self._listed(plugin, "lazycelery_sources", (Source,), connection=connection)
        ]

    def projections(self) -> "list[Projection]":
        """New projections of all plugins, for one deployment."""
        from lazycelery_core.projection import Projection

        return [
            projection
            for plugin in self._each_loaded()
            for projection in self._listed(plugin, "lazycelery_projections", (Projection,))
        ]

    def commands(self) -> "list[tuple[str, click.Command]]":
        """(plugin name, command) of all plugins."""
        import click

        return [
            (plugin.name, command)
            for plugin in self._each_loaded()
            for command in self._listed(plugin, "lazycelery_commands", (click.Command,))
        ]

    def tables(self) -> list[TablePane]:
        """All panes that are tables."""
        return [pane for pane in self.panes if isinstance(pane, TablePane)]

    def named(self, name: str) -> Plugin | None:
        """The plugin of that name, however it fared."""
        return next((plugin for plugin in self.found if plugin.name == name), None)


_LISTS = frozenset(
    f"lazycelery_{what}" for what in ("sources", "projections", "panes", "actions", "commands")
)  # answers that are iterated inside the guard: a generator may raise half-way


def _after(thread: threading.Thread, call: Callable[[], None]) -> None:
    thread.join()
    call()


def _plugin_of(point: importlib.metadata.EntryPoint) -> Plugin:
    """The plugin as its distribution's metadata tells it; what damaged metadata does not tell is `?`."""
    plugin = Plugin(point.name, "?", "?")
    try:
        if point.dist is not None:
            told = point.dist.metadata
            plugin.distribution, plugin.version = ((told.get_all(key) or ["?"])[0] for key in ("Name", "Version"))
            plugin.unfit = unfit(point.dist.requires or ())
    except (OSError, ValueError) as error:
        log.warning("the metadata of plugin %s can't be read: %s", point.name, error)
    return plugin


def _once(pairs: Iterable[Candidate]) -> list[Candidate]:
    """The candidates without the doubles that one distribution on two sys.path entries makes."""
    unique = {(plugin.name, point.value, plugin.distribution): (plugin, point) for plugin, point in pairs}
    return list(unique.values())


def _owned(action: Action, plugin: str) -> Action:
    from dataclasses import replace

    return replace(action, plugin=plugin)
