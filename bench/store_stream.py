"""What are the store's benchmarks fed with? The recorded stream, repeated with fresh ids and times."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

from lazycelery_core.decode import Tally, events_of
from lazycelery_core.events import WireEvent

RECORDED = Path(__file__).parents[1] / "lazycelery_core" / "tests" / "data" / "redis-events.jsonl.gz"
TASKS = 1078  # in the recording
LENGTH = 20.0  # s that one repetition takes
BATCH = 256
_ID = re.compile(rb"[0-9a-f]{8}(?=-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
_TIME = re.compile(rb'"timestamp": ?([0-9.]+)')


def bodies() -> list[bytes]:
    """The recorded messages, as JSON."""
    with gzip.open(RECORDED) as lines:
        return [json.dumps(json.loads(line)["body"]).encode() for line in lines]


def repetition(messages: list[bytes], number: int) -> Iterator[bytes]:
    """The messages once more, with ids and times of their own."""

    def fresh(match: re.Match[bytes]) -> bytes:
        return b"%08x" % (int(match[0], 16) ^ (number * 2654435761 & 0xFFFFFFFF))

    def later(match: re.Match[bytes]) -> bytes:
        return b'"timestamp":%.6f' % (float(match[1]) + number * LENGTH)

    return (_TIME.sub(later, _ID.sub(fresh, body)) for body in messages)


def batches(number: int, messages: list[bytes]) -> Iterator[list[WireEvent]]:
    """Batches of one repetition, decoded when asked for: as from a source, they are still in the processor's cache."""
    batch: list[WireEvent] = []
    for body in list(repetition(messages, number)):
        batch += events_of(body, 1.0, Tally())
        if len(batch) >= BATCH:
            yield batch
            batch = []
    yield batch
