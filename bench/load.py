"""T3: what does the whole program cost under load, what is lost, and how late is what it shows? Beside Flower.

One Valkey with Redis' own limits for subscribers, the real program in a terminal on its Tasks view, events at a fixed
rate from a publisher of their own process. Program and Flower take turns, never at the same time.
"""

import tempfile
import time
from pathlib import Path

from flower import VERSION, Flower, flower
from measure import Measure
from publisher import publishing
from size import Size
from terminal import Terminal
from turns import Figures
from watched import Window, watched

from lazycelery_core.testing.servers import Server, start_valkey

RATE, FLOWER_RATE = 20_000, 6_000  # events a second at which cost is compared: what each of them keeps up with
FLOOD, BURST = 12_000, 50_000
WARM = 2.0  # s
COUNTED = 0.992  # of the recorded events Flower counts so many: none of the users' own kinds
CATCH_UP = 15.0  # s after the last event in which the rest may arrive


def run(size: Size) -> list[Measure]:
    """Cost per event, loss where Flower loses, loss and lag at a rate that no other monitor takes."""
    with tempfile.TemporaryDirectory() as folder, start_valkey(Path(folder), tcp=True) as server:
        home = Path(folder)
        with watched(home, server.tcp_url()) as (terminal, window):
            terminal.type("T")
            cost = _ours(server, terminal, window, RATE, size.flower, first=0)
            flood = _ours(server, terminal, window, FLOOD, size.flower, first=10_000)
        flower_cost = _flower(server, home, FLOWER_RATE, size.flower)
        before = _cut_off(server)
        flower_flood = _flower(server, home, FLOOD, size.flower)
        cut_off = _cut_off(server) - before
        with watched(home, server.tcp_url()) as (terminal, window):
            terminal.type("T")
            burst = _ours(server, terminal, window, BURST, size.burst, first=20_000)
    return _measures(size, cost, flood, burst, flower_cost, flower_flood, cut_off)


def _measures(
    size: Size, cost: Figures, flood: Figures, burst: Figures, flower_cost: Figures, flower_flood: Figures, cut_off: int
) -> list[Measure]:
    behind = f"; the publisher was {burst['late']:.1f} s late" if burst["late"] > 1 else ""
    return [
        Measure(
            "T3 CPU per event of the whole program", cost["us_event"], flower_cost["us_event"], "us", "ratio <= 1/8",
            f"at {RATE:,} events/s, drawing; Flower {VERSION} at {FLOWER_RATE:,} events/s",
        ),
        Measure(
            f"T3 events lost at {FLOOD:,}/s", flood["lost"], flower_flood["lost"], "events", "ours <= 0",
            f"of {flood['sent']:,} in {size.flower:.0f} s, Redis' own limits; Flower {VERSION} beside it"
            + (f" (Redis cut it off {cut_off} times)" if cut_off else " (behind, not yet cut off)"),
        ),
        Measure(
            f"T3 events lost at {BURST:,}/s", burst["lost"], None, "events", "ours <= 0",
            f"of {burst['sent']:,} in {burst['seconds']:.0f} s, Redis' own limits; {burst['cpu_share']:.0%} of a core, "
            f"{burst['rss'] / 1e6:.0f} MB with {burst['held']:,} tasks{behind}",
        ),
        Measure(
            f"T3 lag at {BURST:,}/s", 1e3 * burst["lag_median"], None, "ms", "ours <= 250",
            f"publish to store, median of one look a second; worst {1e3 * burst['lag_worst']:.0f} ms",
        ),
    ]  # fmt: skip


def _cut_off(server: Server) -> int:
    """Subscribers that Redis has cut off for being slow."""
    with server.client() as client:
        return int(client.info("stats")["client_output_buffer_limit_disconnections"])


def _ours(server: Server, terminal: Terminal, window: Window, rate: int, seconds: float, first: int) -> Figures:
    """Cost, loss and lag of the program at a rate."""
    before = window.ask()
    lags: list[float] = []
    with publishing(server.socket, events=int(rate * seconds), rate=rate, first=first) as publisher:
        terminal.watch(WARM)
        warm = window.ask()
        while not publisher.ended:
            terminal.watch(1.0)
            end = window.ask()
            lags += [] if end["lag"] is None else [end["lag"]]
        sent = publisher.result()
    after = window.ask()
    for _ in range(int(CATCH_UP)):
        if after["events"] - before["events"] >= sent["events"]:
            break
        terminal.watch(1.0)
        after = window.ask()
    busy = end["at"] - warm["at"]
    cpu = end["cpu"] - warm["cpu"]
    return {
        "us_event": 1e6 * cpu / max(1, end["events"] - warm["events"]), "cpu_share": cpu / busy,
        "sent": sent["events"], "lost": sent["events"] - (after["events"] - before["events"]),
        "seconds": sent["seconds"], "late": sent["late"], "rss": after["rss"], "held": after["held"],
        "lag_median": sorted(lags)[len(lags) // 2], "lag_worst": max(lags),
    }  # fmt: skip


def _flower(server: Server, home: Path, rate: int, seconds: float) -> Figures:
    """Cost and loss of Flower at a rate."""
    with flower(server.tcp_url(), home, most=1_000_000) as peer:
        with publishing(server.socket, events=int(rate * seconds), rate=rate, first=1_000) as publisher:
            time.sleep(WARM)
            cpu, counted = peer.cpu, peer.events
            sent = publisher.result()
            cpu, warm = peer.cpu - cpu, peer.events - counted
        counted = settled(peer)
    return {"us_event": 1e6 * cpu / max(1, warm), "lost": max(0, round(sent["events"] * COUNTED) - counted)}


def settled(peer: Flower, patience: float = CATCH_UP) -> int:
    """Events that Flower has counted, once it has caught up with what it is going to get."""
    counted = -1
    deadline = time.monotonic() + patience
    while counted != peer.events and time.monotonic() < deadline:
        counted = peer.events
        time.sleep(1.0)
    return counted
