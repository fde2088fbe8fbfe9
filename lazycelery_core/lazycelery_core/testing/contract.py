"""Does a plugin keep the host's contract? `check_plugin("lazycelery_plugin_mine")` tries all that it brings.

Hooks known and answered, ids and names unique, columns sane, keys free, writes with a scope; every pane and tab drawn
at every size, with nothing to show, with a little, and with hostile data, in safe text only, twice the same.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

from lazycelery_core.action import Action, Risk
from lazycelery_core.config.checking import MISSING, settings_of
from lazycelery_core.control import Control
from lazycelery_core.errors import LazyCeleryError
from lazycelery_core.host_commands import HOST_COMMANDS, view_commands
from lazycelery_core.keys import Keymap, lint
from lazycelery_core.pane import DetailPane, DetailTab, Pane, TablePane
from lazycelery_core.plugins import Plugin, Plugins, PluginState
from lazycelery_core.spans import plain
from lazycelery_core.testing.loading import load_plugin, plugin_name
from lazycelery_core.testing.trying import Case, cases, during, is_safe, try_pane, try_tab

TWO_WORDS = re.compile(r"[a-z0-9_-]+\.[a-z0-9_-]+")
OUTCOMES = ("Go", "Open", "Copy", "NoneType")


def check_plugin(module: ModuleType | str, config: str = "") -> None:
    """Raise AssertionError with everything that is wrong with the plugin in this module; what raises, raises.

    config: the text of a configuration file, where the plugin needs settings.
    """
    found = problems(module, config)
    if found:
        raise AssertionError("\n".join([f"{plugin_name(module)} breaks the contract:", *found]))


def problems(module: ModuleType | str, config: str = "") -> list[str]:
    """What is wrong, a sentence each."""
    plugins = load_plugin(module, config)
    plugin = plugins.named(plugin_name(module))
    assert plugin is not None
    if plugin.state is not PluginState.LOADED:
        return [f"{plugin.state}: {plugin.error} {plugin.hint}"]
    found = [
        *_settings(plugin),
        *_identities(plugins),
        *_views(load_plugin(module, config, beside=True)),
        *_keys(load_plugin(module, config, beside=True), plugin.name),
        *_commands(plugins),
    ]
    for case in cases(plugins.projections):
        known = _with_records(plugins, case)
        found += [*_drawn(plugins, known), *_tried(plugins, known)]
    incidents = [f"{incident.where}: {incident.error}" for incident in plugins.health.incidents]
    return list(dict.fromkeys([*incidents, *found]))


def _settings(plugin: Plugin) -> Iterator[str]:
    """A plugin has to appear without any configuration."""
    if plugin.settings is None:
        return
    for setting in settings_of(type(plugin.settings)):
        if setting.name == "enabled":
            yield "the setting `enabled` is the host's own"
        if setting.default is MISSING:
            yield f"the setting {setting.name} has no default, so the plugin does not work out of the box"


def _identities(plugins: Plugins) -> Iterator[str]:
    for what, names in (
        ("pane", [pane.id for pane in plugins.panes]),
        ("tab", [f"{tab.on}.{tab.id}" for tab in plugins.tabs]),
        ("action", [action.name for action in plugins.actions]),
        ("projection", [projection.name for projection in plugins.projections()]),
    ):
        yield from (f"two {what}s are called {name}" for name, count in Counter(names).items() if count > 1)
    for pane in plugins.panes:
        yield from _pane(pane)
    for action in plugins.actions:
        yield from _action(action)


def _pane(pane: Pane) -> Iterator[str]:
    if not pane.id.startswith(f"{pane.view.id}.") or not TWO_WORDS.fullmatch(pane.id):
        yield f"pane {pane.id}: its id must be <view>.<name>, and its view is {pane.view.id}"
    if not pane.title or not is_safe(pane.title):
        yield f"pane {pane.id}: its title is empty or not drawable"
    if isinstance(pane, DetailPane) and not pane.of:
        yield f"pane {pane.id}: `of` must name the pane whose record it shows"
    if isinstance(pane, TablePane):
        yield from _columns(pane)


def _columns(pane: TablePane) -> Iterator[str]:
    where = f"pane {pane.id}"
    if not pane.columns:
        yield f"{where}: it has no columns"
    names = Counter(column.id for column in pane.columns)
    yield from (f"{where}: two columns are called {name}" for name, count in names.items() if count > 1)
    for column in pane.columns:
        if not 0 < (column.min_width or column.width) <= column.width:
            yield f"{where}: column {column.id} needs 0 < min_width <= width"
        if not is_safe(column.title):
            yield f"{where}: the title of column {column.id} is not drawable"
    sortable = {column.id for column in pane.columns if column.sort is not None}
    if pane.default_sort and pane.default_sort not in sortable:
        yield f"{where}: it sorts by {pane.default_sort}, which is no column with a `sort`"


def _action(action: Action) -> Iterator[str]:
    where = f"action {action.name}"
    if not TWO_WORDS.fullmatch(action.name):
        yield f"{where}: its name must be <kind>.<verb>"
    if not action.label or not is_safe(action.label + action.help):
        yield f"{where}: its label is empty or not drawable"
    if action.risk > Risk.VIEW and not action.scope:
        yield f"{where}: a write has to name the scope that `--allow` grants"
    if action.risk is Risk.VIEW and action.scope:
        yield f"{where}: it changes nothing by its risk, so its scope {action.scope} is never asked for"


def _views(plugins: Plugins) -> Iterator[str]:
    kinds: dict[str, set[Any]] = {}
    for pane in plugins.panes:
        kinds.setdefault(pane.view.id, set()).add(pane.view)
    yield from (f"the view {view} is described in {len(each)} ways" for view, each in kinds.items() if len(each) > 1)


def _keys(plugins: Plugins, name: str) -> Iterator[str]:
    """Clashes with the host and with the standard plugins, names of no action, keys that terminals mix up."""
    own = {action.name for action in plugins.actions if action.plugin == name}
    strange = set(plugins.keybindings.get(name, {})) - own
    yield from (f"a key is bound to {each}, which is no action of this plugin" for each in sorted(strange))
    host = [*HOST_COMMANDS, *view_commands({pane.view.id: pane.view for pane in plugins.panes}.values())]
    views = {f"view.{pane.view.id}" for pane in plugins.panes if pane.plugin == name}
    for problem in lint(Keymap(host, plugins.actions, plugins.keybindings)):
        if problem.replace(":", " ").split(" ")[0] in own | views:
            yield problem


def _commands(plugins: Plugins) -> Iterator[str]:
    from lazycelery_core.cli.root import OWN

    for _, command in plugins.commands():
        if command.name in OWN:
            yield f"the command {command.name} is the host's own"


def _with_records(plugins: Plugins, case: Case) -> Case:
    """The case with a record under each table's cursor, and with records of kinds that only this plugin knows."""
    items = {kind: list(each) for kind, each in case.items.items()}
    for pane in plugins.tables():
        with during(f"the rows of {pane.id} with {case.name}"):
            shown = case.records(pane)
        if shown:
            case = replace(case, selected={**case.selected, pane.id: shown[0]})
        if pane.on not in case.items:
            items.setdefault(pane.on, []).extend(shown)
    return replace(case, items=items)


def _drawn(plugins: Plugins, case: Case) -> Iterator[str]:
    for pane in plugins.panes:
        yield from try_pane(pane, case, _tabs_of(pane, plugins))
    for tab in plugins.tabs:
        yield from try_tab(tab, case)


def _tabs_of(pane: Pane, plugins: Plugins) -> list[DetailTab]:
    if not isinstance(pane, DetailPane):
        return []
    tabs = [tab for tab in plugins.tabs if tab.on == pane.on and (not pane.tabs or tab.id in pane.tabs)]
    return sorted(tabs, key=lambda tab: tab.order)


def _tried(plugins: Plugins, case: Case) -> Iterator[str]:
    """Actions are asked whether they are available and for their preview; those that change nothing are run."""
    for action in plugins.actions:
        for targets in ((), *([item] for item in case.items.get(action.on, ()))):
            with during(f"action {action.name} with {case.name}"):
                yield from _asked(action, list(targets), case)


def _asked(action: Action, targets: list[Any], case: Case) -> Iterable[str]:
    reason: Any = action.available(case.snapshot, targets)
    if not (reason is None or isinstance(reason, str)):
        yield f"action {action.name}: `available` has to return a reason or None"
    if reason is not None or (action.on and not targets):
        return
    for each in action.preview(case.snapshot, targets):
        if not is_safe(plain(each)):
            yield f"action {action.name}: its preview holds text that is not safe"
    if action.risk is Risk.VIEW:
        try:
            outcome = action.run(Control(), targets)
        except LazyCeleryError:
            return  # a sentence for the user is an answer too
        if type(outcome).__name__ not in OUTCOMES:
            yield f"action {action.name}: it returned a {type(outcome).__name__}, not Go, Open, Copy or None"
