"""Does a source that fails come back, and is what was missed declared?"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from lazycelery_core.errors import AccessRefused, SourceError
from lazycelery_core.events import Event, WireEvent
from lazycelery_core.model import Gap, LinkState
from lazycelery_core.plugin_health import PluginHealth
from lazycelery_core.pulse import Pulse
from lazycelery_core.source import Source
from lazycelery_core.supervisor import STOPPED, Supervisor
from lazycelery_core.testing.processes import wait_until


class Scripted(Source):
    """A source whose line the test cuts and mends."""

    name = "scripted"
    streams = True
    plugin = "mine"

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.stop_at: Callable[[], None] | None = None  # called right before the line breaks
        self.opened = self.closed = 0
        self.events: list[Event] = []
        self.tick = threading.Event()

    def open(self) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.opened += 1

    def read(self, timeout: float) -> Sequence[Event]:
        self.tick.wait(min(timeout, 0.01))
        if self.trouble is not None:
            if self.stop_at is not None:
                self.stop_at()
            raise self.trouble
        events, self.events = self.events, []
        return events

    def close(self) -> None:
        self.closed += 1

    def silence(self) -> float:
        return 1.5


class Watched:
    """A running supervisor with what it delivered."""

    def __init__(self) -> None:
        self.source = Scripted()
        self.delivered: list[Event] = []
        self.gaps: list[Gap] = []
        self.health = PluginHealth()
        self.supervisor = Supervisor(
            self.source,
            lambda _, events, __: self.delivered.extend(events),
            lambda _, gap: self.gaps.append(gap),
            self.health,
        )


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched = Watched()
    watched.supervisor.start()
    wait_until(lambda: watched.supervisor.link().state is LinkState.LIVE, "the source is live")
    yield watched
    watched.supervisor.stop()
    assert watched.supervisor.join(5)


def test_events_are_delivered_and_counted(watched: Watched) -> None:
    watched.source.events = [WireEvent("task-sent", 1.0, "w", "1"), WireEvent("task-sent", 1.0, "w", "2")]
    wait_until(lambda: len(watched.delivered) == 2, "both events arrive")
    assert watched.supervisor.link().events == 2
    assert watched.supervisor.link().rate > 0


def test_a_lost_line_is_named_with_the_next_try_and_its_gap_is_declared(watched: Watched) -> None:
    watched.source.trouble = SourceError("Redis closed the line", "F5 tries now")
    wait_until(lambda: watched.supervisor.link().state is LinkState.RETRYING, "the loss is on the link")
    link = watched.supervisor.link()
    assert link.error == "Redis closed the line"
    assert link.next_try is not None
    assert link.gaps[-1].end is None
    watched.source.trouble = None
    wait_until(lambda: watched.supervisor.link().state is LinkState.LIVE, "the source is back")
    wait_until(lambda: bool(watched.gaps), "the gap is reported")
    assert watched.gaps[0].cause == "Redis closed the line"
    assert watched.gaps[0].end is not None
    assert watched.gaps[0].end - watched.gaps[0].start >= 1.5
    assert watched.supervisor.link().gaps[-1].end is not None


def test_a_refused_right_waits_longer_but_f5_tries_at_once(watched: Watched) -> None:
    watched.source.trouble = AccessRefused("no PSUBSCRIBE", right="+psubscribe")
    wait_until(lambda: watched.supervisor.link().state is LinkState.REFUSED, "the refusal is on the link")
    link = watched.supervisor.link()
    assert link.next_try is not None
    assert link.next_try - link.since > 5
    watched.source.trouble = None
    watched.supervisor.retry_now()
    wait_until(lambda: watched.supervisor.link().state is LinkState.LIVE, "F5 brings it back", 3)


def test_a_bug_in_a_source_is_reported_with_its_plugin_and_does_not_end_the_thread(watched: Watched) -> None:
    watched.source.trouble = ZeroDivisionError("oops")
    wait_until(lambda: watched.health.counts.get("mine"), "the incident is recorded")
    assert watched.health.incidents[0].where == "source scripted"
    watched.source.trouble = None
    wait_until(lambda: watched.supervisor.link().state is LinkState.LIVE, "the source is back")
    assert watched.source.closed >= 1


class Standing(Pulse):
    """A pulse that tells of a stop when the test says so."""

    still = 0.0

    def stood_still(self, since: float) -> float:
        still, self.still = self.still, 0.0
        return still


def test_a_program_that_stood_still_declares_that_time(watched: Watched) -> None:
    watched.supervisor._pulse = pulse = Standing()
    pulse.still = 30.0
    wait_until(lambda: bool(watched.gaps), "the gap is reported")
    (gap,) = watched.gaps
    assert gap.cause.startswith("this screen stood still")
    assert gap.end is not None
    assert gap.end - gap.start == pytest.approx(30.0)
    assert watched.supervisor.link().gaps == (gap,)


def test_a_line_that_broke_while_the_program_stood_still_makes_one_gap_of_both(watched: Watched) -> None:
    watched.supervisor._pulse = pulse = Standing()
    watched.source.stop_at = lambda: setattr(pulse, "still", 30.0)
    watched.source.trouble = SourceError("Redis closed the line")
    wait_until(lambda: watched.supervisor.link().state is LinkState.RETRYING, "the loss is on the link")
    watched.source.trouble = watched.source.stop_at = None
    wait_until(lambda: bool(watched.gaps), "the gap is reported", 15)
    (gap,) = watched.gaps
    assert gap.cause == f"{STOPPED}; Redis closed the line"
    assert gap.end is not None
    assert gap.end - gap.start >= 30.0


def test_a_broker_that_was_not_there_at_the_start_makes_a_gap_from_the_start_on() -> None:
    watched = Watched()
    watched.source.trouble = SourceError("Nobody listens")
    watched.supervisor.start()
    wait_until(lambda: watched.supervisor.link().state is LinkState.RETRYING, "the refusal is on the link")
    watched.source.trouble = None
    wait_until(lambda: bool(watched.gaps), "the gap is reported", 15)
    assert (watched.gaps[0].cause, watched.source.opened) == ("Nobody listens", 1)
    watched.supervisor.stop()
    assert watched.supervisor.join(5)


def test_a_source_that_knows_better_names_the_cause_once_it_is_back(watched: Watched) -> None:
    watched.source.lost_because = lambda: "this screen was too slow"  # type: ignore[method-assign]
    watched.source.trouble = SourceError("Redis closed the line")
    wait_until(lambda: watched.supervisor.link().state is LinkState.RETRYING, "the loss is on the link")
    watched.source.trouble = None
    wait_until(lambda: bool(watched.gaps), "the gap is reported", 15)
    assert watched.gaps[0].cause == "this screen was too slow"


def test_commands_are_told_as_a_rate(watched: Watched) -> None:
    assert watched.supervisor.link().commands is None
    watched.source.asked = lambda: int(time.monotonic() * 1000)  # type: ignore[method-assign]
    rate = wait_until(lambda: watched.supervisor.link().commands, "two looks")
    assert rate == pytest.approx(1000, rel=0.2)


def test_a_source_that_rests_has_nothing_open_and_what_was_missed_is_declared(watched: Watched) -> None:
    watched.supervisor.rest()
    assert watched.supervisor.rests(10)
    assert (watched.source.opened, watched.source.closed) == (1, 1)
    assert watched.supervisor.link().gaps[-1].end is None
    watched.supervisor.retry_now()  # not even who asks for it wakes it
    assert watched.source.opened == 1
    watched.supervisor.wake()
    wait_until(lambda: bool(watched.gaps), "the gap is reported")
    assert watched.source.opened == 2
    assert watched.gaps[0].cause == STOPPED
    assert len(watched.supervisor.link().gaps) == 1
