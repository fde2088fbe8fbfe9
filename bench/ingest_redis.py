"""What does an event cost from Redis' socket into the store, against Celery's own Receiver and State?

Usage: ingest_redis.py [EVENTS] [ROUNDS]. A real Valkey publishes the recorded stream to one consumer at a time, each
in a process of its own; the consumers take turns in every round. CPU seconds of the consumer from its first event to
its last, medians over the rounds. Redis' limit for slow subscribers is lifted, so that slow ones finish.
"""

import base64
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from store_stream import bodies, repetition

from lazycelery_core.testing.servers import Server, start_valkey

EVENTS, ROUNDS = 100_000, 3
CHUNK = 500  # messages published in one go


def published(events: int) -> Iterator[tuple[str, bytes, int]]:
    """(channel, payload as kombu writes it, number of events) of recorded messages until there are enough events."""
    messages = bodies()
    number = 0
    while events > 0:
        for body in repetition(messages, number):
            decoded = json.loads(body)
            parts = decoded if isinstance(decoded, list) else [decoded]
            key = "task.multi" if isinstance(decoded, list) else str(decoded["type"]).replace("-", ".")
            yield f"/0.celeryev/{key}", envelope(body, key), len(parts)
            events -= len(parts)
            if events <= 0:
                return
        number += 1


def envelope(body: bytes, key: str) -> bytes:
    """What kombu wraps around a body."""
    properties = {
        "delivery_mode": 1, "delivery_info": {"exchange": "celeryev", "routing_key": key}, "priority": 0,
        "body_encoding": "base64", "delivery_tag": "8d05b5f4-9e7b-4c2b-a4f4-2a3c5d6e7f80",
    }  # fmt: skip
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {"hostname": "w1@node-w1"},
            "properties": properties,
        }
    ).encode()


class Meter:
    """Counts events; the cost runs from the first one on."""

    def __init__(self, events: int) -> None:
        self._events, self._seen = events, 0
        self._cpu = self._wall = 0.0

    def saw(self, events: int) -> bool:
        """Whether that was the last one; then the figures are printed."""
        if not self._seen:
            self._cpu, self._wall = time.process_time(), time.perf_counter()
        self._seen += events
        if self._seen < self._events:
            return False
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        print(json.dumps({"us_event": 1e6 * cpu / self._seen, "events_s": self._seen / wall}), flush=True)
        return True


def ours(url: str, events: int, keep: bool = True) -> None:
    """The plugin's stream into the store."""
    from lazycelery_core.store import Limits, Store
    from lazycelery_core.urls import BrokerURL
    from lazycelery_plugin_redis.address import address_of
    from lazycelery_plugin_redis.line import Line
    from lazycelery_plugin_redis.stream import RedisStream

    sys.setswitchinterval(0.0005)
    stream = RedisStream("events", Line(address_of(BrokerURL.parse(url))), "/0.celeryev/*", "celery-task-meta-*")
    store, meter = Store(Limits(), str, time.time()), Meter(events)
    stream.open()
    print("ready", flush=True)
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
    """Receiver and State, as Flower and `celery events` use them."""
    from celery import Celery

    app = Celery("bench", broker=url, set_as_current=False)
    state, meter = app.events.State(), Meter(events)

    class Done(Exception):  # noqa: N818 - Receiver has no other way out
        pass

    def saw(event: dict[str, object]) -> None:
        state.event(event)
        if meter.saw(1):
            raise Done

    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": saw})
        try:
            turns = receiver.itercapture(limit=None, timeout=None, wakeup=False)
            next(turns)  # it yields once when it has subscribed
            print("ready", flush=True)
            for _ in turns:
                pass
        except Done:
            return


CONSUMERS: dict[str, Callable[[str, int], None]] = {"ours": ours, "decoded": decoded, "celery": celery}


def measured(name: str, server: Server, messages: list[tuple[str, bytes, int]]) -> dict[str, float]:
    """One turn of one consumer."""
    events = sum(count for _, _, count in messages)
    command = [sys.executable, __file__, "consume", name, server.url, str(events)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as consumer, server.client() as client:
        assert consumer.stdout is not None
        assert consumer.stdout.readline() == "ready\n"
        for start in range(0, len(messages), CHUNK):
            with client.pipeline(transaction=False) as pipe:
                for channel, payload, _ in messages[start : start + CHUNK]:
                    pipe.publish(channel, payload)
                pipe.execute()
        return dict(json.loads(consumer.stdout.readline()))


def main(events: int = EVENTS, rounds: int = ROUNDS) -> None:
    """Every consumer in every round; prints a line each, then the ratio."""
    messages = list(published(events))
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CONSUMERS}
    with (
        tempfile.TemporaryDirectory() as home,
        start_valkey(Path(home), args=["client-output-buffer-limit pubsub 0 0 0"]) as server,
    ):
        for _ in range(rounds):
            for name in CONSUMERS:
                found[name].append(measured(name, server, messages))
    cost = {name: statistics.median(each["us_event"] for each in turns) for name, turns in found.items()}
    for name, turns in found.items():
        rate = statistics.median(each["events_s"] for each in turns)
        print(f"{name:8} {cost[name]:7.2f} us/event  {rate:9,.0f} events/s")
    print(json.dumps({
        "name": "CPU per event over Redis", "ours": cost["ours"], "peer": cost["celery"], "unit": "us",
        "ratio": cost["ours"] / cost["celery"], "target": "<= 1/12 of Receiver + State",
        "note": f"{len(messages):,} messages, {sum(each[2] for each in messages):,} events, {rounds} rounds",
    }))  # fmt: skip
    print(f"ours is 1/{cost['celery'] / cost['ours']:.1f} of Receiver + State")


if __name__ == "__main__":
    if sys.argv[1:2] == ["consume"]:
        CONSUMERS[sys.argv[2]](sys.argv[3], int(sys.argv[4]))
    else:
        main(*map(int, sys.argv[1:3]))
