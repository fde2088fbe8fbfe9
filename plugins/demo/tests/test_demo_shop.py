"""Does the shop really play all it promises? One world, listened to with nothing but redis-py."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
import redis

from lazycelery_core.testing.processes import wait_until
from lazycelery_plugin_demo.foreign import client
from lazycelery_plugin_demo.world import DemoWorld

PATIENCE = 60.0  # s; no promise, only the end of a test that fails

Event = dict[str, Any]


class Recorder:
    """Every event of a broker, as sent."""

    def __init__(self, connection: "redis.Redis") -> None:
        self.connection = connection
        self.events: list[Event] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def first(self, kind: str, wanted: Callable[[Event], object] = bool, seconds: float = PATIENCE) -> Event:
        """Wait for an event."""
        return wait_until(lambda: next(filter(wanted, self.of(kind)), None), kind, seconds) or {}

    def of(self, kind: str) -> list[Event]:
        return [event for event in list(self.events) if event["type"] == kind]

    def named(self, uuid: str) -> str:
        return next((str(e["name"]) for e in list(self.events) if e.get("uuid") == uuid and "name" in e), "")

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _listen(self) -> None:
        with self.connection.pubsub() as pubsub:  # type: ignore[no-untyped-call]
            pubsub.psubscribe("/0.celeryev/*")
            while not self._ended.is_set():
                message = pubsub.get_message(timeout=0.1)
                if message and message["type"] == "pmessage":
                    body = json.loads(base64.b64decode(json.loads(message["data"])["body"]))
                    self.events += body if isinstance(body, list) else [body]


@pytest.fixture(scope="module")
def world() -> Iterator[DemoWorld]:
    with DemoWorld() as world:
        yield world


@pytest.fixture(scope="module")
def recorder(world: DemoWorld) -> Iterator[Recorder]:
    with client(world.broker_url) as connection:
        recorder = Recorder(connection)
        yield recorder
        recorder.close()


def test_the_broker_is_a_private_socket_with_a_short_path(world: DemoWorld) -> None:
    url, directory = world.broker_url, world.summary().directory
    assert url == f"redis+socket://{directory}/broker.sock"
    assert len(url) < 100
    assert directory.stat().st_mode & 0o077 == 0
    with client(url) as connection:
        assert connection.config_get("port") == {"port": "0"}


def test_five_workers_come_up(world: DemoWorld, recorder: Recorder) -> None:
    workers = set(world.summary().workers)
    assert len(workers) == 5
    wait_until(
        lambda: workers <= {event["hostname"] for event in recorder.of("worker-online")}, "all workers", PATIENCE
    )


@pytest.mark.parametrize(
    "kind", ["sent", "received", "started", "succeeded", "failed", "retried", "revoked", "rejected"]
)
def test_every_kind_of_task_event_occurs(kind: str, recorder: Recorder) -> None:
    recorder.first(f"task-{kind}")


def test_queues_have_a_backlog_from_the_start_and_media_grows(world: DemoWorld, recorder: Recorder) -> None:
    def waiting(queue: str) -> int:
        return sum(connection.llen(queue + bucket) for bucket in ("", "\x06\x163", "\x06\x166", "\x06\x169"))

    with client(world.broker_url) as connection:
        media = wait_until(lambda: (n := waiting("media")) > 300 and n, "a backlog of pictures", PATIENCE)
        wait_until(lambda: connection.llen("default\x06\x169") > 10, "newsletters behind everything else", PATIENCE)
        wait_until(lambda: waiting("archive") >= 2, "messages that nobody takes", PATIENCE)
        wait_until(lambda: waiting("media") > media, "a growing backlog", PATIENCE)


def test_failures_have_deep_tracebacks_with_their_causes(recorder: Recorder) -> None:
    failed = recorder.first("task-failed", lambda event: "CheckoutError" in event["exception"])
    text = failed["traceback"]
    assert "The above exception was the direct cause of the following exception" in text
    assert all(f"/shop/{module}.py" in text for module in ("orders", "checkout", "payments/gateway"))


def test_the_card_gateway_times_out_and_is_tried_again_until_it_fails_for_good(recorder: Recorder) -> None:
    def exhausted(event: Event) -> bool:
        return "GatewayError" in event["exception"] and recorder.named(event["uuid"]) == "orders.charge_card"

    uuid = recorder.first("task-failed", exhausted)["uuid"]
    assert len([event for event in recorder.of("task-retried") if event["uuid"] == uuid]) == 3
    assert "payments/wire.py" in recorder.first("task-failed", exhausted)["traceback"]


def test_an_order_is_a_chain_from_validation_to_the_receipt(recorder: Recorder) -> None:
    receipt = recorder.first("task-received", lambda event: event["name"] == "mail.send_receipt")
    assert recorder.named(receipt["root_id"]) == "orders.validate_order"
    assert recorder.named(receipt["parent_id"]) == "orders.charge_card"


def test_a_chord_ends_in_its_body(recorder: Recorder) -> None:
    total = recorder.first("task-succeeded", lambda event: recorder.named(event["uuid"]) == "reports.total")
    assert "'shops': 6" in total["result"]


def test_some_tasks_wait_for_their_time_expire_or_are_revoked(recorder: Recorder) -> None:
    recorder.first("task-received", lambda event: event["eta"] and event["name"] == "cart.remind")
    recorder.first("task-revoked", lambda event: event["expired"])
    recorder.first("task-revoked", lambda event: not event["expired"] and not event["terminated"])


def test_the_worker_without_events_works_but_stays_silent(world: DemoWorld, recorder: Recorder) -> None:
    uuid = recorder.first("task-sent", lambda event: event["name"] == "erp.sync_stock")["uuid"]
    with client(world.broker_url) as connection:
        wait_until(lambda: b'"S' in (connection.get(f"celery-task-meta-{uuid}") or b""), "its result", PATIENCE)
    assert not [event for event in list(recorder.events) if event.get("uuid") == uuid and event["type"] != "task-sent"]


def test_one_worker_is_killed_and_comes_back(world: DemoWorld, recorder: Recorder) -> None:
    def pids() -> set[int]:
        return {event["pid"] for event in recorder.of("worker-online") if event["hostname"] == "worker-4@batch-1"}

    wait_until(lambda: len(pids()) == 2, "its second life", PATIENCE)
    first, second = sorted(pids(), key=lambda pid: pid == world.summary().processes["worker-4@batch-1"])
    assert not psutil.pid_exists(first)
    assert not [event for event in recorder.of("worker-offline") if event["pid"] == first]
    assert psutil.pid_exists(second)


def test_after_twenty_seconds_the_rate_is_modest(recorder: Recorder) -> None:
    kinds = {event["type"] for event in recorder.events}
    assert {"worker-heartbeat", "task-succeeded"} <= kinds
    assert len(recorder.events) < 6000  # the opening burst of about 800, then some 55 a second
