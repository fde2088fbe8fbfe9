"""Does the real program, in a real terminal, on a real broker, do what a person expects?"""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lazycelery_core.testing.celery_app import create_app
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.terminal import Terminal

if TYPE_CHECKING:
    from lazycelery_core.testing.celery_worker import Worker
    from lazycelery_core.testing.servers import Server

StartWorker = Callable[..., "Worker"]
StartServer = Callable[..., "Server"]
LAZYCELERY = [sys.executable, "-m", "lazycelery_core"]


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))


@pytest.fixture
def worker(celery_worker_factory: StartWorker) -> "Worker":
    return celery_worker_factory(name="worker-1@web-7")


@pytest.fixture
def terminal(worker: "Worker", broker_url: str) -> Iterator[Terminal]:
    """The Overview, with worker-1 on it."""
    with Terminal([*LAZYCELERY, "--broker", broker_url]) as terminal:
        terminal.wait_for("worker-1")
        yield terminal


def test_an_unchanged_application_is_shown_from_its_url_alone(terminal: Terminal, worker: "Worker") -> None:
    sent = worker.app.send_task("testing.add", [1, 2])
    text = terminal.wait_for(f"testing.add[{sent.id[:6]}]")
    assert "READ-ONLY" in text
    terminal.wait_for("1 tasks")


def test_tasks_are_found_filtered_and_opened_by_keys(terminal: Terminal, worker: "Worker") -> None:
    worker.app.send_task("testing.add", [1, 2])
    worker.app.send_task("testing.fail_chained", ["no stock"])
    terminal.type("T")
    terminal.wait_for(lambda text: "testing.add" in text and "testing.fail_chained" in text)
    terminal.type("f", "state:failed", "enter")
    terminal.wait_for(lambda text: "testing.fail_chained" in text and "testing.add " not in text)
    terminal.type("enter")
    terminal.wait_for("RuntimeError: no stock")
    terminal.type("]", "]", "]", "]")
    terminal.wait_for(lambda text: "KeyError" in text and "which caused" in text)


def test_a_view_exists_only_where_a_plugin_brings_it(terminal: Terminal) -> None:
    assert "[E]rrors" not in terminal.text()
    terminal.type("E", "W")  # E means nothing here and must not be swallowed into something else
    terminal.wait_for(lambda text: "registered" in text)


@pytest.mark.parametrize("columns,rows", [(60, 16), (80, 24), (250, 70)])
def test_every_size_from_the_least_on_is_usable(worker: "Worker", broker_url: str, columns: int, rows: int) -> None:
    with Terminal([*LAZYCELERY, "--broker", broker_url], columns, rows) as terminal:
        terminal.wait_for("[W]")
        for key, title in (("W", "Workers"), ("Q", "Queues"), ("T", "Tasks"), ("O", "Overview")):
            terminal.type(key)
            terminal.wait_for(partial(_in_view, title))


def _in_view(title: str, text: str) -> bool:
    """The breadcrumbs name that view."""
    return text.splitlines()[1].strip().startswith(title)


def test_a_terminal_that_is_too_small_says_which_size_it_needs_and_recovers(terminal: Terminal) -> None:
    terminal.resize(50, 12)
    terminal.wait_for("Needs 60x16, have 50x12.")
    terminal.resize(120, 36)
    terminal.wait_for("worker-1")


def test_a_frozen_broker_is_named_and_a_waking_one_is_live_again(
    valkey_factory: StartServer, celery_worker_factory: StartWorker
) -> None:
    server = valkey_factory()
    celery_worker_factory(url=server.url, name="worker-1@web-7")
    with Terminal([*LAZYCELERY, "--broker", server.url]) as terminal:
        terminal.wait_for("worker-1")
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            terminal.wait_for("Broker lost", 60)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        terminal.wait_for(lambda text: "Broker lost" not in text and "1 gap" in text, 60)


def test_a_killed_broker_keeps_the_picture_and_the_program(
    valkey_factory: StartServer, celery_worker_factory: StartWorker
) -> None:
    server = valkey_factory()
    celery_worker_factory(url=server.url, name="worker-1@web-7")
    with Terminal([*LAZYCELERY, "--broker", server.url]) as terminal:
        terminal.wait_for("worker-1")
        server.process.kill()
        text = terminal.wait_for("Broker lost", 60)
        assert "worker-1" in text
        terminal.type("T", "W", "j", "k", "?", "escape", "q")
        assert terminal.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(terminal: Terminal, number: signal.Signals) -> None:
    terminal.signal(number)
    assert terminal.wait() == 128 + number
    assert b"\x1b[?1049l" in terminal.written  # the alternate screen is left
    assert b"Traceback" not in terminal.written


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_signal_ends_the_demo_with_all_that_it_started() -> None:
    with Terminal([*LAZYCELERY, "demo"]) as terminal:
        terminal.wait_for("worker-4", 60)
        started = _descendants(terminal.pid)
        assert len(started) > 5
        terminal.signal(signal.SIGTERM)
        assert terminal.wait(20) == 128 + signal.SIGTERM
        assert b"\x1b[?1049l" in terminal.written
        wait_until(lambda: not any(_runs(pid) for pid in started), "everything of the demo is gone", 60)


def _descendants(pid: int) -> list[int]:
    """All processes that this one started, and those that they started."""
    children = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if _parent(path) == pid]
    return [*children, *(each for child in children for each in _descendants(child))]


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_keys_typed_ahead_of_the_screen_do_what_they_would_have_done(terminal: Terminal, worker: "Worker") -> None:
    for number in range(3):
        worker.app.send_task("testing.add", [number, 2])
    worker.app.send_task("testing.fail_chained", ["no stock"])
    terminal.wait_for("4 tasks")
    terminal.type("Tfstate:failed\r\r")  # in one piece: the row opened is the one that the filter leaves
    terminal.wait_for("Tasks \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} testing.fail_chained[")
    terminal.type("escape", "escape", "?q")  # the help is opened, and closed again by q
    terminal.type("Q")
    terminal.wait_for(partial(_in_view, "Queues"))


def test_nonsense_keys_do_no_harm(terminal: Terminal) -> None:
    terminal.type("§", "ß", "Z", "g", "z", "\x1b[99~", ":", "nonsense", "enter", "escape", "escape")
    terminal.type("T")
    terminal.wait_for(partial(_in_view, "Tasks"))
    terminal.type("q")
    assert terminal.wait() == 0


def test_text_from_the_wire_never_controls_the_terminal(terminal: Terminal, broker_url: str) -> None:
    evil = "\x1b]52;c;cm0gLXJmIH4=\x07[@click=app.quit]x[/]\x1b[2J"
    create_app(broker_url).send_task(f"evil.{evil}", [evil])
    text = terminal.wait_for("evil.␛]52")
    assert "[@click=app.quit]" in text
    assert b"\x1b]52" not in terminal.written
    terminal.type("T")
    terminal.wait_for(partial(_in_view, "Tasks"))
    assert b"\x1b]52" not in terminal.written


def test_an_idle_screen_writes_next_to_nothing(broker_url: str) -> None:
    """On a busy machine a frame may tell of that: but never for a minute on end."""
    with Terminal([*LAZYCELERY, "--broker", broker_url]) as terminal:
        terminal.wait_for("No worker")
        wait_until(lambda: _written_in(terminal, 4) / 4 <= 400, "bytes a second; the bench measures against 200", 60)


def _written_in(terminal: Terminal, seconds: float) -> int:
    before = len(terminal.written)
    terminal.read_for(seconds)
    return len(terminal.written) - before


def test_nothing_of_the_view_before_stays_on_the_screen() -> None:
    with Terminal([*LAZYCELERY, "demo"], 200, 50) as terminal:
        terminal.wait_for(lambda text: "STARTED" in text and "worker-4" in text, 60)
        for key in ("W", "T", "Q", "T", "O", "T"):
            terminal.type(key)
            terminal.read_for(0.5)
        terminal.type("p")
        terminal.wait_for("PAUSED")
        wait_until(lambda: _written_in(terminal, 1) < 1000, "all of it is drawn", 60)
        before, written = terminal.text().splitlines()[2:-2], len(terminal.written)
        terminal.type("ctrl+l")  # everything anew
        wait_until(lambda: terminal.read(0.05) and len(terminal.written) - written > 5000, "it is drawn anew", 60)
        terminal.wait_for(lambda text: text.splitlines()[2:-2] == before)


def test_the_demo_fills_the_overview_within_seconds() -> None:
    with Terminal([*LAZYCELERY, "demo"]) as terminal:
        terminal.wait_for(lambda text: re.search(r"media +[1-9]", text), 60)
        terminal.wait_for(lambda text: "STARTED" in text and "worker-4" in text)
        terminal.type("q")
        assert terminal.wait(20) == 0
