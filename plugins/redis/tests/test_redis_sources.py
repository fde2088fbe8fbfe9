"""A connection gets the sources that fit it, and `doctor` says what works and what does not."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lazycelery_plugin_redis
from lazycelery_core.config import Connection
from lazycelery_core.control import Controls, Diagnoses, Finding, Inspects, Level, Peeks, StoresResults
from lazycelery_core.errors import SourceError
from lazycelery_core.source import Source
from lazycelery_core.testing.processes import stop_group, wait_until
from lazycelery_core.testing.servers import Server, free_port, server_binary
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_redis import doctor
from lazycelery_plugin_redis.address import address_of
from lazycelery_plugin_redis.doctor import Doctor
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.line import Line
from lazycelery_plugin_redis.settings import RedisSettings
from lazycelery_plugin_redis.stream import RedisStream


def connection(url: str, **more: Any) -> Connection:
    return Connection("test", BrokerURL.parse(url), **more)


def sources(url: str, settings: RedisSettings | None = None, **more: Any) -> list[Source]:
    return list(lazycelery_plugin_redis.lazycelery_sources(connection(url, **more), settings or RedisSettings()))


@pytest.mark.parametrize("url", ["amqp://h/v", "sqs://", "memory://", "filesystem://"])
def test_other_brokers_are_left_to_others(url: str) -> None:
    assert sources(url) == []


@pytest.mark.parametrize("url", ["redis://h/0", "rediss://h/0", "redis+socket:///s", "sentinel://h"])
def test_every_redis_url_gets_a_stream_and_a_poller(url: str) -> None:
    found = sources(url, master_name="mymaster")
    assert [(source.name, source.streams) for source in found] == [("events", True), ("queues", False)]


def test_results_that_are_kept_elsewhere_are_heard_there() -> None:
    assert [each.name for each in sources("redis://h/0", results=BrokerURL.parse("redis://h/5"))] == [
        "events",
        "queues",
    ]
    elsewhere = sources("redis://h/0", results=BrokerURL.parse("redis://other/5"))
    assert [each.name for each in elsewhere] == ["events", "results", "queues"]
    database = sources("redis://h/0", results=BrokerURL("db+postgresql"))
    assert [each.name for each in database] == ["events", "queues"]
    silent = sources("redis://h/0", RedisSettings(results=False), results=BrokerURL.parse("redis://other/5"))
    assert [each.name for each in silent] == ["events", "queues"]


def test_events_of_every_database_are_heard_where_that_is_set() -> None:
    (stream, _) = sources("redis://h/2", RedisSettings(every_database=True), global_keyprefix="app:")
    assert isinstance(stream, RedisStream)
    assert stream._channel == "app:/*.celeryev/*"


def kinds(url: str, level: Level, **more: Any) -> set[str]:
    abilities = [ability for source in sources(url, **more) for ability in source.abilities(level)]
    protocols = (Inspects, Controls, Peeks, StoresResults, Diagnoses)
    return {kind.__name__ for kind in protocols if any(isinstance(ability, kind) for ability in abilities)}


def test_each_level_adds_its_abilities() -> None:
    looking = {"Peeks", "StoresResults", "Diagnoses"}
    assert kinds("redis://h/0", Level.PASSIVE) == looking
    assert kinds("redis://h/0", Level.READ_ONLY) == looking | {"Inspects"}
    assert kinds("redis://h/0", Level.GRANTED) == looking | {"Inspects", "Controls"}
    assert kinds("redis://h/0", Level.PASSIVE, results=BrokerURL("rpc")) == looking - {"StoresResults"}


def test_everything_works_together(valkey: Server, celery_worker_factory: Any) -> None:
    found = sources(valkey.url, RedisSettings(poll=0.1))
    worker = celery_worker_factory()
    for source in found:
        source.open()
    worker.app.send_task("testing.add", (1, 2))
    seen: set[str] = set()

    def looked() -> bool:
        seen.update(type(event).__name__ for source in found for event in source.read(0.1))
        return seen >= {"WireEvent", "ResultMeta", "QueueSample"}

    wait_until(looked, "events, results and queues", 60)
    for source in found:
        source.close()


@pytest.fixture(autouse=True)
def _short_diagnosis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LISTEN", 5.0)


def findings(url: str, ask: bool = True) -> dict[str, Finding]:
    address = address_of(BrokerURL.parse(url))
    return {finding.what: finding for finding in Doctor(address, Layout(db=address.db), ask).diagnose()}


def test_a_healthy_deployment_gets_good_findings_only(valkey: Server, celery_worker_factory: Any) -> None:
    celery_worker_factory()
    with valkey.client() as client:
        wait_until(lambda: client.pubsub_numpat() or client.pubsub_numsub("/0.celery.pidbox")[0][1], "a listener", 60)
    found = findings(valkey.url)
    assert not [finding for finding in found.values() if not finding.ok]
    assert found["ask workers"].detail == "1 listening, 1 answered"
    assert found["server"].detail.startswith(("Valkey", "Redis"))
    assert "user default, no TLS" in found[f"connect to {valkey.socket}, database 0"].detail


def test_a_passive_diagnosis_asks_nobody(valkey: Server, celery_worker_factory: Any) -> None:
    celery_worker_factory()
    assert findings(valkey.url, ask=False)["ask workers"].detail.startswith("not tried")


def test_a_wrong_database_is_suspected(valkey: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LISTEN", 0.25)
    with valkey.client(db=3) as client:
        client.set("x", "1")
    found = findings(valkey.url)
    assert not found["find Celery's queues in this database"].ok
    assert "db3" in found["find Celery's queues in this database"].hint
    assert not found["events arrive"].ok


def test_a_memory_policy_that_throws_queues_away_is_named(valkey_factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LISTEN", 0.25)
    server = valkey_factory(args=["maxmemory 100mb", "maxmemory-policy allkeys-lru"])
    finding = findings(server.url)["memory policy"]
    assert not finding.ok
    assert "noeviction" in finding.hint


def test_a_full_broker_is_looked_at_and_says_why_it_can_not_ask(valkey_factory: Any) -> None:
    server = valkey_factory(args=["maxmemory 1mb", "maxmemory-policy noeviction"])
    found = sources(server.url, queues=("celery",))
    for source in found:
        source.open()
    assert found[-1].read(1.0)
    with server.client() as client:
        client.publish("celery-task-meta-1", '{"status": "SUCCESS"}')
    assert wait_until(lambda: found[0].read(0.1), "the result", 60)
    inspects = next(
        each for source in found for each in source.abilities(Level.READ_ONLY) if isinstance(each, Inspects)
    )
    with pytest.raises(SourceError, match="is full and refuses writes"):
        inspects.inspect("ping")
    for source in found:
        source.close()


def test_missing_rights_are_named_one_by_one(valkey_factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LISTEN", 0.25)
    rights = "resetchannels &/0.celeryev/* %R~celery +ping +llen +psubscribe"
    server = valkey_factory(users=[f"ops on >pw {rights}"])
    found = findings(server.socket_url(user="ops", password="pw"))
    missing = {finding.right for finding in found.values() if not finding.ok and finding.right}
    assert missing == {
        "+info", "+lrange", "+smembers", "+scan", "+hlen", "+hscan", "+strlen", "&celery-task-meta-*", "+sadd",
    }  # fmt: skip
    assert found["count waiting messages"].ok


def test_an_unreachable_broker_is_one_finding() -> None:
    found = list(findings(f"redis://127.0.0.1:{free_port()}/0").values())
    assert [finding.ok for finding in found] == [False]
    assert "Nobody listens" in found[0].detail


@pytest.fixture
def sentinel(valkey_factory: Any, tmp_path: Path) -> Iterator[tuple[int, Server, "subprocess.Popen[bytes]"]]:
    """A sentinel that watches a master called `mymaster`."""
    master, port = valkey_factory(tcp=True), free_port()
    settings = tmp_path / "sentinel.conf"
    settings.write_text(f"port {port}\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 {master.port} 1\n")
    with (tmp_path / "sentinel.log").open("wb") as log:
        command = [server_binary(), str(settings), "--sentinel"]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path, start_new_session=True)
    yield port, master, process
    stop_group(process)


def test_a_sentinel_leads_to_its_master(sentinel: tuple[int, Server, Any], celery_worker_factory: Any) -> None:
    port, _, _ = sentinel
    closed = free_port()
    url = f"sentinel://127.0.0.1:{closed}/0;sentinel://127.0.0.1:{port}/0"
    line = Line(address_of(BrokerURL.parse(url), "mymaster"))
    wait_until(lambda: _answers(line), "the sentinel", 60)
    worker = celery_worker_factory(
        f"sentinel://127.0.0.1:{port}/0",
        settings={"result_backend": "", "broker_transport_options": {"master_name": "mymaster"}},
    )
    found = sources(url, RedisSettings(poll=0.1), master_name="mymaster")
    for source in found:
        source.open()
    worker.app.send_task("testing.add", (1, 2), queue="mail")
    names: set[str] = set()

    def looked() -> bool:
        names.update(getattr(event, "name", None) or "" for event in found[-1].read(0.1))
        return "mail" in names

    wait_until(looked, "the queue", 60)
    wait_until(lambda: found[0].read(0.1), "events", 60)
    for source in found:
        source.close()
    line.close()


def _answers(line: Line) -> bool:
    try:
        return bool(line.ask("EXISTS", "x") == 0)
    except SourceError:
        return False


def test_an_unknown_master_and_silent_sentinels_are_named(sentinel: tuple[int, Server, Any]) -> None:
    port, _, process = sentinel
    line = Line(address_of(BrokerURL.parse(f"sentinel://127.0.0.1:{port}/0"), "nobody"))
    wait_until(lambda: _refused(line).startswith("The sentinel at"), "the sentinel", 60)
    assert _refused(line) == f"The sentinel at 127.0.0.1:{port} knows no master nobody."
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.raises(SourceError, match="No sentinel answers"):
        line.open()


def _refused(line: Line) -> str:
    with pytest.raises(SourceError) as caught:
        line.open()
    return caught.value.message
