"""Which plugins are here, and how does one write another? `lazycelery plugins`, `plugins NAME`, `plugins new NAME`."""

from pathlib import Path

import click

from lazycelery_core.errors import FAILED, PluginError
from lazycelery_core.launcher import Launcher
from lazycelery_core.plugin_trust import Locked, fingerprint, read_lock, write_lock
from lazycelery_core.plugins import Plugin, PluginState
from lazycelery_core.text import safe

MARKS = {
    PluginState.LOADED: ("✓", "green"),
    PluginState.DISABLED: ("○", "yellow"),
    PluginState.LOADING: ("◔", "yellow"),
}


class WithNames(click.Group):
    """A group whose unknown subcommands are plugin names."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            return "show", self.get_command(ctx, "show"), args
        return super().resolve_command(ctx, args)


@click.group(cls=WithNames, invoke_without_command=True, subcommand_metavar="[NAME | new NAME | lock [NAME]...]")
@click.pass_context
def plugins(ctx: click.Context) -> int:
    """List the plugins; with NAME, all about one; `new NAME` writes one; `lock` keeps those of others as they are."""
    if ctx.invoked_subcommand is not None:
        return 0
    found = ctx.find_object(Launcher)
    assert found is not None
    listed = found.plugins().found
    for plugin in listed:
        click.echo(_summary(plugin))
    return 0 if all(plugin.state in MARKS for plugin in listed) else FAILED


def _summary(plugin: Plugin) -> str:
    mark, colour = MARKS.get(plugin.state, ("✗", "red"))
    text = (
        f"{plugin.name:12} {plugin.version:10} {plugin.state:9} {plugin.seconds * 1000:5.0f} ms  {plugin.distribution}"
    )
    error = f"\n    {safe(plugin.error)} {safe(plugin.hint)}".rstrip() if plugin.error else ""
    return f"{click.style(mark, fg=colour)} {safe(text)}{error}"


@plugins.command(hidden=True)
@click.argument("name")
@click.pass_obj
def show(launcher: Launcher, name: str) -> int:
    """All about one plugin."""
    plugin = launcher.plugins().named(name)
    if plugin is None:
        known = ", ".join(each.name for each in launcher.plugins().found)
        raise PluginError(f"There is no plugin {safe(name, 60)}.", f"Known: {known}.")
    click.echo(_summary(plugin))
    click.echo(safe(f"  from {plugin.path}") if plugin.path else "  not imported")
    for other, point in launcher.found_plugins(is_locked=False).discover():
        if other.name == name and not other.bundled:
            click.echo(safe(f"  {'files':8} {_kept(fingerprint(point))}"))
    for what, names in plugin.brings.items():
        for each in names:
            click.echo(safe(f"  {what:8} {each}"))
    return 0 if plugin.state in MARKS else FAILED


def _kept(locked: Locked) -> str:
    return f"{locked.files} file{'s' * (locked.files != 1)}, sha256 {locked.sha256[:12]}"


@plugins.command()
@click.argument("names", nargs=-1)
@click.pass_obj
def lock(launcher: Launcher, names: tuple[str, ...]) -> None:
    """Keep plugins of others as they are now, all or those named: what is new or changed is refused from then on.

    Nothing of them is imported. Run it again to trust what they have become.
    """
    path = launcher.environment.lock_path
    here = {plugin.name: point for plugin, point in launcher.found_plugins(False).discover() if not plugin.bundled}
    unknown = [name for name in names if name not in here]
    if unknown:
        raise PluginError(
            f"There is no plugin {safe(unknown[0], 60)} of others that may be loaded.",
            f"There are: {', '.join(sorted(here)) or 'none'}.",
        )
    before = read_lock(path)
    kept = dict(before.plugins) if before is not None else {}
    now = {name: fingerprint(here[name]) for name in sorted(names or here)}
    write_lock(path, {**kept, **now} if names else now)
    for name, locked in now.items():
        how = "new" if name not in kept else "as before" if kept[name] == locked else "changed"
        click.echo(safe(f"{name:12} {locked.version:10} {_kept(locked)}  {locked.distribution}  {how}"))
    click.echo(safe(f"{len(now) if not names else len(kept | now)} of others may be loaded as they are now: {path}"))


@plugins.command()
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), default=Path(), help="Folder to write it into.")
def new(name: str, into: Path) -> None:
    """Write a complete, tested, installable plugin."""
    from lazycelery_core.scaffold import write_plugin

    folder = write_plugin(name, into)
    click.echo(f"{folder} is written. Try it:")
    click.echo(f"  pip install -e '{folder}[test]'\n  pytest {folder}\n  lazycelery plugins {name}")
