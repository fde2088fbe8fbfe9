"""Which keys are there? `lazycelery keys`: the cheat sheet, from the same keymap as the screen's help."""

from itertools import groupby

import click

from lazycelery_core.host_commands import shown_key
from lazycelery_core.keys import Command, Keymap, lint
from lazycelery_core.launcher import Launcher, keymap
from lazycelery_core.text import safe

SCOPES = {"global": "Everywhere", "table": "In any table", "detail": "In details", "canvas": "In drawings",
          "dialog": "In dialogs", "prompt": "In prompts", "menu": "In menus", "page": "In pages of text"}  # fmt: skip
# The page docs/keys.md begins with this.
INTRODUCTION = """\
# Keys

<!-- Made by `lazycelery keys --markdown`; edit the commands, not this page. -->

These are the defaults with the standard plugins. On the screen `?` shows the keys that work where you are, `a` what can
be done there, `:` takes the names below and shorter words for them, Ctrl+P finds them by some letters. Two keys with a
blank between them are pressed one after the other.

Every command can have other keys: `[keybindings]` in the [configuration file](config.md) maps its name to one key or
several, `""` takes its keys away. A key that the host uses where a plugin wants it stays the host's; the help says so.
"""


@click.command()
@click.option("--markdown", is_flag=True, help="As the page docs/keys.md.")
@click.pass_context
def keys(ctx: click.Context, markdown: bool) -> None:
    """Print every key with what it does."""
    from lazycelery_core.cli.root import make_launcher

    launcher: Launcher = make_launcher(ctx.find_root())
    found = keymap(launcher.settings, launcher.plugins())
    click.echo(page(found) if markdown else sheet(found), nl=not markdown)
    for problem in lint(found):
        click.echo(safe(f"lazycelery: {problem}"), err=True)


def page(keymap: Keymap) -> str:
    """docs/keys.md."""
    return f"{INTRODUCTION}\n{sheet(keymap, markdown=True)}\n"


def sheet(keymap: Keymap, markdown: bool = False) -> str:
    """All commands by scope, as text or as Markdown tables."""
    commands = sorted(keymap.commands, key=lambda command: (command.scope.startswith("on:"), _title(command)))
    parts = [_part(title, list(group), markdown) for title, group in groupby(commands, key=_title)]
    return "\n\n".join(parts)


def _title(command: Command) -> str:
    if command.scope.startswith("on:"):
        return f"On a {command.scope[3:]}"
    return SCOPES.get(command.scope, command.scope)


def _part(title: str, commands: list[Command], markdown: bool) -> str:
    rows = [(_keys(command), command.name, _label(command)) for command in commands]
    if markdown:
        table = [f"| {_code(keys)} | `{name}` | {_cell(label)} |" for keys, name, label in rows]
        return "\n".join([f"## {title}", "", "| key | command | what it does |", "|---|---|---|", *table])
    return "\n".join([title, *(safe(f"  {keys:18} {name:28} {label}") for keys, name, label in rows)])


def _keys(command: Command) -> str:
    return "  ".join(shown_key(key) for key in command.keys)


def _label(command: Command) -> str:
    notes = [command.help, f"needs --allow {command.action.scope}" if command.action and command.action.scope else "",
             f"unbound, {command.conflict}" if command.conflict else ""]  # fmt: skip
    extra = "; ".join(note for note in notes if note)
    return f"{command.label}: {extra}" if extra else command.label


def _code(keys: str) -> str:
    shown = [f"`` {key} ``" if "`" in key else f"`{key}`" for key in keys.replace("|", "\\|").split("  ") if key]
    return " ".join(shown) or "–"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
