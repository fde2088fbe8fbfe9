"""What does `lazycelery demo` do with its options?"""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

import lazycelery_plugin_demo
from lazycelery_core.model import Link, LinkState, Queue, TaskState, Worker, WorkerState
from lazycelery_core.snapshot import Snapshot, Totals
from lazycelery_plugin_demo.report import lines


def snapshot(events: int) -> Snapshot:
    tasks: Any = SimpleNamespace(held=5, evicted=0, counts=lambda: {TaskState.SUCCESS: 3, TaskState.FAILURE: 2})
    return Snapshot(
        version=1,
        now=120.0,
        since=100.0,
        name="demo",
        broker="redis+socket:///tmp/x",
        level="READ-ONLY",
        scopes=frozenset(),
        tasks=tasks,
        workers=(Worker("worker-1@web-7", WorkerState.ONLINE, pool="prefork", task_events=True),),
        queues=(Queue("media", ready=3041, unacked=4), Queue("odd\x1b[31m")),
        totals=Totals(events=events, event_rate=55.0, dropped=2),
        links=(Link("redis events", "redis", LinkState.LIVE, 100.0),),
    )


@dataclass
class Launcher:
    """Stands in for the host: writes down what it was asked for."""

    events: int = 1000
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def run_screen(self, *args: Any) -> int:
        self.asked.append(args)
        return 7

    def observe(self, *args: Any) -> Snapshot:
        self.asked.append(args)
        return snapshot(self.events)


def run(launcher: Launcher, *options: str) -> Any:
    (demo,) = lazycelery_plugin_demo.lazycelery_commands(None)
    return CliRunner().invoke(demo, options, obj=launcher)


def test_the_screen_gets_the_broker_and_its_exit_code_is_the_commands() -> None:
    launcher = Launcher()
    assert run(launcher, "--seconds", "2.5").exit_code == 7
    ((url, name, seconds),) = launcher.asked
    assert url.startswith("redis+socket:///")
    assert (name, seconds) == ("demo", 2.5)


def test_headless_prints_what_was_seen() -> None:
    launcher = Launcher()
    result = run(launcher, "--headless")
    assert result.exit_code == 0
    assert launcher.asked[0][1] == 20.0
    assert result.output.splitlines() == lines(snapshot(1000))


def test_headless_fails_when_nothing_was_seen() -> None:
    assert run(Launcher(events=0), "--headless", "--seconds", "1").exit_code == 1


def test_the_summary_has_states_workers_queues_gaps_and_drops() -> None:
    text = "\n".join(lines(snapshot(1000)))
    for expected in ("1,000 events in 20 s", "0 gaps, 2 dropped", "worker-1@web-7", "online", "events on", "SUCCESS"):
        assert expected in text
    assert "3,041" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("options", [["--seconds", "0"], ["--seconds", "soon"], ["--nonsense"]])
def test_wrong_options_are_usage_errors(options: list[str]) -> None:
    launcher = Launcher()
    assert run(launcher, *options).exit_code == 2
    assert not launcher.asked
