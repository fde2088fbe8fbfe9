"""T1: what does an event cost from Redis' socket into the store, against Celery's own Receiver and State?

A real Valkey publishes the recorded stream, as fast as it can, to one consumer at a time, each in a process of its own;
the consumers take turns. CPU time of the consumer from its first event to its last. Redis' limit for slow subscribers
is lifted here, so that slow ones finish.
"""

import gc
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measure import Measure
from publisher import publishing
from size import Size
from turns import LONGEST, Figures, median

from lazycelery_core.testing.servers import Server, start_valkey

BUSY = 10  # events a message of a worker that is busy


def run(size: Size) -> list[Measure]:
    """Cost per event at the recorded mix, and where workers send ten events a message."""
    with (
        tempfile.TemporaryDirectory() as home,
        start_valkey(Path(home), args=["client-output-buffer-limit pubsub 0 0 0"]) as server,
    ):
        recorded = _rounds(server, size, ("ours", "decoded", "celery"), each=0)
        busy = _rounds(server, size, ("ours", "celery"), each=BUSY)
    rate = {name: median(turns, "events_s") for name, turns in recorded.items()}
    return [
        Measure(
            "T1 CPU per event over Redis", median(recorded["ours"], "us_event"), median(recorded["celery"], "us_event"),
            "us", "ratio <= 1/12",
            f"Receiver + State; {size.ingest_events:,} recorded events, {size.ingest_rounds} rounds; decoding alone "
            f"{median(recorded['decoded'], 'us_event'):.2f} us; {rate['ours']:,.0f} events/s against "
            f"{rate['celery']:,.0f}",
        ),
        Measure(
            f"T1 CPU per event, {BUSY} a message", median(busy["ours"], "us_event"), median(busy["celery"], "us_event"),
            "us", "ratio <= 1/8", "Receiver + State; the recorded task events in larger messages",
        ),
    ]  # fmt: skip


def _rounds(server: Server, size: Size, consumers: tuple[str, ...], each: int) -> dict[str, list[Figures]]:
    found: dict[str, list[Figures]] = {name: [] for name in consumers}
    for _ in range(size.ingest_rounds):
        for name in consumers:
            found[name].append(_turn(server, name, size.ingest_events, each))
    return found


def _turn(server: Server, name: str, events: int, each: int) -> Figures:
    command = [sys.executable, __file__, name, server.url, str(events)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as consumer:
        assert consumer.stdout is not None
        assert consumer.stdout.readline() == "ready\n"
        with publishing(server.socket, events=events, each=each) as publisher:
            figures = json.loads(consumer.stdout.readline())
            publisher.result()
    return dict(figures)


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

    stream = RedisStream("events", Line(address_of(BrokerURL.parse(url))), "/0.celeryev/*", "celery-task-meta-*")
    store, meter = Store(Limits(), str, time.time()), Meter(events)
    stream.open()
    gc.set_threshold(50_000, 20, 100)  # as the app does
    gc.collect()
    gc.freeze()
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
    state, meter = app.events.State(max_tasks_in_memory=events), Meter(events)

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

if __name__ == "__main__":
    signal.alarm(LONGEST)
    CONSUMERS[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
