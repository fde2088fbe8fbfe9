"""Is the way of messages drawn in a real terminal: on RabbitMQ by its management plugin, on Redis by its bindings?"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import amqp
import pytest

from lazycelery_core.testing.terminal import Terminal

if TYPE_CHECKING:
    from lazycelery_core.testing.rabbitmq import Vhost

LAZYCELERY = [sys.executable, "-m", "lazycelery_core"]
PATIENCE = 40.0  # s; a worker, a program and a broker on a busy machine


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))


def dead_letters(vhost: "Vhost") -> None:
    """An exchange for dead letters, a queue that uses it, and a queue that uses one that is not there."""
    with amqp.Connection(f"127.0.0.1:{vhost.server.port}", virtual_host=vhost.name, connect_timeout=10) as connection:
        channel = connection.channel()
        channel.exchange_declare("graves", "fanout", durable=True, auto_delete=False)
        for name, exchange in (("risky", "graves"), ("careless", "missing")):
            arguments = {"x-dead-letter-exchange": exchange}
            channel.queue_declare(name, durable=True, auto_delete=False, arguments=arguments)


def test_rabbitmq_s_management_plugin_tells_every_road(
    rabbitmq_vhost: "Vhost", celery_worker_factory: Callable[..., Any], tmp_path: Path
) -> None:
    settings = {"result_backend": None}
    celery_worker_factory(url=rabbitmq_vhost.url, name="w1@web-7", queues=["mail", "orders"], settings=settings)
    dead_letters(rabbitmq_vhost)
    config = tmp_path / "config.toml"
    config.write_text(f"[plugins.amqp]\nmanagement_url = {json.dumps(rabbitmq_vhost.server.management_url)}\n")
    program = [*LAZYCELERY, "--config", str(config), "--broker", rabbitmq_vhost.url]
    with Terminal(program) as terminal:
        terminal.wait_for("[R]outing", PATIENCE)
        terminal.type("R")
        terminal.wait_for(lambda text: "▸ mail" in text and "w1@web-7" in text, PATIENCE)
        text = terminal.wait_for("no such exchange: dead letters are lost", PATIENCE)
        assert "mail direct" in text
        assert "▲ leads nowhere" in text
        assert "╰╌ dead letters ╌▸ graves" in text
        assert "of Celery and the broker hidden" in text
        assert "celeryev" not in text


def test_redis_tells_its_bindings(broker_url: str, celery_worker_factory: Callable[..., Any]) -> None:
    celery_worker_factory(name="w1@web-7", queues=["mail", "orders"])
    with Terminal([*LAZYCELERY, "--broker", broker_url], 80, 24) as terminal:
        terminal.wait_for("[R]", PATIENCE)
        terminal.type("R")
        terminal.wait_for(lambda text: "▸ mail" in text and "▸ orders" in text and "──▸ 1" in text, PATIENCE)
        terminal.type("f", "queue=mail", "enter")
        terminal.wait_for(lambda text: "▸ mail" in text and "▸ orders" not in text, PATIENCE)


def test_without_the_management_plugin_the_workers_tell(
    rabbitmq_vhost: "Vhost", celery_worker_factory: Callable[..., Any], tmp_path: Path
) -> None:
    settings = {"result_backend": None}
    celery_worker_factory(url=rabbitmq_vhost.url, name="w1@web-7", queues=["mail"], settings=settings)
    config = tmp_path / "config.toml"
    config.write_text("[plugins.amqp]\nmanagement = false\n")
    with Terminal([*LAZYCELERY, "--config", str(config), "--broker", rabbitmq_vhost.url]) as terminal:
        terminal.wait_for("[R]outing", PATIENCE)
        terminal.type("R")
        terminal.wait_for(lambda text: "▸ mail" in text and "Told by the workers" in text, PATIENCE)
        terminal.type("Q")
        terminal.wait_for("unacked and rates are not known: The management API is switched off.", PATIENCE)
