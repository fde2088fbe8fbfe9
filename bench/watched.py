"""How is the real program measured from outside? It runs as always, and a socket beside it tells its figures.

Usage: watched.py SOCKET PRELOAD[/HELD] ARGUMENTS-OF-LAZYCELERY. PRELOAD: tasks that are put into its store before it
starts; HELD: how many tasks it keeps, in small segments, so that it forgets the first of them within minutes.
The harness asks `figures`, `lag on` (a sampler of the screen loop begins) or `lag off`, a line each.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from recorded import EVENTS, TASKS, Replay, payloads
from terminal import Terminal

SAMPLE = 0.005  # s between two looks at the loop's lag
SEGMENT = 1_024  # tasks
OF_PRELOAD = 1_000_000  # repetitions from here on: their ids meet those of no publisher
PATIENCE = 300.0  # s; a million tasks take a while to be preloaded


class Window:
    """The harness' side: figures of the program at work."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(self, question: str = "figures") -> dict[str, Any]:
        """The answer to a question."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(30)
            line.connect(str(self._path))
            line.sendall(question.encode() + b"\n")
            with line.makefile() as answer:
                return dict(json.loads(answer.readline()))


@contextmanager
def watched(home: Path, url: str, preload: int = 0) -> Iterator[tuple[Terminal, Window]]:
    """The program in a terminal, on its first view, with so many tasks; and the window into it."""
    path = home / "window"
    path.unlink(missing_ok=True)
    variables = dict.fromkeys(("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"), str(home))
    with Terminal([sys.executable, __file__, str(path), str(preload), "--broker", url], variables) as terminal:
        deadline = time.monotonic() + PATIENCE
        while not path.exists():
            terminal.read(0.1)
            if time.monotonic() > deadline:
                raise TimeoutError("the program did not come up")
        terminal.watch(2.0)
        yield terminal, Window(path)


class Told:
    """The program's side."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._app: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lags: list[tuple[float, float]] | None = None
        self._waited = 0.0

    def begin(self, app: Any) -> None:
        """Called by the loop of the app, once it has something to watch."""
        if self._app is None:
            self._app, self._loop = app, asyncio.get_running_loop()
            threading.Thread(target=self._serve, name="window", daemon=True).start()

    def _serve(self) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(self._path)
            server.listen()
            while True:
                line, _ = server.accept()
                with line, line.makefile("rw") as both:
                    both.write(json.dumps(self._answer(both.readline().strip())) + "\n")

    def _answer(self, question: str) -> dict[str, Any]:
        assert self._loop is not None
        if question == "lag on":
            self._lags = []
            self._loop.call_soon_threadsafe(self._sample, time.perf_counter())
            return {}
        if question == "lag off":
            lags, self._lags = self._lags, None
            return {"lags": lags}
        deployment = self._app.watched.deployment
        links = {f"{link.plugin}.{link.source}": link for link in deployment.links()}
        events, totals = links["redis.events"], deployment.store.totals(time.time())
        return {
            "at": time.perf_counter(), "cpu": time.process_time(), "rss": _rss(), "events": events.events,
            "gaps": len(events.gaps), "last_gap": [(gap.start, gap.end) for gap in events.gaps][-1:],
            "rejected": sum(totals.rejected.values()) + sum(events.rejected.values()), "dropped": totals.dropped,
            "lag": totals.lag, "held": deployment.store.tasks().held,
        }  # fmt: skip

    def _sample(self, due: float) -> None:
        """Note how late this is, and how much of it the machine gave to others while we could have run."""
        assert self._loop is not None
        if self._lags is not None:
            now, waited = time.perf_counter(), _waited()
            self._lags.append((now - due, min(now - due, waited - self._waited)))
            self._waited = waited
            self._loop.call_later(SAMPLE, self._sample, now + SAMPLE)


def _waited() -> float:
    """Seconds that the screen's thread has waited for a processor; Linux only."""
    if sys.platform != "linux":
        return 0.0
    with open("/proc/self/schedstat") as told:  # noqa: PTH123 - called in a loop
        return int(told.read().split()[1]) / 1e9


def _rss() -> int:
    if sys.platform != "linux":
        return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(os.getpid())])) * 1024
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def _preloaded(store: Any, tasks: int) -> None:
    """Put recorded tasks into a store, as events of now."""
    from lazycelery_core.decode import Tally
    from lazycelery_plugin_redis.envelope import events_in

    tally = Tally()
    replay = Replay(first=OF_PRELOAD, as_pushed=True)
    for piece, _ in payloads(replay, round(tasks / TASKS * EVENTS)) if tasks else ():
        now = time.time()
        store.apply([event for payload in piece for event in events_in(payload, now, tally)], now)


def main() -> None:
    """Run the program with a window."""
    told, (preload, _, held) = Told(sys.argv[1]), sys.argv[2].partition("/")
    del sys.argv[1:3]
    from lazycelery_core import store
    from lazycelery_core.app import LazyCeleryApp
    from lazycelery_core.cli import main as program
    from lazycelery_core.launcher import Launcher

    watch, bring = Launcher.watch, LazyCeleryApp._bring  # noqa: SLF001 - where the app gets its watch

    if held:
        store.Limits = partial(store.Limits, tasks=int(held), segment_rows=SEGMENT)  # type: ignore[misc, assignment]

    def filled(launcher: Launcher, *arguments: Any) -> Any:
        made = watch(launcher, *arguments)
        _preloaded(made.deployment.store, int(preload))
        return made

    def brought(app: LazyCeleryApp, made: Any) -> None:
        bring(app, made)
        told.begin(app)

    Launcher.watch, LazyCeleryApp._bring = filled, brought  # type: ignore[method-assign, assignment]  # noqa: SLF001
    program()


if __name__ == "__main__":
    main()
