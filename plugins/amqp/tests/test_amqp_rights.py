"""The permissions in docs/rabbitmq-rights.md are enough for what they promise, and allow nothing else."""

import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import amqp
import pytest

from lazycelery_core.control import Controls, Diagnoses, Finding, Inspects, Level, Peeks
from lazycelery_core.errors import AccessRefused
from lazycelery_core.testing.celery_app import create_app
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.rabbitmq import Grant, Rabbit, Vhost
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_amqp import doctor
from lazycelery_plugin_amqp.abilities import Abilities
from lazycelery_plugin_amqp.address import address_of
from lazycelery_plugin_amqp.http_api import Place
from lazycelery_plugin_amqp.line import Line
from lazycelery_plugin_amqp.management import Management
from lazycelery_plugin_amqp.stream import AmqpStream

DOCUMENT = Path(__file__).parents[3] / "docs" / "rabbitmq-rights.md"
PASSWORD = "change-me"
PATIENCE = 60.0  # s; no promise, only the end of a test that fails
USERS = ("lc_view", "lc_inspect", "lc_peek")
REPLIES = "[0-9a-f-]{36}.reply.celery.pidbox"


def documented() -> dict[str, Grant]:
    """The permissions of each user of the document."""
    lines = re.findall(r"^rabbitmqctl set_permissions .*$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    return {user: Grant(*rights) for _, _, _, _, user, *rights in map(shlex.split, lines)}


@pytest.fixture
def vhost(rabbitmq_vhost: Vhost) -> Vhost:
    """A virtual host with the documented users."""
    for user, grant in documented().items():
        rabbitmq_vhost.add_user(user, PASSWORD, grant, ["monitoring"])
    return rabbitmq_vhost


@pytest.fixture
def work(vhost: Vhost, celery_worker_factory: Any) -> Callable[..., Any]:
    return lambda **options: celery_worker_factory(url=vhost.url, settings={"result_backend": None}, **options)


def abilities_of(vhost: Vhost, user: str, level: Level) -> list[object]:
    broker = address_of(BrokerURL.parse(vhost.url_for(user, PASSWORD)))
    made, api = Abilities(broker), _api(vhost, user)
    api.step(0.0)
    made.learn_from(api.queues.get, lambda: _api(vhost, user))
    return list(made.up_to(level))


def _api(vhost: Vhost, user: str) -> Management:
    port = vhost.server.ports.management
    return Management(lambda: [Place("127.0.0.1", port, None, user, PASSWORD, sure=True)], vhost.name)


def first(abilities: list[object], kind: Any) -> Any:
    return next(each for each in abilities if isinstance(each, kind))


@contextmanager
def channel_of(vhost: Vhost, user: str, password: str = PASSWORD) -> Iterator[Any]:
    connection = amqp.Connection(
        f"127.0.0.1:{vhost.server.port}", user, password, virtual_host=vhost.name, connect_timeout=10
    )
    connection.connect()
    yield connection.channel()
    connection.close()


def test_the_document_has_the_three_users() -> None:
    assert tuple(documented()) == USERS


@pytest.mark.parametrize("user", USERS)
def test_who_may_look_hears_events_and_counts_and_sees_what_management_tells(
    user: str, vhost: Vhost, work: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = work()
    broker = address_of(BrokerURL.parse(vhost.url_for(user, PASSWORD)))
    stream = AmqpStream(Line(broker))
    stream.open()
    sent = worker.app.send_task("testing.add", (1, 2)).id
    heard = lambda: sent in [getattr(each, "uuid", "") for each in stream.read(0.1)]  # noqa: E731
    wait_until(heard, "an event of the task", PATIENCE)
    stream.close()
    monkeypatch.setattr(doctor, "LISTEN", PATIENCE)  # it ends with the first event
    findings = diagnosed(vhost, user, Level.PASSIVE)
    for what in ("count waiting messages", "hear events (celeryev)", "events arrive", "management API"):
        assert findings[what].ok, findings[what]


def diagnosed(vhost: Vhost, user: str, level: Level) -> dict[str, Finding]:
    return {each.what: each for each in first(abilities_of(vhost, user, level), Diagnoses).diagnose()}


@pytest.mark.parametrize("user", ["lc_inspect", "lc_peek"])
def test_who_may_ask_is_answered_whoever_made_the_exchange_for_replies(
    user: str, vhost: Vhost, work: Callable[..., Any]
) -> None:
    worker = work()
    inspects = first(abilities_of(vhost, user, Level.READ_ONLY), Inspects)
    nodes = wait_until(lambda: inspects.inspect("ping").nodes, "the worker to listen", PATIENCE)
    assert [(node.hostname, node.value) for node in nodes] == [(worker.hostname, {"ok": "pong"})]
    inspects.close()
    assert wait_until(lambda: worker.app.control.ping(timeout=2.0), "Celery's own ping", PATIENCE)
    assert inspects.inspect("ping", timeout=5.0).nodes
    inspects.close()


def test_who_may_only_look_is_told_what_to_grant_to_ask(vhost: Vhost, work: Callable[..., Any]) -> None:
    work()
    inspects = first(abilities_of(vhost, "lc_view", Level.READ_ONLY), Inspects)
    with pytest.raises(AccessRefused) as caught:
        inspects.inspect("ping")
    assert caught.value.right == f"configure on queue {REPLIES}"
    assert REPLIES in caught.value.hint


def test_who_has_a_queue_but_not_the_exchange_is_told_that_too(vhost: Vhost, work: Callable[..., Any]) -> None:
    work()
    own = "^[0-9a-f-]{36}[.]reply[.]celery[.]pidbox$"
    vhost.add_user("half", PASSWORD, Grant(own, own, f"{own}|^reply[.]celery[.]pidbox$"))
    inspects = first(abilities_of(vhost, "half", Level.READ_ONLY), Inspects)
    with pytest.raises(AccessRefused) as caught:
        inspects.inspect("ping", timeout=5.0)
    assert caught.value.right == "write on exchange celery.pidbox"


def test_looking_into_a_queue_needs_the_right_to_read_it(vhost: Vhost) -> None:
    app = create_app(vhost.url, result_backend=None, task_send_sent_event=False)
    for queue in ("celery", "secret"):
        app.send_task("testing.add", (3, 4), queue=queue)

    def looks(user: str, queue: str) -> list[str]:
        peeks = first(abilities_of(vhost, user, Level.GRANTED), Peeks)
        return [message.args for message in peeks.peek(queue).messages]

    wait_until(lambda: looks("lc_peek", "celery") == ["(3, 4)"], "the message", PATIENCE)
    for user, queue in (("lc_peek", "secret"), ("lc_inspect", "celery")):
        with pytest.raises(AccessRefused) as caught:
            looks(user, queue)
        assert caught.value.right == f"read on queue {queue}"
        assert "set_permissions" in caught.value.hint


def test_no_ability_beyond_the_level_exists(vhost: Vhost) -> None:
    levels = {level: abilities_of(vhost, "lc_view", level) for level in Level}
    assert not [each for each in levels[Level.PASSIVE] if isinstance(each, Inspects | Controls | Peeks)]
    assert not [each for each in levels[Level.READ_ONLY] if isinstance(each, Controls)]
    assert [each for each in levels[Level.READ_ONLY] if isinstance(each, Peeks)]
    assert [each for each in levels[Level.GRANTED] if isinstance(each, Controls)]


def test_the_doctor_names_what_is_missing(
    vhost: Vhost, work: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "LISTEN", 0.25)
    work()
    vhost.add_user("nobody", PASSWORD, Grant("^$", "^$", "^$"))
    findings = diagnosed(vhost, "nobody", Level.READ_ONLY)
    assert findings["count waiting messages"].ok
    assert findings["hear events (celeryev)"].right.startswith("configure on queue celeryev.lazycelery.")
    assert findings["ask workers"].right == f"configure on queue {REPLIES}"
    assert not findings["management API"].ok
    assert "monitoring" in findings["management API"].detail


def test_the_doctor_says_where_nothing_of_celery_is_and_who_is_not_let_in(
    vhost: Vhost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "LISTEN", 0.25)
    findings = diagnosed(vhost, "lc_inspect", Level.READ_ONLY)
    assert findings["find Celery in this virtual host"].detail == "no exchange celeryev"
    assert findings["ask workers"].ok
    broker = address_of(BrokerURL.parse(vhost.url_for("lc_view", "wrong")))
    (refused,) = first(list(Abilities(broker).up_to(Level.PASSIVE)), Diagnoses).diagnose()
    assert (refused.ok, refused.right) == (False, "login")


# --- what these users may not do --------------------------------------------------------------------------------------


def publish(channel: Any, exchange: str, key: str) -> None:
    """Refused, the channel is closed while its confirmation is waited for."""
    channel.confirm_select()
    channel.basic_publish_confirm(amqp.Message(b"{}"), exchange, key)


FORBIDDEN: dict[str, Callable[[Any], Any]] = {
    "send a task": lambda channel: publish(channel, "", "celery"),
    "send an event": lambda channel: publish(channel, "celeryev", "task.received"),
    "take a message": lambda channel: channel.basic_get("secret", no_ack=True),
    "consume": lambda channel: channel.basic_consume("secret"),
    "purge": lambda channel: channel.queue_purge("secret"),
    "delete a queue": lambda channel: channel.queue_delete("secret"),
    "delete the exchange of events": lambda channel: channel.exchange_delete("celeryev"),
    "declare a queue": lambda channel: channel.queue_declare("mine"),
    "declare an exchange": lambda channel: channel.exchange_declare("mine", "direct"),
    "bind a queue": lambda channel: channel.queue_bind("secret", "celeryev", "#"),
    "unbind a queue": lambda channel: channel.queue_unbind("secret", "celeryev", "#"),
}


@pytest.fixture(scope="module")
def forbidding(rabbitmq_server: Rabbit) -> Iterator[Vhost]:
    """One for all of them: what is refused changes nothing."""
    with rabbitmq_server.vhost() as vhost:
        for user, grant in documented().items():
            vhost.add_user(user, PASSWORD, grant, ["monitoring"])
        with channel_of(vhost, "guest", "guest") as channel:
            channel.exchange_declare("celeryev", "topic", durable=True, auto_delete=False)
            channel.exchange_declare("celery.pidbox", "fanout", auto_delete=False)
            for queue in ("secret", "celery"):
                channel.queue_declare(queue, durable=True, auto_delete=False)
        yield vhost


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("what", FORBIDDEN)
def test_everything_else_is_refused(user: str, what: str, forbidding: Vhost) -> None:
    with channel_of(forbidding, user) as channel, pytest.raises(amqp.exceptions.AccessRefused):
        FORBIDDEN[what](channel)


@pytest.mark.parametrize("user", ["lc_view"])
def test_who_only_looks_can_not_speak_to_workers(user: str, forbidding: Vhost) -> None:
    with channel_of(forbidding, user) as channel, pytest.raises(amqp.exceptions.AccessRefused):
        publish(channel, "celery.pidbox", "")
