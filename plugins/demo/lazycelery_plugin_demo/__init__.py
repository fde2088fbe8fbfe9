"""What does the demo add? One command: `lazycelery demo`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lazycelery_core.hookspecs import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def lazycelery_commands(settings: Any) -> "Iterable[click.Command]":
    """`lazycelery demo [--seconds N] [--headless] [--broker URL]`."""
    from lazycelery_plugin_demo.command import demo

    return (demo,)
