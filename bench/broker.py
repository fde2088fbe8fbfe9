"""T13: what does watching cost the broker? Commands a second, as the broker's MONITOR tells, and its CPU for queues.

Two real workers that send events, ten queues, nothing pressed. All commands of the program's connections are counted,
whatever they are for; the queue poll itself (LLEN and HLEN, sent in one go once a second) is told apart.
"""

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from measure import Measure
from size import Size
from turns import share
from watched import watched

from lazycelery_core.testing.celery_worker import start_worker
from lazycelery_core.testing.servers import Server, start_valkey

POLL = {"LLEN", "HLEN"}
QUEUES, MANY = 10, 1_000
SETTLE = 12.0  # s until a new deployment is known and questions become rare
POLLS = 20
VIEWS = {"Tasks": "T", "Overview": "O", "Workers": "W"}


def run(size: Size) -> list[Measure]:
    """Commands a second on each view, and the price of a thousand queues."""
    with tempfile.TemporaryDirectory() as folder, start_valkey(Path(folder), tcp=True) as server:
        home = Path(folder)
        _queues(server, QUEUES)
        with start_worker(server.tcp_url(), home, name="w1@a"), start_worker(server.tcp_url(), home, name="w2@b"):
            counted = _by_view(server, home, size)
    with tempfile.TemporaryDirectory() as folder, start_valkey(Path(folder), tcp=True) as server:
        ours, one_by_one = _thousand(server)
    commands = {
        view: sum(count for verb, count in found.items() if verb not in POLL) for view, found in counted.items()
    }
    worst = max(commands, key=lambda view: commands[view])
    verbs = ", ".join(f"{verb} {count:.1f}" for verb, count in sorted(counted[worst].items()) if count >= 0.05)
    return [
        Measure(
            "T13 commands beside the queue poll", commands[worst], None, "1/s", "ours <= 5",
            f"2 workers, {QUEUES} queues; the {worst} view, which asks most: {verbs}; "
            + ", ".join(f"{view} {count:.1f}" for view, count in commands.items()),
        ),
        Measure(
            f"T13 broker CPU for {MANY:,} queues", ours, one_by_one, "ms", "ratio <= 1/50",
            "one poll over TCP; peer: LLEN one by one, a connection kept open",
        ),
    ]  # fmt: skip


def _by_view(server: Server, home: Path, size: Size) -> dict[str, dict[str, float]]:
    with watched(home, server.tcp_url()) as (terminal, _):
        terminal.watch(SETTLE)
        found = {}
        for view, key in VIEWS.items():
            terminal.type(key)
            terminal.watch(2.0)
            with _monitored(server) as seen:
                began = time.monotonic()
                terminal.watch(size.watch)
                seconds = time.monotonic() - began
            found[view] = {verb: count / seconds for verb, count in seen.items()}
    return found


@contextmanager
def _monitored(server: Server) -> Iterator[Counter[str]]:
    """Counts, by verb, the commands of the program's connections while the block runs."""
    seen: list[tuple[str, str]] = []
    end = threading.Event()

    def listen() -> None:
        with server.client() as client, client.monitor() as monitor:
            ready.set()
            while not end.is_set():
                command: Any = monitor.next_command()
                seen.append((f"{command['client_address']}:{command['client_port']}", command["command"].split(" ")[0]))

    ready = threading.Event()
    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    ready.wait(5)
    counted: Counter[str] = Counter()
    with server.client() as client:
        before = _ours(client)
        yield counted
        ours = before | _ours(client)
        end.set()
        client.ping()  # what the listener waits for
    listener.join(5)
    counted.update(verb.upper() for address, verb in seen if address in ours)


def _ours(client: Any) -> set[str]:
    return {each["addr"] for each in client.client_list() if each["name"] == "lazycelery"}


def _queues(server: Server, count: int) -> list[str]:
    """Bind so many queues, as workers do."""
    names = [f"queue-{number}" for number in range(count)]
    with server.client() as client, client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.sadd(f"_kombu.binding.{name}", f"{name}\x06\x16\x06\x16{name}")
            pipe.lpush(name, "{}")
        pipe.execute()
    return names


def _thousand(server: Server) -> tuple[float, float]:
    """CPU ms of the broker for the depths of so many queues: our poll, and one question after the other; over TCP."""
    from lazycelery_core.urls import BrokerURL
    from lazycelery_plugin_redis.address import address_of
    from lazycelery_plugin_redis.layout import Layout
    from lazycelery_plugin_redis.line import Line
    from lazycelery_plugin_redis.queues import RedisQueues

    names = _queues(server, MANY)
    source = RedisQueues(Line(address_of(BrokerURL.parse(server.tcp_url()))), Layout(), names=names, period=0.0)
    source.open()
    for _ in range(3):
        source.read(1.0)
    with redis.Redis.from_url(server.tcp_url()) as client:
        ours = [_broker_cpu(server, lambda: source.read(1.0)) for _ in range(POLLS)]
        one_by_one = [_broker_cpu(server, lambda: [client.llen(name) for name in names]) for _ in range(POLLS)]
    source.close()
    return share(ours, 0.5), share(one_by_one, 0.5)


def _broker_cpu(server: Server, ask: Any) -> float:
    clock = (~server.process.pid << 3) | 2
    began = time.clock_gettime(clock)
    ask()
    return 1e3 * (time.clock_gettime(clock) - began)
