"""Which options hold for every command, and where do commands come from?

The host's commands are known by name and imported when one is used; plugins are loaded only when a name is not one of
them, or for `--help`. So nothing stands before the first frame that the screen does not need.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import cast

import click

from lazycelery_core.cli import last_words
from lazycelery_core.errors import ConfigError
from lazycelery_core.launcher import Launcher, Options, listed
from lazycelery_core.text import safe_lines

EPILOG = "Without a command the screen opens. Exit codes: 0 fine, 1 nothing found, 2 wrong usage, 3 no connection."
OWN = {
    "audit": "audit",
    "config": "settings",
    "doctor": "doctor",
    "keys": "keys",
    "plugins": "plugins",
}  # command -> module here


class Commands(click.Group):
    """The host's commands first, then those of plugins, then one for every view that lists things."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*OWN, *_of_plugins(_launcher(ctx))})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _own(cmd_name) if cmd_name in OWN else _of_plugins(_launcher(ctx)).get(cmd_name)


def _own(name: str) -> click.Command:
    return cast("click.Command", getattr(import_module(f"lazycelery_core.cli.{OWN[name]}"), name))


def _of_plugins(launcher: Launcher) -> dict[str, click.Command]:
    from lazycelery_core.cli.rows import rows_command

    plugins = launcher.plugins()
    listing = {pane.view.id: rows_command(pane) for pane in plugins.tables() if pane.id == f"{pane.view.id}.list"}
    return {**listing, **{command.name: command for _, command in plugins.commands() if command.name}}


def _launcher(ctx: click.Context) -> Launcher:
    """The launcher of this run; for `--help` the settings may not be read yet."""
    found = ctx.find_object(Launcher)
    return found if found is not None else make_launcher(ctx)


def make_launcher(ctx: click.Context) -> Launcher:
    """Read the settings as the options of the root command say. Raises ConfigError."""
    from lazycelery_core.config import Environment, load
    from lazycelery_core.theme import THEMES

    given = ctx.params
    options = Options(
        broker=given.get("broker") or "",
        connection=given.get("connection") or "",
        allow=listed(given.get("allow") or ()),
        passive=bool(given.get("passive")),
        without=listed(given.get("without") or ()),
        only=listed(given.get("only") or ()),
        no_plugins=bool(given.get("no_plugins")),
    )
    launcher = Launcher(load(Environment.read(), given.get("config"), tuple(THEMES)), options)
    ctx.obj = launcher
    return launcher


def bare_launcher() -> Launcher:
    """A launcher without any settings: for what must work with a broken configuration file."""
    from lazycelery_core.config import loads

    return Launcher(loads(""))


@click.group(
    cls=Commands, invoke_without_command=True, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--broker", metavar="URL", help="Broker to watch; better in LAZYCELERY_BROKER_URL, which `ps` does not show."
)
@click.option("--connection", metavar="NAME", help="Connection of the configuration file to watch.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Configuration file to use.")
@click.option(
    "--allow", multiple=True, metavar="SCOPE", help="Permit writes of this scope, such as events; repeatable."
)
@click.option("--passive", is_flag=True, help="Publish nothing at all, not even a question to workers.")
@click.option("--without", multiple=True, metavar="PLUGIN", help="Leave this plugin out; repeatable.")
@click.option("--only", multiple=True, metavar="PLUGIN", help="Load no plugin but this one; repeatable.")
@click.option("--no-plugins", is_flag=True, help="Load the standard plugins only.")
@click.version_option(package_name="lazycelery-core", prog_name="lazycelery")
@click.pass_context
def root(ctx: click.Context, /, **_: object) -> int:
    """Watch, search and understand a running Celery deployment from its broker URL alone."""
    if ctx.invoked_subcommand in ("config", "keys"):
        return 0  # these explain a broken configuration, so they read it themselves
    launcher = make_launcher(ctx)
    _keep_log(launcher)
    if ctx.invoked_subcommand is not None:
        return 0
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError(
            "The screen needs a terminal, and this is none.",
            "For pipes and scripts: lazycelery workers, queues or tasks, with --json.",
        )
    return launcher.run_screen()


def _keep_log(launcher: Launcher) -> None:
    from lazycelery_core.logs import log_to

    redactor = launcher.settings.redactor()
    redact = redactor.text
    last_words.prepare(redactor)
    problem = log_to(launcher.environment.state_path, lambda text: "\n".join(safe_lines(redact(text))))
    if problem:
        click.echo(problem, err=True)
