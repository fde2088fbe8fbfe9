"""T9, T12: how long from a key to the frame it causes, while tasks are held and events arrive, and in how many bytes?

The real program in a 120x40 pty on its Tasks view. A key counts as answered by the first frame, after it was written,
that draws the row under the cursor: a live frame between does not count. Beside it the monitor one would write from
Celery's Receiver and State and Textual's DataTable, at a quarter of the events; there any frame counts.
"""

import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from measure import Measure
from publisher import publishing
from size import Size
from terminal import Terminal
from turns import Figures, share
from watched import watched

from lazycelery_core.testing.servers import Server, start_valkey
from lazycelery_core.theme import THEMES

RATE, PEER_RATE = 20_000, 5_000  # events a second
PEER_SHARE = 5  # one key for so many of ours: most take long
DOWN, UP = "\x1b[B", "\x1b[A"
SETTLE = 5.0  # s of events before the first key
PAUSE = (0.08, 0.25)  # s between a frame and the next key
LOST = 2.0  # s; a key that takes longer counts as this long
SLOW = 1.1  # how much longer than planned the publisher may run


def run(size: Size) -> list[Measure]:
    """Keys, bytes while streaming, bytes while nothing happens, memory."""
    with tempfile.TemporaryDirectory() as home, start_valkey(Path(home)) as server:
        seconds = SETTLE + size.keys * (sum(PAUSE) / 2 + 0.05) + size.watch
        with watched(Path(home), server.url, size.tasks) as (terminal, window):
            terminal.type("T")
            with publishing(server.socket, events=int(RATE * seconds), rate=RATE) as publisher:
                terminal.watch(SETTLE)
                streaming = _streamed(terminal, size.watch)
                ours = _keyed(terminal, size.keys, _draws_cursor)
                figures = window.ask()
                publisher.result()
            idle = _idle(terminal, size.watch)
        peer = _peer(server, home, size.keys // PEER_SHARE)
    return [*_measures(size, ours, streaming, idle, figures), *_beside(ours, peer)]


def _beside(ours: list[float], peer: list[float]) -> list[Measure]:
    return [
        Measure(
            f"T9 key to frame, {name}, against a DataTable", 1e3 * share(ours, part), 1e3 * share(peer, part), "ms",
            "ratio <= 1/5", f"Receiver and State in a thread, DataTable, {PEER_RATE:,} events/s, {len(peer)} keys",
        )
        for name, part in (("p50", 0.5), ("p95", 0.95))
    ]  # fmt: skip


def _measures(size: Size, ours: list[float], streaming: float, idle: float, figures: Figures) -> list[Measure]:
    held = f"{figures['held']:,} tasks held, {RATE:,} events/s"
    return [
        Measure("T9 key to frame, p50", 1e3 * share(ours, 0.5), None, "ms", "ours <= 5", f"{len(ours)} keys; {held}"),
        Measure("T9 key to frame, p95", 1e3 * share(ours, 0.95), None, "ms", "ours <= 20", f"{len(ours)} keys; {held}"),
        Measure("T5 memory of the whole program", figures["rss"] / 1e6, None, "MB", "ours <= 400", held),
        Measure("T12 bytes to the terminal, streaming", streaming / 1e3, None, "KB/s", "ours <= 60",
                f"120x40, Tasks view, nothing pressed; {held}"),
        Measure("T12 bytes to the terminal, idle", idle, None, "B/s", "ours <= 200", "120x40, Tasks view, no events"),
    ]  # fmt: skip


def _peer(server: Server, home: str, keys: int) -> list[float]:
    """The same of the monitor that one would write first, while its table is still short."""
    argv = [sys.executable, str(Path(__file__).with_name("peer_monitor.py")), server.url]
    with Terminal(argv, {"HOME": home}) as terminal:
        terminal.watch(2.0)
        with publishing(server.socket, events=PEER_RATE * 120, rate=PEER_RATE, first=50_000):
            terminal.watch(SETTLE / 2)
            return _keyed(terminal, keys, bool, DOWN, UP)


def _keyed(
    terminal: Terminal, keys: int, answered: Callable[[bytes], object], down: str = "j", up: str = "k"
) -> list[float]:
    """Seconds from each of so many keys to its frame: mostly down, sometimes up."""
    chance = random.Random(11)
    found = []
    for number in range(keys):
        terminal.forget()
        pressed = terminal.type(chance.choice((down, down, down, down, up)) if number else down)
        frame = terminal.frame(answered, LOST)
        found.append(frame.at - pressed if frame is not None else LOST)
        terminal.watch(chance.uniform(*PAUSE))
    return found


def _draws_cursor(frame: bytes) -> bool:
    red, green, blue = bytes.fromhex(THEMES["dark"].surfaces.tint.lstrip("#"))
    return f"48;2;{red};{green};{blue}".encode() in frame


def _streamed(terminal: Terminal, seconds: float) -> float:
    """Bytes a second while nothing is pressed."""
    before = terminal.written
    terminal.watch(seconds)
    return (terminal.written - before) / seconds


def _idle(terminal: Terminal, seconds: float) -> float:
    """Bytes a second once the last events have left the charts' newest steps."""
    terminal.watch(seconds)
    return _streamed(terminal, seconds)
