"""Workers are asked without kombu: all answer, the mute are counted, and nobody waits longer than promised.

Long because every way to ask and to be left without an answer is tried on one ability.
"""

import base64
import json
import os
import pickle
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lazycelery_core.control import Controls, Inspects
from lazycelery_core.errors import SourceError
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.proxy import proxy_of
from lazycelery_core.testing.recorder import recorded
from lazycelery_core.testing.servers import Server
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_redis.address import Address, address_of
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.pidbox import Commander, Inspector

SLACK = 0.5  # s beyond the timeout that is promised


def address(url: str) -> Address:
    return address_of(BrokerURL.parse(url))


@pytest.fixture
def inspector(valkey: Server) -> Iterator[Inspector]:
    one = Inspector(address(valkey.url), Layout())
    yield one
    one.close()


def listening(server: Server, count: int, layout: Layout | None = None, db: int = 0) -> None:
    """Wait until that many workers hear questions: they say "ready" a moment before."""
    asks = Inspector(address(server.socket_url(db=db)), layout or Layout(db=db))
    wait_until(lambda: len(asks.inspect("ping", timeout=1.0).nodes) == count, f"{count} workers to listen", 60)
    asks.close()


def test_abilities_fulfil_their_protocols(valkey: Server) -> None:
    assert isinstance(Inspector(address(valkey.url), Layout()), Inspects)
    assert isinstance(Commander(address(valkey.url), Layout()), Controls)
    assert not isinstance(Inspector(address(valkey.url), Layout()), Controls)


def test_all_workers_answer_and_nothing_is_left(
    valkey: Server, inspector: Inspector, celery_worker_factory: Any
) -> None:
    for name in ("w1", "w2", "w3"):
        celery_worker_factory(name=name)
    listening(valkey, 3)
    before = keys(valkey)
    replies = inspector.inspect("ping", timeout=10.0)
    assert {node.hostname: node.value for node in replies.nodes} == {
        f"{name}@testing": {"ok": "pong"} for name in ("w1", "w2", "w3")
    }
    assert (replies.listeners, replies.mute) == (3, 0)
    assert all(node.latency is not None and 0 < node.latency < 10 for node in replies.nodes)
    wait_until(lambda: keys(valkey) == before, "the announcement to be taken back", 60)
    inspector.inspect("ping", timeout=10.0)
    inspector.close()
    assert keys(valkey) == before


def keys(server: Server) -> set[bytes]:
    with server.client() as client:
        return set(client.keys())


def test_a_series_of_questions_is_announced_once(valkey_factory: Any) -> None:
    server = valkey_factory(tcp=True)
    inspector = Inspector(address(server.tcp_url()), Layout())
    with recorded(server) as commands, server.client() as client, client.pubsub() as mute:
        mute.subscribe("/0.celery.pidbox")
        mute.get_message(timeout=5)
        answering = [Answering(server, [pong("w1@here")]) for _ in range(5)]
        for each in answering:
            each.start()
            assert each.ready.wait(10)
            assert [node.hostname for node in inspector.inspect("ping", None, ["w1@here"], 10.0).nodes] == ["w1@here"]
        inspector.close()
    sent = Counter(each.verb for each in commands if each.verb != "PING")
    assert sent["PUBLISH"] == sent["BRPOP"] == 5
    members = {each.words[2] for each in commands if each.verb in ("SADD", "SREM")}
    assert len(members) == 1  # also when the test is so slow that it was taken back in between
    assert sent["SADD"] == sent["SREM"]
    assert keys(server) == set()


def test_who_rests_leaves_nothing_and_disturbs_no_question(valkey: Server, inspector: Inspector) -> None:
    inspector.inspect("ping", timeout=10.0)
    wait_until(inspector.rest, "it to rest", 30)
    assert keys(valkey) == set()
    with valkey.client() as client, client.pubsub() as mute, ThreadPoolExecutor(1) as pool:
        mute.subscribe("/0.celery.pidbox")
        mute.get_message(timeout=5)
        asked = pool.submit(inspector.inspect, "ping", None, None, 3.0)
        wait_until(lambda: keys(valkey) != set(), "the question to be asked", 30)
        inspector.rest()
        assert asked.result().listeners == 1


def test_an_answer_to_an_earlier_question_is_none_to_this_one(valkey: Server, inspector: Inspector) -> None:
    late = envelope(json.dumps({"w1@here": {"ok": "late"}}).encode(), ticket="0" * 36)
    answering = Answering(valkey, [late, pong("w1@here")])
    answering.start()
    assert answering.ready.wait(10)
    assert [node.value for node in inspector.inspect("ping", timeout=10.0).nodes] == [{"ok": "pong"}]


def test_an_announcement_that_the_broker_has_lost_is_made_again(
    valkey: Server, inspector: Inspector, celery_worker_factory: Any
) -> None:
    celery_worker_factory()
    listening(valkey, 1)
    assert inspector.inspect("ping", timeout=10.0).nodes
    with valkey.client() as client:
        client.delete("_kombu.binding.reply.celery.pidbox")
    wait_until(lambda: len(inspector.inspect("ping", timeout=1.0).nodes) == 1, "an answer", 60)


def test_a_broker_far_away_answers_too(valkey: Server) -> None:
    with proxy_of(valkey) as proxy:
        inspector = Inspector(address(proxy.url()), Layout())
        inspector.inspect("ping", timeout=10.0)
        proxy.delay = 0.3  # s on each way: more there and back than the grace
        for _ in range(2):
            answering = Answering(valkey, [pong("w1@here")])
            answering.start()
            assert answering.ready.wait(10)
            assert len(inspector.inspect("ping", timeout=10.0).nodes) == 1
            answering.join(10)
        inspector.close()


def test_an_answer_is_complete_long_before_the_timeout(
    valkey: Server, inspector: Inspector, celery_worker_factory: Any
) -> None:
    celery_worker_factory()
    listening(valkey, 1)
    begun = time.monotonic()
    assert inspector.inspect("ping", timeout=60.0).nodes
    assert time.monotonic() - begun < 30


def test_one_worker_is_asked_by_its_name(valkey: Server, inspector: Inspector, celery_worker_factory: Any) -> None:
    celery_worker_factory(name="w1")
    celery_worker_factory(name="w2")
    listening(valkey, 2)
    begun = time.monotonic()
    replies = inspector.inspect("stats", destination=["w2@testing"], timeout=60.0)
    assert [node.hostname for node in replies.nodes] == ["w2@testing"]
    assert replies.nodes[0].value["pool"]
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("command", ["stats", "conf", "active", "reserved", "scheduled", "registered", "active_queues"])
def test_every_question_is_answered(
    command: str, valkey: Server, inspector: Inspector, celery_worker_factory: Any
) -> None:
    celery_worker_factory()
    listening(valkey, 1)
    (node,) = inspector.inspect(command, timeout=10.0).nodes
    assert not node.error
    assert isinstance(node.value, dict | list)


def test_questions_have_arguments(
    valkey: Server, inspector: Inspector, celery_worker_factory: Any, tmp_path: Path
) -> None:
    worker = celery_worker_factory()
    listening(valkey, 1)
    task = worker.app.send_task("testing.hold", (str(tmp_path / "release"),))
    wait_until(lambda: task.id in worker.log.read_text(), "the task to be received", 60)
    (node,) = inspector.inspect("query_task", {"ids": [task.id]}, timeout=10.0).nodes
    assert node.value[task.id][0] in ("active", "reserved")
    (tmp_path / "release").touch()


def test_a_command_with_an_effect_is_no_question(inspector: Inspector) -> None:
    with pytest.raises(ValueError, match="shutdown is not a question"):
        inspector.inspect("shutdown")


def test_control_has_its_effect(valkey: Server, celery_worker_factory: Any) -> None:
    celery_worker_factory(events=False)
    listening(valkey, 1)
    commander = Commander(address(valkey.url), Layout())
    (node,) = commander.control("enable_events", timeout=10.0).nodes
    assert node.value == {"ok": "task events enabled"}
    (node,) = commander.control("rate_limit", {"task_name": "no.such", "rate_limit": "1/s"}, timeout=10.0).nodes
    assert node.error == "unknown task"
    commander.close()


def test_nobody_there_is_an_empty_answer_at_once(inspector: Inspector) -> None:
    begun = time.monotonic()
    replies = inspector.inspect("ping", timeout=60.0)
    assert (list(replies.nodes), replies.listeners) == ([], 0)
    assert time.monotonic() - begun < 30


def test_a_busy_solo_worker_is_counted_as_mute(
    valkey: Server, inspector: Inspector, celery_worker_factory: Any, tmp_path: Path
) -> None:
    celery_worker_factory(name="quick", queues=["other"])
    solo = celery_worker_factory(name="busy", pool="solo")
    listening(valkey, 2)
    release = tmp_path / "release"
    solo.app.send_task("testing.hold", (str(release),))
    wait_until(lambda: "testing.hold" in solo.log.read_text() and "received" in solo.log.read_text(), "the task", 60)
    replies = inspector.inspect("ping", timeout=1.0)
    release.touch()
    assert [node.hostname for node in replies.nodes] == ["quick@testing"]
    assert (replies.listeners, replies.mute) == (2, 1)


@pytest.mark.parametrize(
    "prefix,options,layout",
    [
        ("app:", {"global_keyprefix": "app:"}, Layout(prefix="app:")),
        ("", {"fanout_prefix": False, "fanout_patterns": False}, Layout(fanout_prefix=None, fanout_patterns=False)),
        ("", {"sep": ":"}, Layout(sep=":")),
    ],
)
def test_other_layouts_are_asked(
    prefix: str, options: dict[str, Any], layout: Layout, valkey: Server, celery_worker_factory: Any
) -> None:
    celery_worker_factory(settings={"broker_transport_options": options})
    listening(valkey, 1, layout)
    inspector = Inspector(address(valkey.url), layout)
    assert [node.value for node in inspector.inspect("ping", timeout=10.0).nodes] == [{"ok": "pong"}]
    inspector.close()


def test_a_renamed_control_exchange_is_asked(valkey: Server, celery_worker_factory: Any) -> None:
    celery_worker_factory(settings={"control_exchange": "own"})
    listening(valkey, 1, Layout(control_exchange="own"))
    inspector = Inspector(address(valkey.url), Layout(control_exchange="own"))
    assert [node.value for node in inspector.inspect("ping", timeout=10.0).nodes] == [{"ok": "pong"}]
    inspector.close()


def test_a_worker_of_another_database_is_asked_there_only(valkey: Server, celery_worker_factory: Any) -> None:
    celery_worker_factory(valkey.socket_url(db=2))
    listening(valkey, 1, db=2)
    here, there = Inspector(address(valkey.url), Layout()), Inspector(address(valkey.socket_url(db=2)), Layout(db=2))
    assert not here.inspect("ping", timeout=0.3).nodes
    assert there.inspect("ping", timeout=10.0).nodes
    here.close()
    there.close()


@pytest.mark.parametrize("serializer,opened", [("pickle", False), ("msgpack", True), ("json", True)])
def test_replies_come_in_the_worker_s_own_serializer(
    serializer: str,
    opened: bool,
    valkey: Server,
    inspector: Inspector,
    celery_worker_factory: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("C_FORCE_ROOT", "1")  # tests may run as root; Celery refuses pickle there
    if serializer == "msgpack":
        pytest.importorskip("msgpack")
    worker = celery_worker_factory(settings={"task_serializer": serializer, "accept_content": ["json", serializer]})
    listening(valkey, 1)
    (node,) = inspector.inspect("ping", timeout=10.0).nodes
    if opened:
        assert (node.hostname, node.value) == (worker.hostname, {"ok": "pong"})
    else:
        assert (node.hostname, node.value) == ("?", None)
        assert node.error == "the worker's answer was not opened: pickle is never opened"
    (named,) = inspector.inspect("ping", destination=[worker.hostname], timeout=10.0).nodes
    assert named.hostname == worker.hostname


class Answering(threading.Thread):
    """Answers every question with the given payloads, as a worker gone wrong would."""

    def __init__(self, server: Server, payloads: list[bytes]) -> None:
        super().__init__(daemon=True)
        self._server, self._payloads, self.ready = server, payloads, threading.Event()

    def run(self) -> None:
        with self._server.client() as client, client.pubsub() as heard:
            heard.subscribe("/0.celery.pidbox")
            for message in heard.listen():
                if message["type"] == "subscribe":
                    self.ready.set()
                    continue
                question = json.loads(base64.b64decode(json.loads(message["data"])["body"]))
                for payload in self._payloads:
                    client.lpush(f"{question['reply_to']['routing_key']}.reply.celery.pidbox", payload)
                return


def envelope(body: bytes, content_type: str = "application/json", **headers: Any) -> bytes:
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-type": content_type,
            "headers": headers,
            "properties": {"body_encoding": "base64"},
        }
    ).encode()


def pong(hostname: str) -> bytes:
    return envelope(json.dumps({hostname: {"ok": "pong"}}).encode())


class Opened:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("echo OPENED",))


@pytest.mark.parametrize(
    "payload,error",
    [
        (b"\xff\xfe", "not JSON"),
        (b"{}", "not a message envelope"),
        (envelope(b"[]"), "is no answer"),
        (envelope(b"\x80", "application/x-msgpack"), "is no answer"),
        (envelope(pickle.dumps(Opened()), "application/x-python-serialize"), "pickle is never opened"),
        (envelope(b"!!python/object/apply:os.system ['echo OPENED']", "application/x-yaml"), "YAML is never opened"),
        (envelope(b"[" * 100_000), "nested too deeply"),
        (envelope(b"x", compression="application/x-gzip"), "damaged"),
    ],
)
def test_a_reply_that_can_not_be_opened_is_named(
    payload: bytes, error: str, valkey: Server, inspector: Inspector, capfd: pytest.CaptureFixture[str]
) -> None:
    answering = Answering(valkey, [payload])
    answering.start()
    assert answering.ready.wait(10)
    (node,) = inspector.inspect("ping", timeout=10.0).nodes
    assert error in node.error
    assert node.value is None
    assert "OPENED" not in capfd.readouterr().out


def test_a_frozen_broker_costs_no_more_than_promised(valkey_factory: Any) -> None:
    server = valkey_factory()
    inspector = Inspector(address(server.url), Layout())
    inspector.inspect("ping")
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        with pytest.raises(SourceError):
            inspector.inspect("ping", timeout=1.0)
        took = time.monotonic() - begun
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert took <= 1.0 + 2 * SLACK  # the promise, doubled for a busy machine
    assert inspector.inspect("ping").listeners == 0
    inspector.close()


def test_a_frozen_broker_costs_no_more_on_the_first_question(valkey_factory: Any) -> None:
    server = valkey_factory()
    inspector = Inspector(address(server.url), Layout())
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        with pytest.raises(SourceError):
            inspector.inspect("ping", timeout=1.0)
        took = time.monotonic() - begun
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert took <= 1.0 + 2 * SLACK
    inspector.close()


def test_a_broker_that_dies_during_a_question_ends_it(valkey_factory: Any) -> None:
    server = valkey_factory()
    with server.client() as client, client.pubsub() as mute:
        mute.subscribe("/0.celery.pidbox")
        mute.get_message(timeout=5)
        inspector = Inspector(address(server.url), Layout())
        threading.Timer(0.3, server.process.kill).start()
        with pytest.raises(SourceError):
            inspector.inspect("ping", timeout=20.0)
        with pytest.raises(SourceError):
            inspector.inspect("ping", timeout=1.0)


def test_a_port_that_swallows_everything_costs_no_more_than_promised() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        inspector = Inspector(address(f"redis://127.0.0.1:{listener.getsockname()[1]}/0"), Layout())
        begun = time.monotonic()
        with pytest.raises(SourceError):
            inspector.inspect("ping", timeout=0.5)
        assert time.monotonic() - begun <= 0.5 + 2 * SLACK


def test_several_threads_may_ask_at_once(valkey: Server, inspector: Inspector, celery_worker_factory: Any) -> None:
    celery_worker_factory()
    listening(valkey, 1)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: inspector.inspect("ping", timeout=20.0), range(24)))
    assert [len(answer.nodes) for answer in answers] == [1] * 24


def test_a_deadline_of_the_binding_set_is_prolonged_never_made(valkey: Server, inspector: Inspector) -> None:
    with valkey.client() as client:
        inspector.inspect("ping")
        assert not client.exists("_kombu.binding_deadlines")
        client.zadd("_kombu.binding_deadlines", {"reply.celery.pidbox": 1})
        inspector.inspect("ping")
        assert (client.zscore("_kombu.binding_deadlines", "reply.celery.pidbox") or 0) > 1000 * time.time()


def test_an_empty_destination_is_nobody(inspector: Inspector, celery_worker_factory: Any) -> None:
    celery_worker_factory()
    assert not inspector.inspect("ping", destination=[], timeout=10.0).nodes


def test_a_line_that_the_broker_closed_comes_back_unnoticed(valkey: Server, inspector: Inspector) -> None:
    inspector.inspect("ping")
    with valkey.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    assert inspector.inspect("ping").listeners == 0
