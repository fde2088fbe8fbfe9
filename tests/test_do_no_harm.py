"""Does watching change, slow down or burden what is watched? A recorder of all commands stands beside a real server.

What is allowed is what docs/broker-commands.md says. That no task runs twice is proven with a real worker in
plugins/redis/tests/test_redis_harmless.py, as is that no command takes the server long.
"""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lazycelery_core.control import INSPECT_COMMANDS
from lazycelery_core.testing.celery_app import create_app
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.recorder import Command, recorded
from lazycelery_core.testing.servers import Server
from lazycelery_core.testing.terminal import Terminal
from lazycelery_core.testing.watching import wait

if TYPE_CHECKING:
    from lazycelery_core.testing.celery_worker import Worker

pytestmark = pytest.mark.slow
DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = (DOCS / "broker-commands.md").read_text("utf-8")
RIGHTS = (DOCS / "redis-rights.md").read_text("utf-8")
PROGRAM = [sys.executable, "-m", "lazycelery_core", "--without", "demo"]
VIEWS = {"O": "Overview", "W": "Workers", "Q": "Queues", "R": "Routing", "T": "Tasks", "H": "Health"}
POLLED = {"LLEN", "HLEN"}  # one pipelined trip a second
MOST = 20  # commands a second beside it
SHOWN = 4.0  # s that a view is watched
TWO_HOURS = 7_200
StartServer = Callable[..., Server]
StartWorker = Callable[..., "Worker"]


def written(*titles: str) -> set[str]:
    """The commands in the tables under these headings of the page."""
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    chosen = [section for section in sections if section.startswith(titles)]
    assert len(chosen) == len(titles)
    return {found for section in chosen for found in re.findall(r"^\| `([A-Z ]+)` \|", section, re.MULTILINE)}


LOOKING = written("Looking")
ASKING = LOOKING | written("Asking workers")
LEVELS = {"passive": (("--passive",), LOOKING), "read-only": ((), ASKING)}
each_level = pytest.mark.parametrize("level", LEVELS)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))


@pytest.fixture
def server(valkey_factory: StartServer) -> Server:
    """A server whose clients can be told apart: the program comes over TCP, all others over the socket."""
    return valkey_factory(tcp=True)


def fill(server: Server) -> None:
    """Queues and messages, priorities, results, and a task that a worker has held for two hours."""
    app = create_app(server.url)
    ids = [app.send_task("testing.add", (n, n), queue=q, priority=n).id for n in range(5) for q in ("celery", "mail")]
    with server.client() as client:
        held = client.lindex("mail", 0)
        envelope = json.loads(held if isinstance(held, bytes) else b"{}")
        client.hset("unacked", "tag", json.dumps([envelope, "", "mail"]))
        client.zadd("unacked_index", {"tag": time.time() - TWO_HOURS})
        client.set(f"celery-task-meta-{ids[0]}", json.dumps({"status": "SUCCESS", "task_id": ids[0], "result": 1}))
        client.sadd("_kombu.binding.celeryev", "worker.#\x06\x16\x06\x16celeryev.somebody-elses")
        client.lpush("something-else", "x")


def contents(server: Server) -> dict[str, Any]:
    """Every key with its content."""
    with server.client() as client:
        return {key.decode(errors="replace"): client.dump(key) for key in client.scan_iter(count=1000)}


@contextmanager
def screen(url: str, *flags: str) -> Iterator[Terminal]:
    """The program in a terminal; its address comes by the environment."""
    with Terminal([*PROGRAM, *flags], 160, 45, {"LAZYCELERY_BROKER_URL": url}) as terminal:
        terminal.wait_for(lambda text: re.search(r"● redis [<\d]", text), 60)
        yield terminal


def titled(title: str) -> Callable[[str], bool]:
    """Whether the breadcrumbs begin with a view's title."""
    return lambda text: text.splitlines()[1].strip().startswith(title)


def walk(terminal: Terminal, commands: Sequence[Command]) -> dict[str, float]:
    """Through every view, its lists and details; the commands a second in each, the pipelined poll left out."""
    rates = {}
    for key, title in VIEWS.items():
        terminal.type(key)
        terminal.wait_for(titled(title))
        begun, before = time.monotonic(), len(commands)
        for pressed in ("j", "k", "enter", "escape", "tab", "j", "enter", "escape", "]"):
            terminal.type(pressed)
        terminal.read(0.1)
        wait(SHOWN - (time.monotonic() - begun))
        sent = [each for each in list(commands)[before:] if each.verb not in POLLED]
        rates[title] = len(sent) / (time.monotonic() - begun)
        assert titled(title)(terminal.text())
    return rates


def questions(commands: Sequence[Command]) -> set[str]:
    """What was asked of workers: the methods in what was published."""
    published = [each.words[2] for each in commands if each.verb == "PUBLISH"]
    envelopes = [json.loads(each.decode("unicode_escape")) for each in published]
    return {json.loads(base64.b64decode(each["body"]))["method"] for each in envelopes}


# --- the screen -------------------------------------------------------------------------------------------------------


@each_level
def test_every_view_sends_only_what_is_written_seldom_and_leaves_all_as_it_was(level: str, server: Server) -> None:
    flags, allowed = LEVELS[level]
    fill(server)
    before = contents(server)
    with recorded(server) as commands, screen(server.tcp_url(), *flags) as terminal:
        rates = walk(terminal, commands)
        terminal.type("q")
        assert terminal.wait() == 0
    assert {each.verb for each in commands} <= allowed
    assert {title: rate for title, rate in rates.items() if rate > MOST} == {}
    assert contents(server) == before


def test_with_real_workers_too(server: Server, celery_worker_factory: StartWorker) -> None:
    for name in ("w1@web", "w2@web"):
        worker = celery_worker_factory(url=server.url, name=name, concurrency=2)
    worker.app.send_task("testing.add", (1, 2))
    worker.app.send_task("testing.fail_chained")
    with recorded(server) as commands, screen(server.tcp_url()) as terminal:
        terminal.wait_for("w2")
        rates = walk(terminal, commands)
        terminal.type("q")
        assert terminal.wait() == 0
    assert {each.verb for each in commands} <= ASKING
    assert {title: rate for title, rate in rates.items() if rate > MOST} == {}
    assert questions(commands) <= INSPECT_COMMANDS
    assert {"ping", "stats", "active"} <= questions(commands)


def test_killed_while_it_looks_it_leaves_nothing_behind(server: Server) -> None:
    fill(server)
    before = contents(server)
    with screen(server.tcp_url(), "--passive") as terminal:
        terminal.type("Q")
        terminal.wait_for("mail")
        wait(1.0)
        terminal.signal(signal.SIGKILL)
        assert terminal.wait() == -signal.SIGKILL
    assert contents(server) == before
    with server.client() as client:
        wait_until(lambda: client.pubsub_numpat() == 0, "the subscriptions to end")


def test_killed_while_it_asks_it_leaves_one_announcement_at_most(server: Server) -> None:
    fill(server)
    before = contents(server)
    with screen(server.tcp_url()) as terminal:
        wait(1.5)
        terminal.signal(signal.SIGKILL)
        assert terminal.wait() == -signal.SIGKILL
    left = contents(server)
    changed = {key for key in {*before, *left} if before.get(key) != left.get(key)}
    assert len(changed) <= 2, changed
    assert all(key.endswith("reply.celery.pidbox") for key in changed)


# --- commands without a screen ----------------------------------------------------------------------------------------

CONNECTING = (
    ("workers",), ("queues", "--json"), ("tasks", "--ndjson"), ("tasks", "-f", "is:late"), ("doctor", "connection"),
)  # fmt: skip
OTHERS = (("plugins",), ("keys",), ("config", "show"), ("config", "check"), ("config", "example"))
COMMANDS = [(level, words) for words in CONNECTING for level in LEVELS] + [("passive", words) for words in OTHERS]


@pytest.mark.parametrize("level,words", COMMANDS, ids=lambda each: each if isinstance(each, str) else " ".join(each))
def test_a_command_sends_only_what_is_written(level: str, words: tuple[str, ...], server: Server) -> None:
    flags, allowed = LEVELS[level]
    fill(server)
    before = contents(server)
    environment = {**os.environ, "LAZYCELERY_BROKER_URL": server.tcp_url()}
    with recorded(server) as commands:
        command = [*PROGRAM, *flags, *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1), done.stderr
    assert {each.verb for each in commands} <= allowed
    assert contents(server) == before


# --- what is written --------------------------------------------------------------------------------------------------


def test_the_page_and_the_rights_name_the_same_commands() -> None:
    """A user of the broker with the documented rights can do all that is written, and no more than that."""
    given = {
        user: {right.upper().replace("|", " ") for right in re.findall(r"\+([a-z|]+)", text)}
        for user, text in re.findall(r"^```acl (\w+)\n(.*?)^```", RIGHTS, re.DOTALL | re.MULTILINE)
    }
    by_itself = {"AUTH", "SENTINEL"}  # login needs no right; a sentinel is another server
    assert given["lc_view"] == given["lc_view_narrow"] == LOOKING - by_itself
    assert given["lc_inspect"] == ASKING - by_itself


def test_the_page_names_every_question() -> None:
    asked = re.search(r"change nothing: (.*?)\.$", PAGE, re.DOTALL | re.MULTILINE)
    assert asked is not None
    assert set(re.findall(r"`(\w+)`", asked[1])) == INSPECT_COMMANDS


# --- with the documented rights ---------------------------------------------------------------------------------------


@pytest.fixture
def limited(valkey_factory: StartServer) -> Server:
    """A server with the documented users."""
    blocks = re.findall(r"^```acl \w+\nACL SETUSER (.*?)^```", RIGHTS, re.DOTALL | re.MULTILINE)
    return valkey_factory(tcp=True, users=[" ".join(block.split()) for block in blocks])


def test_who_may_only_look_sees_everything_when_passive(limited: Server, celery_worker_factory: StartWorker) -> None:
    worker = celery_worker_factory(url=limited.url, name="w1@web")
    with screen(limited.tcp_url(user="lc_view", password="change-me"), "--passive") as terminal:
        terminal.wait_for("w1")
        sent = worker.app.send_task("testing.add", (1, 2)).id
        terminal.type("T")
        terminal.wait_for(lambda text: "testing.add" in text and "SUCCESS" in text and sent[:6] in text)
        terminal.type("Q")
        terminal.wait_for(lambda text: titled("Queues")(text) and "celery" in text)
        terminal.type("H")
        text = terminal.wait_for(lambda text: titled("Health")(text) and "redis.events" in text)
        assert "PASSIVE" in text
        assert "refused" not in text
        assert "missing right" not in text


def test_who_may_only_look_is_told_which_right_is_missing_to_ask(
    limited: Server, celery_worker_factory: StartWorker
) -> None:
    celery_worker_factory(url=limited.url, name="w1@web")
    with screen(limited.tcp_url(user="lc_view", password="change-me")) as terminal:
        terminal.wait_for("w1")
        terminal.type("H")
        text = terminal.wait_for("+sadd")
        refused = Counter(re.findall(r"(\S+) +▲ refused", text))
        assert refused == {"cluster.inspect": 1}
