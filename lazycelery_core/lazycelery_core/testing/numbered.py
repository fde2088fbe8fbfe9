"""Which of the events that were published were not heard? A sender of numbered events, and what a monitor has of them.

with numbers_to(server) as numbers:      # 20 a second, each a task of its own
    ...
    lost = numbers.lost(deployment)      # when those were published that the deployment does not know
"""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis

from lazycelery_core.testing.servers import Server

if TYPE_CHECKING:
    from lazycelery_core.deployment import Deployment

PERIOD = 0.05  # s between two events
CHANNEL = "/{db}.celeryev/task.received"


@dataclass(frozen=True)
class Sent:
    """One event: its task, and the Unix times before and after it was published."""

    task_id: str
    before: float
    after: float


class Numbers:
    """Publishes until `end`; what the broker did not take was never sent.

    publish: sends the JSON of one event, and raises OSError when the broker did not take it.
    """

    def __init__(self, publish: Callable[[bytes], object]) -> None:
        self.sent: list[Sent] = []
        self._publish, self._ended = publish, threading.Event()

    def run(self) -> None:
        """Publish; a broker that is gone is tried again with the next event."""
        number = 0
        while not self._ended.wait(PERIOD):
            number += 1
            before = time.time()
            with suppress(OSError):
                self._publish(event(f"number-{number}", number))
                self.sent.append(Sent(f"number-{number}", before, time.time()))

    def end(self) -> None:
        """Publish no more."""
        self._ended.set()

    def heard(self, deployment: "Deployment", after: float = 0.0) -> int:
        """How many of those published after this time the deployment knows."""
        tasks = deployment.store.tasks()
        return sum(tasks.get(each.task_id) is not None for each in list(self.sent) if each.before >= after)

    def lost(self, deployment: "Deployment") -> list[Sent]:
        """Those that it does not know, the last second left out: they may be on their way."""
        tasks, until = deployment.store.tasks(), time.time() - 1.0
        return [each for each in list(self.sent) if each.after < until and tasks.get(each.task_id) is None]


def event(task_id: str, number: int) -> bytes:
    """A task-received as a worker writes it."""
    return json.dumps({
        "type": "task-received", "uuid": task_id, "name": "testing.numbered", "hostname": "numbers@testing", "pid": 1,
        "clock": number, "timestamp": time.time(), "utcoffset": 0, "args": "()", "kwargs": "{}", "retries": 0,
    }).encode()  # fmt: skip


def envelope(body: bytes) -> bytes:
    """An event as Celery publishes it on Redis."""
    return json.dumps({
        "body": base64.b64encode(body).decode(), "content-type": "application/json", "content-encoding": "utf-8",
        "headers": {}, "properties": {"body_encoding": "base64"},
    }).encode()  # fmt: skip


@contextmanager
def numbering(publish: Callable[[bytes], object]) -> Iterator[Numbers]:
    """Numbered events through `publish`, see `Numbers`."""
    numbers = Numbers(publish)
    thread = threading.Thread(target=numbers.run, name="numbers", daemon=True)
    thread.start()
    try:
        yield numbers
    finally:
        numbers.end()
        thread.join(10)


@contextmanager
def numbers_to(server: Server, db: int = 0) -> Iterator[Numbers]:
    """Numbered events to the event channel of a Redis database."""
    client = server.client(db=db, socket_timeout=30)

    def publish(body: bytes) -> None:
        try:
            client.publish(CHANNEL.format(db=db), envelope(body))
        except redis.RedisError as error:
            raise OSError(str(error)) from error

    with client, numbering(publish) as numbers:
        yield numbers
