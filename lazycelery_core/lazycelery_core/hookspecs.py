"""What may a plugin bring? The only file a plugin author must read.

Each hook is called once per plugin, on the main thread, before the first frame. It must not block; an empty answer is
fine. Plugins are asked one by one: what one of them does wrong is reported with its name and touches nobody else.
A plugin is a module or object with some of these functions, marked with `hookimpl`, found through the entry point group
`lazycelery.plugins`.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from lazycelery_core.action import Action
    from lazycelery_core.config import Connection
    from lazycelery_core.pane import DetailTab, Pane
    from lazycelery_core.projection import Projection
    from lazycelery_core.source import Source

PROJECT = "lazycelery"
GROUP = "lazycelery.plugins"
API_VERSION = 1  # a plugin may set `LAZYCELERY_API = n` in its module; another major is refused with a sentence

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def lazycelery_settings() -> type:  # type: ignore[empty-body]
    """A dataclass or msgspec.Struct type, filled from `[plugins.<name>]` and passed back to the other hooks."""


@hookspec
def lazycelery_sources(connection: "Connection", settings: Any) -> "Iterable[Source]":  # type: ignore[empty-body]
    """Sources for this connection; () when the broker URL is not yours."""


@hookspec
def lazycelery_projections(settings: Any) -> "Iterable[Projection]":  # type: ignore[empty-body]
    """State of your own, folded from events; panes find it in `snapshot.views[name]`."""


@hookspec
def lazycelery_panes(settings: Any) -> "Iterable[Pane | DetailTab]":  # type: ignore[empty-body]
    """Panes and detail tabs; each says which view and slot it wants. A view exists when a pane names it."""


@hookspec
def lazycelery_actions(settings: Any) -> "Iterable[Action]":  # type: ignore[empty-body]
    """What can be done to things. Writes name a scope and go through preview, confirmation and audit."""


@hookspec
def lazycelery_keybindings(settings: Any) -> Mapping[str, str]:  # type: ignore[empty-body]
    """Action name -> default key (`e`, `ctrl+x`, `g w`). A key that the host uses in that scope stays the host's."""


@hookspec
def lazycelery_commands(settings: Any) -> "Iterable[click.Command]":  # type: ignore[empty-body]
    """Commands of `lazycelery`. `click.pass_obj` gives a `lazycelery_core.launcher.Launcher`."""
