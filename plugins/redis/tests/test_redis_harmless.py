"""Looking never makes a task run twice, leaves nothing behind, and uses only the commands it says it uses."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lazycelery_core.control import INSPECT_COMMANDS, Diagnoses, Inspects, Level, Peeks, StoresResults
from lazycelery_core.source import Source
from lazycelery_core.testing.celery_app import create_app
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.servers import Server
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_redis import doctor
from lazycelery_plugin_redis.abilities import Abilities
from lazycelery_plugin_redis.address import address_of
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.line import Line
from lazycelery_plugin_redis.queues import RedisQueues
from lazycelery_plugin_redis.stream import RedisStream

LOOKING = {
    "PING", "SELECT", "INFO", "CLIENT|SETNAME", "PSUBSCRIBE", "SUBSCRIBE", "LLEN", "LRANGE", "LINDEX", "HLEN", "HSCAN",
    "SMEMBERS", "SCAN", "EXISTS", "STRLEN", "MGET", "GETRANGE", "MEMORY|USAGE",
}  # fmt: skip
ASKING = {"PUBLISH", "SADD", "SREM", "ZADD", "BRPOP", "DEL"}
DAY_AND_MORE = 27 * 3600  # s; the worker's own visibility timeout, so that only a monitor can restore too early
TWO_HOURS = 7200  # s; more than the default visibility timeout of a monitor


def look_at_everything(server: Server, level: Level, task_ids: list[str]) -> None:
    """All that this plugin ever does at a level, twice."""
    address, layout = address_of(BrokerURL.parse(server.url)), Layout()
    stream = RedisStream("events", Line(address), layout.event_channel, layout.result_channel)
    poller = RedisQueues(Line(address), layout, names=("celery",), period=0.0)
    sources: list[Source] = [stream, poller]
    abilities = list(Abilities(address, layout, address).up_to(level))
    for source in sources:
        source.open()
    for _ in range(2):
        for source in sources:
            source.refresh()
            source.read(0.7)
        for ability in abilities:
            use(ability, task_ids)
    for each in (*sources, *abilities):
        getattr(each, "close", lambda: None)()


def use(ability: object, task_ids: list[str]) -> None:
    match ability:
        case Peeks():
            for queue in ("celery", "mail", "nothing"):
                ability.peek(queue)
        case StoresResults():
            ability.results([*task_ids, "unknown"])
        case Inspects():
            for command in sorted(INSPECT_COMMANDS):
                ability.inspect(command, {"ids": task_ids} if command == "query_task" else None, timeout=1.0)
            ability.inspect("ping", destination=["nobody@nowhere"], timeout=0.3)
        case Diagnoses():
            list(ability.diagnose())


def state(server: Server) -> dict[str, Any]:
    """Every key of the database with its content."""
    with server.client() as client:
        return {key.decode(errors="replace"): client.dump(key) for key in client.scan_iter(count=1000)}


@pytest.fixture(autouse=True)
def _short_diagnosis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LISTEN", 0.5)


class Old:
    """A task that a worker holds and runs, and that was delivered two hours ago as far as Redis knows."""

    def __init__(self, server: Server, worker: Any, release: Path) -> None:
        self._server, self._log = server, worker.log
        self.id = worker.app.send_task("testing.hold", (str(release),)).id
        wait_until(lambda: self.received == 1 and self._held(), "the task to be held", 60)
        with server.client() as client:
            (tag,) = client.zrange("unacked_index", 0, -1)
            self.tag = tag
            client.zadd("unacked_index", {tag: time.time() - TWO_HOURS})

    @property
    def received(self) -> int:
        """How often a worker has got it."""
        return len(re.findall(rf"{re.escape(self.id)}\] received", self._log.read_text()))

    def _held(self) -> bool:
        with self._server.client() as client:
            return int(client.hlen("unacked")) == 1

    @property
    def untouched(self) -> bool:
        """Whether it is held still, as old as before, and waits in no queue."""
        with self._server.client() as client:
            age = time.time() - float(client.zscore("unacked_index", self.tag) or 0)
            return bool(client.hexists("unacked", self.tag)) and age >= TWO_HOURS and client.llen("celery") == 0


@pytest.fixture
def old(valkey: Server, celery_worker_factory: Any, tmp_path: Path) -> Iterator[Old]:
    settings = {"task_acks_late": True, "broker_transport_options": {"visibility_timeout": DAY_AND_MORE}}
    worker = celery_worker_factory(concurrency=2, settings=settings)
    release = tmp_path / "release"
    yield Old(valkey, worker, release)
    release.touch()


def test_a_task_held_for_two_hours_runs_once_however_we_look(old: Old, valkey: Server) -> None:
    look_at_everything(valkey, Level.READ_ONLY, [old.id])
    assert old.untouched
    assert old.received == 1


def test_the_usual_inspect_would_have_run_it_twice(old: Old, valkey: Server) -> None:
    """The same case with Celery's own client: without this the test above could not fail."""
    create_app(valkey.url).control.inspect(timeout=1.0).ping()
    wait_until(lambda: old.received == 2, "the second run", 60)
    assert not old.untouched


@contextmanager
def recorded(server: Server) -> Iterator[list[str]]:
    """The commands that the server gets meanwhile."""
    commands: list[str] = []
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(server.socket))
        line.sendall(b"MONITOR\r\n")
        assert line.recv(5) == b"+OK\r\n"
        recorder = threading.Thread(target=_record, args=(line, commands), daemon=True)
        recorder.start()
        yield commands
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(server.socket))
            last.sendall(b"ECHO end\r\n")
            recorder.join(10)


def _record(line: socket.socket, commands: list[str]) -> None:
    with line.makefile("rb") as told:
        for each in told:
            verb, word = re.findall(rb'"([^"]*)"', each.partition(b"] ")[2] + b' "" ""')[:2]
            verb, word = verb.decode().upper(), word.decode(errors="replace").upper()
            if verb == "ECHO":
                return
            commands.append(f"{verb}|{word}" if verb in ("CLIENT", "MEMORY") else verb)


def fill(server: Server) -> list[str]:
    """Queues, priorities, held messages and results; no worker."""
    app = create_app(server.url)
    ids = [
        app.send_task("testing.add", (n, n), queue=queue, priority=n).id
        for n in range(5)
        for queue in ("celery", "mail")
    ]
    with server.client() as client:
        client.hset("unacked", mapping={str(n): json.dumps([{"body": "x"}, "", "celery"]) for n in range(50)})
        client.set(f"celery-task-meta-{ids[0]}", json.dumps({"status": "SUCCESS", "task_id": ids[0], "result": 1}))
        client.set("celery-task-meta-large", json.dumps({"status": "SUCCESS", "result": "r" * (5 << 20)}))
        client.lpush("something-else", "x")
    return [*ids, "large"]


@pytest.mark.parametrize("level,allowed", [(Level.PASSIVE, LOOKING), (Level.READ_ONLY, LOOKING | ASKING)])
def test_only_the_written_commands_are_used_and_nothing_is_left_behind(
    level: Level, allowed: set[str], valkey: Server
) -> None:
    ids = fill(valkey)
    before = state(valkey)
    with recorded(valkey) as commands:
        look_at_everything(valkey, level, ids)
    assert set(commands) <= allowed
    assert set(commands) >= LOOKING - {"SELECT", "SUBSCRIBE"}
    assert state(valkey) == before


def test_a_watched_deployment_gets_few_commands_a_second(valkey: Server) -> None:
    fill(valkey)
    address, layout = address_of(BrokerURL.parse(valkey.url)), Layout()
    stream = RedisStream("events", Line(address), layout.event_channel, layout.result_channel)
    poller = RedisQueues(Line(address), layout)
    lines = [stream._line, poller._line]
    stream.open()
    poller.open()
    asked: list[int] = []
    polled = 0

    def second() -> None:
        nonlocal polled
        begun, before, polled = time.monotonic(), sum(line.asked for line in lines), 0
        while time.monotonic() - begun < 1.0:
            stream.read(0.05)
            if events := poller.read(0.05):
                polled = len(events)
        asked.append(sum(line.asked for line in lines) - before)

    for _ in range(6):
        second()
    calm = sorted(asked[2:])
    pipelined = 2 * 4 + 1  # LLEN of two queues in every seen bucket, HLEN
    assert calm[len(calm) // 2] <= 5 + pipelined
    stream.close()
    poller.close()


def test_nothing_is_left_when_we_are_killed(valkey: Server) -> None:
    fill(valkey)
    before = state(valkey)
    address, layout = address_of(BrokerURL.parse(valkey.url)), Layout()
    stream = RedisStream("events", Line(address), layout.event_channel, layout.result_channel)
    poller = RedisQueues(Line(address), layout, period=0.0)
    stream.open()
    poller.open()
    poller.read(1.0)
    for line in (stream._line, poller._line):
        line._connection._sock.close()
        line._connection = None
    assert state(valkey) == before
    with valkey.client() as client:
        wait_until(lambda: client.pubsub_numpat() == 0, "the subscriptions to end")


def test_other_clients_wait_less_than_a_slow_command_would_cost(valkey: Server) -> None:
    """The slow log holds what took the server longer than 10 ms."""
    with valkey.client() as client:
        client.config_set("slowlog-log-slower-than", 10_000)
        client.slowlog_reset()
        with client.pipeline(transaction=False) as pipe:
            for number in range(100_000):
                pipe.set(f"key-{number}", "x")
            for _ in range(20_000):
                pipe.lpush("celery", "x" * 1000)
            pipe.execute()
        ids = fill(valkey)
        look_at_everything(valkey, Level.PASSIVE, ids)
        slow = [entry["command"] for entry in client.slowlog_get(128)]
    assert not [command for command in slow if not command.startswith((b"CONFIG", b"EXEC", b"SET", b"LPUSH", b"FLUSH"))]
