"""Where do the pictures in the documentation come from? From the running demo: this script takes them all again.

    python docs/make_images.py [NAME ...]

Each picture is a screen of `lazycelery demo` in a real pty, drawn to `docs/img/NAME-COLUMNSxROWS.png`; that of the
routing view is taken on a RabbitMQ in which something is wrong. Needs `rsvg-convert` (Debian: librsvg2-bin),
`rabbitmq-server` and the development dependencies.
"""

import io
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import amqp
import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

from lazycelery_core.testing.rabbitmq import Rabbit, start_rabbitmq
from lazycelery_core.testing.terminal import Terminal

IMAGES = Path(__file__).parent / "img"
SIZES = ((80, 24), (120, 36), (200, 50))
SETTLED = 14.0  # s after which the demo's backlog, failures and retries are all there
ROUTED = 45.0  # s after which the exchanges and bindings of all workers were read
PICTURES = {
    "overview": ("O",),
    "workers": ("W",),
    "queues": ("Q",),
    "tasks": ("T",),
    "task": ("T", "f", "state:failed retries>1", "enter", "enter"),
    "help": ("?",),
}
PROGRAM = [sys.executable, "-m", "lazycelery_core"]
EXCHANGES = {  # name -> type, alternate exchange
    "orders": ("topic", "unrouted"), "unrouted": ("fanout", ""), "graves": ("direct", ""), "audit": ("fanout", ""),
}  # fmt: skip
QUEUES = {  # name -> exchange, routing key, where its dead letters go
    "orders.eu": ("orders", "order.eu.#", "graves"), "orders.us": ("orders", "order.us.#", "grave"),
    "graveyard": ("graves", "dead", ""), "lost": ("unrouted", "", ""),
}  # fmt: skip


def main(names: list[str]) -> None:
    """Take the pictures named, or all."""
    if shutil.which("rsvg-convert") is None:
        sys.exit("rsvg-convert is missing: on Debian it comes with `apt-get install librsvg2-bin`.")
    IMAGES.mkdir(exist_ok=True)
    wanted = {name: keys for name, keys in PICTURES.items() if not names or name in names}
    if wanted:
        take_all([*PROGRAM, "demo"], wanted)
    if not names or "routing" in names:
        take_routing()


def take_all(program: list[str], wanted: dict[str, tuple[str, ...]], settled: float = SETTLED) -> None:
    """Take pictures of a program, each in every size, `settled` seconds after its first tasks."""
    for columns, rows in SIZES:
        with Terminal(program, columns, rows) as terminal:
            terminal.wait_for("tasks")
            look(terminal, settled)
            for name, keys in wanted.items():
                take(terminal, f"{name}-{columns}x{rows}", keys)


def take_routing() -> None:
    """The demo on a RabbitMQ with the shop's queues and a road that leads nowhere."""
    with tempfile.TemporaryDirectory() as place, start_rabbitmq(Path(place), management=True) as rabbit:
        declare(rabbit)
        config = Path(place) / "config.toml"
        config.write_text(f"[plugins.amqp]\nmanagement_url = {json.dumps(rabbit.management_url)}\n", "utf-8")
        take_all([*PROGRAM, "--config", str(config), "demo", "--broker", rabbit.url], {"routing": ("R",)}, ROUTED)


def declare(rabbit: Rabbit) -> None:
    """Exchanges and queues as people make them, with the mistakes that they make."""
    connection = amqp.Connection(f"127.0.0.1:{rabbit.port}")
    connection.connect()
    channel = connection.channel()
    for name, (kind, alternate) in EXCHANGES.items():
        arguments = {"alternate-exchange": alternate} if alternate else {}
        channel.exchange_declare(name, kind, durable=True, auto_delete=False, arguments=arguments)
    for name, (exchange, key, dead) in QUEUES.items():
        arguments = {"x-dead-letter-exchange": dead, "x-dead-letter-routing-key": "dead"} if dead else {}
        channel.queue_declare(name, durable=True, auto_delete=False, arguments=arguments)
        channel.queue_bind(name, exchange, key)
    for _ in range(20):
        channel.basic_publish(amqp.Message(b"{}"), exchange="graves", routing_key="dead")
    connection.close()


def take(terminal: Terminal, name: str, keys: tuple[str, ...]) -> None:
    """Press the keys, save the screen, and go back."""
    for key in keys:
        terminal.type(key)
        look(terminal, 0.6)
    look(terminal, 1.5)
    picture(terminal.screen, IMAGES / f"{name}.png")
    for _ in range(3):
        terminal.type("escape")
        look(terminal, 0.4)


def look(terminal: Terminal, seconds: float) -> None:
    """Let time pass while the screen is kept up to date."""
    for _ in range(round(seconds / 0.1)):
        terminal.read(0.1)


def picture(screen: pyte.Screen, path: Path) -> None:
    """Draw a screen to a PNG file."""
    console = Console(
        record=True, width=screen.columns, height=screen.lines, file=io.StringIO(), force_terminal=True,
        color_system="truecolor", legacy_windows=False,
    )  # fmt: skip
    for row in range(screen.lines):
        console.print(styled(screen, row), overflow="crop", no_wrap=True, crop=True)
    svg = path.with_suffix(".svg")
    svg.write_text(console.export_svg(title="lazycelery"), encoding="utf-8")
    subprocess.run(["rsvg-convert", "-w", "1400", str(svg), "-o", str(path)], check=True)
    svg.unlink()


def styled(screen: pyte.Screen, row: int) -> Text:
    """One row of the screen with its colours."""
    text = Text()
    for column in range(screen.columns):
        cell = screen.buffer[row][column]
        style = Style(color=colour(cell.fg), bgcolor=colour(cell.bg), bold=cell.bold, italic=cell.italics,
                      reverse=cell.reverse, underline=cell.underscore)  # fmt: skip
        text.append(cell.data, style)
    return text


def colour(name: str) -> str | None:
    """pyte's name of a colour as rich writes it."""
    if name == "default":
        return None
    return f"#{name}" if len(name) == 6 and all(letter in "0123456789abcdef" for letter in name.lower()) else name


if __name__ == "__main__":
    main(sys.argv[1:])
