"""Workers are asked over plain AMQP: all answer, the mute are told from the gone, and nobody waits too long."""

import json
import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import amqp
import pytest

from lazycelery_core.control import Controls, Inspects
from lazycelery_core.errors import SourceError
from lazycelery_core.testing.conformance import answers
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.rabbitmq import Rabbit, Vhost
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_amqp.address import Address, address_of
from lazycelery_plugin_amqp.pidbox import Commander, Inspector

PATIENCE = 60.0  # s; no promise, only the end of a test that fails
PROMISED = 1.5  # s that a question of one second may take when the broker is dead
SLACK = 4.0  # times, for a busy machine
StartWorker = Callable[..., Any]


def address(url: str) -> Address:
    return address_of(BrokerURL.parse(url))


@pytest.fixture
def inspector(rabbitmq_vhost: Vhost) -> Iterator[Inspector]:
    one = Inspector(address(rabbitmq_vhost.url))
    yield one
    one.close()


@pytest.fixture
def work(rabbitmq_vhost: Vhost, celery_worker_factory: Any) -> StartWorker:
    def start(settings: dict[str, Any] | None = None, **options: Any) -> Any:
        together = {"result_backend": None, **(settings or {})}
        return celery_worker_factory(url=rabbitmq_vhost.url, settings=together, **options)

    return start


def listening(inspector: Inspector, count: int) -> None:
    """Wait until that many workers hear questions: they say "ready" a moment before."""
    wait_until(lambda: len(answers(inspector, "ping")) == count, f"{count} workers to listen", PATIENCE)


def channel_of(vhost: Vhost) -> Any:
    """A channel of a connection of the test's own."""
    rabbit = vhost.server
    connection = amqp.Connection(f"127.0.0.1:{rabbit.port}", virtual_host=vhost.name, connect_timeout=10)
    connection.connect()
    return connection.channel()


def test_abilities_fulfil_their_protocols(rabbitmq_vhost: Vhost) -> None:
    assert isinstance(Inspector(address(rabbitmq_vhost.url)), Inspects)
    assert isinstance(Commander(address(rabbitmq_vhost.url)), Controls)
    assert not isinstance(Inspector(address(rabbitmq_vhost.url)), Controls)


def test_all_workers_answer_and_nothing_is_left(rabbitmq_vhost: Vhost, inspector: Inspector, work: StartWorker) -> None:
    for name in ("w1", "w2", "w3"):
        work(name=name)
    before = rabbitmq_vhost.queues()
    listening(inspector, 3)
    replies = inspector.inspect("ping", timeout=10.0)
    assert {node.hostname: node.value for node in replies.nodes} == {
        f"{name}@testing": {"ok": "pong"} for name in ("w1", "w2", "w3")
    }
    assert (replies.listeners, replies.mute) == (3, 0)
    assert all(node.latency is not None and 0 < node.latency < 10 for node in replies.nodes)
    inspector.close()
    wait_until(lambda: rabbitmq_vhost.queues() == before, "the queue for replies to go", PATIENCE)


def test_an_answer_is_complete_long_before_the_timeout(inspector: Inspector, work: StartWorker) -> None:
    work(name="w1")
    work(name="w2")
    listening(inspector, 2)
    begun = time.monotonic()
    assert len(inspector.inspect("ping", timeout=60.0).nodes) == 2
    assert [node.hostname for node in inspector.inspect("stats", destination=["w2@testing"], timeout=60.0).nodes] == [
        "w2@testing"
    ]
    assert time.monotonic() - begun < 60


def test_a_worker_that_nobody_met_is_found_all_the_same(inspector: Inspector, work: StartWorker) -> None:
    work(name="w1")
    listening(inspector, 1)
    work(name="w2", events=False, args=("--without-mingle", "--without-gossip", "--without-heartbeat"))
    listening(inspector, 2)


@pytest.mark.parametrize("command", ["stats", "conf", "active", "reserved", "scheduled", "registered", "active_queues"])
def test_every_question_is_answered(command: str, inspector: Inspector, work: StartWorker) -> None:
    work()
    listening(inspector, 1)
    (node,) = inspector.inspect(command, timeout=10.0).nodes
    assert not node.error
    assert isinstance(node.value, dict | list)


def test_a_command_with_an_effect_is_no_question(inspector: Inspector) -> None:
    with pytest.raises(ValueError, match="shutdown is not a question"):
        inspector.inspect("shutdown")


def test_control_has_its_effect(rabbitmq_vhost: Vhost, inspector: Inspector, work: StartWorker) -> None:
    work(events=False)
    listening(inspector, 1)
    commander = Commander(address(rabbitmq_vhost.url))
    (node,) = commander.control("enable_events", destination=["w1@testing"], timeout=10.0).nodes
    assert node.value == {"ok": "task events enabled"}
    arguments = {"task_name": "no.such", "rate_limit": "1/s"}
    (node,) = commander.control("rate_limit", arguments, ["w1@testing"], timeout=10.0).nodes
    assert node.error == "unknown task"
    commander.close()


def test_where_no_worker_ever_was_the_answer_is_nobody(rabbitmq_vhost: Vhost, inspector: Inspector) -> None:
    replies = inspector.inspect("ping", timeout=60.0)
    assert (list(replies.nodes), replies.listeners) == ([], 0)
    assert rabbitmq_vhost.queues() == []


def test_where_no_worker_is_any_more_the_broker_says_so_at_once(
    rabbitmq_vhost: Vhost, inspector: Inspector, work: StartWorker
) -> None:
    running = work()
    listening(inspector, 1)
    running.kill()
    wait_until(lambda: inspector.inspect("ping", timeout=5.0).listeners == 0, "nobody to hear it", PATIENCE)


def test_a_busy_solo_worker_is_mute_and_a_killed_one_is_gone(
    inspector: Inspector, work: StartWorker, tmp_path: Path
) -> None:
    work(name="quick", queues=["other"])
    solo, third = work(name="busy", pool="solo"), work(name="third", queues=["other"])
    listening(inspector, 3)
    release = tmp_path / "release"
    solo.app.send_task("testing.hold", (str(release),))
    wait_until(
        lambda: "testing.hold" in solo.log.read_text() and "received" in solo.log.read_text(), "the task", PATIENCE
    )
    third.kill()
    inspector.meet(["quick@testing", "busy@testing", "third@testing", "never@there"])

    def told_apart() -> bool:
        replies = inspector.inspect("ping", timeout=2.0)
        assert [node.hostname for node in replies.nodes] in ([], ["quick@testing"])
        return (len(replies.nodes), replies.listeners, replies.mute) == (1, 2, 1)

    wait_until(told_apart, "one to answer and one to be mute", PATIENCE)
    release.touch()
    wait_until(lambda: len(inspector.inspect("ping").nodes) == 2, "the busy one to answer again", PATIENCE)


def test_a_renamed_control_exchange_is_asked(rabbitmq_vhost: Vhost, work: StartWorker) -> None:
    work(settings={"control_exchange": "own"})
    own, usual = Inspector(address(rabbitmq_vhost.url), "own"), Inspector(address(rabbitmq_vhost.url))
    listening(own, 1)
    assert not usual.inspect("ping", timeout=0.3).nodes
    own.close()
    usual.close()


def test_celery_s_own_clients_and_ours_go_together(inspector: Inspector, work: StartWorker) -> None:
    running = work()
    assert wait_until(lambda: running.app.control.ping(timeout=2.0), "Celery's own ping", PATIENCE)
    listening(inspector, 1)  # the exchange for replies is there now: it is used


@pytest.mark.parametrize("serializer,opened", [("pickle", False), ("json", True)])
def test_replies_come_in_the_worker_s_own_serializer(
    serializer: str, opened: bool, inspector: Inspector, work: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("C_FORCE_ROOT", "1")  # tests may run as root; Celery refuses pickle there
    worker = work(settings={"task_serializer": serializer, "accept_content": ["json", serializer]})
    listening(inspector, 1)
    (node,) = inspector.inspect("ping", timeout=2.0).nodes
    if opened:
        assert (node.hostname, node.value) == (worker.hostname, {"ok": "pong"})
    else:
        assert (node.hostname, node.value) == ("?", None)
        assert node.error == "the worker's answer was not opened: pickle is never opened"
    (named,) = inspector.inspect("ping", destination=[worker.hostname], timeout=10.0).nodes
    assert named.hostname == worker.hostname


class Answering(threading.Thread):
    """Answers one question with a given message, as a worker gone wrong would."""

    def __init__(self, vhost: Vhost, body: bytes, content_type: str, headers: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self._channel = channel_of(vhost)
        self._channel.exchange_declare("celery.pidbox", "fanout", auto_delete=False)
        queue = self._channel.queue_declare("odd@testing.celery.pidbox", exclusive=True).queue
        self._channel.queue_bind(queue, "celery.pidbox")
        self._channel.basic_consume(queue, callback=self._asked, no_ack=True)
        self._answer = (body, content_type, headers)

    def run(self) -> None:
        self._channel.connection.drain_events(timeout=PATIENCE)

    def _asked(self, message: Any) -> None:
        question = json.loads(message.body)
        body, content_type, headers = self._answer
        headers = {"ticket": question["ticket"], **headers}
        reply = amqp.Message(body, content_type=content_type, application_headers=headers)
        self._channel.basic_publish(reply, question["reply_to"]["exchange"], question["reply_to"]["routing_key"])


class Opened:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("echo OPENED",))


@pytest.mark.parametrize(
    "body,content_type,headers,error",
    [
        (b"\xff\xfe", "application/json", {}, "not JSON"),
        (b"[]", "application/json", {}, "is no answer"),
        (pickle.dumps(Opened()), "application/x-python-serialize", {}, "pickle is never opened"),
        (b"!!python/object/apply:os.system ['echo OPENED']", "application/x-yaml", {}, "YAML is never opened"),
        (b"[" * 100_000, "application/json", {}, "nested too deeply"),
        (b"x", "application/json", {"compression": "application/x-gzip"}, "damaged"),
    ],
)
def test_a_reply_that_can_not_be_opened_is_named(
    body: bytes, content_type: str, headers: dict[str, Any], error: str, rabbitmq_vhost: Vhost, inspector: Inspector,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    answering = Answering(rabbitmq_vhost, body, content_type, headers)
    answering.start()
    (node,) = inspector.inspect("ping", destination=["odd@testing"], timeout=10.0).nodes
    answering.join(PATIENCE)
    assert error in node.error
    assert node.value is None
    assert "OPENED" not in capfd.readouterr().out


def test_a_late_reply_is_no_answer_to_the_next_question(rabbitmq_vhost: Vhost, inspector: Inspector) -> None:
    answering = Answering(rabbitmq_vhost, b'{"odd@testing": {"ok": "late"}}', "application/json", {"ticket": "old"})
    answering.start()
    assert not inspector.inspect("ping", destination=["odd@testing"], timeout=0.5).nodes


def test_a_frozen_broker_costs_no_more_than_promised_and_a_dead_one_neither(rabbitmq_factory: Any) -> None:
    rabbit: Rabbit = rabbitmq_factory()
    first, second = Inspector(address(rabbit.url)), Inspector(address(rabbit.url))
    made = amqp.Connection(f"127.0.0.1:{rabbit.port}", connect_timeout=10)
    made.connect()
    made.channel().exchange_declare("celery.pidbox", "fanout", auto_delete=False)
    first.inspect("ping")
    rabbit.freeze()
    try:
        for inspector in (first, first, second):  # on an open line, on none after it, and on the very first
            begun = time.monotonic()
            with pytest.raises(SourceError):
                inspector.inspect("ping", timeout=1.0)
            assert time.monotonic() - begun <= PROMISED * SLACK
    finally:
        rabbit.thaw()
    wait_until(lambda: _asks(first), "it is asked again", PATIENCE)
    rabbit.kill()
    for _ in range(2):
        with pytest.raises(SourceError):
            first.inspect("ping", timeout=1.0)
    first.close()
    second.close()


def _asks(inspector: Inspector) -> bool:
    try:
        return inspector.inspect("ping").listeners == 0
    except SourceError:
        return False


def test_a_memory_alarm_is_named_as_the_reason_for_silence(rabbitmq_factory: Any) -> None:
    rabbit: Rabbit = rabbitmq_factory()
    made = amqp.Connection(f"127.0.0.1:{rabbit.port}", connect_timeout=10)
    made.connect()
    made.channel().exchange_declare("celery.pidbox", "fanout", auto_delete=False)
    inspector = Inspector(address(rabbit.url))
    inspector.inspect("ping")
    rabbit.call("vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1})")

    def named() -> bool:
        try:
            inspector.inspect("ping", timeout=1.0)
        except SourceError as error:
            return "takes no messages" in error.message
        return False

    wait_until(named, "the alarm to be named", PATIENCE)
    there = rabbit.call("length(rabbit_networking:connections())")
    for _ in range(3):
        with pytest.raises(SourceError, match="takes no messages"):
            inspector.inspect("ping", timeout=1.0)
    assert inspector.blocked()
    assert rabbit.call("length(rabbit_networking:connections())") == there, "none piles up behind an alarm"
    rabbit.alarm(False)
    wait_until(lambda: not inspector.blocked(), "the end of the alarm", PATIENCE)
    assert inspector.inspect("ping", timeout=10.0).listeners == 0
    inspector.close()


def test_a_question_that_could_not_be_asked_for_others_is_told_and_not_taken_for_silence(
    inspector: Inspector, work: StartWorker
) -> None:
    work()
    listening(inspector, 1)
    with inspector._lock, pytest.raises(SourceError, match="another question"):
        inspector.inspect("ping", timeout=0.05)


def test_several_threads_may_ask_at_once(inspector: Inspector, work: StartWorker) -> None:
    work()
    listening(inspector, 1)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: inspector.inspect("ping", timeout=20.0), range(8)))
    assert [len(answer.nodes) for answer in answers] == [1] * 8


def test_an_empty_destination_is_nobody(inspector: Inspector, work: StartWorker) -> None:
    work()
    assert not inspector.inspect("ping", destination=[], timeout=10.0).nodes


def test_a_line_that_the_broker_closed_comes_back_unnoticed(rabbitmq_vhost: Vhost, inspector: Inspector) -> None:
    made = channel_of(rabbitmq_vhost)
    made.exchange_declare("celery.pidbox", "fanout", auto_delete=False)
    inspector.inspect("ping")
    rabbitmq_vhost.close_connections()
    wait_until(lambda: _asks(inspector), "it is asked again", PATIENCE)
