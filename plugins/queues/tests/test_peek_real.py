"""Are the messages of a real Celery client shown as they wait, and left where they are?"""

import importlib.util
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from lazycelery_core.config import Environment, loads
from lazycelery_core.deployment import Deployment
from lazycelery_core.launcher import Launcher
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.table import snapshot_text
from lazycelery_plugin_queues.messages import QueueMessages
from lazycelery_plugin_queues.pane import QueuesList
from lazycelery_plugin_queues.tabs import MessageDetails

if TYPE_CHECKING:
    from celery import Celery

    from lazycelery_core.testing.servers import Server

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("lazycelery_plugin_redis") is None, reason="needs a plugin that can peek"
)


@pytest.fixture
def client(valkey: "Server") -> "Celery":
    """Without results: nobody fetches them, and those that are left at the end complain about a closed connection."""
    from lazycelery_core.testing.celery_app import create_app

    return create_app(valkey.url, task_send_sent_event=False, result_backend=None)


@pytest.fixture
def deployment(valkey: "Server", tmp_path: Any) -> Iterator[Deployment]:
    environment = Environment({"XDG_STATE_HOME": str(tmp_path)})
    with Launcher(loads("", environment)).watching(valkey.url) as watched:
        yield watched


def seen(deployment: Deployment, condition: Callable[[Snapshot], bool]) -> Snapshot:
    """The first snapshot that fulfils the condition, within ten seconds."""
    from lazycelery_core.testing.processes import wait_until

    def look() -> list[Snapshot]:
        snapshot = deployment.snapshot(time.time())
        return [snapshot] if condition(snapshot) else []

    return wait_until(look, "the queue on the screen")[0]


def messages(snapshot: Snapshot) -> Any:
    return snapshot.views["queues.peeks"]["media"].peek.messages


def test_waiting_messages_are_shown_in_the_order_of_their_delivery_and_stay(
    valkey: "Server", client: "Celery", deployment: Deployment
) -> None:
    for number in range(60):
        client.send_task("testing.echo", (number,), {"api_key": "swordfish"}, queue="media")
    deployment.focus(frozenset({"view:queues", "queue:media"}))

    def counted(now: Snapshot) -> bool:
        queue = now.queue("media")
        return queue is not None and queue.ready == 60 and "media" in now.views["queues.peeks"]

    snapshot = seen(deployment, counted)
    selected = {"queues.list": snapshot.queue("media")}
    text = snapshot_text(QueueMessages(), snapshot, 120, 60, selected=selected)
    assert "peek, read without consuming · 1-50 of 60" in text
    assert [message.args for message in messages(snapshot)][:3] == ["(0,)", "(1,)", "(2,)"]
    assert "swordfish" not in text
    assert valkey.client().llen("media") == 60
    assert "60" in snapshot_text(QueuesList(), snapshot, 120, 10)


def test_what_follows_a_waiting_task_is_told(client: "Celery", deployment: Deployment) -> None:
    from celery import chain, signature

    def task(name: str) -> Any:
        return signature(f"testing.{name}", args=(1, 2), app=client, immutable=True, options={"queue": "media"})

    chain(task("add"), task("echo"), task("flaky")).apply_async()
    for index in range(2):  # what a chord sends for each member of its group
        client.send_task("testing.add", (1, 2), queue="media", group_id="g1", group_index=index, chord=task("echo"))
    deployment.focus(frozenset({"view:queues", "queue:media"}))
    snapshot = seen(deployment, lambda now: "media" in now.views["queues.peeks"] and len(messages(now)) == 3)
    shown = ["\n".join(_lines(message, snapshot)) for message in messages(snapshot)]
    assert "2 to follow: testing.echo → testing.flaky" in shown[0]
    assert "member 0" in shown[1]
    assert "testing.echo  runs when the whole group has ended" in shown[1]


def _lines(message: Any, snapshot: Snapshot) -> list[str]:
    from lazycelery_core.pane import DrawContext
    from lazycelery_core.spans import plain

    found = MessageDetails().lines(message, DrawContext(snapshot, 120, 40))
    return [plain(each) for each in found]
