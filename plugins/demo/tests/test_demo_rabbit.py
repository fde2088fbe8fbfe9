"""Does the demo play in a virtual host of RabbitMQ, only where nobody else is, and leave it as it was?"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import amqp
import pytest
from click.testing import CliRunner

import lazycelery_plugin_demo
from lazycelery_core.errors import ConfigError, SourceError
from lazycelery_core.snapshot import Totals
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.rabbitmq import Grant, Vhost
from lazycelery_plugin_demo.roles import QUEUES
from lazycelery_plugin_demo.world import DemoWorld

PATIENCE = 60.0  # s; no promise, only the end of a test that fails


@contextmanager
def channel_of(vhost: Vhost) -> Iterator[Any]:
    connection = amqp.Connection(f"127.0.0.1:{vhost.server.port}", virtual_host=vhost.name, connect_timeout=10)
    connection.connect()
    yield connection.channel()
    connection.close()


def exchanges(vhost: Vhost) -> str:
    """All of them, with all that belongs to them."""
    return vhost.server.call(f'lists:sort(rabbit_exchange:list(<<"{vhost.name}">>))')


def ready(vhost: Vhost, queue: str) -> int:
    with channel_of(vhost) as channel:
        return int(channel.queue_declare(queue, passive=True).message_count)


def test_it_plays_where_nothing_of_celery_is_and_leaves_it_as_it_was(rabbitmq_vhost: Vhost) -> None:
    with channel_of(rabbitmq_vhost) as channel:
        channel.queue_declare("somebody-elses", durable=True, auto_delete=False)
    before, queues = exchanges(rabbitmq_vhost), rabbitmq_vhost.queues()
    with DemoWorld(rabbitmq_vhost.url) as world:
        assert world.broker_url == rabbitmq_vhost.url
        hear, heard = listening(rabbitmq_vhost), set[str]()

        def worked() -> bool:
            heard.update(hear())
            return {"task-succeeded", "task-failed", "task-retried", "worker-heartbeat"} <= heard

        wait_until(worked, "tasks that end well, badly and again", PATIENCE)
        wait_until(lambda: set(QUEUES) <= set(rabbitmq_vhost.queues()), "all queues", PATIENCE)
        wait_until(lambda: ready(rabbitmq_vhost, "media") > 100, "pictures that wait", PATIENCE)
        hear(close=True)
    assert not world.failure
    assert rabbitmq_vhost.queues() == queues
    assert exchanges(rabbitmq_vhost) == before
    wait_until(lambda: rabbitmq_vhost.holds()[2] == 0, "every connection to be gone", PATIENCE)


def listening(vhost: Vhost) -> Callable[..., set[str]]:
    """Gives the types of the events that came since it was last asked."""
    connection = amqp.Connection(f"127.0.0.1:{vhost.server.port}", virtual_host=vhost.name, connect_timeout=10)
    connection.connect()
    channel = connection.channel()
    channel.exchange_declare("celeryev", "topic", durable=True, auto_delete=False)
    queue = channel.queue_declare(exclusive=True).queue
    channel.queue_bind(queue, "celeryev", "#")

    def hear(close: bool = False) -> set[str]:
        types = set()
        while (message := channel.basic_get(queue, no_ack=True)) is not None:
            told = json.loads(message.body)
            types |= {each["type"] for each in (told if isinstance(told, list) else [told])}
        if close:
            connection.close()
        return types

    return hear


@pytest.mark.parametrize("there", ["queue default", "exchange celeryev", "exchange celery.pidbox"])
def test_where_celery_is_it_does_not_play_and_touches_nothing(there: str, rabbitmq_vhost: Vhost) -> None:
    kind, name = there.split()
    with channel_of(rabbitmq_vhost) as channel:
        if kind == "queue":
            channel.queue_declare(name, durable=True, auto_delete=False)
        else:
            channel.exchange_declare(name, "fanout", durable=True, auto_delete=False)
    before = exchanges(rabbitmq_vhost), rabbitmq_vhost.queues()
    with pytest.raises(ConfigError, match=f"without Celery, .* has {name}") as refusal:
        DemoWorld(rabbitmq_vhost.url).start()
    assert "rabbitmqctl add_vhost" in refusal.value.hint
    assert (exchanges(rabbitmq_vhost), rabbitmq_vhost.queues()) == before


def test_a_broker_that_does_not_let_it_in_is_named_without_the_password(rabbitmq_vhost: Vhost) -> None:
    rabbitmq_vhost.add_user("joe", "s3cret", Grant("^$", "^$", "^$"))
    for url in (rabbitmq_vhost.url_for("joe", "s3cret-wrong"), "amqp://joe:s3cret@127.0.0.1:1/x"):
        with pytest.raises(SourceError, match=r"can't use amqp://127\.0\.0\.1:\d+/") as refusal:
            DemoWorld(url).start()
        assert "s3cret" not in str(refusal.value)


def test_what_is_not_shown_is_said(rabbitmq_vhost: Vhost) -> None:
    tasks = SimpleNamespace(held=0, evicted=0, counts=dict)
    seen = SimpleNamespace(totals=Totals(events=1), workers=(), queues=(), links=(), tasks=tasks, now=2.0, since=1.0)
    launcher = SimpleNamespace(observe=lambda url, seconds: seen)
    (demo,) = lazycelery_plugin_demo.lazycelery_commands(None)
    done = CliRunner().invoke(demo, ["--headless", "--broker", rabbitmq_vhost.url], obj=launcher)
    assert done.exit_code == 0, done.output
    assert "On RabbitMQ the shop keeps no results: neither they nor chords are shown." in done.output
    assert rabbitmq_vhost.queues() == []
