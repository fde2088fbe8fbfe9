"""Can a text from the wire do anything on its way to a person? Every hostile text, as everything that can be named.

The real program in a real terminal on a real server: each text is the name of a task, a worker, a queue, an exchange,
an argument, a result, an exception, a traceback, a waiting message and an answer to inspect. The cases are those of
lazycelery_core/tests/data/text.jsonl.
"""

import csv
import io
import json
import os
import re
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.servers import Server, start_valkey
from lazycelery_core.testing.terminal import Terminal
from lazycelery_core.testing.wire import Wire, answering

LAZYCELERY = [sys.executable, "-m", "lazycelery_core"]
DATA = Path(__file__).resolve().parents[1] / "lazycelery_core" / "tests" / "data"
CASES = [json.loads(line) for line in (DATA / "text.jsonl").read_text("utf-8").splitlines()]
COLUMNS, ROWS = 200, 60  # all cases fit on one screen
KEPT = 250  # characters of a name that the program keeps at least
NAME = 900  # characters of what is a name; the cold texts are as long as the case says
BORDER = ("│", "┃")
CLICKED = {case["id"] for case in CASES if case.get("click_is_inert")}
# Everything a terminal could obey; what Textual writes of its own is taken out first.
OWN = re.compile(
    rb"\x1b\[[\d;]*m|\x1b\[\d+;\d+H|\x1b\[\?(?:7|25|1000|1003|1004|1006|1015|1049|2004|2026|2048)[hl]"
    rb"|\x1b\[\?\d+\$p|\x1b\[>\d+u|\x1b\[<u|\x1b\]22;[a-z]+\x07|\r\n"
)
# The end of what was read so far, in the middle of a sequence or a character.
CUT = re.compile(
    rb"(?:\x1b(?:\[[^a-zA-Z]*|\][^\x07\x1b]*)?|\r|[\xc2-\xf4]|[\xe0-\xf4][\x80-\xbf]|[\xf0-\xf4][\x80-\xbf]{2})\Z"
)
CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\uffff\U000e0000-\U000e0fff]"
)


def text_of(case: Mapping[str, Any]) -> str:
    """The text of a case; long ones are built."""
    if "recipe" not in case:
        return str(case["text"])
    text, times = case["recipe"]["repeat"]
    return str(case["recipe"].get("prefix", "") + text * times + case["recipe"].get("suffix", ""))


def id_of(number: int) -> str:
    """The id of the task of a case: what a row begins with."""
    return f"c{number:05}"


def tell(wire: Wire, number: int, case: Mapping[str, Any]) -> None:
    """All that can be said with a text: a task that fails, a worker that beats."""
    text = text_of(case)
    name, host, now = text[:NAME], f"{text[:NAME]}@{case['id']}", time.time()
    task = {"uuid": id_of(number), "hostname": host}
    called = {"name": name, "args": text, "kwargs": text, "retries": 0}
    wire.event(**task, **called, type="task-sent", timestamp=now - 3, queue=name, exchange=name, routing_key=name)
    wire.event(**task, **called, type="task-received", timestamp=now - 2)
    wire.event(**task, type="task-started", timestamp=now - 1.5)
    wire.event(**task, type="task-failed", exception=text, traceback=f"Traceback:\n{text}", timestamp=now - 1)
    wire.event(type="worker-heartbeat", hostname=host, freq=2.0, sw_ident=name, sw_ver=name, sw_sys=name)
    wire.waiting(name or "empty", name, [name], {"k": name}, id=id_of(number), origin=name)


def answers(command: str) -> dict[str, Any]:
    """A worker whose every answer holds every text."""
    texts = [text_of(case)[:NAME] for case in CASES]
    requests = [{"id": text, "name": text, "args": [text], "kwargs": {text: text}, "hostname": text} for text in texts]
    told: dict[str, Any] = {
        "ping": {"ok": "pong"},
        "stats": {"pool": {"implementation": texts[0], "max-concurrency": 1}, "total": dict.fromkeys(texts, 1)},
        "conf": {f"key {text}": text for text in texts},
        "active_queues": [{"name": text, "exchange": {"name": text}, "routing_key": text} for text in texts],
        "registered": texts,
        "revoked": texts,
    }
    return {"hostile@answers": told.get(command, requests)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State and settings of the program under test."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on which a hostile worker answers."""
    with start_valkey(tmp_path_factory.mktemp("valkey")) as server, answering(server, answers):
        yield server


def variables(home: Path, **more: str) -> dict[str, str]:
    """The environment of the program."""
    return {"XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home), "TMPDIR": str(home), **more}


@pytest.fixture(scope="module")
def terminal(server: Server, home: Path) -> Iterator[Terminal]:
    """The Tasks view with every case on it."""
    with ExitStack() as running:
        argv = [*LAZYCELERY, "--broker", server.url]
        terminal = running.enter_context(Terminal(argv, COLUMNS, ROWS, variables(home)))
        terminal.wait_for("Waiting for the first event")
        wire = running.enter_context(Wire(server))
        for number, case in enumerate(CASES):
            tell(wire, number, case)
        terminal.type("T", "1", "f", "id:c00", "enter")  # what the hostile worker answers is listed too
        terminal.wait_for(lambda text: id_of(0) in text and id_of(len(CASES) - 1) in text)
        yield terminal


def squeezed(text: str) -> str:
    """A text without what wrapping and borders do to it."""
    return re.sub(r"[\s│┃▸▾]+", "", text)


def details(terminal: Terminal) -> str:
    """What stands right of the list of tasks."""
    terminal.read(0.0)
    lines = terminal.screen.buffer
    edge = max(x for x in range(COLUMNS - 2) if all(lines[y][x].data in BORDER for y in (5, 6, 30)))
    return squeezed("".join("".join(lines[y][x].data for x in range(edge, COLUMNS)) for y in range(2, ROWS - 2)))


def beside(terminal: Terminal, wanted: Sequence[str]) -> bool:
    """Whether all of it stands beside the list."""
    shown = details(terminal)
    return all(part in shown for part in wanted)


def said(terminal: Terminal) -> bytes:
    """All that it wrote; the rest of what was read by halves is waited for."""
    terminal.wait_for(lambda _: not CUT.search(terminal.written[-64:]))
    return bytes(terminal.written)


def forbidden(written: bytes) -> list[bytes]:
    """What no program may write because data said so."""
    found = [bytes.fromhex(each) for case in CASES for each in case.get("never", ()) if bytes.fromhex(each) in written]
    return [*found, *(match[0].encode() for match in CONTROLS.finditer(OWN.sub(b"", written).decode()))]


def tasks(terminal: Terminal) -> None:
    """The Tasks view with the cursor on the first of our tasks, and no others.

    Step by step, each one seen on the screen: what is typed ahead is drawn when the machine has time for it.
    """
    terminal.type("escape", "escape", "T", "1", "f", "ctrl+u")
    terminal.wait_for("Tab completes")
    terminal.type("id:c00")
    terminal.wait_for(f"→ {len(CASES)} shown")
    terminal.type("enter", "g", "g")
    last = id_of(len(CASES) - 1)
    terminal.wait_for(lambda text: "Tab completes" not in text and f"▸   {last}" in text and id_of(0) in text)


def walk(terminal: Terminal, tab: str) -> None:
    """Move the cursor over all tasks; what a case shows has to be readable beside each."""
    terminal.type("1", "g", "g")
    for number, case in reversed(list(enumerate(CASES))):
        wanted = [squeezed(part) for part in case.get("show", ())]
        terminal.wait_for(f"▸   {id_of(number)}")
        try:
            wait_until(partial(beside, terminal, wanted), case["id"], 60)
        except TimeoutError:
            raise AssertionError(f"{case['id']} in {tab}: {wanted}\n{terminal.text()}\n{details(terminal)}") from None
        terminal.type("j")


def test_every_text_is_readable_in_every_tab_of_its_task(terminal: Terminal) -> None:
    tasks(terminal)
    for tab in ("details", "attempts", "args", "result", "traceback", "raw"):
        walk(terminal, tab)
        terminal.type("2", "]")
    assert forbidden(said(terminal)) == []


def test_a_row_stays_one_row_and_its_columns_stay_where_they_are(terminal: Terminal) -> None:
    tasks(terminal)
    found = [y for y, line in enumerate(terminal.rows()) if re.match(r"[┃│] . +c\d{5} ", line)]
    assert len(found) == len(CASES)
    assert found == list(range(found[0], found[0] + len(CASES)))
    lines = terminal.screen.buffer
    assert len({next(x for x in range(COLUMNS) if lines[y][x].data == "✗") for y in found}) == 1
    assert len({max(x for x in range(100, COLUMNS - 2) if lines[y][x].data in BORDER) for y in found}) == 1


def test_no_letter_carries_more_marks_than_any_script_has(terminal: Terminal) -> None:
    terminal.read(0.0)
    cells = [cell.data for line in terminal.screen.buffer.values() for cell in line.values()]
    assert max(sum(map(bool, map(unicodedata.combining, each))) for each in cells) <= 4


@pytest.mark.parametrize("view", ["O", "W", "Q", "H"])
def test_every_other_view_shows_them_all_too(terminal: Terminal, view: str) -> None:
    """Down every list of the view, with each tab of its details."""
    terminal.type("escape", "escape", view, "1")
    for tab in range(5):
        for _ in range(len(CASES) + 8 if tab == 0 else 6):
            terminal.type("j")
            terminal.read(0.02)
        terminal.type("tab", "]", "1", "g", "g")
    terminal.wait_for(lambda text: f"[{view}]" in text)
    assert forbidden(said(terminal)) == []


def test_popups_offers_and_prompts_show_them_as_text(terminal: Terminal) -> None:
    tasks(terminal)
    for key in ("a", "y", "Y", ":", "/", "f", "ctrl+p"):
        terminal.type(key)
        terminal.read(0.2)
        terminal.type(*("worker:" if key == "f" else "w" if key in "/:" else ""), "down", "tab")
        terminal.read(0.1)
        terminal.type("escape", "escape")
    terminal.type("T")
    terminal.wait_for("Tasks")
    assert forbidden(said(terminal)) == []


def click(terminal: Terminal, x: int, y: int, times: int = 1) -> None:
    """Press and release the left button on a cell; both are counted from 0."""
    for _ in range(times):
        terminal.type(f"\x1b[<0;{x + 1};{y + 1}M", f"\x1b[<0;{x + 1};{y + 1}m")


def test_a_click_on_a_text_that_looks_like_an_action_does_nothing_of_its_own(terminal: Terminal) -> None:
    tasks(terminal)
    for number, case in enumerate(CASES):
        if case["id"] not in CLICKED:
            continue
        terminal.read_for(0.3)
        before = len(said(terminal))
        y = next(y for y, line in enumerate(terminal.rows()) if id_of(number) in line[:20])
        for x in range(2, 180, 9):
            click(terminal, x, y)
        terminal.wait_for(f"▸   {id_of(number)}")
        for row in range(3, 30, 2):
            click(terminal, 150, row)
        terminal.read(0.2)
        assert b"\x07" not in OWN.sub(b"", said(terminal)[before:])
        assert terminal.status is None
        tasks(terminal)


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of a CSV text."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def exported(terminal: Terminal, home: Path, form: int) -> str:
    """The list as the export dialog writes it; form: how often Tab is pressed."""
    folder = home / "lazycelery" / "exports"
    before = set(folder.glob("*")) if folder.exists() else set()
    tasks(terminal)
    terminal.type("Y")
    terminal.wait_for("Export rows")
    for _ in range(form):
        terminal.type("tab")
    terminal.type("enter")
    terminal.wait_for("Wrote")
    (path,) = set(folder.glob("*")) - before
    return path.read_bytes().decode()


def test_an_exported_cell_never_starts_a_formula(terminal: Terminal, home: Path) -> None:
    rows = {row["id"]: row for row in rows_of(exported(terminal, home, 0))}
    assert len(rows) == len(CASES)
    cells = [cell for row in rows.values() for cell in row.values()]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    number = next(number for number, case in enumerate(CASES) if case.get("csv_prefixed"))
    assert rows[id_of(number)]["name"] == f"'{CASES[number]['text']}"


def test_exported_json_holds_what_was_told(terminal: Terminal, home: Path) -> None:
    rows = {row["id"]: row for row in json.loads(exported(terminal, home, 1))}
    for number, case in enumerate(CASES):
        if 0 < len(text_of(case)) < KEPT:
            assert rows[id_of(number)]["name"] == text_of(case)


def listed(server: Server, home: Path, *arguments: str) -> tuple[str, bytes]:
    """What a listing prints in a terminal: the screen's text, and the bytes."""
    argv = [*LAZYCELERY, *arguments]
    with Terminal(argv, COLUMNS, 120, variables(home, LAZYCELERY_BROKER_URL=server.url)) as terminal:
        with Wire(server) as wire:
            wait_until(lambda: wire.client.pubsub_numpat() > 1 or terminal.status is not None, "it listens", 60)
            for number, case in enumerate(CASES):
                tell(wire, number, case)
        terminal.wait(60)
        return terminal.text(), bytes(terminal.written)


@pytest.mark.parametrize("arguments", [["tasks"], ["workers"], ["queues"], ["tasks", "--csv"]])
def test_listings_in_a_terminal_are_text_too(server: Server, home: Path, arguments: list[str]) -> None:
    text, written = listed(server, home, *arguments, "--seconds", "3")
    shown = squeezed(text)
    assert forbidden(written) == []
    for case in CASES:
        if case["class"] in ("markup", "format") and len(case["text"]) < 20 and arguments != ["workers"]:
            assert all(squeezed(part) in shown for part in case["show"]), case["id"]


NAMES: dict[str, Callable[[str], list[str]]] = {
    "--csv": lambda text: [row["name"].removeprefix("'") for row in rows_of(text)],
    "--json": lambda text: [row["name"] for row in json.loads(text)],
    "--ndjson": lambda text: [json.loads(line)["name"] for line in text.splitlines()],
}


def test_listings_for_programs_are_well_formed_and_hold_what_was_told(server: Server, home: Path) -> None:
    environment = {**os.environ, **variables(home, LAZYCELERY_BROKER_URL=server.url)}
    argv = [*LAZYCELERY, "queues", "--seconds", "3"]
    running = {form: subprocess.Popen([*argv, form], stdout=subprocess.PIPE, env=environment) for form in NAMES}
    expected = {text_of(case) for case in CASES if case["class"] in ("osc", "csi", "markup", "format", "bidi")}
    for form, process in running.items():
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert expected - set(NAMES[form](out.decode("utf-8"))) == set(), form
