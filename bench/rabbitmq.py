"""T2: what does an event cost from RabbitMQ's socket into the store, against Celery's own Receiver and State?

A real RabbitMQ sends the recorded stream, as fast as it can, to one consumer at a time, each in a process of its own;
the consumers take turns. CPU time of the consumer from its first event to its last. The time limit of the consumers'
queues is lifted here, so that slow ones finish. `raw`, `split`, `decoded` and `ours` each do one thing more.
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from struct import pack

import amqp
from ingest import Meter
from measure import Measure
from recorded import Replay, payloads
from size import Size
from turns import LONGEST, Figures, median

from lazycelery_core.testing.amqp_wire import AmqpWire
from lazycelery_core.testing.rabbitmq import Vhost, start_rabbitmq
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_amqp import stream as plugin
from lazycelery_plugin_amqp.address import address_of
from lazycelery_plugin_amqp.line import Line
from lazycelery_plugin_redis.envelope import opened

STEPS = ("raw", "split", "decoded", "ours")
PUBLISH = pack(">HHH", 60, 40, 0) + b"\x08celeryev\x0atask.multi\x00"


def run(size: Size) -> list[Measure]:
    """Cost per event at the recorded mix, step by step."""
    found: dict[str, list[Figures]] = {name: [] for name in CONSUMERS}
    with tempfile.TemporaryDirectory() as home, start_rabbitmq(Path(home)) as server:
        for _ in range(size.ingest_rounds):
            for name in CONSUMERS:
                with server.vhost() as vhost:
                    found[name].append(_turn(vhost, name, size.ingest_events))
    cost = {name: median(turns, "us_event") for name, turns in found.items()}
    rate = {name: median(turns, "events_s") for name, turns in found.items()}
    steps = ", ".join(f"{name} {cost[name]:.2f}" for name in STEPS)
    return [
        Measure(
            "T2 CPU per event over RabbitMQ", cost["ours"], cost["celery"], "us", "ratio <= 1/10",
            f"Receiver + State; {size.ingest_events:,} recorded events, {size.ingest_rounds} rounds; us by step: "
            f"{steps}; {rate['ours']:,.0f} events/s against {rate['celery']:,.0f}",
        )
    ]  # fmt: skip


def _turn(vhost: Vhost, name: str, events: int) -> Figures:
    with AmqpWire(vhost.url):  # makes the exchange
        pass
    command = [sys.executable, __file__, name, vhost.url, str(events)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as consumer:
        assert consumer.stdout is not None
        assert consumer.stdout.readline() == "ready\n"
        with subprocess.Popen([sys.executable, __file__, "publish", vhost.url, str(events)]) as publisher:
            figures = json.loads(consumer.stdout.readline())
            publisher.wait()
    return dict(figures)


def publish(url: str, events: int) -> None:
    """Publish recorded events as workers do, as fast as the broker takes them."""
    message = amqp.Message(
        b"",
        content_type="application/json",
        content_encoding="utf-8",
        application_headers={"hostname": "w1@node-w1"},
        delivery_mode=1,
        priority=0,
    )
    properties = message._serialize_properties()  # noqa: SLF001 - the driver's own bytes
    line = Line(address_of(BrokerURL.parse(url)), answer=LONGEST)
    socket, channel = line.connection.transport.sock, line.channel.channel_id

    def frame(kind: int, payload: bytes) -> bytes:
        return pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"

    method = frame(1, PUBLISH)
    for bodies in _bodies(events):
        told = [
            b"".join((method, frame(2, pack(">HHQ", 60, 0, len(body)) + properties), frame(3, body))) for body in bodies
        ]
        socket.sendall(b"".join(told))
    line.ask(lambda channel: channel.exchange_declare("celeryev", "topic", passive=True))  # all has been taken
    line.close()


def _bodies(events: int) -> Iterator[list[bytes]]:
    for found, _ in payloads(Replay(as_pushed=True), events):
        yield [opened(payload).body for payload in found]


def _opened(url: str) -> plugin.AmqpStream:
    """The plugin's stream, with a queue that drops nothing."""
    plugin.ARGUMENTS.clear()
    plugin.MOST, plugin.FEW, plugin.ANSWER = 1 << 31, 1 << 31, LONGEST  # and on a busy machine nobody hangs up
    address = replace(address_of(BrokerURL.parse(url)), heartbeat=LONGEST)  # `raw` sends none
    stream = plugin.AmqpStream(Line(address, "events"))
    stream.open()
    stream._socket.settimeout(LONGEST)  # noqa: SLF001
    print("ready", flush=True)
    return stream


def received(stream: plugin.AmqpStream) -> Iterator[tuple[bytes, int]]:
    """What comes from the socket, and how many events are in it: each of the recorded ones has this field once."""
    field, rest = b'"utcoffset"', b""
    while True:
        data = stream._socket.recv(plugin.READ_SIZE)  # noqa: SLF001
        rest += data
        yield data, rest.count(field)
        rest = rest[1 - len(field) :]


def raw(url: str, events: int) -> None:
    """Receive only."""
    meter = Meter(events)
    any(meter.saw(count) for _, count in received(_opened(url)))


def split(url: str, events: int) -> None:
    """The same, and cut into messages."""
    stream, meter = _opened(url), Meter(events)
    frames = stream._frames  # noqa: SLF001
    assert frames is not None
    any(meter.saw(count) for data, count in received(stream) if frames.feed(data) is not None)


def ours(url: str, events: int, keep: bool = True) -> None:
    """The plugin's stream into the store."""
    from lazycelery_core.store import Limits, Store

    stream, store, meter = _opened(url), Store(Limits(), str, time.time()), Meter(events)
    while True:
        batch = stream.read(1.0)
        if keep:
            store.apply(batch, time.time())
        if batch and meter.saw(len(batch)):
            return


def decoded(url: str, events: int) -> None:
    """The plugin's stream alone."""
    ours(url, events, keep=False)


def celery(url: str, events: int) -> None:
    """Receiver and State, as Flower and `celery events` use them, with a queue that drops nothing."""
    from celery import Celery

    app = Celery("bench", broker=url, set_as_current=False)
    app.conf.event_queue_ttl = app.conf.event_queue_expires = float(LONGEST)
    state, meter = app.events.State(max_tasks_in_memory=events), Meter(events)

    class Done(Exception):  # noqa: N818 - Receiver has no other way out
        pass

    def saw(event: dict[str, object]) -> None:
        state.event(event)
        if meter.saw(1):
            raise Done

    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": saw})
        receiver.on_consume_ready = lambda *_, **__: print("ready", flush=True)
        try:
            receiver.capture(limit=None, timeout=None, wakeup=False)
        except Done:
            return


CONSUMERS: dict[str, Callable[[str, int], None]] = {
    "raw": raw, "split": split, "decoded": decoded, "ours": ours, "celery": celery
}  # fmt: skip

if __name__ == "__main__":
    signal.alarm(LONGEST)
    {**CONSUMERS, "publish": publish}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
