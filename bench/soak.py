"""Does anything grow while the program runs for long? `python dev.py soak [--minutes 30] [--write FILE]`.

The real program in a terminal of its own behind a proxy: 500 events a second, ten hostile ones a second, clocks that
jump by hours, a line that is cut once a minute, a real worker that is asked, another view every 10 s. It keeps 16,384
tasks, two minutes of the stream, so that memory can be flat at all. Memory, descriptors and threads are read from /proc
every 10 s: the first third is warm-up, what grows over the other two is a leak. At the end it is suspended with Ctrl+Z
for a minute while events go on.
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from measure import Measure, about, table, write
from poison import Poison, poisoned
from publisher import publishing
from watched import Window

from lazycelery_core.testing.celery_worker import start_worker
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.proxy import proxy_of
from lazycelery_core.testing.servers import Server, start_valkey
from lazycelery_core.testing.terminal import Terminal

KEPT = Path(__file__).parent / "soak.json"
RATE, HELD = 500, 16_384  # events a second; tasks kept
SAMPLE, CUT, SUSPENDED = 10.0, 60.0, 60.0  # s
VIEWS = "TOWQH"
PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20


@dataclass(frozen=True)
class Sample:
    """The program at one moment."""

    at: float
    memory: float  # MB
    descriptors: int
    threads: int
    events: int
    gaps: int
    rejected: int
    lag: float


@dataclass(frozen=True)
class Suspended:
    """What was seen of a minute's rest."""

    stopped: bool
    named: bool
    error: float  # s between the declared gap and the real one
    output: float  # MB that the broker held for it at most
    memory: float  # MB that the broker grew by
    keys: int  # that the broker had more
    back: float  # s until events were live again


@dataclass(frozen=True)
class Scene:
    """The running program, and what it runs against."""

    terminal: Terminal
    window: Window
    server: Server
    poison: Poison

    def sample(self, began: float) -> Sample:
        """Look now."""
        place = Path(f"/proc/{self.terminal.pid}")
        told = self.window.ask()
        return Sample(
            at=time.monotonic() - began, memory=int((place / "statm").read_text().split()[1]) * PAGE / MIB,
            descriptors=len(list((place / "fd").iterdir())), threads=len(list((place / "task").iterdir())),
            events=told["events"], gaps=told["gaps"], rejected=told["rejected"], lag=told["lag"],
        )  # fmt: skip

    def live(self) -> bool:
        """Whether events arrive: more of them than a moment ago."""
        before = self.window.ask()["events"]
        self.terminal.read_for(0.5)
        return bool(self.window.ask()["events"] > before)


def main() -> int:
    """Run it; 1 when something missed."""
    parser = argparse.ArgumentParser(prog="dev.py soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--write", type=Path, metavar="FILE", help=f"where to keep the figures; else {KEPT.name}")
    given = parser.parse_args()
    with scene(given.minutes * 60 + SUSPENDED + 60) as running:
        samples = list(soaked(running, given.minutes * 60))
        rest = suspended(running)
    measures = [*_measures(samples, running.poison), *_of_rest(rest)]
    print(table(measures))
    target = given.write or (KEPT if given.minutes >= 30 else None)
    if target is not None:
        target.unlink(missing_ok=True)
        write(measures, about(f"{given.minutes:g} minutes"), target)
    return int(any(each.passed is False for each in measures))


@contextmanager
def scene(seconds: float) -> Iterator[Scene]:
    """Everything started."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(start_valkey(home))
        proxy = stack.enter_context(proxy_of(server))
        stack.enter_context(start_worker(server.url, home, name="real@soak"))
        stack.enter_context(publishing(server.socket, events=int(RATE * seconds), rate=RATE))
        watched = [sys.executable, str(Path(__file__).with_name("watched.py")), str(home / "window"), f"0/{HELD}"]
        variables = dict.fromkeys(("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"), str(home))
        terminal = stack.enter_context(Terminal([*watched, "--broker", proxy.url()], environment=variables))
        while not (home / "window").exists():
            terminal.read_for(0.2)
            if terminal.status is not None:
                raise RuntimeError(f"the program ended:\n{terminal.text()}")
        poison = stack.enter_context(poisoned(server, proxy, CUT))
        yield Scene(terminal, Window(home / "window"), server, poison)


def soaked(scene: Scene, seconds: float) -> Iterator[Sample]:
    """Samples while the time passes; the screen shows one view after the other."""
    began = time.monotonic()
    for number, view in enumerate(cycle(VIEWS), 1):
        scene.terminal.type(view, *("down",) * (number % 3))
        scene.terminal.read_for(began + SAMPLE * number - time.monotonic())
        if time.monotonic() - began > seconds:
            return
        sample = scene.sample(began)
        print(sample, file=sys.stderr, flush=True)
        yield sample


def suspended(scene: Scene) -> Suspended:
    """Ctrl+Z for a minute while events go on; then what the screen says, and what the broker had to bear."""
    scene.poison.end()
    scene.terminal.type("H")
    wait_until(scene.live, "events", 30)
    with scene.server.client() as client:
        memory, keys, output = _used(client), client.dbsize(), 0.0
        begun = time.time()
        scene.terminal.type("ctrl+z")
        stopped = _happens(lambda: _state(scene.terminal.pid) == "T", scene.terminal, 5)
        if not stopped:
            scene.terminal.signal(signal.SIGSTOP)
        while time.time() - begun < SUSPENDED:
            scene.terminal.read_for(1.0)
            output = max(output, _held(client))
        memory, keys = _used(client) - memory, client.dbsize() - keys
    gone_on = time.time()
    scene.terminal.signal(signal.SIGCONT)
    back = time.monotonic()
    wait_until(scene.live, "events after the rest", 30)
    back = time.monotonic() - back
    named = _happens(lambda: "this screen stood still" in scene.terminal.text(), scene.terminal, 10)
    ((first, last),) = scene.window.ask()["last_gap"]
    error = max(abs(first - begun), abs((last or 0.0) - gone_on))
    return Suspended(stopped, named, error, output, memory, keys, back)


def _happens(condition: Callable[[], bool], terminal: Terminal, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        terminal.read_for(0.1)
    return condition()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _used(client: Any) -> float:
    return float(client.info("memory")["used_memory"]) / MIB


def _held(client: Any) -> float:
    """MB that the broker holds back for its clients."""
    return sum(int(each["omem"]) for each in client.client_list()) / MIB


def _measures(samples: Sequence[Sample], poison: Poison) -> list[Measure]:
    steady = samples[len(samples) // 3 :]
    minutes = (steady[-1].at - steady[0].at) / 60
    memory = [each.memory for each in steady]
    level = statistics.median(memory)
    growth = slope([each.at for each in steady], memory) * (steady[-1].at - steady[0].at)
    over = f"over the last {minutes:.0f} of {samples[-1].at / 60:.0f} minutes"
    counts = f"{samples[-1].events:,} events, {poison.sent:,} hostile ones, {poison.jumps} clock jumps"
    return [
        Measure("soak: growth of memory", 100 * growth / level, None, "%", "ours <= 5",
                f"slope {over}, at {level:.0f} MB with {HELD:,} tasks kept, worst {max(memory):.0f}; {counts}"),
        *(
            Measure(f"soak: growth of {what}", _grown(counted), None, "", "ours <= 0",
                    f"median of the last third less that of the middle one; {min(counted)} to {max(counted)}")
            for what, counted in (("descriptors", [each.descriptors for each in steady]),
                                  ("threads", [each.threads for each in steady]))
        ),
        Measure("soak: gaps declared", samples[-1].gaps, poison.cuts, "gaps", "ratio >= 1",
                "peer: the times the line was cut"),
        Measure("soak: events rejected", samples[-1].rejected, None, "events", "ours >= 1", counts),
        Measure("soak: lag", 1e3 * statistics.median(each.lag for each in steady), None, "ms", "ours <= 500", "median"),
    ]  # fmt: skip


def _of_rest(rest: Suspended) -> list[Measure]:
    return [
        Measure("soak: suspended by Ctrl+Z", rest.stopped, None, "", "ours >= 1", f"for {SUSPENDED:.0f} s"),
        Measure("soak: the gap is named on the screen", rest.named, None, "", "ours >= 1"),
        Measure("soak: error of the gap's bounds", rest.error, None, "s", "ours <= 0.5", "the worse of the two"),
        Measure("soak: output held by the broker meanwhile", rest.output, None, "MB", "ours <= 0.1"),
        Measure("soak: growth of the broker's memory", rest.memory, None, "MB", "ours <= 0.5"),
        Measure("soak: growth of the broker's keys", rest.keys, None, "keys", "ours <= 0"),
        Measure("soak: events again after", rest.back, None, "s", "ours <= 2"),
    ]


def _grown(counted: Sequence[int]) -> float:
    half = len(counted) // 2
    return statistics.median(counted[half:]) - statistics.median(counted[:half])


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """What is added in a second, by least squares."""
    return float(statistics.linear_regression(times, values).slope)


if __name__ == "__main__":
    sys.exit(main())
