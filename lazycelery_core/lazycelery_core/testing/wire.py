"""How does a test say on Redis what a worker would say, or what nobody should?

with Wire(server) as wire:
    wire.event(type="task-received", uuid="T", hostname="w1@a", name="shop.charge", args="(1,)")
    wire.body(b"no event at all")
    wire.result("T", {"status": "SUCCESS", "result": 1})
    wire.waiting("celery", "shop.charge", args=[1])

with answering(server, lambda command: {"w1@a": ...}): ...         # a worker that says whatever it likes
"""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from lazycelery_core.testing.servers import Server

EVENTS, CONTROL = "/0.celeryev/task.multi", "/0.celery.pidbox"
BINDINGS, SEP = "_kombu.binding.", "\x06\x16"
JSON = "application/json"


def enveloped(body: bytes, content_type: Any = JSON, headers: Mapping[str, Any] | None = None, **more: Any) -> bytes:
    """A body in kombu's envelope, as its Redis transport writes it. more: further properties."""
    delivery = {"exchange": "celeryev", "routing_key": "task.multi"}
    properties = {"delivery_mode": 1, "delivery_info": delivery, "priority": 0, "body_encoding": "base64",
                  "delivery_tag": "d1", **more}  # fmt: skip
    return json.dumps(
        {"body": base64.b64encode(body).decode(), "content-encoding": "utf-8", "content-type": content_type,
         "headers": headers or {}, "properties": properties}
    ).encode()  # fmt: skip


class Wire:
    """A line to a server on which anything can be said."""

    def __init__(self, server: Server) -> None:
        self.client = server.client()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def payload(self, payload: bytes) -> None:
        """Publish on the channel of events, as it stands."""
        self.client.publish(EVENTS, payload)

    def body(self, body: bytes) -> None:
        """Publish a body that need not be an event."""
        self.payload(enveloped(body))

    def event(self, **fields: Any) -> None:
        """Publish an event of now, unless it says another time."""
        self.body(json.dumps({"timestamp": time.time(), "clock": 1, "pid": 1, "utcoffset": 0, **fields}).encode())

    def result(self, task_id: str, meta: Any) -> None:
        """Store and publish a result as Celery's Redis backend does."""
        data = meta if isinstance(meta, bytes) else json.dumps(meta)
        with self.client.pipeline() as together:
            together.set(f"celery-task-meta-{task_id}", data)
            together.publish(f"celery-task-meta-{task_id}", data)
            together.execute()

    def waiting(self, queue: str, task: str, args: Any = (), kwargs: Any = None, **headers: Any) -> None:
        """Put a message into a queue that is bound as `task_queues` are; `headers` as in protocol 2."""
        name = queue.encode(errors="surrogatepass")
        told = {"id": "waiting", "task": task, "argsrepr": repr(args), "kwargsrepr": repr(kwargs or {}), **headers}
        message = enveloped(json.dumps([args, kwargs or {}, {}]).encode(), headers=told, delivery_info={})
        self.client.lpush(name, message)
        self.client.sadd(BINDINGS.encode() + name, SEP.encode().join((name, b"", name)))


@contextmanager
def answering(
    server: Server, answer: Callable[[str], Mapping[str, Any]], pack: Callable[[bytes], bytes] = enveloped
) -> Iterator[None]:
    """A worker that answers every question about itself: `answer(command)` gives {its name: the value}.

    pack: makes the message of an answer's JSON.
    """
    ready, ended = threading.Event(), threading.Event()

    def run() -> None:
        with server.client() as client, client.pubsub() as heard:
            heard.subscribe(CONTROL)
            while not ended.is_set():
                message = heard.get_message(timeout=0.1)
                if message is not None and message["type"] == "subscribe":
                    ready.set()
                elif message is not None:
                    question = json.loads(base64.b64decode(json.loads(message["data"])["body"]))
                    for name, value in answer(question["method"]).items():
                        reply = pack(json.dumps({name: value}).encode())
                        client.lpush(f"{question['reply_to']['routing_key']}.reply.celery.pidbox", reply)

    thread = threading.Thread(target=run, name="answering", daemon=True)
    thread.start()
    try:
        if not ready.wait(10):
            raise TimeoutError("the answering worker does not listen")
        yield
    finally:
        ended.set()
        thread.join()
