"""Queues of a real RabbitMQ: counted without the management plugin, known in full with it, plumbing left out.

Long because each kind of queue and each way of knowing it is one short test on the same server.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import amqp
import pytest

from lazycelery_core.errors import SourceError
from lazycelery_core.events import Event, QueueGone, QueueSample, RoutingSample
from lazycelery_core.model import Binding, Endpoint, Exchange
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.rabbitmq import NONE, Grant, Rabbit, Vhost
from lazycelery_core.urls import BrokerURL
from lazycelery_plugin_amqp import queues as module
from lazycelery_plugin_amqp.address import address_of
from lazycelery_plugin_amqp.http_api import Place, named_place
from lazycelery_plugin_amqp.line import Line
from lazycelery_plugin_amqp.management import Management
from lazycelery_plugin_amqp.queues import AmqpQueues

PACE = 0.2  # s between two looks: a busy broker counts no faster
PATIENCE = 60.0  # s; no promise, only the end of a test that fails
QUORUM = {
    "task_default_queue_type": "quorum", "worker_detect_quorum_queues": True, "result_backend": None,
    "task_default_exchange": "shop", "task_default_exchange_type": "topic",
    "task_create_missing_queue_type": "quorum", "task_create_missing_queue_exchange_type": "topic",
}  # fmt: skip


class Watched:
    """A poller and what it has told so far."""

    def __init__(self, poller: AmqpQueues) -> None:
        self.poller = poller
        self.told: dict[str, QueueSample] = {}
        self.gone: list[str] = []
        self.roads: RoutingSample | None = None

    def look(self) -> dict[str, QueueSample]:
        """One whole look at everything, as after F5 but no faster than the poller's pace."""
        self.poller._management.hurry()
        self.poller._discovery.start()
        self.poller._delays_due = 0.0
        for event in self.poller.read(1.0):
            self._take(event)
        return self.told

    def _take(self, event: Event) -> None:
        if isinstance(event, QueueSample):
            self.told[event.name] = event
        elif isinstance(event, QueueGone):
            self.gone.append(event.name)
            self.told.pop(event.name, None)
        elif isinstance(event, RoutingSample):
            self.roads = event

    def until(self, name: str, holds: Callable[[QueueSample], bool]) -> QueueSample:
        """The first sample of the queue that is so; statistics take a second or two to come."""

        def found() -> QueueSample | None:
            sample = self.look().get(name)
            return sample if sample is not None and holds(sample) else None

        return wait_until(found, f"{name} to be so, not {self.told.get(name)}", PATIENCE)


Watch = Callable[..., Watched]


@pytest.fixture
def watch(rabbitmq_vhost: Vhost) -> Iterator[Watch]:
    """Watches the virtual host; `management=False`: without the plugin. Closed after the test."""
    pollers: list[AmqpQueues] = []

    def start(*names: str, management: bool = True, user: str = "guest", password: str = "guest") -> Watched:
        broker = address_of(BrokerURL.parse(rabbitmq_vhost.url_for(user, password)))

        def places() -> list[Place]:
            if not management:
                raise SourceError("Nobody listens.")
            return [named_place(rabbitmq_vhost.server.management_url, broker)]

        poller = AmqpQueues(Line(broker, "queues"), Management(places, broker.virtual_host), pinned=names, period=PACE)
        pollers.append(poller)
        poller.open()
        return Watched(poller)

    yield start
    for poller in pollers:
        poller.close()


@contextmanager
def channel_of(vhost: Vhost) -> Iterator[Any]:
    connection = amqp.Connection(f"127.0.0.1:{vhost.server.port}", virtual_host=vhost.name, connect_timeout=10)
    connection.connect()
    yield connection.channel()
    connection.close()


def declare(vhost: Vhost, name: str, priorities: tuple[int, ...] = (), arguments: dict[str, Any] | None = None) -> None:
    """A durable queue with a message of each priority in it."""
    with channel_of(vhost) as channel:
        channel.queue_declare(name, durable=True, auto_delete=False, arguments=arguments)
        channel.confirm_select()
        for priority in priorities:
            channel.basic_publish_confirm(amqp.Message(b"x", priority=priority), routing_key=name)


def fact(sample: QueueSample, label: str) -> str:
    return dict(sample.facts).get(label, "")


def test_without_the_management_plugin_what_waits_is_counted_and_it_is_said_why_the_rest_is_not_known(
    rabbitmq_vhost: Vhost, watch: Watch
) -> None:
    declare(rabbitmq_vhost, "mail", (0, 0))
    watched = watch("mail", "nothing", management=False)
    sample = watched.until("mail", lambda sample: sample.ready == {0: 2})
    assert (sample.unacked, sample.in_rate, sample.out_rate, sample.consumers) == (None, None, None, 0)
    assert sample.note == "unacked and rates are not known: Nobody listens."
    assert watched.told.keys() == {"mail"}
    assert watched.roads is None


def test_queues_that_workers_and_events_name_are_counted(rabbitmq_vhost: Vhost, watch: Watch) -> None:
    declare(rabbitmq_vhost, "mail", (0,))
    watched = watch(management=False)
    assert watched.look() == {}
    late = "0." * 26 + "1.1.mail"
    watched.poller.focus(frozenset({f"named:{late}", "named:w1@a.celery.pidbox", "named:gone", "met:w1@a", "queue:x"}))
    watched.until("mail", lambda sample: sample.ready == {0: 1})
    assert watched.told.keys() == {"mail"}


def test_counting_leaves_nothing_behind_and_declares_nothing(rabbitmq_vhost: Vhost, watch: Watch) -> None:
    declare(rabbitmq_vhost, "mail")
    before = rabbitmq_vhost.holds()
    watched = watch("mail", "missing")
    watched.until("mail", lambda sample: sample.unacked is not None)
    watched.poller.close()
    wait_until(lambda: rabbitmq_vhost.holds() == before, "nothing left behind", PATIENCE)


def test_of_priorities_the_higher_number_is_served_first(rabbitmq_vhost: Vhost, watch: Watch) -> None:
    declare(rabbitmq_vhost, "mail", (0, 5, 9, 9), {"x-max-priority": 10})
    sample = watch().until("mail", lambda sample: len(sample.ready) == 3)
    assert sample.ready == {0: 1, 5: 1, 9: 2}
    assert sample.highest_first
    assert fact(sample, "Priority") == "0 to 10, the highest number is served first"
    assert fact(sample, "Type") == "classic"


def test_what_workers_hold_and_how_much_they_take_is_told(
    rabbitmq_vhost: Vhost, watch: Watch, celery_worker_factory: Any, tmp_path: Path
) -> None:
    settings = {"task_acks_late": True, "worker_prefetch_multiplier": 3, "result_backend": None}
    worker = celery_worker_factory(url=rabbitmq_vhost.url, queues=["mail"], settings=settings)
    release = tmp_path / "release"
    for _ in range(5):
        worker.app.send_task("testing.hold", (str(release),), queue="mail")
    watched = watch()
    sample = watched.until("mail", lambda sample: sample.unacked == 3 and sample.ready == {0: 2})
    assert sample.consumers == 1
    assert (sample.exchange, sample.routing_key) == ("mail", "mail")
    watched.until("mail", lambda sample: None not in (sample.in_rate, sample.out_rate))
    release.touch()
    watched.until("mail", lambda sample: fact(sample, "Prefetch") == "3")
    done = watched.until("mail", lambda sample: sample.unacked == 0 and sample.ready == {0: 0})
    assert fact(done, "Acked").endswith("redelivered 0/s")
    assert watched.told.keys() == {"mail"}, "the worker's own queues carry no tasks"


def test_rates_are_those_that_the_broker_counts(rabbitmq_vhost: Vhost, watch: Watch) -> None:
    declare(rabbitmq_vhost, "mail")
    watched = watch()
    with channel_of(rabbitmq_vhost) as channel:

        def rate() -> float:
            for _ in range(20):
                channel.basic_publish(amqp.Message(b"x"), routing_key="mail")
            return watched.look()["mail"].in_rate or 0.0 if "mail" in watched.told or watched.look() else 0.0

        wait_until(lambda: rate() > 0, "a rate", PATIENCE)


def test_dead_letters_say_where_they_go_and_where_they_came_from(rabbitmq_vhost: Vhost, watch: Watch) -> None:
    dead = {"x-dead-letter-exchange": "dead", "x-dead-letter-routing-key": "late", "x-message-ttl": 1}
    with channel_of(rabbitmq_vhost) as channel:
        channel.exchange_declare("dead", "direct", durable=True, auto_delete=False)
        channel.queue_declare("graves", durable=True, auto_delete=False)
        channel.queue_bind("graves", "dead", "late")
    declare(rabbitmq_vhost, "orders", (0,), dead)
    declare(rabbitmq_vhost, "plain", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "graves"})
    watched = watch()
    graves = watched.until("graves", lambda sample: sample.ready == {0: 1} and "Dead from" in dict(sample.facts))
    assert sorted(fact(graves, "Dead from").split(", ")) == ["orders", "plain"]
    assert fact(watched.told["orders"], "Dead go to") == "dead, routing key late"
    assert fact(watched.told["orders"], "x-message-ttl") == "1"
    assert watched.roads is not None
    assert Endpoint("orders", "dead", "late") in watched.roads.routing.queues


def test_exchanges_and_bindings_are_told_and_plumbing_is_marked(rabbitmq_vhost: Vhost, watch: Watch) -> None:
    with channel_of(rabbitmq_vhost) as channel:
        channel.exchange_declare("lost", "fanout", durable=True, auto_delete=False)
        channel.exchange_declare(
            "shop", "topic", durable=True, auto_delete=False, arguments={"alternate-exchange": "lost"}
        )
        channel.exchange_declare("celery.pidbox", "fanout", durable=False, auto_delete=True)
        channel.queue_declare("mail", durable=True, auto_delete=False)
        channel.queue_bind("mail", "shop", "mail.#")
        channel.exchange_bind("lost", "shop", "all")
    watched = watch()
    watched.until("mail", lambda sample: sample.unacked is not None)
    wait_until(lambda: watched.look() and watched.roads, "the roads", PATIENCE)
    assert watched.roads is not None
    told = watched.roads.routing
    assert {each for each in told.exchanges if not each.internal} == {
        Exchange("lost", "fanout"), Exchange("shop", "topic", alternate="lost")
    }  # fmt: skip
    assert set(told.bindings) == {Binding("shop", "mail", "mail.#"), Binding("shop", "lost", "all", to_exchange=True)}
    sample = watched.until("mail", lambda sample: sample.exchange == "shop")
    assert sample.routing_key == "mail.#"


def test_delayed_tasks_are_folded_into_the_only_queue_they_can_go_to(
    rabbitmq_vhost: Vhost, watch: Watch, celery_worker_factory: Any
) -> None:
    settings = {**QUORUM, "task_default_queue": "orders", "task_default_routing_key": "orders"}
    worker = celery_worker_factory(url=rabbitmq_vhost.url, settings=settings)
    for hours in (1, 1, 40):
        worker.app.send_task("testing.add", (1, 2), countdown=hours * 3600)
    watched = watch()
    sample = watched.until("orders", lambda sample: sample.delayed == 3)
    assert fact(sample, "Delayed") == "3"
    assert fact(sample, "Due") == "2 within 1h09m, 1 within 3d01h"
    assert fact(sample, "Type") == "quorum"
    assert watched.told.keys() == {"orders"}
    passive = watch("orders", management=False)
    alone = passive.until("orders", lambda sample: "Due" in dict(sample.facts))
    assert (alone.delayed, fact(alone, "Delayed")) == (None, "3 for this queue or another")
    assert "3 delayed messages wait for some of these queues" in alone.note


def test_delayed_tasks_for_several_queues_are_not_told_to_be_one_s(
    rabbitmq_vhost: Vhost, watch: Watch, celery_worker_factory: Any
) -> None:
    worker = celery_worker_factory(url=rabbitmq_vhost.url, settings=QUORUM, queues=["a", "b"])
    worker.app.send_task("testing.add", (1, 2), queue="a", countdown=600)
    declare(rabbitmq_vhost, "other")
    watched = watch()
    sample = watched.until("a", lambda sample: "Due" in dict(sample.facts))
    assert sample.delayed is None
    assert fact(sample, "Delayed") == "1 for this queue or b"
    assert watched.until("other", lambda sample: sample.delayed == 0).note == ""


def test_a_delayed_task_comes_in_time_while_it_is_watched(
    rabbitmq_vhost: Vhost, watch: Watch, celery_worker_factory: Any
) -> None:
    settings = {**QUORUM, "task_default_queue": "orders", "task_default_routing_key": "orders"}
    worker = celery_worker_factory(url=rabbitmq_vhost.url, settings=settings)
    watched = watch()
    worker.app.send_task("testing.add", (1, 2), countdown=3)

    def done() -> bool:
        watched.look()
        return "succeeded in" in worker.log.read_text(errors="replace")

    wait_until(done, "the task to run", PATIENCE)
    watched.until("orders", lambda sample: sample.delayed == 0)


@pytest.mark.parametrize(
    "tags, grant, said",
    [
        ((), Grant(), "User view may not use the management API at 127.0.0.1:"),
        (("monitoring",), None, "has no permission on this virtual host"),
    ],
)
def test_a_refused_right_leaves_the_counts_and_names_what_to_grant(
    rabbitmq_vhost: Vhost, watch: Watch, tags: tuple[str, ...], grant: Grant | None, said: str
) -> None:
    declare(rabbitmq_vhost, "mail", (0,))
    rabbitmq_vhost.add_user("view", "pw", NONE)
    rabbitmq_vhost.server.add_user("stranger", "pw", "/", NONE, ["monitoring"])
    if grant is not None:
        rabbitmq_vhost.add_user("view", "pw", NONE, tags)
        watched = watch("mail", user="view", password="pw")
    else:
        broker = address_of(BrokerURL.parse(rabbitmq_vhost.url))
        place = named_place(rabbitmq_vhost.server.management_url, broker, "stranger", "pw")
        watched = watch("mail")
        watched.poller._management._places = lambda: [place]
    sample = watched.until("mail", lambda sample: sample.ready == {0: 1})
    assert said in sample.note
    assert "monitoring" in sample.note
    assert sample.unacked is None


def test_a_user_who_may_nothing_but_look_sees_everything(rabbitmq_vhost: Vhost, watch: Watch) -> None:
    declare(rabbitmq_vhost, "mail", (0,))
    rabbitmq_vhost.add_user("view", "pw", NONE, ["monitoring"])
    watched = watch(user="view", password="pw")
    sample = watched.until("mail", lambda sample: sample.ready == {0: 1} and sample.unacked == 0)
    assert sample.note == ""


def test_a_deleted_queue_is_gone_at_once_and_back_when_it_is_declared_again(
    rabbitmq_vhost: Vhost, watch: Watch
) -> None:
    declare(rabbitmq_vhost, "mail", (0,))
    watched = watch()
    watched.until("mail", lambda sample: sample.unacked is not None)
    rabbitmq_vhost.delete_queue("mail")
    wait_until(lambda: watched.look() == {}, "the queue to be gone", PATIENCE)
    assert watched.gone.count("mail") == 1
    declare(rabbitmq_vhost, "mail", (0, 0))
    watched.until("mail", lambda sample: sample.ready == {0: 2})


def test_very_many_queues_are_told_and_not_declared_one_by_one(
    rabbitmq_vhost: Vhost, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TURN", 2)
    for number in range(4):
        declare(rabbitmq_vhost, f"q{number}", (0,))
    watched = watch()
    wait_until(lambda: len(watched.look()) == 4, "all queues", PATIENCE)
    watched.until("q3", lambda sample: sample.ready == {0: 1})
    before = watched.poller._line.asked
    watched.poller.read(1.0)
    assert watched.poller._line.asked - before == 1, "a sign of life"
    rabbitmq_vhost.delete_queue("q0")
    wait_until(lambda: "q0" not in watched.look(), "the queue to be gone", PATIENCE)
    assert watched.gone == ["q0"]


def test_names_are_asked_some_in_a_turn(rabbitmq_vhost: Vhost, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TURN", 2)
    names = [f"q{number}" for number in range(5)]
    for name in names:
        declare(rabbitmq_vhost, name)
    watched = watch(*names, management=False)
    assert len(list(watched.poller.read(1.0))) <= 2
    wait_until(lambda: watched.look().keys() == set(names), "all names in their turn", PATIENCE)


def test_a_stream_and_a_quorum_queue_say_what_they_are(rabbitmq_vhost: Vhost, watch: Watch) -> None:
    declare(rabbitmq_vhost, "log", arguments={"x-queue-type": "stream"})
    declare(rabbitmq_vhost, "safe", (0,), {"x-queue-type": "quorum", "x-delivery-limit": 5})
    watched = watch()
    assert fact(watched.until("log", lambda sample: "Type" in dict(sample.facts)), "Type") == "stream"
    safe = watched.until("safe", lambda sample: sample.unacked == 0 and sample.ready == {0: 1})
    assert fact(safe, "Type") == "quorum"
    assert fact(safe, "x-delivery-limit") == "5"


def test_another_connections_own_queue_is_no_trouble(rabbitmq_vhost: Vhost, watch: Watch) -> None:
    with channel_of(rabbitmq_vhost) as channel:
        channel.queue_declare("replies", exclusive=True)
        watched = watch("replies", management=False)
        assert "belongs to another connection" in watched.until("replies", lambda sample: not sample.ready).note


def test_an_alarm_is_told_and_a_dead_broker_raises(rabbitmq_factory: Callable[..., Rabbit]) -> None:
    server = rabbitmq_factory(management=True)
    broker = address_of(BrokerURL.parse(server.url))
    management = Management(lambda: [named_place(server.management_url, broker)], broker.virtual_host)
    watched = Watched(AmqpQueues(Line(broker, "queues"), management, period=PACE))
    watched.poller.open()
    server.alarm(True)
    wait_until(lambda: (watched.look(), "Memory alarm on" in watched.poller.notice())[1], "the alarm", PATIENCE)
    server.alarm(False)
    wait_until(lambda: (watched.look(), not watched.poller.notice())[1], "the end of the alarm", PATIENCE)
    server.kill()
    with pytest.raises(SourceError):
        watched.look()
    watched.poller.close()


def test_a_queue_may_have_a_hostile_name(rabbitmq_vhost: Vhost, watch: Watch) -> None:
    name = "a/b?c=d&\x1b[31m 漢字\t\"'"
    declare(rabbitmq_vhost, name, (0,))
    sample = watch().until(name, lambda sample: sample.ready == {0: 1} and sample.unacked == 0)
    assert sample.name == name


def test_a_clients_queue_for_results_is_no_queue_of_tasks(
    rabbitmq_vhost: Vhost, watch: Watch, celery_worker_factory: Any
) -> None:
    tenant = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    declare(rabbitmq_vhost, tenant, (0,))
    app = celery_worker_factory(url=rabbitmq_vhost.url, settings={"result_backend": "rpc://"}).app
    for number in range(2):
        app.send_task("testing.add", (number, 2))
    watched = watch()
    watched.until(tenant, lambda sample: sample.ready == {0: 1})
    told = "2 results wait in the queue of 1 client, not shown."
    wait_until(lambda: watched.look() is not None and watched.poller.notice() == told, "the results are told", PATIENCE)
    assert watched.told.keys() == {tenant, "celery"}
