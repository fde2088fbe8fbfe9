"""Does a line connect, refuse and fail in sentences that say what to do, and never wait too long?"""

import time
from collections.abc import Callable

import amqp
import pytest

from lazycelery_core.errors import AccessRefused, SourceError
from lazycelery_core.testing.kit import wait_until
from lazycelery_core.testing.rabbitmq import NONE, Grant, Rabbit, Vhost
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_amqp import line as line_module
from lazycelery_plugin_amqp.address import address_of
from lazycelery_plugin_amqp.line import Line, Shared
from lazycelery_plugin_amqp.troubles import Missing


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no dead line; what happens on those is tried elsewhere."""
    monkeypatch.setattr(line_module, "CONNECT", 20.0)
    monkeypatch.setattr(line_module, "ANSWER", 20.0)


def line_to(url: str) -> Line:
    return Line(address_of(BrokerURL.parse(url)), "test")


def publish(line: Line, key: str = "nowhere") -> None:
    line.ask(lambda channel: channel.basic_publish(amqp.Message(b""), exchange="", routing_key=key))


def test_a_line_opens_on_first_use_asks_and_counts(rabbitmq_vhost: Vhost) -> None:
    line = line_to(rabbitmq_vhost.url)
    declared = line.ask(lambda channel: channel.queue_declare("q", exclusive=True))
    assert declared.queue == "q"
    assert (line.is_open, line.asked) == (True, 2)
    assert line.latency is not None
    names = rabbitmq_vhost.server.ctl("list_connections", "client_properties")
    assert "lazycelery test" in names
    line.close()
    assert not line.is_open


def test_what_is_not_there_is_missing_and_the_line_stays_usable(rabbitmq_vhost: Vhost) -> None:
    line = line_to(rabbitmq_vhost.url)
    with pytest.raises(Missing, match="no queue nobody in the virtual host"):
        line.ask(lambda channel: channel.queue_declare("nobody", passive=True))
    connection = line.connection
    assert line.ask(lambda channel: channel.queue_declare("q", exclusive=True)).message_count == 0
    assert line.connection is connection
    with pytest.raises(SourceError, match="other arguments"):
        line.ask(lambda channel: channel.queue_declare("q", exclusive=True, arguments={"x-max-length": 1}))
    line.close()


def test_a_refused_right_is_named_as_rabbitmq_writes_it(rabbitmq_vhost: Vhost) -> None:
    guest = line_to(rabbitmq_vhost.url)
    guest.ask(lambda channel: channel.queue_declare("theirs", auto_delete=False))
    guest.ask(lambda channel: channel.exchange_declare("news", "topic"))
    rabbitmq_vhost.add_user("view", "pw", Grant("^mine", "^mine", "^mine"))
    line = line_to(rabbitmq_vhost.url_for("view", "pw"))
    line.ask(lambda channel: channel.queue_declare("mine"))
    refused = {
        "configure on queue other": lambda channel: channel.queue_declare("other"),
        "read on queue theirs": lambda channel: channel.basic_get("theirs"),
        "write on queue theirs": lambda channel: channel.queue_bind("theirs", "news", "#"),
        "read on exchange news": lambda channel: channel.queue_bind("mine", "news", "#"),
        "configure on exchange else": lambda channel: channel.exchange_declare("else", "topic"),
    }
    for right, question in refused.items():
        with pytest.raises(AccessRefused) as error:
            line.ask(question)
        assert error.value.right == right
        assert "set_permissions" in error.value.hint
    line.close()
    guest.close()


def test_a_wrong_password_and_a_foreign_virtual_host_are_told_apart(rabbitmq_vhost: Vhost) -> None:
    with pytest.raises(AccessRefused, match="Login refused for user guest") as login:
        line_to(rabbitmq_vhost.url_for(password="s3cret-wrong")).open()
    assert login.value.right == "login"
    assert "s3cret" not in f"{login.value}{login.value.__cause__}"
    rabbitmq_vhost.server.add_user("stranger", "pw", "/", NONE)
    with pytest.raises(AccessRefused, match=f"may not use the virtual host {rabbitmq_vhost.name}"):
        line_to(rabbitmq_vhost.url_for("stranger", "pw")).open()
    with pytest.raises(AccessRefused, match="There is no virtual host nowhere"):
        line_to(rabbitmq_vhost.server.url_for(vhost="nowhere")).open()


def test_several_addresses_are_tried_in_order_and_the_first_error_is_told(rabbitmq_vhost: Vhost) -> None:
    good = rabbitmq_vhost.url
    line = line_to(f"amqp://127.0.0.1:1//;{good}")
    line.open()
    assert line.address.port == rabbitmq_vhost.server.port
    line.close()
    with pytest.raises(SourceError, match=r"Nobody listens at 127\.0\.0\.1:1"):
        line_to(f"amqp://127.0.0.1:1//;{rabbitmq_vhost.url_for(password='wrong')}").open()


def test_a_line_that_the_broker_has_closed_is_opened_anew_by_the_next_question(rabbitmq_vhost: Vhost) -> None:
    shared = Shared(address_of(BrokerURL.parse(rabbitmq_vhost.url)))
    shared.ask(lambda channel: channel.queue_declare("q"))
    rabbitmq_vhost.close_connections()
    assert shared.ask(lambda channel: channel.queue_declare("q", passive=True)).queue == "q"
    shared.close()


def test_a_server_that_is_no_broker_is_told_in_time(
    valkey_factory: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_module, "CONNECT", 0.5)
    server = valkey_factory(tcp=True)
    begun = time.monotonic()
    with pytest.raises(SourceError, match=r"127\.0\.0\.1"):
        line_to(f"amqp://127.0.0.1:{server.port}//").open()  # type: ignore[attr-defined]
    assert time.monotonic() - begun < 60


def test_an_alarm_is_known_after_the_first_message_that_it_stops(rabbitmq_factory: Callable[..., Rabbit]) -> None:
    server = rabbitmq_factory()
    line = line_to(server.url)
    line.open()
    server.alarm(True)

    def is_blocked() -> bool:
        publish(line)
        line.catch_up()
        return line.blocked

    wait_until(is_blocked, "the broker to block us", 30)
    server.alarm(False)
    wait_until(lambda: not is_blocked(), "the end of the alarm", 30)
    line.close()
