"""What a look into a queue costs on RabbitMQ is known before, is no more than that, and everything is put back."""

import os
import pickle
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import amqp
import pytest

from lazycelery_core.control import NodeReply, Peek, Peeks, Replies
from lazycelery_core.errors import AccessRefused, SourceError
from lazycelery_core.redact import MASK, Redactor
from lazycelery_core.testing.celery_app import create_app
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.rabbitmq import Vhost
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_amqp import peek
from lazycelery_plugin_amqp.address import address_of
from lazycelery_plugin_amqp.kinds import Kind, Kinds
from lazycelery_plugin_amqp.message import message_of
from lazycelery_plugin_amqp.peek import Peeker
from lazycelery_plugin_amqp.pidbox import Inspector

PATIENCE = 60.0  # s; no promise, only the end of a test that fails
CLASSIC = SimpleNamespace(type="classic", arguments={}, effective_policy_definition={})


def quorum(limit: int | None = None, **policy: Any) -> Any:
    arguments = {} if limit is None else {"x-delivery-limit": limit}
    return SimpleNamespace(type="quorum", arguments=arguments, effective_policy_definition=policy)


def peeker_of(vhost: Vhost, granted: bool = True, **told: Any) -> Peeker:
    """told: what the management API says of queues; the others are classic."""
    kinds = Kinds(lambda queue: told.get(queue, CLASSIC), None)
    return Peeker(address_of(BrokerURL.parse(vhost.url)), Redactor(), kinds, granted)


@contextmanager
def channel_of(vhost: Vhost) -> Iterator[Any]:
    connection = amqp.Connection(f"127.0.0.1:{vhost.server.port}", virtual_host=vhost.name, connect_timeout=10)
    connection.connect()
    yield connection.channel()
    connection.close()


def declare(vhost: Vhost, queue: str, messages: int, **arguments: Any) -> None:
    """A durable queue with messages `0`, `1` ..., in it when this returns."""
    with channel_of(vhost) as channel:
        channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)
        channel.confirm_select()
        for number in range(messages):
            headers = {"task": "t", "id": str(number)}
            body = amqp.Message(b"[[],{},{}]", content_type="application/json", application_headers=headers)
            channel.basic_publish_confirm(body, routing_key=queue)
    wait_until(lambda: ready(vhost, queue) == messages, "the messages to be there", PATIENCE)


def ready(vhost: Vhost, queue: str) -> int:
    with channel_of(vhost) as channel:
        return int(channel.queue_declare(queue, passive=True).message_count)


def consumed(vhost: Vhost, queue: str) -> list[tuple[str, bool]]:
    """Task ids in the order in which a worker gets them, and whether they are marked; the queue is empty then."""
    got = []
    with channel_of(vhost) as channel:
        while (message := channel.basic_get(queue, no_ack=True)) is not None:
            got.append((message.headers["id"], message.delivery_info["redelivered"]))
    return got


def ids(found: Peek) -> list[str]:
    return [message.task_id for message in found.messages]


# --- classic queues ---------------------------------------------------------------------------------------------------


def test_the_ability_fulfils_its_protocol(rabbitmq_vhost: Vhost) -> None:
    assert isinstance(peeker_of(rabbitmq_vhost), Peeks)


def test_a_look_into_a_classic_queue_keeps_the_order_and_costs_a_mark(rabbitmq_vhost: Vhost) -> None:
    declare(rabbitmq_vhost, "mail", 30)
    peeker = peeker_of(rabbitmq_vhost, granted=False)
    price = peeker.price("mail")
    assert (price.needs_confirmation, price.refusal, price.limit, price.remaining) == (False, "", 20, None)
    assert "redelivered" in price.sentence
    found = peeker.peek("mail", 0, 25)
    assert ids(found) == [str(number) for number in range(25)]
    assert [message.position for message in found.messages] == list(range(25))
    assert {message.redelivered for message in found.messages} == {False}
    assert (found.total, found.note) == (30, "")
    assert ready(rabbitmq_vhost, "mail") == 30
    assert consumed(rabbitmq_vhost, "mail") == [(str(number), number < 25) for number in range(30)]


def test_only_as_many_as_asked_for_are_taken(rabbitmq_vhost: Vhost) -> None:
    declare(rabbitmq_vhost, "mail", 12)
    peeker = peeker_of(rabbitmq_vhost)
    page = peeker.peek("mail", 3, 2)
    assert (ids(page), [message.position for message in page.messages]) == (["3", "4"], [3, 4])
    assert not peeker.peek("mail", 0, 0).messages
    assert [marked for _, marked in consumed(rabbitmq_vhost, "mail")] == [True] * 5 + [False] * 7


def test_higher_priorities_come_first_and_stay_first(rabbitmq_vhost: Vhost) -> None:
    with channel_of(rabbitmq_vhost) as channel:
        channel.queue_declare("mail", durable=True, auto_delete=False, arguments={"x-max-priority": 9})
        channel.confirm_select()
        for number, priority in enumerate((0, 9, 4, 9)):
            headers = {"task": "t", "id": str(number)}
            message = amqp.Message(b"[[],{},{}]", priority=priority, application_headers=headers)
            channel.basic_publish_confirm(message, routing_key="mail")
    found = peeker_of(rabbitmq_vhost).peek("mail")
    assert ids(found) == ["1", "3", "2", "0"]
    assert [message.priority for message in found.messages] == [9, 9, 4, 0]
    assert [task_id for task_id, _ in consumed(rabbitmq_vhost, "mail")] == ["1", "3", "2", "0"]


def test_an_empty_queue_and_none_at_all_have_nothing_to_show(rabbitmq_vhost: Vhost) -> None:
    declare(rabbitmq_vhost, "mail", 0)
    assert peeker_of(rabbitmq_vhost).peek("mail") == Peek((), 0, "")
    assert peeker_of(rabbitmq_vhost).peek("never").note == "There is no such queue any more."


def test_large_messages_end_a_look_early(rabbitmq_vhost: Vhost, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(rabbitmq_vhost, "mail", 30)
    monkeypatch.setattr(peek, "BUDGET", 50)
    found = peeker_of(rabbitmq_vhost).peek("mail", 0, 30)
    assert len(found.messages) == 1 + peek.TOGETHER
    assert "large" in found.note
    assert ready(rabbitmq_vhost, "mail") == 30


def test_a_look_whose_connection_is_closed_takes_nothing(
    rabbitmq_vhost: Vhost, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(rabbitmq_vhost, "mail", 5)
    given_back = peek._given_back

    def closed_before(got: list[Any]) -> Any:
        rabbitmq_vhost.close_connections()
        return given_back(got)

    monkeypatch.setattr(peek, "_given_back", closed_before)
    with pytest.raises(SourceError):
        peeker_of(rabbitmq_vhost).peek("mail")
    wait_until(lambda: ready(rabbitmq_vhost, "mail") == 5, "all to be there again", PATIENCE)
    assert [task_id for task_id, _ in consumed(rabbitmq_vhost, "mail")] == ["0", "1", "2", "3", "4"]


def test_a_queue_that_belongs_to_another_connection_is_refused_without_a_word_about_the_line(
    rabbitmq_vhost: Vhost,
) -> None:
    with channel_of(rabbitmq_vhost) as channel:
        channel.queue_declare("mine", exclusive=True)
        with pytest.raises(AccessRefused, match="belongs to another connection"):
            peeker_of(rabbitmq_vhost).peek("mine")


def test_no_connection_is_left_open(rabbitmq_vhost: Vhost) -> None:
    declare(rabbitmq_vhost, "mail", 5)
    peeker_of(rabbitmq_vhost).peek("mail")
    wait_until(lambda: rabbitmq_vhost.holds()[2] == 0, "every connection to be gone", PATIENCE)


# --- quorum queues and streams ----------------------------------------------------------------------------------------

QUORUM = {"x-queue-type": "quorum"}


def test_a_quorum_queue_is_looked_into_as_often_as_its_limit_allows_and_loses_nothing(rabbitmq_vhost: Vhost) -> None:
    declare(rabbitmq_vhost, "orders", 3, **QUORUM, **{"x-delivery-limit": 3})
    peeker = peeker_of(rabbitmq_vhost, orders=quorum(3))
    left = []
    for _ in range(3):
        price = peeker.price("orders")
        assert (price.needs_confirmation, price.refusal) == (True, "")
        left.append(price.remaining)
        assert ids(peeker.peek("orders")) == ["0", "1", "2"]
        wait_until(lambda: ready(rabbitmq_vhost, "orders") == 3, "all to be there again", PATIENCE)
    assert left == [3, 2, 1]
    spent = peeker.price("orders")
    assert (spent.remaining, spent.refusal) == (
        0, "The limit of 3 deliveries is reached: another look would throw messages away."
    )  # fmt: skip
    with pytest.raises(AccessRefused, match="limit of 3"):
        peeker.peek("orders")
    assert ready(rabbitmq_vhost, "orders") == 3


def test_what_a_look_shows_of_a_quorum_queue_moves_to_its_end(rabbitmq_vhost: Vhost) -> None:
    declare(rabbitmq_vhost, "orders", 4, **QUORUM)
    peeker = peeker_of(rabbitmq_vhost, orders=quorum())
    assert "to the end" in peeker.price("orders").sentence
    assert ids(peeker.peek("orders", 0, 2)) == ["0", "1"]
    wait_until(lambda: ready(rabbitmq_vhost, "orders") == 4, "all to be there again", PATIENCE)
    assert [task_id for task_id, _ in consumed(rabbitmq_vhost, "orders")] == ["2", "3", "0", "1"]


def test_below_a_grant_nobody_looks_into_a_quorum_queue(rabbitmq_vhost: Vhost) -> None:
    declare(rabbitmq_vhost, "orders", 2, **QUORUM)
    with pytest.raises(AccessRefused, match="Start with --allow peek"):
        peeker_of(rabbitmq_vhost, granted=False, orders=quorum()).peek("orders")
    assert [marked for _, marked in consumed(rabbitmq_vhost, "orders")] == [False, False]


def test_a_message_whose_deliveries_workers_have_used_up_ends_the_look(rabbitmq_vhost: Vhost) -> None:
    declare(rabbitmq_vhost, "orders", 3, **QUORUM, **{"x-delivery-limit": 1})
    with channel_of(rabbitmq_vhost) as channel:  # a worker that fails
        first = channel.basic_get("orders")
        rest = [channel.basic_get("orders") for _ in range(2)]
        for message in (first, *rest):
            channel.basic_reject(message.delivery_info["delivery_tag"], requeue=True)
    wait_until(lambda: ready(rabbitmq_vhost, "orders") == 3, "all to be there again", PATIENCE)
    found = peeker_of(rabbitmq_vhost, orders=quorum(1)).peek("orders")
    assert len(found.messages) == 1
    assert "made the queue throw it away" in found.note
    wait_until(lambda: ready(rabbitmq_vhost, "orders") == 2, "the others to be there", PATIENCE)


def test_a_queue_that_proves_to_be_a_quorum_queue_is_left_after_one_message(rabbitmq_vhost: Vhost) -> None:
    declare(rabbitmq_vhost, "orders", 5, **QUORUM)
    peeker = peeker_of(rabbitmq_vhost)
    assert not peeker.price("orders").needs_confirmation
    found = peeker.peek("orders")
    assert (len(found.messages), "quorum queue after all" in found.note) == (1, True)
    assert peeker.price("orders").needs_confirmation


def test_streams_are_refused(rabbitmq_vhost: Vhost) -> None:
    declare(rabbitmq_vhost, "log", 0, **{"x-queue-type": "stream"})
    told = SimpleNamespace(type="stream", arguments={}, effective_policy_definition={})
    peeker = peeker_of(rabbitmq_vhost, log=told)
    assert peeker.price("log").refusal == "Streams are not looked into."
    with pytest.raises(AccessRefused, match="Streams"):
        peeker.peek("log")


# --- which kind of queue it is ----------------------------------------------------------------------------------------


class Workers:
    """Answers `active_queues` as workers do."""

    def __init__(self, *queues: Any) -> None:
        self.asked, self._queues = 0, list(queues)

    def inspect(self, command: str, *_: Any, **__: Any) -> Replies:
        self.asked += 1
        assert command == "active_queues"
        return Replies([NodeReply("w1", self._queues), NodeReply("w2", None, error="mute")])


@pytest.mark.parametrize(
    "version, arguments, kind",
    [
        ("3.10.8", {}, Kind("classic")),
        ("3.10.8", None, Kind("classic")),
        ("3.13.0", {}, Kind("", limit_known=True)),
        ("4.1.2", {"x-queue-type": "classic"}, Kind("classic")),
        ("3.10.8", {"x-queue-type": "quorum"}, Kind("quorum", None, limit_known=False)),
        ("4.1.2", {"x-queue-type": "quorum"}, Kind("quorum", 20, limit_known=False)),
        ("4.1.2", {"x-queue-type": "quorum", "x-delivery-limit": -1}, Kind("quorum", None, limit_known=False)),
        ("4.0.0-rc.1+x", {"x-queue-type": "quorum", "x-delivery-limit": 5}, Kind("quorum", 5, limit_known=False)),
    ],
)
def test_workers_tell_as_what_they_declared_a_queue(version: str, arguments: Any, kind: Kind) -> None:
    workers = Workers({"name": "q", "queue_arguments": arguments}, {"name": 7}, "nonsense", {})
    kinds = Kinds(lambda queue: None, workers)
    assert kinds.of("q", version) == kind
    assert kinds.of("other", version) == Kind("", limit_known=False)
    assert workers.asked == 1


def test_a_real_worker_tells_what_its_queue_is(rabbitmq_vhost: Vhost, celery_worker_factory: Any) -> None:
    settings = {"result_backend": None, "task_default_queue": "mail"}
    celery_worker_factory(url=rabbitmq_vhost.url, settings=settings)
    inspector = Inspector(address_of(BrokerURL.parse(rabbitmq_vhost.url)))

    def told() -> bool:
        return Kinds(lambda queue: None, inspector).of("mail", "3.10.8") == Kind("classic")

    wait_until(told, "the worker to answer", PATIENCE)
    inspector.close()


@pytest.mark.parametrize(
    "told, limit",
    [
        (quorum(), None), (quorum(7), 7), (quorum(7, **{"delivery-limit": 3}), 3), (quorum(**{"delivery-limit": 9}), 9),
        (quorum(-1), None), (quorum(-1, **{"delivery-limit": 4}), 4),
    ],
)  # fmt: skip
def test_the_management_api_tells_the_limit_of_arguments_and_policies(told: Any, limit: int | None) -> None:
    assert Kinds(lambda queue: told, None).of("q", "3.10.8") == Kind("quorum", limit)


def test_where_nobody_tells_the_kind_a_look_has_to_be_confirmed(rabbitmq_vhost: Vhost) -> None:
    address = address_of(BrokerURL.parse(rabbitmq_vhost.url))
    price = Peeker(address, Redactor(), Kinds(lambda queue: None, None), granted=True).price("q")
    assert price.needs_confirmation
    assert "Nobody tells what kind" in price.sentence


# --- what a message says ----------------------------------------------------------------------------------------------


def test_everything_a_message_says_is_shown(rabbitmq_vhost: Vhost) -> None:
    app = create_app(rabbitmq_vhost.url, result_backend=None, task_send_sent_event=False)
    sent = app.send_task(
        "shop.pay", (1, "zwölf", Decimal("1.5")), {"password": "hunter2-x"}, queue="mail", priority=6,
        eta=datetime(2030, 1, 2, tzinfo=UTC), expires=datetime(2031, 1, 2, tzinfo=UTC), headers={"x-user": "u"},
    )  # fmt: skip
    wait_until(lambda: ready(rabbitmq_vhost, "mail") == 1, "the message to be there", PATIENCE)
    (message,) = peeker_of(rabbitmq_vhost).peek("mail").messages
    assert (message.task, message.task_id, message.queue) == ("shop.pay", sent.id, "mail")
    assert message.args == "(1, 'zwölf', decimal('1.5'))"
    assert message.kwargs == f"{{'password': '{MASK}'}}"
    assert (message.priority, message.retries, message.content_type) == (6, 0, "application/json")
    assert message.eta == "2030-01-02T00:00:00+00:00"
    assert int(message.expiration) > 0
    assert message.headers["x-user"] == "u"
    assert "hunter2-x" not in str(message.headers)
    assert b"hunter2-x" in message.raw
    assert message.size == len(message.raw)
    assert not message.problem


def got(body: Any, redelivered: bool = False, **properties: Any) -> Any:
    """A message as the driver gives it."""
    return SimpleNamespace(body=body, properties=properties, delivery_info={"redelivered": redelivered})


def test_protocol_1_keeps_everything_in_the_body() -> None:
    body = b'{"task": "t", "id": "i", "args": [1], "kwargs": {"a": 2}, "retries": 3, "eta": "2030-01-01T00:00:00"}'
    message = message_of(got(body, True, content_type="application/json"), "q", 0, Redactor())
    assert (message.task, message.task_id, message.args, message.kwargs) == ("t", "i", "(1,)", "{'a': 2}")
    assert (message.retries, message.eta, message.redelivered) == (3, "2030-01-01T00:00:00", True)


class Opened:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("echo OPENED",))


HEADERS = {"task": "t", "id": "i", "argsrepr": "(1,)", "kwargsrepr": "{}"}


@pytest.mark.parametrize(
    "body, content_type, headers, problem",
    [
        (pickle.dumps(Opened()), "application/x-python-serialize", {}, "pickle is never opened"),
        (b"!!python/object/apply:os.system ['echo OPENED']", "application/x-yaml", {}, "YAML is never opened"),
        (b"{}", "text/plain", {}, "content type not known"),
        (b"{}", None, {}, "content type not known"),
        (b"7", "application/json", {}, "not a task message"),
        (b"\xff", "application/json", {}, "not JSON"),
        (zlib.compress(bytes(50 << 20), 9), "application/json", {"compression": "application/x-gzip"}, "when unpacked"),
        ("text of an odd driver", "application/json", {}, "not JSON"),
    ],
)
def test_a_body_that_is_not_opened_leaves_what_the_headers_say(
    body: Any, content_type: Any, headers: Any, problem: str, capfd: pytest.CaptureFixture[str]
) -> None:
    wrapped = got(body, content_type=content_type, application_headers={**HEADERS, **headers})
    message = message_of(wrapped, "q", 0, Redactor())
    assert (message.task, message.task_id, message.args) == ("t", "i", "(1,)")
    assert problem in message.problem
    assert "OPENED" not in capfd.readouterr().out


def test_the_story_of_a_dead_letter_is_kept() -> None:
    death: Sequence[Any] = [
        {"queue": "mail", "reason": "rejected", "count": 2, "time": datetime(2030, 1, 1, tzinfo=UTC)}
    ]
    headers = {**HEADERS, "x-death": death, "x-first-death-queue": "mail"}
    message = message_of(got(b"[[],{},{}]", application_headers=headers), "q", 0, Redactor())
    assert message.headers["x-death"][0]["reason"] == "rejected"
    assert message.headers["x-death"][0]["time"] == "2030-01-01T00:00:00+00:00"
    assert message.headers["x-first-death-queue"] == "mail"


@pytest.mark.parametrize("headers", [None, 7, [], {"retries": "x", "priority": None, "id": 9, "task": ["t"]}])
def test_odd_properties_are_no_trouble(headers: Any) -> None:
    wrapped = got(b"[[],{},{}]", application_headers=headers, priority="high", expiration=12, content_type=7)
    message = message_of(wrapped, "q", 0, Redactor())
    assert (message.task, message.task_id, message.priority, message.expiration) == ("", "", None, "12")
