"""What keeps a source alive? A thread that opens, reads, delivers, backs off and declares gaps."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from lazycelery_core.errors import AccessRefused, LazyCeleryError, SourceError
from lazycelery_core.events import Event
from lazycelery_core.model import Gap, Link, LinkState
from lazycelery_core.plugin_health import PluginHealth
from lazycelery_core.pulse import Pulse, seconds
from lazycelery_core.source import Source

log = logging.getLogger("lazycelery.sources")

READ = 0.25  # s; how long a read may wait: the thread notices a stop within this
EAGER, EAGER_FOR, PATIENT = 0.5, 60.0, 5.0  # s; retry at most every 0.5 s for the first minute, then every 5 s
REFUSED_PAUSE = 15.0  # s; rights change rarely, but they do
SLOW = 0.5  # s of round trip from which a line is called slow
GAPS_KEPT = 100
STOPPED = "this screen stood still: stopped, asleep or starved"
RATE_WINDOW = 5  # s

Answer = TypeVar("Answer")
Deliver = Callable[[Source, Sequence[Event], float], None]


class Supervisor:
    """One source and its thread. `link()` is its health at any time, from any thread.

    deliver(source, events, now) is called on this thread. recovered(source, gap) after a stream came back.
    """

    def __init__(
        self,
        source: Source,
        deliver: Deliver,
        recovered: Callable[[Source, Gap], None],
        health: PluginHealth,
        clock: Callable[[], float] = time.time,
        pulse: Pulse | None = None,
    ) -> None:
        self.source = source
        self._deliver, self._recovered, self._health, self._clock = deliver, recovered, health, clock
        self._pulse, self._turned = pulse or Pulse(), seconds()
        self._stop, self._again = threading.Event(), threading.Event()
        self._resting, self._closed = threading.Event(), threading.Event()
        self._state, self._since = LinkState.STARTING, clock()
        self._error = self._hint = self._cause = ""
        self._next_try: float | None = None
        self._failing_since: float | None = None
        self._events = 0
        self._seconds: deque[tuple[int, int]] = deque(maxlen=RATE_WINDOW + 1)
        self._sent: deque[tuple[float, int]] = deque(maxlen=RATE_WINDOW + 1)
        self._gaps: deque[Gap] = deque(maxlen=GAPS_KEPT)
        self._lost_at: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"source {source.plugin}.{source.name}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; does not wait."""
        self._stop.set()
        self._again.set()

    def join(self, timeout: float) -> bool:
        """Wait for the end; whether it came."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def rest(self) -> None:
        """Leave the broker until `wake`: whoever does not read makes it keep what nobody takes. Does not wait."""
        self._resting.set()

    def rests(self, timeout: float) -> bool:
        """Wait until nothing is open; whether it is so."""
        return self._thread.ident is None or self._closed.wait(timeout)

    def wake(self) -> None:
        """Go on; what was missed becomes a gap."""
        self._resting.clear()
        self._again.set()

    def retry_now(self) -> None:
        """Do not wait for the next try (F5)."""
        self._again.set()

    def link(self) -> Link:
        """The health of this source now."""
        now = self._clock()
        latency = self._asked("latency", self.source.latency, None)
        state = self._state
        if state is LinkState.LIVE and latency is not None and latency > SLOW:
            state = LinkState.SLOW
        lost_at = self._lost_at
        open_gap = [Gap(lost_at, None, self._cause)] if lost_at is not None and self.source.streams else []
        return Link(
            source=self.source.name, plugin=self.source.plugin, state=state, since=self._since, error=self._error,
            hint=self._hint, next_try=self._next_try, latency=latency, rate=self._rate(now), events=self._events,
            rejected=self._rejected(), gaps=(*self._gaps, *open_gap),
            notice=self._asked("notice", self.source.notice, ""),
            repaired=self._asked("repaired", lambda: dict(self.source.repaired()), {}), commands=self._commands(),
            streams=self.source.streams,
        )  # fmt: skip

    def _rejected(self) -> dict[str, int]:
        return self._asked("rejected", lambda: dict(self.source.rejected()), {})

    def _commands(self) -> float | None:
        """Commands a second over the last seconds."""
        asked = self._asked("asked", self.source.asked, None)
        if asked is None:
            return None
        now = time.monotonic()
        if not self._sent or now - self._sent[-1][0] >= 1.0:
            self._sent.append((now, asked))
        (start, before), (end, after) = self._sent[0], self._sent[-1]
        return (after - before) / (end - start) if end > start else None

    def _asked(self, what: str, call: Callable[[], Answer], otherwise: Answer) -> Answer:
        """What the source answers, behind a guard: it is asked on the screen's thread too."""
        return self._health.asked(self.source.plugin, f"source {self.source.name}.{what}", call, otherwise)

    def _rate(self, now: float) -> float:
        oldest = int(now) - RATE_WINDOW
        return sum(count for second, count in list(self._seconds) if second >= oldest) / RATE_WINDOW

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.source.open()
                self._came_back()
                self._read_until_stopped()
            except LazyCeleryError as error:
                self._went_away(error)
            except Exception as error:  # noqa: BLE001 - guard "source thread"
                self._health.report(self.source.plugin, f"source {self.source.name}", error)
                self._went_away(SourceError(f"{self.source.name} failed: {type(error).__name__}"))
            self._asked("close", self.source.close, None)
            self._wait_for_next_try()

    def _read_until_stopped(self) -> None:
        while not self._stop.is_set():
            if self._resting.is_set():
                raise SourceError(STOPPED)
            events = self.source.read(READ)
            now, stood_still = self._clock(), self._stood_still()
            if stood_still and self.source.streams:
                self._declare(Gap(now - stood_still, now, STOPPED))
            if events:
                self._count(len(events), int(now))
                self._deliver(self.source, events, now)

    def _stood_still(self) -> float:
        """Seconds that this program did not run, since this was asked last."""
        since, self._turned = self._turned, seconds()
        return self._pulse.stood_still(since)

    def _declare(self, gap: Gap) -> None:
        self._gaps.append(gap)
        self._recovered(self.source, gap)

    def _count(self, events: int, second: int) -> None:
        self._events += events
        if self._seconds and self._seconds[-1][0] == second:
            events += self._seconds.pop()[1]
        self._seconds.append((second, events))

    def _came_back(self) -> None:
        self._stood_still()  # while the line was lost: that gap covers it
        now, lost_at = self._clock(), self._lost_at
        self._state, self._since, self._error, self._hint = LinkState.LIVE, now, "", ""
        self._next_try = self._failing_since = self._lost_at = None
        if lost_at is not None and self.source.streams:
            cause = self._asked("lost_because", self.source.lost_because, "") or self._cause
            self._declare(Gap(lost_at, now, cause))

    def _went_away(self, error: LazyCeleryError) -> None:
        now = self._clock()
        log.warning("source %s.%s: %s", self.source.plugin, self.source.name, error)
        if self._lost_at is None:
            self._lost(error, now)
        self._failing_since = self._failing_since if self._failing_since is not None else now
        refused = isinstance(error, AccessRefused)
        self._error, self._hint = error.message, error.hint
        self._next_try = now + self._pause(refused, now)
        self._state = LinkState.REFUSED if refused else LinkState.RETRYING

    def _lost(self, error: LazyCeleryError, now: float) -> None:
        """From here on events are missed; before the first connection from the start on."""
        if self._state is LinkState.STARTING:
            self._lost_at, self._cause = self._since, error.message
        else:
            silence, stood_still = self._asked("silence", self.source.silence, 0.0), self._stood_still()
            self._lost_at = now - max(silence, stood_still)
            self._cause = f"{STOPPED}; {error.message}" if stood_still else error.message
        self._since = now

    def _pause(self, refused: bool, now: float) -> float:
        if refused:
            return REFUSED_PAUSE
        return EAGER if self._failing_since is None or now - self._failing_since < EAGER_FOR else PATIENT

    def _wait_for_next_try(self) -> None:
        self._closed.set()
        if self._next_try is not None and not self._stop.is_set():
            self._again.wait(max(0.0, self._next_try - self._clock()))
        while self._resting.is_set() and not self._stop.is_set():
            self._again.wait(READ)
        self._again.clear()
        self._closed.clear()
