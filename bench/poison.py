"""What disturbs a soak? Hostile events ten times a second, clocks that jump, a line that is cut every minute.

The hostile events are the cases that the decoder and the Redis envelope are tested with; those made to be huge are
left out, because a soak looks for what grows slowly.
"""

import base64
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lazycelery_core.testing.proxy import Proxy
from lazycelery_core.testing.servers import Server
from lazycelery_core.testing.wire import Wire

ROOT = Path(__file__).parents[1]
EVENTS = ROOT / "lazycelery_core" / "tests" / "data" / "events.jsonl"
ENVELOPES = ROOT / "plugins" / "redis" / "tests" / "data" / "envelopes.jsonl"
PERIOD = 0.1  # s between two hostile events
JUMP = 21_600.0  # s; how far a clock goes wrong
JUMPS = 50  # hostile events between two jumps
KINDS = {"raw", "raw_b64", "body", "payload", "payload_b64", "envelope"}
HUGE = {"raw_recipe", "recipe_fields", "recipe_args", "bomb"}


class Poison:
    """Publishes until `end`. `sent` counts the hostile events, `cuts` the broken lines, `jumps` the clocks."""

    def __init__(self, server: Server, proxy: Proxy, every: float) -> None:
        self.sent = self.cuts = self.jumps = 0
        self._server, self._proxy, self._every = server, proxy, every
        self._ended = threading.Event()
        self._chance = random.Random(7)

    def run(self) -> None:
        """Disturb; on a thread of its own."""
        cut_at = time.monotonic() + self._every
        bodies, payloads = [*map(_body, _cases(EVENTS))], [*map(_payload, _cases(ENVELOPES))]
        with Wire(self._server) as wire:
            while not self._ended.wait(PERIOD):
                self._say(wire, bodies, payloads)
                if time.monotonic() >= cut_at:
                    self._proxy.reset()
                    self.cuts += 1
                    cut_at += self._every

    def end(self) -> None:
        """Disturb no more."""
        self._ended.set()

    def _say(self, wire: Wire, bodies: list[bytes], payloads: list[bytes]) -> None:
        self.sent += 1
        if self.sent % 4:
            fresh = self._chance.choice(bodies).replace(b'"NOW"', str(time.time()).encode())
            wire.body(fresh.replace(b'"U1"', b'"poison-%d"' % self.sent))
        else:
            wire.payload(self._chance.choice(payloads))
        if self.sent % JUMPS == 0:
            self._jump(wire)

    def _jump(self, wire: Wire) -> None:
        """A worker whose clocks, both of them, go to and fro; and a task that it tells of."""
        self.jumps += 1
        host, wrong = f"jumping-{self.jumps % 5}@soak", self._chance.uniform(-JUMP, JUMP)
        told = {"hostname": host, "timestamp": time.time() + wrong, "clock": self._chance.choice((0, 1, 2**40, 2**62))}
        wire.event(type="worker-heartbeat", freq=2.0, active=1, processed=self.jumps, sw_ident="py-celery", **told)
        wire.event(type="task-received", uuid=f"jump-{self.jumps}", name="soak.jump", args="()", kwargs="{}", **told)


@contextmanager
def poisoned(server: Server, proxy: Proxy, every: float) -> Iterator[Poison]:
    """Hostile events, and a broken line every so many seconds, while the block runs."""
    poison = Poison(server, proxy, every)
    thread = threading.Thread(target=poison.run, name="poison", daemon=True)
    thread.start()
    try:
        yield poison
    finally:
        poison.end()
        thread.join(10)


def _cases(path: Path) -> list[dict[str, Any]]:
    found = map(json.loads, path.read_text("utf-8").splitlines())
    return [case for case in found if case.keys() & KINDS and not case.keys() & HUGE]


def _body(case: dict[str, Any]) -> bytes:
    if "raw_b64" in case:
        return base64.b64decode(case["raw_b64"])
    text = str(case["raw"]) if "raw" in case else json.dumps(case["body"])
    for word in case.get("bare", ()):
        text = text.replace(f'"{word}"', word)
    return text.encode()


def _payload(case: dict[str, Any]) -> bytes:
    if "payload_b64" in case:
        return base64.b64decode(case["payload_b64"])
    return str(case["payload"]).encode() if "payload" in case else json.dumps(case["envelope"]).encode()
