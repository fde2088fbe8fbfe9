"""What does one plugin bring? Its module, loaded and asked by the real loader, with settings from a text.

loaded = load_plugin("lazycelery_plugin_mine", "plugins.mine.limit = 5")
assert [pane.id for pane in loaded.panes] == ["mine.list"]
"""

import importlib
import importlib.metadata
from types import ModuleType

from lazycelery_core.config import loads
from lazycelery_core.hookspecs import GROUP
from lazycelery_core.plugins import BUNDLED, DIST_PREFIX, Plugins


def load_plugin(module: ModuleType | str, config: str = "", *, beside: bool = False) -> Plugins:
    """The module, or that of this name, as the only plugin; `beside` the standard plugins that are installed.

    config: the text of a configuration file. How it fared is in `plugins.named(plugin_name(module))`.
    """
    if isinstance(module, str):
        module = importlib.import_module(module)
    installed = list(importlib.metadata.entry_points(group=GROUP))
    own = next((each for each in installed if each.value == module.__name__), None)
    points = [own or importlib.metadata.EntryPoint(plugin_name(module), module.__name__, GROUP)]
    if beside:
        points += [each for each in installed if each is not own and _standard(each)]
    settings = loads(config)
    plugins = Plugins(settings.switched_off, settings.plugin_settings, points)
    plugins.load()
    return plugins


def plugin_name(module: ModuleType | str) -> str:
    """The name that a plugin of this module has: `mine` for `lazycelery_plugin_mine`."""
    name = module if isinstance(module, str) else module.__name__
    points = importlib.metadata.entry_points(group=GROUP)
    own = next((each.name for each in points if each.value == name), "")
    return own or name.rpartition(".")[2].removeprefix("lazycelery_plugin_")


def _standard(point: importlib.metadata.EntryPoint) -> bool:
    return point.name in BUNDLED and point.dist is not None and point.dist.name == DIST_PREFIX + point.name
