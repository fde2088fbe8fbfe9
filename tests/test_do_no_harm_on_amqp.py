"""Does watching change or burden what is watched on RabbitMQ? A recorder of all methods stands before a real server.

What is allowed is what docs/broker-commands.md says.
"""

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import amqp
import pytest

from lazycelery_core.control import INSPECT_COMMANDS
from lazycelery_core.testing.amqp_recorder import Recorder, recorded_amqp
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.rabbitmq import Grant
from lazycelery_core.testing.terminal import Terminal
from lazycelery_core.testing.watching import wait

if TYPE_CHECKING:
    from lazycelery_core.testing.rabbitmq import Vhost

pytestmark = pytest.mark.slow
DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, RIGHTS = ((DOCS / name).read_text("utf-8") for name in ("broker-commands.md", "rabbitmq-rights.md"))
PROGRAM = [sys.executable, "-m", "lazycelery_core", "--without", "demo"]
VIEWS = {"O": "Overview", "W": "Workers", "Q": "Queues", "T": "Tasks", "H": "Health"}
SHOWN = 2.0  # s that a view is watched
PATIENCE = 60.0  # s; no promise, only the end of a test that fails


def written(title: str) -> set[str]:
    """The methods in the table under this heading of the page."""
    (section,) = [each for each in re.split(r"^## ", PAGE, flags=re.MULTILINE) if each.startswith(title)]
    return set(re.findall(r"^\| `([a-z. -]+)` \|", section, re.MULTILINE))


LOOKING = written("On RabbitMQ: looking, every level")
ASKING = LOOKING | written("On RabbitMQ: asking workers")
TAKING = ASKING | written("On RabbitMQ: looking into a queue")
LEVELS = {"passive": (("--passive",), LOOKING), "read-only": ((), ASKING)}
each_level = pytest.mark.parametrize("level", LEVELS)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))


@pytest.fixture
def recorder(rabbitmq_vhost: "Vhost") -> Iterator[Recorder]:
    """The program comes through it; workers and the test do not."""
    with recorded_amqp(rabbitmq_vhost.server.port) as recorder:
        yield recorder


@contextmanager
def channel_of(vhost: "Vhost") -> Iterator[Any]:
    connection = amqp.Connection(f"127.0.0.1:{vhost.server.port}", virtual_host=vhost.name, connect_timeout=10)
    connection.connect()
    yield connection.channel()
    connection.close()


QUEUES: dict[str, dict[str, Any]] = {"mail": {}, "orders": {"x-queue-type": "quorum", "x-delivery-limit": 2}}


def fill(vhost: "Vhost") -> None:
    """What Celery leaves without any worker, and messages in a classic and in a quorum queue."""
    with channel_of(vhost) as channel:
        channel.exchange_declare("celeryev", "topic", durable=True, auto_delete=False)
        channel.exchange_declare("celery.pidbox", "fanout", durable=False, auto_delete=False)
        channel.confirm_select()
        for queue, arguments in QUEUES.items():
            channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)
            channel.exchange_declare(queue, "direct", durable=True, auto_delete=False)
            channel.queue_bind(queue, queue, queue)
            for number in range(5):
                headers = {"task": "shop.pay", "id": f"{queue}-{number}"}
                message = amqp.Message(b"[[],{},{}]", content_type="application/json", application_headers=headers)
                channel.basic_publish_confirm(message, queue, queue)
    wait_until(lambda: vhost.holds()[2] == 0, "our own connection to be gone", PATIENCE)


def structure(vhost: "Vhost") -> tuple[Any, ...]:
    """Queues, exchanges and bindings with all that belongs to them, and the number of connections."""
    name = f'<<"{vhost.name}">>'
    listed = (f"lists:sort({module}:list({name}))" for module in ("rabbit_exchange", "rabbit_binding"))
    return (vhost.queues(), *map(vhost.server.call, listed), vhost.holds()[2])


def messages(vhost: "Vhost") -> dict[str, list[tuple[str, bool, Any]]]:
    """Ids in order, whether they are marked as redelivered, deliveries counted; the queues are empty afterwards."""
    found: dict[str, list[tuple[str, bool, Any]]] = {queue: [] for queue in QUEUES}
    with channel_of(vhost) as channel:
        for queue, told in found.items():
            while (got := channel.basic_get(queue, no_ack=True)) is not None:
                told.append((got.headers["id"], got.delivery_info["redelivered"], got.headers.get("x-delivery-count")))
    return found


UNTOUCHED = {
    "mail": [(f"mail-{number}", False, None) for number in range(5)],
    "orders": [(f"orders-{number}", False, 0) for number in range(5)],
}


@pytest.fixture
def settings(rabbitmq_vhost: "Vhost", recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address, queues that nobody names, and where the management API is; the password is everybody's."""
    file = tmp_path / "config.toml"
    file.write_text(f"""connection = "test"
[connections.test]
url = "amqp://127.0.0.1:{recorder.port}/{rabbitmq_vhost.name}"
queues = ["mail", "orders"]
[plugins.amqp]
management_url = "{rabbitmq_vhost.server.management_url}"
""")
    monkeypatch.setenv("LAZYCELERY_CONFIG", str(file))
    monkeypatch.delenv("LAZYCELERY_BROKER_URL", raising=False)


@contextmanager
def screen(*flags: str) -> Iterator[Terminal]:
    """The program in a terminal; its settings come by the environment."""
    with Terminal([*PROGRAM, *flags], 160, 45) as terminal:
        terminal.wait_for(lambda text: re.search(r"● amqp [<\d]", text), PATIENCE)
        yield terminal


def titled(title: str) -> Callable[[str], bool]:
    """Whether the breadcrumbs begin with a view's title."""
    return lambda text: text.splitlines()[1].strip().startswith(title)


def walk(terminal: Terminal) -> None:
    """Through every view, its lists and details."""
    for key, title in VIEWS.items():
        terminal.type(key)
        terminal.wait_for(titled(title), PATIENCE)
        for pressed in ("j", "k", "enter", "escape", "tab", "j", "enter", "escape", "]"):
            terminal.type(pressed)
        terminal.read(0.1)
        wait(SHOWN)


def names(recorder: Recorder) -> set[str]:
    return {each.name for each in recorder.methods}


# --- the screen -------------------------------------------------------------------------------------------------------


@each_level
def test_every_view_calls_only_what_is_written_and_leaves_all_as_it_was(
    level: str, rabbitmq_vhost: "Vhost", recorder: Recorder, settings: None
) -> None:
    flags, allowed = LEVELS[level]
    fill(rabbitmq_vhost)
    before = structure(rabbitmq_vhost)
    with screen(*flags) as terminal:
        walk(terminal)
        terminal.type("q")
        assert terminal.wait(PATIENCE) == 0
    assert names(recorder) <= allowed
    assert {"queue.declare passive", "basic.consume"} <= names(recorder)
    wait_until(lambda: structure(rabbitmq_vhost) == before, "all to be as it was", PATIENCE)
    assert messages(rabbitmq_vhost) == UNTOUCHED


@each_level
def test_killed_while_it_looks_it_leaves_nothing_behind(
    level: str, rabbitmq_vhost: "Vhost", recorder: Recorder, settings: None
) -> None:
    fill(rabbitmq_vhost)
    before = structure(rabbitmq_vhost)
    with screen(*LEVELS[level][0]) as terminal:
        terminal.type("Q")
        terminal.wait_for(titled("Queues"), PATIENCE)
        wait(SHOWN)
        terminal.signal(signal.SIGKILL)
        assert terminal.wait(PATIENCE) == -signal.SIGKILL
    wait_until(lambda: structure(rabbitmq_vhost) == before, "all to be as it was", PATIENCE)
    assert messages(rabbitmq_vhost) == UNTOUCHED


def test_with_a_real_worker_only_questions_that_are_written_are_asked(
    rabbitmq_vhost: "Vhost", recorder: Recorder, settings: None, celery_worker_factory: Callable[..., Any]
) -> None:
    worker = celery_worker_factory(url=rabbitmq_vhost.url, name="w1@web", settings={"result_backend": None})
    worker.app.send_task("testing.add", (1, 2))
    with screen() as terminal:
        terminal.wait_for("w1", PATIENCE)
        walk(terminal)
        terminal.type("q")
        assert terminal.wait(PATIENCE) == 0
    assert names(recorder) <= ASKING
    published = [each for each in recorder.methods if each.name == "basic.publish"]
    assert {each.about for each in published} == {"celery.pidbox"}
    asked = {json.loads(each.body)["method"] for each in published}
    assert {"ping", "stats", "active"} <= asked <= INSPECT_COMMANDS


def at_queue(terminal: Terminal, queue: str) -> None:
    """The cursor stands on a queue whose price is known."""
    terminal.type("Q")
    terminal.wait_for(lambda text: titled("Queues")(text) and "mail" in text and "orders" in text, PATIENCE)
    terminal.type(*("kk" if queue == "mail" else "jj"))  # the first, the last
    terminal.wait_for(lambda text: f"Messages in {queue}" in text, PATIENCE)


def test_a_classic_queue_is_looked_into_when_the_key_wants_it_and_not_before(
    rabbitmq_vhost: "Vhost", recorder: Recorder, settings: None
) -> None:
    fill(rabbitmq_vhost)
    with screen() as terminal:
        at_queue(terminal, "mail")
        terminal.wait_for("Press m in the list of queues", PATIENCE)
        assert "basic.get" not in names(recorder)
        terminal.type("m")
        terminal.wait_for("all put back · 1-5 of 5", PATIENCE)
        terminal.type("q")
        assert terminal.wait(PATIENCE) == 0
    assert names(recorder) <= TAKING
    taken = [each.about for each in recorder.methods if each.name == "basic.get"]
    assert taken == ["mail"] * 5
    left = messages(rabbitmq_vhost)
    assert left["mail"] == [(f"mail-{number}", True, None) for number in range(5)]
    assert left["orders"] == UNTOUCHED["orders"]


def test_a_quorum_queue_is_looked_into_with_a_grant_confirmed_and_audited(
    rabbitmq_vhost: "Vhost", recorder: Recorder, settings: None, tmp_path: Path
) -> None:
    fill(rabbitmq_vhost)
    with screen("--allow", "peek") as terminal:
        at_queue(terminal, "orders")
        terminal.wait_for("Press M in the list of queues", PATIENCE)
        terminal.type("m")
        terminal.wait_for("it costs more than a mark", PATIENCE)
        terminal.type("M")
        dialog = terminal.wait_for("Look at its messages: orders", PATIENCE)
        assert "the first 5 of 5 messages" in dialog
        assert dialog.count("Looks left until messages are lost: 2.") >= 1
        assert "basic.get" not in names(recorder)
        terminal.type("tab", "enter")
        terminal.wait_for("all put back · 1-5 of 5", PATIENCE)
        terminal.type("q")
        assert terminal.wait(PATIENCE) == 0
    assert names(recorder) <= TAKING
    records = [json.loads(each) for each in next((tmp_path / "home").rglob("audit.jsonl")).read_text().splitlines()]
    assert [(each["stage"], each["action"]) for each in records] == [
        ("intent", "queue.peek"),
        ("outcome", "queue.peek"),
    ]
    assert records[1]["replies"] == {"orders": "5 messages looked at and put back"}
    left = messages(rabbitmq_vhost)
    assert left["orders"] == [(f"orders-{number}", True, 1) for number in range(5)]
    assert left["mail"] == UNTOUCHED["mail"]


# --- commands without a screen ----------------------------------------------------------------------------------------

COMMANDS = (("workers",), ("queues", "--json"), ("tasks", "--ndjson"), ("routing",), ("doctor", "connection"))


@each_level
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_calls_only_what_is_written(
    level: str, words: tuple[str, ...], rabbitmq_vhost: "Vhost", recorder: Recorder, settings: None
) -> None:
    flags, allowed = LEVELS[level]
    fill(rabbitmq_vhost)
    before = structure(rabbitmq_vhost)
    done = subprocess.run([*PROGRAM, *flags, *words], capture_output=True, text=True, check=False, timeout=120)
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1), done.stderr
    assert names(recorder) <= allowed
    wait_until(lambda: structure(rabbitmq_vhost) == before, "all to be as it was", PATIENCE)
    assert messages(rabbitmq_vhost) == UNTOUCHED


# --- with the documented rights ---------------------------------------------------------------------------------------


@pytest.fixture
def limited(rabbitmq_vhost: "Vhost", monkeypatch: pytest.MonkeyPatch) -> "Vhost":
    """A virtual host that lets the documented user in who may only look."""
    lines = re.findall(r"^rabbitmqctl set_permissions (.*)$", RIGHTS, re.MULTILINE)
    (grant,) = [rights for _, _, user, *rights in map(shlex.split, lines) if user == "lc_view"]
    rabbitmq_vhost.add_user("lc_view", "change-me", Grant(*grant))
    monkeypatch.setenv("LAZYCELERY_BROKER_URL", rabbitmq_vhost.url_for("lc_view", "change-me"))
    return rabbitmq_vhost


def working(vhost: "Vhost", start: Callable[..., Any]) -> Any:
    return start(url=vhost.url, name="w1@web", settings={"result_backend": None})


def test_who_may_only_look_sees_everything_when_passive(
    limited: "Vhost", celery_worker_factory: Callable[..., Any]
) -> None:
    worker = working(limited, celery_worker_factory)
    with screen("--passive") as terminal:
        terminal.wait_for("w1", PATIENCE)
        sent = worker.app.send_task("testing.add", (1, 2)).id
        terminal.type("T")
        terminal.wait_for(lambda text: "testing.add" in text and "SUCCESS" in text and sent[:6] in text, PATIENCE)
        terminal.type("Q")
        terminal.wait_for(lambda text: titled("Queues")(text) and "celery" in text, PATIENCE)
        terminal.type("H")
        text = terminal.wait_for(lambda text: titled("Health")(text) and "amqp.events" in text, PATIENCE)
        assert "PASSIVE" in text
        assert "refused" not in text


def test_who_may_only_look_is_told_which_right_is_missing_to_ask(
    limited: "Vhost", celery_worker_factory: Callable[..., Any]
) -> None:
    working(limited, celery_worker_factory)
    with screen() as terminal:
        terminal.wait_for("w1", PATIENCE)
        terminal.type("H")
        text = terminal.wait_for(lambda text: "▲ refused" in text and "reply.celery.pidbox" in text, PATIENCE)
        assert re.findall(r"(\S+) +▲ refused", text) == ["cluster.inspect"]
