"""Is the record of every write still what was written? `lazycelery audit verify`."""

from pathlib import Path

import click

from lazycelery_core.audit import Verdict, verify
from lazycelery_core.errors import FAILED
from lazycelery_core.launcher import Launcher
from lazycelery_core.text import count, safe


@click.group()
def audit() -> None:
    """Look after the record of every write."""


@audit.command("verify")
@click.option("--seal", metavar="HASH", default="", help="A seal that was kept elsewhere; a line has to have it.")
@click.pass_obj
def check(launcher: Launcher, seal: str) -> int:
    """Check that no line was edited, removed, inserted or swapped; prints the seal of the last one.

    Whoever may write the file can write it anew, chain and all: keep seals elsewhere, and give one with --seal.
    """
    path = launcher.environment.state_path / "audit.jsonl"
    try:
        found = verify(path, seal.strip().lower())
    except FileNotFoundError:
        click.echo(safe(f"Nothing was written yet: there is no {path}."), err=True)
        return FAILED
    except OSError as error:
        click.echo(safe(f"lazycelery: {path} can't be read ({error.strerror})."), err=True)
        return FAILED
    for line in _told(path, found):
        click.echo(safe(line, 1_000))
    return 0 if found.wrong is None and found.sealed else FAILED


def _told(path: Path, found: Verdict) -> list[str]:
    good = f"{count(found.records)} record{'' if found.records == 1 else 's'}"
    if found.wrong is not None and found.torn:
        told = [
            f"✗ {path}: line {found.wrong} has no end: it was torn while it was written; {good} before it are good."
        ]
    elif found.wrong is not None:
        told = [f"✗ {path}: line {found.wrong} does not follow from the one before: one of both was changed, or lines",
                f"  were removed, inserted or swapped there; {good} before it are good."]  # fmt: skip
    elif not found.sealed:
        told = [f"✗ {path}: no line has this seal: its end was cut off, or it was written anew."]
    else:
        told = [f"✓ {path}: {good}, the chain is whole.", f"  seal {found.seal}"]
    return [*told, *(f"▲ intent {each} has no outcome: what became of it is not known" for each in found.unfinished)]
