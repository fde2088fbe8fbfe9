"""How does a test see a fault as a user would? The whole program but its screen, with what is promised as asserts.

with watching(proxy.url(), numbers) as watched:
    begun = time.time()
    proxy.hole = True
    watched.notices(within=3.0)
    proxy.hole = False
    lost = watched.lost_only_in(watched.comes_back(), begun, time.time())
"""

import math
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

from lazycelery_core.config import loads
from lazycelery_core.launcher import Launcher, Options, Watch
from lazycelery_core.model import Gap, Link, LinkState
from lazycelery_core.testing.numbered import Numbers
from lazycelery_core.testing.processes import wait_until

BOUNDS = 0.5  # s that a gap's bounds may be wrong
BACK = 2.0  # s from the end of a fault until live again
ARRIVAL = 1.1  # s until what was published is either known or lost
NAP = 0.05  # s
LATELY = 20.0  # s
STALLED = 0.1  # s late altogether: such a machine is not quiet
GONE = (LinkState.RETRYING, LinkState.REFUSED)


def slack() -> float:
    """How many times longer than promised things may take: 1 on a quiet machine, on a busy one 2 or its load."""
    wanted = max(os.getloadavg()[0], _running()) / _processors()  # by all that wants to run
    return 1.0 if wanted <= 0.5 and _stalls().lately() <= STALLED else max(2.0, 2 * wanted)


def _running() -> int:
    """Threads that run or could run now; the load tells of a new one only after a minute."""
    now = Path("/proc/loadavg")
    return int(now.read_text("ascii").split()[3].partition("/")[0]) if now.exists() else 0


def _processors() -> float:
    """How many there are for us: a container may see all of its host's and get two."""
    limit = Path("/sys/fs/cgroup/cpu.max")
    quota, _, period = (limit.read_text("ascii") if limit.exists() else "max").strip().partition(" ")
    return min(os.cpu_count() or 1, int(quota) / int(period) if quota.isdigit() else math.inf)


class _Stalls(threading.Thread):
    """How late a thread that only sleeps wakes up: neighbours on the same hardware and quotas are in no load."""

    def __init__(self) -> None:
        super().__init__(name="stalls", daemon=True)
        self._late: deque[tuple[float, float]] = deque(maxlen=1000)  # when, seconds

    def run(self) -> None:
        while True:
            begun = time.monotonic()
            time.sleep(NAP)
            woken = time.monotonic()
            if woken - begun > 2 * NAP:
                self._late.append((woken, woken - begun - NAP))

    def lately(self) -> float:
        """Seconds late in the time that a fault takes."""
        since = time.monotonic() - LATELY
        return sum(late for when, late in tuple(self._late) if when > since)


@cache
def _stalls() -> _Stalls:
    """Those of this process, from the first call on."""
    stalls = _Stalls()
    stalls.start()
    return stalls


def wait(seconds: float) -> None:
    """A fault lasts."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, "the fault to last", seconds + 5)


class Watched:
    """A running deployment, looked at through the health of its event stream."""

    def __init__(self, watch: Watch, numbers: Numbers | None) -> None:
        self.watch, self.deployment, self._numbers = watch, watch.deployment, numbers
        self.since = 0.0  # when it was live first

    @property
    def events(self) -> Link:
        return next(link for link in self.deployment.links() if link.source == "events")

    @property
    def gaps(self) -> list[Gap]:
        return [gap for gap in self.events.gaps if gap.end is not None]

    def flows(self) -> None:
        """Wait until numbered events arrive."""
        assert self._numbers is not None
        begun, numbers = time.time(), self._numbers
        wait_until(lambda: numbers.heard(self.deployment, begun) > 2, "events flow")

    def notices(self, within: float) -> Link:
        """Wait until the loss is told; `within` seconds."""
        begun, allowed = time.monotonic(), within * slack()
        wait_until(lambda: self.events.state in GONE, "the loss is told")
        assert time.monotonic() - begun <= max(allowed, within * slack())
        return self.events

    def comes_back(self, within: float = BACK) -> Gap:
        """Wait until it is live again, `within` seconds; the gap that is declared for it."""
        begun, allowed = time.monotonic(), within * slack()
        wait_until(lambda: self.events.state is LinkState.LIVE and self.gaps, "it is live again")
        assert time.monotonic() - begun <= max(allowed, within * slack())
        return self.gaps[-1]

    def lost_only_in(self, gap: Gap, begun: float, ended: float) -> int:
        """How many events were lost, all of them inside the gap, whose bounds are those of the fault."""
        assert self._numbers is not None
        assert gap.end is not None
        allowed = BOUNDS * slack()
        assert abs(gap.start - begun) <= allowed, f"began {gap.start - begun:+.2f} s off"
        assert -allowed <= gap.end - ended <= BACK * slack(), f"ended {gap.end - ended:+.2f} s off"
        self.flows()
        wait(ARRIVAL)
        return self.lost_in([gap])

    def lost_in(self, gaps: Sequence[Gap]) -> int:
        """How many events were lost since it was live first, each of them inside one of these gaps."""
        assert self._numbers is not None
        lost = [each for each in self._numbers.lost(self.deployment) if each.before > self.since]
        for each in lost:
            assert any(gap.start <= each.after and each.before <= (gap.end or each.before) for gap in gaps), each
        return len(lost)


@contextmanager
def watching(
    url: str,
    numbers: Numbers | None = None,
    passive: bool = False,
    allow: Sequence[str] = (),
    queues: Sequence[str] = (),
    live: bool = True,
    config: str = "",
) -> Iterator[Watched]:
    """The whole program but its screen.

    allow: granted scopes. queues: those of the connection's settings. live: wait for that. config: the file's text.
    """
    launcher = Launcher(loads(config), Options(passive=passive, allow=tuple(allow)))
    watch = launcher.watch(replace(launcher.connect(url), queues=tuple(queues)))
    watch.start()
    _stalls()
    watched = Watched(watch, numbers)
    try:
        if live:
            wait_until(lambda: watched.events.state is LinkState.LIVE, "the stream is live")
        watched.since = time.time()
        if numbers is not None:
            watched.flows()
        yield watched
    finally:
        watch.stop()
