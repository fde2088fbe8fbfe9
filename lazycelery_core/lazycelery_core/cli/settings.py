"""What is set, is it right, and what could be set? `lazycelery config check|show|example`."""

from pathlib import Path

import click

from lazycelery_core.config import Settings, config_example
from lazycelery_core.errors import USAGE
from lazycelery_core.launcher import Launcher, keymap
from lazycelery_core.text import safe


@click.group()
def config() -> None:
    """Check, show or explain the configuration."""


@config.command()
@click.pass_context
def check(ctx: click.Context) -> int:
    """Read the configuration file as the screen would; exit code 2 with every mistake and its line."""
    launcher = _launcher(ctx)
    found = keymap(launcher.settings, launcher.plugins())
    problems = launcher.settings.check_names(
        [command.name for command in found.commands], [plugin.name for plugin in launcher.plugins().found]
    )
    problems += [
        f"{plugin.name}: {plugin.error}" for plugin in launcher.plugins().found if _settings_fault(plugin.error)
    ]
    problems += [f"{clash.loser} wants {clash.key}, which {clash.winner} has" for clash in found.clashes]
    for problem in problems:
        click.echo(safe(problem), err=True)
    if not problems:
        click.echo(f"{_place(launcher.settings)}: no mistakes")
    return USAGE if problems else 0


def _settings_fault(error: str) -> bool:
    return error.startswith(("line ", "the file"))


def _place(settings: Settings) -> Path | str:
    path = settings.path
    return path if path is not None and path.exists() else "No configuration file; the defaults hold"


@config.command()
@click.pass_context
def show(ctx: click.Context) -> None:
    """Print every setting in effect, without secrets."""
    click.echo("\n".join(safe(line) for line in _launcher(ctx).settings.show().splitlines()))


@config.command()
@click.pass_context
def example(ctx: click.Context) -> None:
    """Print a configuration file that explains every setting, those of the plugins included."""
    from lazycelery_core.cli.root import bare_launcher

    plugins = bare_launcher().plugins()
    kinds = {plugin.name: type(plugin.settings) for plugin in plugins.found if plugin.settings is not None}
    click.echo(config_example(kinds), nl=False)


def _launcher(ctx: click.Context) -> Launcher:
    from lazycelery_core.cli.root import make_launcher

    return make_launcher(ctx.find_root())
