"""Events are heard through a queue that leaves nothing behind, and what is unusual stops nothing."""

import json
import struct
import time
import zlib
from collections.abc import Callable, Iterator

import pytest

from lazycelery_core.errors import AccessRefused, SourceError
from lazycelery_core.events import Event, WireEvent
from lazycelery_core.payload import LIMIT
from lazycelery_core.testing.amqp_wire import AmqpWire
from lazycelery_core.testing.celery_worker import Worker
from lazycelery_core.testing.kit import wait_until
from lazycelery_core.testing.rabbitmq import Grant, Vhost
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_amqp import line
from lazycelery_plugin_amqp import stream as stream_module
from lazycelery_plugin_amqp.address import address_of
from lazycelery_plugin_amqp.line import Line
from lazycelery_plugin_amqp.stream import BATCH, AmqpStream

Open = Callable[..., AmqpStream]
NOBODY = (0, 0, 0)
VIEW = Grant(r"^celeryev\.lazycelery\.", r"^celeryev\.lazycelery\.", r"^(celeryev$|celeryev\.lazycelery\.)")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no dead line; what happens on those is tried elsewhere."""
    for module, limit in ((line, "CONNECT"), (line, "ANSWER"), (stream_module, "ANSWER")):
        monkeypatch.setattr(module, limit, 20.0)


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens a stream on a URL; closed after the test."""
    streams: list[AmqpStream] = []

    def start(url: str, exchange: str = "celeryev") -> AmqpStream:
        stream = AmqpStream(Line(address_of(BrokerURL.parse(url)), "events"), exchange)
        streams.append(stream)
        stream.open()
        return stream

    yield start
    for stream in streams:
        stream.close()


@pytest.fixture
def wire(rabbitmq_vhost: Vhost) -> Iterator[AmqpWire]:
    with AmqpWire(rabbitmq_vhost.url) as made:
        yield made


def heard(stream: AmqpStream, enough: Callable[[list[Event]], bool], seconds: float = 20.0) -> list[Event]:
    """What the stream reports until it is enough."""
    events: list[Event] = []
    deadline = time.monotonic() + seconds
    while not enough(events):
        assert time.monotonic() < deadline, f"heard only {[getattr(event, 'type', event) for event in events]}"
        events += stream.read(0.1)
    return events


def ids(events: list[Event]) -> list[str]:
    return [event.uuid for event in events if isinstance(event, WireEvent)]


def test_a_real_task_is_heard_from_sending_to_its_end(
    opened: Open, rabbitmq_vhost: Vhost, wire: AmqpWire, celery_worker_factory: Callable[..., Worker]
) -> None:
    stream = opened(rabbitmq_vhost.url)
    worker = celery_worker_factory(rabbitmq_vhost.url, settings={"result_backend": "disabled://"})
    task = worker.app.send_task("testing.add", (1, 2))
    whole = {"task-sent", "task-received", "task-started", "task-succeeded"}

    def kinds(events: list[Event]) -> set[str]:
        return {event.type for event in events if isinstance(event, WireEvent) and event.uuid == task.id}

    events = heard(stream, lambda events: kinds(events) >= whole)
    assert kinds(events) == whole
    assert dict(stream.rejected()) == {}


def test_batches_and_single_events_come_in_order(opened: Open, rabbitmq_vhost: Vhost, wire: AmqpWire) -> None:
    stream = opened(rabbitmq_vhost.url)
    wire.event(type="task-received", uuid="0", hostname="w@a")
    many = [{"type": "task-started", "uuid": str(n), "hostname": "w@a", "timestamp": 1.0 + n} for n in range(1, 300)]
    wire.publish(json.dumps(many).encode())
    wire.event(type="task-received", uuid="last", hostname="w@a")
    assert ids(heard(stream, lambda events: "last" in ids(events))) == [*map(str, range(300)), "last"]


def test_a_read_gives_a_batch_and_keeps_the_rest(opened: Open, rabbitmq_vhost: Vhost, wire: AmqpWire) -> None:
    stream = opened(rabbitmq_vhost.url)
    for number in range(2 * BATCH):
        wire.publish(b'{"type": "task-started", "uuid": "%d", "hostname": "w", "timestamp": 1.0}' % number)
    sizes = []
    total: list[Event] = []
    deadline = time.monotonic() + 20
    while len(total) < 2 * BATCH and time.monotonic() < deadline:
        events = stream.read(0.1)
        sizes.append(len(events))
        total += events
    assert ids(total) == [str(number) for number in range(2 * BATCH)]
    assert max(sizes) <= BATCH


def test_what_is_unusual_is_taken_or_counted_and_stops_nothing(
    opened: Open, rabbitmq_vhost: Vhost, wire: AmqpWire
) -> None:
    stream = opened(rabbitmq_vhost.url)
    event = json.dumps({"type": "task-received", "uuid": "packed", "hostname": "w@a", "timestamp": 1.0}).encode()
    wire.publish(zlib.compress(event), application_headers={"compression": "application/x-gzip"})
    wire.publish(b"\x80\x04N.", content_type="application/x-python-serialize")
    wire.publish(b"not json")
    wire.publish(b"")
    wire.publish(b"[" + b" " * LIMIT + b"]")
    wire.publish(json.dumps([json.loads(event), {"no": "event"}, {**json.loads(event), "uuid": "good"}]).encode())
    wire.event(type="task-received", uuid="last", hostname="w@a")
    events = heard(stream, lambda events: "last" in ids(events))
    assert ids(events) == ["packed", "packed", "good", "last"]
    assert sum(stream.rejected().values()) == 5
    assert stream.rejected()["larger than the limit"] == 1


def test_a_body_in_many_frames_is_put_together(opened: Open, rabbitmq_vhost: Vhost, wire: AmqpWire) -> None:
    stream = opened(rabbitmq_vhost.url)
    long = "x" * 500_000
    wire.event(type="task-failed", uuid="long", hostname="w@a", traceback=long)
    wire.event(type="task-received", uuid="last", hostname="w@a")
    events = heard(stream, lambda events: "last" in ids(events))
    assert ids(events) == ["long", "last"]
    assert isinstance(events[0], WireEvent)
    assert long.encode() in events[0].body


def test_the_queue_is_bounded_and_goes_with_the_stream(opened: Open, rabbitmq_vhost: Vhost, wire: AmqpWire) -> None:
    wire.close()
    wait_until(lambda: rabbitmq_vhost.holds() == NOBODY, "an empty virtual host")
    stream = opened(rabbitmq_vhost.url)
    assert rabbitmq_vhost.queues() == [stream.queue]
    told = rabbitmq_vhost.server.ctl("list_queues", "-p", rabbitmq_vhost.name, "arguments", "exclusive", "auto_delete")
    assert all(word in told for word in ("x-message-ttl", "x-expires", "x-max-length", "x-max-length-bytes"))
    assert told.split()[-2:] == ["true", "true"]
    stream.close()
    wait_until(lambda: rabbitmq_vhost.holds() == NOBODY, "everything to be gone")


def test_a_stream_closes_in_the_middle_of_a_flood_and_leaves_nothing(
    opened: Open, rabbitmq_vhost: Vhost, wire: AmqpWire
) -> None:
    stream = opened(rabbitmq_vhost.url)
    for number in range(2000):
        wire.publish(b'{"type": "task-started", "uuid": "%d", "hostname": "w", "timestamp": 1.0}' % number)
    heard(stream, lambda events: len(events) > 10)
    stream.close()
    wire.close()
    wait_until(lambda: rabbitmq_vhost.holds() == NOBODY, "everything to be gone")


def test_without_an_exchange_it_waits_says_so_and_hears_the_first_worker(opened: Open, rabbitmq_vhost: Vhost) -> None:
    stream = opened(rabbitmq_vhost.url, "myevents")
    assert "no exchange myevents" in stream.notice()
    assert list(stream.read(0.1)) == []
    with AmqpWire(rabbitmq_vhost.url, "myevents") as wire:
        deadline = time.monotonic() + 20
        while stream.notice():
            assert time.monotonic() < deadline
            stream.read(0.1)
        wire.event(type="task-received", uuid="first", hostname="w@a")
        assert ids(heard(stream, bool)) == ["first"]
    assert stream.queue.startswith("myevents.lazycelery.")


def test_an_idle_line_is_probed_gently_and_its_latency_is_known(
    opened: Open, rabbitmq_vhost: Vhost, wire: AmqpWire
) -> None:
    stream = opened(rabbitmq_vhost.url)
    before, begun = stream.asked(), time.monotonic()
    wait_until(lambda: (list(stream.read(0.2)), stream.asked() > before + 3)[1], "probes", 30)
    spent = time.monotonic() - begun
    assert (stream.asked() - before) / spent < 4  # a second
    assert stream.latency() is not None
    assert stream.silence() < 20


def test_the_rights_of_a_viewer_are_enough_and_a_missing_one_is_named(
    opened: Open, rabbitmq_vhost: Vhost, wire: AmqpWire
) -> None:
    rabbitmq_vhost.add_user("view", "pw", VIEW)
    stream = opened(rabbitmq_vhost.url_for("view", "pw"))
    wire.event(type="task-received", uuid="seen", hostname="w@a")
    assert ids(heard(stream, bool)) == ["seen"]
    for right, grant in {
        "configure on queue celeryev.lazycelery.": Grant("^$", VIEW.write, VIEW.read),
        "write on queue celeryev.lazycelery.": Grant(VIEW.configure, "^$", VIEW.read),
        "read on exchange celeryev": Grant(VIEW.configure, VIEW.write, "^$"),
    }.items():
        rabbitmq_vhost.add_user("less", "pw", grant)
        with pytest.raises(AccessRefused) as refused:
            opened(rabbitmq_vhost.url_for("less", "pw"))
        assert refused.value.right.startswith(right)


def test_a_queue_that_fills_faster_than_it_is_read_is_told_before_the_broker_drops(
    opened: Open, rabbitmq_vhost: Vhost, wire: AmqpWire
) -> None:
    def told(*waiting: int) -> str:
        stream = opened(rabbitmq_vhost.url)
        for count in waiting:
            stream._probed = time.monotonic()
            stream._answered(struct.pack(">HHB1sII", 50, 11, 1, b"q", count, 1))
        try:
            stream.read(0.0)
        except SourceError as error:
            return error.message
        return ""

    assert told(49, 49, 49) == ""
    assert told(1000, 0, 1000) == ""
    assert "too slow" in told(1000, 1000)
    assert "too slow" in told(5000)
