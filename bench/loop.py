"""T10: how late is the screen's loop while events pour in, against the same screen with hardly any?

A sampler in the loop of the real program notes how late it is called, every 5 ms. The floor is the same screen with
events that keep it drawing at the same pace: what is left is what taking events in adds.
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

FLOOR, RATE = 100, 40_000  # events a second
WARM = 2.0  # s


def run(size: Size) -> list[Measure]:
    """The lag's p99 at both rates, in turns."""
    lags: dict[int, list[list[float]]] = {FLOOR: [], RATE: []}
    with (
        tempfile.TemporaryDirectory() as home,
        start_valkey(Path(home)) as server,
        watched(Path(home), server.url) as (terminal, window),
    ):
        terminal.type("T")
        for turn in range(2 * size.rounds):
            rate = (FLOOR, RATE)[turn % 2]
            lags[rate].append(_lags(server, terminal, window, rate, size.watch / 2, first=1_000 * (turn + 1)))
    floor, loaded = (1e3 * median([share(each, 0.99) for each in lags[rate]]) for rate in (FLOOR, RATE))
    usual = {rate: 1e3 * median([share(each, 0.5) for each in lags[rate]]) for rate in lags}
    return [
        Measure(
            f"T10 loop lag p99 at {RATE:,} events/s", loaded, floor, "ms", f"ours <= {2 * floor + 1:.2f}",
            f"peer: the same screen at {FLOOR} events/s; the target is twice that and 1 ms; medians of {size.rounds} "
            f"turns each; p50 {usual[RATE]:.2f} and {usual[FLOOR]:.2f} ms",
        )
    ]  # fmt: skip


def _lags(server: Server, terminal: Terminal, window: Window, rate: int, seconds: float, first: int) -> list[float]:
    with publishing(server.socket, events=int(rate * (seconds + WARM)), rate=rate, first=first) as publisher:
        terminal.watch(WARM)
        window.ask("lag on")
        terminal.watch(seconds - 0.5)
        lags = window.ask("lag off")["lags"]
        publisher.result()
    return list(lags)
