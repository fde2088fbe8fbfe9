"""Events and results are heard in every layout, and a dead line is noticed in time."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from lazycelery_core.errors import AccessRefused, SourceError
from lazycelery_core.events import Event, ResultMeta, WireEvent
from lazycelery_core.testing.servers import Server
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_redis.address import address_of
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.line import Line
from lazycelery_plugin_redis.stream import BATCH, RedisStream

Open = Callable[..., RedisStream]
NOTICED = 3.0  # s; the promise


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens a stream on a URL; closed after the test."""
    streams: list[RedisStream] = []

    def start(url: str, layout: Layout | None = None, every: bool = False, results: bool = True) -> RedisStream:
        address = address_of(BrokerURL.parse(url))
        layout = layout or Layout(db=address.db)
        channel = layout.every_event_channel if every else layout.event_channel
        stream = RedisStream("events", Line(address), channel, layout.result_channel if results else "")
        streams.append(stream)
        stream.open()
        return stream

    yield start
    for stream in streams:
        stream.close()


def heard(stream: RedisStream, enough: Callable[[list[Event]], bool], seconds: float = 15.0) -> list[Event]:
    """What the stream reports until it is enough."""
    events: list[Event] = []
    deadline = time.monotonic() + seconds
    while not enough(events):
        assert time.monotonic() < deadline, f"heard only {[getattr(event, 'type', event) for event in events]}"
        events += stream.read(0.1)
    return events


def kinds(events: list[Event], task_id: str) -> set[str]:
    """Event types (and `result`) that were heard of a task."""
    told = {event.type for event in events if isinstance(event, WireEvent) and event.uuid == task_id}
    results = {"result" for event in events if isinstance(event, ResultMeta) and event.task_id == task_id}
    return told | results


WHOLE = {"task-sent", "task-received", "task-started", "task-succeeded", "result"}
LAYOUTS: dict[str, tuple[dict[str, Any], Layout]] = {
    "prefix": (
        {"broker_transport_options": {"global_keyprefix": "app:"}, "result_backend_transport_options": {}},
        Layout(prefix="app:"),
    ),
    "result-prefix": ({"result_backend_transport_options": {"global_keyprefix": "res:"}}, Layout(result_prefix="res:")),
    "no-patterns": (
        {"broker_transport_options": {"fanout_prefix": False, "fanout_patterns": False}},
        Layout(fanout_prefix=None, fanout_patterns=False),
    ),
    "own-fanout-prefix": ({"broker_transport_options": {"fanout_prefix": "/own."}}, Layout(fanout_prefix="/own.")),
    "own-exchange": ({"event_exchange": "myevents"}, Layout(event_exchange="myevents")),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_is_heard(name: str, valkey: Server, celery_worker_factory: Any, opened: Open) -> None:
    settings, layout = LAYOUTS[name]
    stream = opened(valkey.url, layout)
    worker = celery_worker_factory(settings=settings)
    sent = worker.app.send_task("testing.add", (1, 2)).id
    events = heard(stream, lambda events: kinds(events, sent) >= WHOLE)
    assert not stream.rejected()
    assert [event for event in events if isinstance(event, WireEvent) and event.type == "worker-online"]


def test_another_database_is_heard_where_that_is_asked(
    valkey: Server, celery_worker_factory: Any, opened: Open
) -> None:
    worker = celery_worker_factory(valkey.socket_url(db=3))
    here, everywhere = opened(valkey.url), opened(valkey.url, every=True)
    there = opened(valkey.socket_url(db=3))
    sent = worker.app.send_task("testing.add", (1, 2)).id
    heard(there, lambda events: kinds(events, sent) >= WHOLE)
    heard(everywhere, lambda events: kinds(events, sent) >= WHOLE)
    assert kinds(heard(here, lambda events: kinds(events, sent) >= {"result"}), sent) == {"result"}


def test_tasks_are_seen_by_their_results_without_task_events(
    celery_worker_factory: Any, valkey: Server, opened: Open
) -> None:
    stream = opened(valkey.url)
    worker = celery_worker_factory(events=False, settings={"task_send_sent_event": False})
    sent = worker.app.send_task("testing.add", (1, 2)).id
    (meta,) = [
        event
        for event in heard(stream, lambda events: kinds(events, sent) >= {"result"})
        if isinstance(event, ResultMeta) and event.task_id == sent
    ]
    assert (meta.status, meta.name, meta.worker) == ("SUCCESS", "testing.add", worker.hostname)
    assert json.loads(meta.body)["result"] == 3


def test_batches_of_a_busy_worker_are_taken_apart(celery_worker_factory: Any, valkey: Server, opened: Open) -> None:
    stream = opened(valkey.url)
    worker = celery_worker_factory(concurrency=4)
    sent = {worker.app.send_task("testing.add", (n, n)).id for n in range(60)}
    ended = "task-succeeded"
    events = heard(
        stream, lambda events: {e.uuid for e in events if isinstance(e, WireEvent) and e.type == ended} >= sent, 30.0
    )
    assert max(event.part for event in events if isinstance(event, WireEvent)) > 0


def event(number: int) -> bytes:
    """A published heartbeat."""
    import base64

    fields = {"type": "worker-heartbeat", "hostname": f"w{number}@h", "timestamp": 1.5, "clock": number, "freq": 2.0}
    return json.dumps(
        {
            "body": base64.b64encode(json.dumps(fields).encode()).decode(),
            "content-type": "application/json",
            "properties": {"body_encoding": "base64"},
        }
    ).encode()


def test_a_batch_is_bounded_and_nothing_is_lost(valkey: Server, opened: Open) -> None:
    stream = opened(valkey.url)
    with valkey.client() as client, client.pipeline(transaction=False) as pipe:
        for number in range(1000):
            pipe.publish("/0.celeryev/worker.heartbeat", event(number))
        pipe.execute()
    clocks: list[int | None] = []
    while len(clocks) < 1000:
        batch = stream.read(5.0)
        assert 0 < len(batch) <= BATCH
        clocks += [each.clock for each in batch if isinstance(each, WireEvent)]
    assert clocks == list(range(1000))


def test_a_bad_message_between_good_ones_costs_only_itself(valkey: Server, opened: Open) -> None:
    stream = opened(valkey.url)
    with valkey.client() as client:
        for payload in (event(1), b'"bad"', event(2)):
            client.publish("/0.celeryev/worker.heartbeat", payload)
    events = heard(stream, lambda events: len(events) == 2)
    assert [each.clock for each in events if isinstance(each, WireEvent)] == [1, 2]
    assert stream.rejected() == {"not a message envelope": 1}


def test_an_oversized_message_is_counted_and_the_line_lives_on(valkey: Server, opened: Open) -> None:
    stream = opened(valkey.url)
    with valkey.client() as client:
        client.publish("/0.celeryev/task.received", b"x" * (8 << 20))
        client.publish("celery-task-meta-big", b"x" * (8 << 20))
        client.publish("/0.celeryev/worker.heartbeat", event(1))
    heard(stream, lambda events: len(events) == 1)
    assert stream.rejected() == {"larger than the limit": 2}


def test_silence_is_measured_by_a_probe_and_answered(valkey: Server, opened: Open) -> None:
    stream = opened(valkey.url)
    deadline = time.monotonic() + 10
    while stream._round_trip == 0.0:
        assert time.monotonic() < deadline
        assert list(stream.read(0.1)) == []
    assert 0 < (stream.latency() or 0) < 1
    assert stream.silence() < NOTICED


def fails(stream: RedisStream, within: float = NOTICED) -> SourceError:
    """The error that reading ends in, which has to come within that time (doubled for a busy machine)."""
    begun = time.monotonic()
    while time.monotonic() - begun < 2 * within:
        try:
            stream.read(0.25)
        except SourceError as error:
            return error
    raise AssertionError("nothing was noticed")


def test_a_frozen_broker_is_noticed_and_comes_back(valkey_factory: Any, opened: Open) -> None:
    server = valkey_factory()
    stream = opened(server.url)
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        error = fails(stream)
        silence = stream.silence()
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert error.message.startswith("No answer from")
    assert 1.0 < silence < 2 * NOTICED
    stream.open()
    with server.client() as client:
        client.publish("/0.celeryev/worker.heartbeat", event(1))
    heard(stream, lambda events: len(events) == 1)


def test_a_killed_broker_is_noticed_at_once(valkey_factory: Any, opened: Open) -> None:
    server = valkey_factory()
    stream = opened(server.url)
    server.process.kill()
    assert "closed the connection" in fails(stream, 1.0).message
    with pytest.raises(SourceError):
        stream.open()


def test_a_subscriber_kicked_for_slowness_is_noticed(valkey_factory: Any, opened: Open) -> None:
    server = valkey_factory(args=["client-output-buffer-limit pubsub 1mb 1mb 1"])
    stream = opened(server.url)
    with server.client() as client, client.pipeline(transaction=False) as pipe:
        for number in range(20_000):
            pipe.publish("/0.celeryev/worker.heartbeat", event(number))
        pipe.execute()
    assert "too slow" in fails(stream).hint
    stream.open()
    assert stream.lost_because().startswith("this screen was too slow")
    stream.open()
    assert stream.lost_because() == ""


class Hole:
    """A proxy of the loopback that can swallow everything without closing."""

    def __init__(self, server: Server) -> None:
        self._server, self.swallows = server, False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lines: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                front, _ = self._listener.accept()
                back = socket.socket(socket.AF_UNIX)
                back.connect(str(self._server.socket))
                self._lines += [front, back]
                for source, target in ((front, back), (back, front)):
                    threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if not self.swallows:
                    target.sendall(data)

    def reset(self) -> None:
        for line in self._lines[1:]:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for line in self._lines:
            line.close()


@pytest.fixture
def hole(valkey: Server) -> Iterator[Hole]:
    proxy = Hole(valkey)
    yield proxy
    proxy.close()


def test_a_half_open_line_is_noticed_and_comes_back(hole: Hole, valkey: Server, opened: Open) -> None:
    stream = opened(f"redis://127.0.0.1:{hole.port}/0")
    hole.swallows = True
    assert fails(stream).message.startswith("No answer from 127.0.0.1")
    hole.swallows = False
    stream.open()
    with valkey.client() as client:
        client.publish("/0.celeryev/worker.heartbeat", event(1))
    heard(stream, lambda events: len(events) == 1)


def test_a_reset_line_is_noticed_at_once(hole: Hole, opened: Open) -> None:
    stream = opened(f"redis://127.0.0.1:{hole.port}/0")
    hole.reset()
    fails(stream, 1.0)


def test_without_the_right_to_hear_results_events_still_flow(valkey_factory: Any, opened: Open) -> None:
    server = valkey_factory(users=["ops on >pw resetchannels &/0.celeryev/* +ping +psubscribe +subscribe"])
    stream = opened(server.socket_url(user="ops", password="pw"))
    assert stream.refused == "&celery-task-meta-*"
    with server.client() as client:
        client.publish("/0.celeryev/worker.heartbeat", event(1))
    heard(stream, lambda events: len(events) == 1)


def test_without_the_right_to_hear_events_the_right_is_named(valkey_factory: Any, opened: Open) -> None:
    server = valkey_factory(users=["ops on >pw resetchannels &/1.celeryev/* +ping +psubscribe", "two on >pw +ping"])
    with pytest.raises(AccessRefused) as caught:
        opened(server.socket_url(user="ops", password="pw"))
    assert caught.value.right == "&/0.celeryev/*"
    with pytest.raises(AccessRefused) as caught:
        opened(server.socket_url(user="two", password="pw"))
    assert caught.value.right == "+psubscribe"


def test_a_refused_name_keeps_nobody_out(valkey_factory: Any, opened: Open) -> None:
    server = valkey_factory(users=["ops on >pw allchannels +ping +psubscribe"])
    opened(server.socket_url(user="ops", password="pw"))


def test_events_that_come_before_the_second_confirmation_are_kept(valkey: Server) -> None:
    line = Line(address_of(BrokerURL.parse(valkey.url)))
    stream = RedisStream("events", line, "/0.celeryev/*", "celery-task-meta-*")
    plain = line.reply
    published = False

    def reply(timeout: float | None = None) -> Any:
        nonlocal published
        answer = plain(timeout)
        if isinstance(answer, list) and answer[0] == b"psubscribe" and not published:
            published = True
            with valkey.client() as client:
                client.publish("/0.celeryev/worker.heartbeat", event(7))
        return answer

    line.reply = reply  # type: ignore[method-assign]
    stream.open()
    (early,) = stream.read(1.0)
    assert isinstance(early, WireEvent)
    assert early.clock == 7
    stream.close()
