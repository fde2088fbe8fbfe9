"""T10: how late is the screen's loop while events pour in, against the same screen with a fortieth of them?

A sampler in the loop of the real program notes how late it is called, every 5 ms. The floor is the same screen with
just so many events that each frame changes every row as well: what is left is what taking events in adds. Time in which
the thread could have run but other processes had the processors is taken out, where the system tells it (Linux): a
machine that does other things is no property of the program.
"""

import tempfile
from pathlib import Path
from statistics import median

from measure import Measure
from publisher import publishing
from size import Size
from terminal import Terminal
from turns import share
from watched import Window, watched

from lazycelery_core.testing.servers import Server, start_valkey

FLOOR, RATE = 1_000, 40_000  # events a second
WARM = 2.0  # s


def run(size: Size) -> list[Measure]:
    """The lag's p99 at both rates, in turns."""
    lags: dict[int, list[list[float]]] = {FLOOR: [], RATE: []}
    raw: dict[int, list[list[float]]] = {FLOOR: [], RATE: []}
    with (
        tempfile.TemporaryDirectory() as home,
        start_valkey(Path(home)) as server,
        watched(Path(home), server.url) as (terminal, window),
    ):
        terminal.type("T")
        for turn in range(2 * size.rounds):
            rate = (FLOOR, RATE)[turn % 2]
            found = _lags(server, terminal, window, rate, size.watch / 2, first=1_000 * (turn + 1))
            lags[rate].append([late - waited for late, waited in found])
            raw[rate].append([late for late, _ in found])
    floor, loaded = (1e3 * median([share(each, 0.99) for each in lags[rate]]) for rate in (FLOOR, RATE))
    usual = {rate: 1e3 * median([share(each, 0.5) for each in lags[rate]]) for rate in lags}
    with_others = {rate: 1e3 * median([share(each, 0.99) for each in raw[rate]]) for rate in raw}
    return [
        Measure(
            f"T10 loop lag p99 at {RATE:,} events/s", loaded, floor, "ms", f"ours <= {2 * floor + 1:.2f}",
            f"peer: the same screen at {FLOOR:,} events/s, which change all rows too; the target is twice that and "
            f"1 ms; medians of {size.rounds} turns each; p50 {usual[RATE]:.2f} and {usual[FLOOR]:.2f} ms; p99 with the "
            f"time that other processes took {with_others[RATE]:.1f} and {with_others[FLOOR]:.1f} ms",
        )
    ]  # fmt: skip


def _lags(
    server: Server, terminal: Terminal, window: Window, rate: int, seconds: float, first: int
) -> list[tuple[float, float]]:
    with publishing(server.socket, events=int(rate * (seconds + WARM)), rate=rate, first=first) as publisher:
        terminal.watch(WARM)
        window.ask("lag on")
        terminal.watch(seconds - 0.5)
        lags = window.ask("lag off")["lags"]
        publisher.result()
    return [(late, waited) for late, waited in lags]
