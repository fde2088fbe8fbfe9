"""Queues are found, counted over all priorities, told apart by what workers hold, and forgotten when they are gone."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lazycelery_core.events import Event, QueueGone, QueueSample, RoutingSample
from lazycelery_core.model import Binding, Exchange
from lazycelery_core.testing.celery_app import create_app
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.servers import Server
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_redis import discovery, ledger
from lazycelery_plugin_redis.address import address_of
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.line import Line
from lazycelery_plugin_redis.queues import RedisQueues

Watch = Callable[..., RedisQueues]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """A poller on a URL, without a pause between its polls; closed after the test."""
    pollers: list[RedisQueues] = []

    def start(url: str, layout: Layout | None = None, names: tuple[str, ...] = ()) -> RedisQueues:
        address = address_of(BrokerURL.parse(url))
        poller = RedisQueues(Line(address), layout or Layout(db=address.db), names=names, period=0.0)
        pollers.append(poller)
        poller.open()
        return poller

    yield start
    for poller in pollers:
        poller.close()


def samples(events: list[Event]) -> dict[str, QueueSample]:
    return {event.name: event for event in events if isinstance(event, QueueSample)}


def poll(poller: RedisQueues) -> dict[str, QueueSample]:
    """One whole look at everything: F5 asks for it."""
    poller.refresh()
    return samples(list(poller.read(1.0)))


def send(url: str, count: int, queue: str, settings: dict[str, Any] | None = None, **options: Any) -> None:
    """Tasks on a line of their own: pooled ones remember what they declared, even when the server was emptied."""
    app = create_app(url, **(settings or {}))
    with app.connection_for_write() as connection:
        for number in range(count):
            app.send_task("testing.add", (number, 1), queue=queue, connection=connection, **options)


def test_waiting_messages_are_counted_by_priority(valkey: Server, watch: Watch) -> None:
    for priority, count in ((0, 3), (4, 2), (9, 5), (255, 1)):
        send(valkey.url, count, "mail", priority=priority)
    found = poll(watch(valkey.url))["mail"]
    assert found.ready == {0: 3, 3: 2, 9: 6}
    assert (found.exchange, found.routing_key) == ("mail", "mail")
    assert found.oldest is None


def test_a_queue_that_nobody_consumes_and_an_empty_one_are_found(
    valkey: Server, watch: Watch, celery_worker_factory: Any
) -> None:
    celery_worker_factory(queues=["celery", "idle"])
    send(valkey.url, 2, "nobody")
    found = poll(watch(valkey.url))
    assert {name: sample.ready for name, sample in found.items()} == {
        "celery": {0: 0},
        "idle": {0: 0},
        "nobody": {0: 2},
    }


def test_a_filled_queue_without_any_binding_is_found_by_its_messages(valkey: Server, watch: Watch) -> None:
    send(valkey.url, 2, "lost", priority=6)
    with valkey.client() as client:
        client.delete("_kombu.binding.lost", "_kombu.binding_permanent.lost")
        client.lpush("shopping-list", "eggs", "milk")
        client.lpush("celeryev.1-2-3", "x")
        client.lpush("1-2.reply.celery.pidbox", "x")
    assert {name: sample.ready for name, sample in poll(watch(valkey.url)).items()} == {"lost": {0: 0, 6: 2}}


def test_a_queue_of_the_settings_is_shown_even_if_nothing_tells_of_it(valkey: Server, watch: Watch) -> None:
    assert poll(watch(valkey.url, names=("mine",)))["mine"].ready == {0: 0}


def test_a_topic_exchange_and_a_second_binding_lead_to_their_queues(valkey: Server, watch: Watch) -> None:
    kombu: Any = pytest.importorskip("kombu")
    topic = kombu.Exchange("news", type="topic")
    with kombu.Connection(valkey.url) as connection:
        for queue in (kombu.Queue("sport", topic, "news.sport.#"), kombu.Queue("all", topic, "news.#")):
            queue(connection.default_channel).declare()
    found = poll(watch(valkey.url))
    assert found["sport"].exchange == "news"
    assert found["all"].routing_key == "news.#"


@pytest.mark.parametrize(
    "settings,layout",
    [
        ({"broker_transport_options": {"global_keyprefix": "app:"}}, Layout(prefix="app:")),
        ({"broker_transport_options": {"sep": ":", "priority_steps": [0, 5]}}, Layout(sep=":", steps=(0, 5))),
    ],
)
def test_other_layouts_are_counted(valkey: Server, watch: Watch, settings: dict[str, Any], layout: Layout) -> None:
    send(valkey.url, 2, "mail", settings)
    send(valkey.url, 3, "mail", settings, priority=7)
    assert poll(watch(valkey.url, layout))["mail"].ready == {0: 2, layout.steps[-1 if len(layout.steps) == 2 else 2]: 3}


def test_how_queues_are_bound_is_told_when_it_changes(valkey: Server, watch: Watch) -> None:
    kombu: Any = pytest.importorskip("kombu")
    topic = kombu.Exchange("news", type="topic")
    with kombu.Connection(valkey.url) as connection:
        kombu.Queue("sport", topic, "news.sport.#")(connection.default_channel).declare()
    send(valkey.url, 1, "mail")
    send(valkey.url, 1, "lost")
    with valkey.client() as client:
        client.delete("_kombu.binding.lost", "_kombu.binding_permanent.lost")
    poller = watch(valkey.url)
    poller.refresh()
    (told,) = [event.routing for event in poller.read(1.0) if isinstance(event, RoutingSample)]
    assert told.exchanges == (Exchange("mail"), Exchange("news", "topic"))
    assert told.bindings == (Binding("mail", "mail", "mail"), Binding("news", "sport", "news.sport.#"))
    assert [queue.name for queue in told.queues] == ["lost", "mail", "sport"]
    assert not [event for event in poller.read(1.0) if isinstance(event, RoutingSample)]
    send(valkey.url, 1, "new")
    wait_until(lambda: _bound(poller, "new"), "the new binding", 20)


def _bound(poller: RedisQueues, queue: str) -> bool:
    """Whether the next poll tells of a binding to the queue."""
    poller.refresh()
    told = [event.routing for event in poller.read(1.0) if isinstance(event, RoutingSample)]
    return any(binding.target == queue for each in told for binding in each.bindings)


def test_what_workers_hold_is_told_apart_by_queue(
    valkey: Server, watch: Watch, celery_worker_factory: Any, tmp_path: Path
) -> None:
    settings = {"task_acks_late": True, "worker_prefetch_multiplier": 3}
    worker = celery_worker_factory(queues=["a", "b"], settings=settings)
    release = tmp_path / "release"
    for queue, count in (("a", 2), ("b", 1)):
        for _ in range(count):
            worker.app.send_task("testing.hold", (str(release),), queue=queue)
    poller = watch(valkey.url)
    held = wait_until(lambda: _held(poller, 3), "three messages held", 60)
    assert held == {"a": 2, "b": 1}
    release.touch()
    wait_until(lambda: all(count == 0 for count in _held(poller, 0).values() or [1]), "nothing held", 60)


def _held(poller: RedisQueues, total: int) -> dict[str, int]:
    """Unacknowledged messages by queue, as soon as there are that many."""
    poller._ledger._due = 0.0
    found = {name: sample.unacked or 0 for name, sample in poll(poller).items()}
    return found if sum(found.values()) == total else {}


def unacked(count: int, queue: str, size: int = 10) -> dict[str, bytes]:
    """Entries of the hash as kombu writes them."""
    import json

    text = json.dumps([{"body": "x" * size, "properties": {}}, "", queue])
    return {f"{queue}-{number}": text.encode() for number in range(count)}


def test_of_many_held_messages_a_sample_is_scaled_and_called_one(
    valkey: Server, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "ENTRIES", 200)
    with valkey.client() as client:
        client.hset("unacked", mapping={**unacked(3000, "a"), **unacked(1000, "b")})
    found = poll(watch(valkey.url, names=("a", "b")))
    assert "estimated from" in found["a"].note
    assert 3800 <= (found["a"].unacked or 0) + (found["b"].unacked or 0) <= 4200
    assert 2000 < (found["a"].unacked or 0) < 3800


def test_large_held_messages_are_read_within_the_budget(valkey: Server, watch: Watch) -> None:
    with valkey.client() as client:
        client.hset("unacked", mapping=unacked(400, "a", 100_000))
    poller = watch(valkey.url, names=("a",))
    begun = valkey_output(valkey)
    found = poll(poller)
    assert valkey_output(valkey) - begun < 8 * ledger.BUDGET
    assert "estimated" in found["a"].note


def valkey_output(valkey: Server) -> int:
    """Bytes that the server has sent."""
    with valkey.client() as client:
        return int(client.info("stats")["total_net_output_bytes"])


def test_rubbish_in_the_held_messages_is_no_trouble(valkey: Server, watch: Watch) -> None:
    with valkey.client() as client:
        client.hset("unacked", mapping={"1": b"\xff", "2": "[]", "3": '[{}, "celery", null]', "4": "[1, 2, 3]"})
    assert poll(watch(valkey.url, names=("a",)))["a"].unacked == 0


def test_a_held_message_of_a_topic_counts_for_every_queue_it_went_to(valkey: Server, watch: Watch) -> None:
    with valkey.client() as client:
        for key, queue in (("news.#", "all"), ("news.sport", "sport"), ("x.*", "x")):
            client.sadd("_kombu.binding.news", f"{key}\x06\x16^x$\x06\x16{queue}")
        client.hset("unacked", "1", '[{}, "news", "news.sport"]')
    found = poll(watch(valkey.url))
    assert {name: sample.unacked for name, sample in found.items()} == {"all": 1, "sport": 1, "x": 0}


def test_a_queue_that_is_gone_is_said_to_be_gone(valkey: Server, watch: Watch) -> None:
    send(valkey.url, 1, "mail")
    poller = watch(valkey.url)
    assert "mail" in poll(poller)
    with valkey.client() as client:
        client.delete("mail", "_kombu.binding.mail")
    poller.refresh()
    events = list(poller.read(1.0))
    assert [event.name for event in events if isinstance(event, QueueGone)] == ["mail"]
    assert "mail" not in samples(events)
    assert "mail" not in poll(poller)


def test_a_new_queue_appears_by_itself(valkey: Server, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "PERIOD", 0.05)
    poller = watch(valkey.url)
    assert poll(poller) == {}
    send(valkey.url, 1, "mail")
    wait_until(lambda: "mail" in samples(list(poller.read(0.1))), "the new queue", 60)


def test_only_steps_that_were_seen_are_asked_between_whole_looks(valkey: Server, watch: Watch) -> None:
    send(valkey.url, 1, "mail")
    poller = watch(valkey.url)
    poll(poller)
    before = poller._line.asked
    poller.read(1.0)
    assert poller._line.asked - before == 2  # LLEN mail, HLEN unacked
    send(valkey.url, 1, "mail", priority=9)
    wait_until(lambda: samples(list(poller.read(0.1)))["mail"].ready == {0: 1, 9: 1}, "the other step", 60)


def test_a_huge_key_space_is_searched_in_small_steps(valkey: Server, watch: Watch) -> None:
    with valkey.client() as client, client.pipeline(transaction=False) as pipe:
        for number in range(60_000):
            pipe.set(f"celery-task-meta-{number}", "x")
        pipe.execute()
    send(valkey.url, 1, "mail")
    poller = watch(valkey.url)
    asked, seen = [poller._line.asked], set[str]()
    for _ in range(80):  # two SCANs of 60 steps, 2 a turn after the first turn
        seen |= samples(list(poller.read(1.0))).keys()
        asked.append(poller._line.asked)
    assert seen == {"mail"}
    steps = [after - before for before, after in pairwise(asked)]
    assert steps[0] < 40
    assert max(steps[1:]) <= 8


def test_a_poll_waits_for_its_time_and_a_refresh_does_not(valkey: Server) -> None:
    poller = RedisQueues(Line(address_of(BrokerURL.parse(valkey.url))), Layout(), names=("a",), period=60.0)
    poller.open()
    assert poller.read(0.0)
    assert not poller.read(0.05)
    poller.refresh()
    begun = time.monotonic()
    assert poller.read(30.0)
    assert time.monotonic() - begun < 20
    poller.close()


def test_a_queue_that_may_not_be_read_is_said_to_be_so(valkey_factory: Any, watch: Watch) -> None:
    server = valkey_factory(users=["ops on >pw %R~mail %R~_kombu.binding.* +@read +ping resetchannels"])
    send(server.url, 1, "mail")
    send(server.url, 1, "secret")
    found = poll(watch(server.socket_url(user="ops", password="pw")))
    assert found["mail"].ready == {0: 1}
    assert found["secret"].ready == {}
    assert found["secret"].note == "no right to read this queue"
    assert found["mail"].unacked is None


def test_without_the_right_to_scan_queues_of_the_default_exchange_are_known(valkey_factory: Any, watch: Watch) -> None:
    server = valkey_factory(users=["ops on >pw ~* +llen +hlen +smembers +ping resetchannels"])
    send(server.url, 1, "celery")
    assert poll(watch(server.socket_url(user="ops", password="pw")))["celery"].ready == {0: 1}
