"""Do filter, command line, confirmation and clipboard work in a real terminal, on real workers of a real broker?

The demo is watched: a Valkey and Celery workers of its own, one of which was started without task events.
"""

import base64
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lazycelery_core.testing.terminal import Terminal

LAZYCELERY = [sys.executable, "-m", "lazycelery_core"]
OSC52 = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)")
MUTE = "worker-5"  # sends no task events until asked to

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for everything that is kept."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def terminal(state: Path) -> Iterator[Terminal]:
    """The demo in a terminal, allowed to switch task events."""
    with Terminal([*LAZYCELERY, "--allow", "events", "demo"], environment={"XDG_STATE_HOME": str(state)}) as opened:
        opened.wait_for(lambda text: "READ-WRITE" in text and "worker-1" in text, 60)
        yield opened


def tasks(terminal: Terminal) -> list[str]:
    """The rows of the list of tasks."""
    return [row for row in terminal.text().splitlines() if re.match(r"┃ [▸• ] [■ ] ? ?[0-9a-f]{6} ", row)]


def only_failures(terminal: Terminal) -> bool:
    """Whether the list holds failures and nothing else."""
    rows = tasks(terminal)
    return bool(rows) and all("FAILURE" in row for row in rows)


def test_a_filter_is_completed_applied_while_it_is_typed_and_taken_back(terminal: Terminal) -> None:
    terminal.type("T")
    terminal.wait_for("STARTED", 60)
    terminal.type("f", "sta")
    terminal.wait_for("state:        task or worker state")
    terminal.type("tab", "fai")
    terminal.wait_for(lambda text: only_failures(terminal), 60)
    terminal.type("tab", "enter")
    terminal.wait_for("filter state:failure")
    terminal.type("escape")
    terminal.wait_for(lambda text: not only_failures(terminal))


def test_what_is_pasted_is_text_and_no_command_to_the_terminal(terminal: Terminal) -> None:
    terminal.type("f")
    terminal.wait_for("Tab completes")
    before = len(terminal.written)
    terminal.type(pasted("name:a\r\nb\u202e]52;c;ZXZpbA=="))
    terminal.wait_for("filter name:a b]52;c;ZXZpbA==")
    terminal.type("escape")
    terminal.wait_for(lambda text: "filter name" not in text)
    assert "\u202e".encode() not in terminal.written[before:]
    assert not OSC52.search(bytes(terminal.written[before:]))


def pasted(text: str) -> str:
    """The bytes of a bracketed paste."""
    return f"\x1b[200~{text}\x1b[201~"


def test_an_id_is_copied_to_the_clipboard_of_the_terminal_and_to_a_file(terminal: Terminal, state: Path) -> None:
    terminal.type("T")
    terminal.wait_for(lambda text: tasks(terminal))
    terminal.type("p", "y")
    terminal.wait_for("Copy of ")
    terminal.type("1")
    terminal.wait_for(lambda text: "Copied " in text and OSC52.search(terminal.written))
    [copied] = OSC52.findall(bytes(terminal.written))
    assert re.fullmatch(r"[0-9a-f-]{36}", base64.b64decode(copied).decode())
    assert (state / "lazycelery" / "clipboard.txt").read_text() == base64.b64decode(copied).decode()
    terminal.type("p")


def test_task_events_are_switched_on_after_a_confirmation_proved_and_audited(terminal: Terminal, state: Path) -> None:
    terminal.type("W")
    terminal.wait_for(f"events are off on {MUTE}", 60)
    terminal.type(":", f"events on {MUTE}", "enter")
    terminal.wait_for(lambda text: f"Events on: {MUTE}" in text and "enable_events to these workers" in text)
    terminal.type("escape")
    terminal.wait_for(lambda text: "enable_events" not in text)
    assert not (state / "lazycelery" / "audit.jsonl").exists(), "cancelled, so nothing was sent"
    terminal.type(":", f"events on {MUTE}", "enter")
    terminal.wait_for("y does it")
    terminal.type("y")
    terminal.wait_for(f"sent to {MUTE}")
    terminal.wait_for(lambda text: f"events are off on {MUTE}" not in text, 60)
    records = [json.loads(line) for line in (state / "lazycelery" / "audit.jsonl").read_text().splitlines()]
    assert [(record["stage"], record["action"]) for record in records] == [
        ("intent", "worker.enable_events"), ("outcome", "worker.enable_events"),
    ]  # fmt: skip


def test_popups_fit_into_a_small_terminal_and_survive_a_change_of_size(terminal: Terminal) -> None:
    terminal.resize(80, 24)
    terminal.type("?")
    text = terminal.wait_for("THIS PANE")
    assert all(len(row) <= 80 for row in text.splitlines())
    terminal.resize(120, 36)
    terminal.wait_for(lambda text: "EVERYWHERE" in text and "STATES" in text)
    terminal.type("q")
    terminal.wait_for(lambda text: "THIS PANE" not in text)


def test_quitting_takes_back_what_was_switched_on(terminal: Terminal, state: Path) -> None:
    terminal.type("q")
    assert terminal.wait(60) == 0
    records = [json.loads(line) for line in (state / "lazycelery" / "audit.jsonl").read_text().splitlines()]
    assert (records[-1]["action"], records[-1]["reason"]) == ("worker.disable_events", "undone on exit")
