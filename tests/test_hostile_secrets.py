"""Does a secret that came over the wire, or that opens the broker, stay off screen, log, export, report and `ps`?

Secrets are planted as arguments, results, exceptions, tracebacks, waiting messages and answers to inspect; the real
program is led through every view, tab, popup, export and listing, and ends in a crash. Then everything that it wrote is
searched. The cases are those of lazycelery_core/tests/data/secrets.jsonl and urls.jsonl.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from lazycelery_core.testing.servers import Server, start_valkey
from lazycelery_core.testing.terminal import Terminal
from lazycelery_core.testing.wire import Wire, answering

LAZYCELERY = [sys.executable, "-m", "lazycelery_core"]
DATA = Path(__file__).resolve().parents[1] / "lazycelery_core" / "tests" / "data"
CASES = [case for case in map(json.loads, (DATA / "secrets.jsonl").read_text("utf-8").splitlines()) if "text" in case]
URLS = list(map(json.loads, (DATA / "urls.jsonl").read_text("utf-8").splitlines()))
HIDDEN = sorted({part for case in CASES for part in case["hide"]}, key=len)
PASSWORD = "br0ker-p4ss"
# In place of tmux: keeps what it got as its environment and its input.
TMUX = '#!/bin/sh\nenv > "$XDG_STATE_HOME/tmux-environment"\ncat > "$XDG_STATE_HOME/tmux-buffer"\n'
# The program ends by a bug of its own as soon as this file exists; the bug's message and its variables hold secrets.
CRASH = """
import os
from lazycelery_core.cli import rows
from lazycelery_core.screens import main
draw, listen = main.MainScreen.frame, rows._listen
def crash():
    password = 'hunter2'
    if os.path.exists(os.environ['CRASH_WHEN']):
        raise RuntimeError("no luck with {'password': 'hunter2'} at redis://u:pw-in-url@h/0 \\x1b]0;owned\\x07")
main.MainScreen.frame = lambda self, snapshot: (crash(), draw(self, snapshot))
rows._listen = lambda *given: (crash(), listen(*given))
"""


def tell(wire: Wire, number: int, case: dict[str, Any]) -> None:
    """A failed and a good task with the text at its place, and a waiting message of the same kind."""
    kind, text = case["kind"], case["text"]
    told = {"args": text if kind == "args" else "()", "kwargs": text if kind == "kwargs" else "{}"}
    now = time.time()
    for end in ("failed", "succeeded"):
        task = {"uuid": f"{end}-{case['id']}", "hostname": "w1@h"}
        wire.event(**task, type="task-received", name=f"shop.{case['id']}", **told, timestamp=now - 2)
        outcome = {"exception": text, "traceback": f"Traceback:\n{text}"} if end == "failed" else {"result": text}
        wire.event(**task, type=f"task-{end}", **outcome, timestamp=now - 1)
    wire.result(f"stored-{case['id']}", {"status": "SUCCESS", "result": text, "task_id": f"stored-{case['id']}"})
    wire.event(type="worker-heartbeat", hostname="w1@h", freq=2.0)
    wire.waiting("celery", "shop.wait", [text], {"note": text}, id=f"waits-{number}", argsrepr=text, kwargsrepr=text)


def answers(command: str) -> dict[str, Any]:
    """A worker whose configuration, tasks and statistics hold every secret."""
    texts = [case["text"] for case in CASES]
    conf = {
        "broker_url": f"redis://ops:{PASSWORD}@h/0",
        "api_key": "hunter2",
        **{f"k{n}": t for n, t in enumerate(texts)},
    }
    requests = [{"id": f"now-{n}", "name": "shop.now", "args": t, "kwargs": t} for n, t in enumerate(texts)]
    told = {"ping": {"ok": "pong"}, "conf": conf, "stats": {"broker": {"password": "hunter2"}, "total": {}},
            "registered": texts, "revoked": texts, "active_queues": [{"name": "celery"}]}  # fmt: skip
    return {"w1@h": told.get(command, requests)}


def leaks(text: str) -> list[str]:
    """The secrets in a text."""
    return [part for part in (*HIDDEN, PASSWORD, "pw-in-url") if part in text]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the program keeps its files; its Python is told how to crash, and a tmux is there."""
    home = tmp_path_factory.mktemp("home")
    (home / "bin").mkdir()
    (home / "bin" / "tmux").write_text(TMUX, "utf-8")
    (home / "bin" / "tmux").chmod(0o700)
    (home / "python").mkdir()
    (home / "python" / "sitecustomize.py").write_text(CRASH, "utf-8")
    return home


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_valkey(tmp_path_factory.mktemp("valkey"), password=PASSWORD) as server, answering(server, answers):
        yield server


def variables(home: Path, server: Server) -> dict[str, str]:
    """The environment of the program; the password stands in it, never on a command line."""
    return {"XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home), "LAZYCELERY_BROKER_URL": server.url,
            "PYTHONPATH": str(home / "python"), "CRASH_WHEN": str(home / "crash"), "TMUX": "/tmp/none,1,0",
            "PATH": f"{home / 'bin'}:{os.environ['PATH']}"}  # fmt: skip


@pytest.fixture(scope="module")
def story(server: Server, home: Path) -> tuple[list[str], str, Terminal]:
    """Every screen that was seen, what the crash left on the terminal, and the terminal."""
    screens: list[str] = []
    with ExitStack() as running:
        terminal = running.enter_context(Terminal(LAZYCELERY, 200, 60, variables(home, server)))
        terminal.wait_for("Waiting for the first event")
        wire = running.enter_context(Wire(server))
        for number, case in enumerate(CASES):
            tell(wire, number, case)

        def see(*keys: str, seconds: float = 0.06) -> None:
            terminal.type(*keys)
            terminal.read_for(seconds)
            screens.append(terminal.text())

        terminal.type("T", "1", "f", "name:shop.", "enter")
        terminal.wait_for("shop.not-timestamp")
        for tab in range(6):
            see("1", "g", "g", seconds=0.3)
            for _ in range(2 * len(CASES)):
                see("j", seconds=0.04)
            see("2", "]")
            assert tab < 6
        for view, tabs in (("W", 6), ("Q", 3), ("O", 4), ("H", 3)):
            see("escape", "escape", view, "1", seconds=1.5 if view == "Q" else 0.5)
            for _ in range(tabs):
                see("2", "]", seconds=0.2)
                see("pagedown", seconds=0.1)
            for _ in range(len(CASES) if view == "Q" else 0):
                see("4", "j")
        see("T", "1", "a")
        see("escape", "y")
        see("enter", seconds=0.5)
        terminal.wait_for("Copied")
        screens.append(terminal.text())
        for form in range(4):
            see("Y", *["tab"] * form, "enter", seconds=0.5)
        assert any("Wrote" in screen for screen in screens)
        assert leaks(" ".join(psutil.Process(terminal.pid).cmdline())) == []
        (home / "crash").touch()
        terminal.wait()
        return screens, terminal.text(), terminal


def squeezed(text: str) -> str:
    """Without what wrapping does to it."""
    return "".join(text.replace("│", "").replace("┃", "").split())


def test_no_screen_shows_a_secret(story: tuple[list[str], str, Terminal]) -> None:
    screens, _, terminal = story
    for screen in screens:
        assert leaks(screen) + leaks(squeezed(screen)) == [], screen
    assert leaks(terminal.written.decode(errors="replace")) == []


def test_a_program_that_it_starts_gets_no_secret(story: tuple[list[str], str, Terminal], home: Path) -> None:
    assert any("tmux's buffer" in squeezed_to_words(screen) for screen in story[0])
    told = (home / "tmux-environment").read_text("utf-8")
    assert "XDG_STATE_HOME=" in told
    assert "LAZYCELERY" not in told
    assert leaks(told) + leaks((home / "tmux-buffer").read_text("utf-8")) == []


def squeezed_to_words(text: str) -> str:
    """Without borders and line breaks."""
    return " ".join(text.replace("│", " ").replace("┃", " ").split())


def test_what_is_no_secret_stays_readable(story: tuple[list[str], str, Terminal]) -> None:
    shown = squeezed(" ".join(story[0]))
    for case in CASES:
        assert [part for part in case["keep"] if squeezed(part) not in shown] == [], case["id"]


def test_a_crash_shows_neither_variables_nor_secrets(story: tuple[list[str], str, Terminal], home: Path) -> None:
    _, last, terminal = story
    assert terminal.status == 1
    assert "LazyCelery stopped because of a bug of its own" in last
    assert "Traceback" not in last
    (report,) = (home / "lazycelery").glob("crash-*")
    check_report(report)
    report.unlink()
    (home / "crash").unlink()


def check_report(report: Path) -> None:
    """It says where, not with which values."""
    text = report.read_text("utf-8")
    assert "RuntimeError: no luck with" in text
    assert "in crash" in text
    assert "hunter2" not in text
    assert leaks(text) == []
    assert "\x1b" not in text
    assert report.stat().st_mode & 0o777 == 0o600


def test_a_command_that_crashes_says_no_more_than_where_its_report_is(server: Server, home: Path) -> None:
    (home / "crash").touch()
    done = subprocess.run(
        [*LAZYCELERY, "tasks"], env={**os.environ, **variables(home, server)}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    (report,) = (home / "lazycelery").glob("crash-*")
    said = f"lazycelery: it stopped because of a bug of its own: RuntimeError. The report is in {report}.\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)
    check_report(report)
    report.unlink()
    (home / "crash").unlink()


def test_no_file_that_it_wrote_holds_a_secret(story: tuple[list[str], str, Terminal], home: Path) -> None:
    files = [path for path in (home / "lazycelery").rglob("*") if path.is_file() and "crash-" not in path.name]
    assert {path.suffix for path in files} >= {".log", ".csv", ".json", ".ndjson", ".txt"}
    for path in files:
        text = path.read_text("utf-8")
        assert leaks(text) == [], path
        assert "\x1b" not in text
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("view", ["tasks", "workers", "queues"])
def test_no_listing_prints_a_secret(server: Server, home: Path, view: str) -> None:
    environment = {**os.environ, **variables(home, server)}
    argv = [*LAZYCELERY, view, "--seconds", "3", "--json"]
    running = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    with Wire(server) as wire:
        while running.poll() is None:
            for number, case in enumerate(CASES):
                tell(wire, number, case)
            try:
                running.wait(0.5)
            except subprocess.TimeoutExpired:
                continue
    out, _ = running.communicate()
    assert running.returncode == 0, out
    assert leaks(out) == []


@pytest.mark.parametrize("case", URLS, ids=[case["id"] for case in URLS])
def test_no_url_shows_its_secret_whatever_is_wrong_with_it(case: dict[str, Any], tmp_path: Path) -> None:
    """Nothing answers at these addresses. Commands, their log and their errors show the address without secrets."""
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    environment.pop("LAZYCELERY_BROKER_URL", None)
    wrong = case["url"].replace(".example", ".invalid")
    for command in (["queues", "--seconds", "0.3"], ["doctor", "connection"]):
        for url in (wrong, wrong.replace(":6379", ":63x79"), wrong.replace("//", "/")):
            given = {**environment, "LAZYCELERY_BROKER_URL": url}
            done = subprocess.run(
                [*LAZYCELERY, *command], env=given, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode in (1, 2, 3)
            said = done.stdout + done.stderr
            said += "".join(path.read_text("utf-8") for path in tmp_path.rglob("*") if path.is_file())
            assert [part for part in case["hide"] if part in said] == [], (command, url, said)
            assert "Traceback" not in said
