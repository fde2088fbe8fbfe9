"""How is the demo started from the command line?

Exit codes: 0; 1 headless and nothing was seen, or the demo's processes broke down; 2 the broker that was named can't be
played on; 3 it can't be reached; 130 after Ctrl+C, 143 after SIGTERM. In every case all processes and files of the demo
are gone.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

from lazycelery_core.errors import FAILED
from lazycelery_core.text import safe
from lazycelery_plugin_demo.world import DemoWorld

if TYPE_CHECKING:
    from lazycelery_core.launcher import Launcher

LOOK = 20.0  # s that --headless watches unless told otherwise: the dying worker is back by then


@click.command()
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="End by itself after so many seconds.")
@click.option("--headless", is_flag=True, help=f"Print a summary of --seconds (default {LOOK:g}) instead of a screen.")
@click.option(
    "--broker",
    metavar="URL",
    envvar="LAZYCELERY_BROKER_URL",
    help="Play on this empty Redis database, or in this RabbitMQ virtual host without Celery, not on a server of its "
    "own. On RabbitMQ no results are kept, so neither they nor chords are shown.",
)
@click.pass_obj
def demo(launcher: "Launcher", seconds: float | None, headless: bool, broker: str | None) -> None:
    """Watch a believable shop: real Celery workers on a broker of their own, gone without a trace at the end."""
    with DemoWorld(broker) as world:
        code = _report(launcher, world, seconds or LOOK) if headless else _show(launcher, world, seconds)
    if world.failure:
        click.echo(f"The demo ended early: {safe(world.failure)}", err=True)
    sys.exit(FAILED if world.failure else code)


def _show(launcher: "Launcher", world: DemoWorld, seconds: float | None) -> int:
    return launcher.run_screen(world.broker_url, "demo", seconds)


def _report(launcher: "Launcher", world: DemoWorld, seconds: float) -> int:
    from lazycelery_plugin_demo.report import lines
    from lazycelery_plugin_demo.shop.application import is_rabbitmq

    if is_rabbitmq(world.broker_url):
        click.echo("On RabbitMQ the shop keeps no results: neither they nor chords are shown.", err=True)
    with _unwound_by_signals():
        seen = launcher.observe(world.broker_url, seconds)
    click.echo("\n".join(lines(seen)))
    return 0 if seen.totals.events else FAILED


@contextmanager
def _unwound_by_signals() -> Iterator[None]:
    """Ctrl+C and SIGTERM leave as an exception does, so that everything is cleaned up before this process ends."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
