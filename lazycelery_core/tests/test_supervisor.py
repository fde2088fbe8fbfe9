"""Does a source that fails come back, and is what was missed declared?"""

import threading
from collections.abc import Iterator, Sequence

import pytest

from lazycelery_core.errors import AccessRefused, SourceError
from lazycelery_core.events import Event, WireEvent
from lazycelery_core.model import Gap, LinkState
from lazycelery_core.plugin_health import PluginHealth
from lazycelery_core.source import Source
from lazycelery_core.supervisor import Supervisor
from lazycelery_core.testing.processes import wait_until


class Scripted(Source):
    """A source whose line the test cuts and mends."""

    name = "scripted"
    streams = True
    plugin = "mine"

    def __init__(self) -> None:
        self.trouble: Exception | None = None
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
