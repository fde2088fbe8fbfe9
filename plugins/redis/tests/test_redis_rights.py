"""The rights in docs/redis-rights.md are enough for what they promise, and allow nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from lazycelery_core.control import Controls, Inspects, Level, Peeks, StoresResults
from lazycelery_core.errors import AccessRefused
from lazycelery_core.events import QueueSample, ResultMeta, WireEvent
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.servers import Server, start_valkey
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_redis.abilities import Abilities
from lazycelery_plugin_redis.address import Address, address_of
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.line import Line
from lazycelery_plugin_redis.queues import RedisQueues
from lazycelery_plugin_redis.stream import RedisStream

DOCUMENT = Path(__file__).parents[3] / "docs" / "redis-rights.md"
PASSWORD = "change-me"
FACTS = """facts on >change-me resetkeys resetchannels -@all %R~* &/0.celeryev/* &celery-task-meta-*
  +ping +hello +auth +select +info +llen +lrange +lindex +hlen +hget +hscan +zcard +zrange +zcount +smembers +sscan
  +scan +type +ttl +pttl +get +mget +strlen +exists +memory|usage +psubscribe +punsubscribe +subscribe +unsubscribe
  +pubsub +client|setname"""  # another list in use: rights that somebody gave before this document


def users() -> list[str]:
    """The documented users, as lines of a server's configuration."""
    blocks = re.findall(r"^```acl \w+\nACL SETUSER (.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    return [" ".join(block.split()) for block in [*blocks, FACTS]]


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_valkey(tmp_path_factory.mktemp("rights"), users=users()) as server:
        yield server


@pytest.fixture
def server(_running: Server) -> Server:
    """A server with the documented users, empty."""
    with _running.client() as client:
        client.flushall()
    return _running


def address(server: Server, user: str) -> Address:
    return address_of(BrokerURL.parse(server.socket_url(user=user, password=PASSWORD)))


def able(server: Server, user: str, level: Level) -> list[object]:
    where = address(server, user)
    return list(Abilities(where, Layout(), where).up_to(level))


def first(abilities: list[object], kind: Any) -> Any:
    return next(each for each in abilities if isinstance(each, kind))


def counted(poller: RedisQueues) -> list[QueueSample]:
    return [each for each in poller.read(1.0) if isinstance(each, QueueSample)]


def test_the_document_has_the_three_users() -> None:
    assert [user.split()[0] for user in users()] == ["lc_view", "lc_view_narrow", "lc_inspect", "facts"]


@pytest.mark.parametrize("user", ["lc_view", "lc_inspect", "facts"])
def test_looking_shows_everything(user: str, server: Server, celery_worker_factory: Any) -> None:
    where = address(server, user)
    stream = RedisStream("events", Line(where), "/0.celeryev/*", "celery-task-meta-*")
    stream.open()
    assert not stream.refused
    worker = celery_worker_factory(server.url)
    done = worker.app.send_task("testing.add", (1, 2))
    worker.app.send_task("testing.add", (3, 4), queue="waiting", priority=9)
    assert done.get(timeout=20) == 3
    events: list[Any] = []
    while not [each for each in events if isinstance(each, WireEvent) and each.type == "task-succeeded"]:
        events += stream.read(1.0)
    assert [each for each in events if isinstance(each, ResultMeta)]
    poller = RedisQueues(Line(where), Layout())
    poller.open()
    found = {each.name: (each.ready, each.unacked) for each in counted(poller)}
    assert found == {"celery": ({0: 0}, 0), "waiting": ({0: 0, 9: 1}, 0)}
    abilities = able(server, user, Level.PASSIVE)
    assert [message.args for message in first(abilities, Peeks).peek("waiting").messages] == ["(3, 4)"]
    assert done.id in first(abilities, StoresResults).results([done.id])
    for each in (stream, poller):
        each.close()


def test_the_narrow_user_sees_the_queue_that_is_named(server: Server, celery_worker_factory: Any) -> None:
    worker = celery_worker_factory(server.url)
    worker.app.send_task("testing.add", (3, 4), queue="secret")
    assert worker.app.send_task("testing.add", (3, 4)).get(timeout=20) == 7
    stream = RedisStream("events", Line(address(server, "lc_view_narrow")), "/0.celeryev/*", "celery-task-meta-*")
    stream.open()
    assert stream.refused == "&celery-task-meta-*"
    stream.close()
    poller = RedisQueues(Line(address(server, "lc_view_narrow")), Layout())
    poller.open()
    found = {each.name: each for each in counted(poller)}
    poller.close()
    assert found["celery"].ready == {0: 0}
    assert found["secret"].note == "no right to read this queue"
    with pytest.raises(AccessRefused) as caught:
        first(able(server, "lc_view_narrow", Level.PASSIVE), Peeks).peek("secret")
    assert caught.value.right == "+llen on ~secret"


def test_asking_works_with_the_right_to_ask(server: Server, celery_worker_factory: Any) -> None:
    worker = celery_worker_factory(server.url)
    inspects = first(able(server, "lc_inspect", Level.READ_ONLY), Inspects)
    nodes = wait_until(lambda: inspects.inspect("ping").nodes, "the worker to listen", 60)
    assert [(node.hostname, node.value) for node in nodes] == [(worker.hostname, {"ok": "pong"})]


@pytest.mark.parametrize("user", ["lc_view", "lc_view_narrow", "facts"])
def test_asking_without_the_right_names_it(user: str, server: Server) -> None:
    with pytest.raises(AccessRefused) as caught:
        first(able(server, user, Level.READ_ONLY), Inspects).inspect("ping")
    assert caught.value.right.startswith("+sadd")


def test_no_ability_beyond_the_level_exists(server: Server) -> None:
    passive, read_only = able(server, "lc_view", Level.PASSIVE), able(server, "lc_view", Level.READ_ONLY)
    assert not [each for each in passive if isinstance(each, Inspects | Controls)]
    assert not [each for each in read_only if isinstance(each, Controls)]
    assert [each for each in able(server, "lc_view", Level.GRANTED) if isinstance(each, Controls)]


FORBIDDEN: list[tuple[Any, ...]] = [
    *(("LPUSH", "celery", "x"), ("RPUSH", "celery", "x"), ("LPOP", "celery"), ("BRPOP", "celery", 1)),
    *(("DEL", "celery"), ("LREM", "celery", 0, "x"), ("RENAME", "celery", "x"), ("EXPIRE", "celery", 1)),
    *(
        ("SET", "x", "1"),
        ("HDEL", "unacked", "x"),
        ("ZREM", "unacked_index", "x"),
        ("SADD", "_kombu.binding.celery", "x"),
    ),
    *(
        ("EVAL", "return 1", 0),
        ("MULTI",),
        ("KEYS", "*"),
        ("FLUSHDB",),
        ("MONITOR",),
        ("SHUTDOWN",),
        ("PSUBSCRIBE", "*"),
    ),
    *(("CONFIG", "GET", "*"), ("ACL", "LIST"), ("CLIENT", "KILL", "ID", 1)),
]


@pytest.mark.parametrize("user", ["lc_view", "lc_view_narrow", "lc_inspect"])
@pytest.mark.parametrize("command", FORBIDDEN, ids=lambda command: " ".join(map(str, command)))
def test_writes_are_refused(user: str, command: tuple[Any, ...], server: Server) -> None:
    with server.client(username=user, password=PASSWORD) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command)


@pytest.mark.parametrize("user", ["lc_view", "lc_view_narrow"])
def test_who_only_looks_can_not_publish(user: str, server: Server) -> None:
    with server.client(username=user, password=PASSWORD) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.publish("/0.celeryev/task.received", "x")
