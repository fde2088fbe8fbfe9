"""What are the benchmarks fed with? The recorded stream, repeated for as long as needed with fresh ids and times.

The recording is the bytes that a monitor received from Redis while real workers ran. A repetition changes the first
eight digits of every id and every timestamp inside the base64 of the messages, and nothing else; numpy does it for all
messages at once, so that a publisher costs far less than those who listen to it.
"""

import base64
import gzip
import json
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import hiredis
import numpy as np

RECORDING = Path(__file__).parents[1] / "lazycelery_core" / "tests" / "data" / "redis-pubsub.resp.gz"
TASKS, EVENTS = 1_078, 4_574  # in one repetition
GOODBYE = b"/0.celeryev/worker.offline"  # left out: workers that end and come back ten times a second are no load
PIECE = 128  # messages given out at once, with one time

_BODY = re.compile(rb'"body": "([A-Za-z0-9+/=]*)"')
_ID = re.compile(rb"[0-9a-f]{8}(?=-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
_TIME = re.compile(rb'"timestamp": ?[0-9.]+')
_BASE64 = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_DIGITS = 10 ** np.arange(16, dtype=np.int64)[::-1]  # of microseconds since 1970

Array = np.ndarray[Any, Any]
Message = tuple[bytes, bytes, int]  # channel, payload, events in it


def messages() -> list[Message]:
    """The recorded messages as they came from Redis, without the goodbyes."""
    reader = hiredis.Reader()
    reader.feed(gzip.decompress(RECORDING.read_bytes()))
    found = []
    while reply := reader.gets():
        body = json.loads(_body(reply[3])[0])
        if reply[2] != GOODBYE:
            found.append((reply[2], reply[3], len(body) if isinstance(body, list) else 1))
    return found


def gathered(each: int) -> list[Message]:
    """The recorded task events, `each` of them a message: a busy worker with an event loop sends such."""
    events: list[Any] = []
    for _, payload, _ in messages():
        body = json.loads(_body(payload)[0])
        events += [event for event in (body if isinstance(body, list) else [body]) if event["type"][:5] == "task-"]
    envelope = next(payload for channel, payload, _ in messages() if channel.endswith(b"task.multi"))
    return [
        (b"/0.celeryev/task.multi", _enveloped(envelope, json.dumps(part).encode()), len(part))
        for part in (events[start : start + each] for start in range(0, len(events), each))
    ]


def _body(payload: bytes) -> tuple[bytes, int, int]:
    """The body of an envelope, and where its base64 begins and ends."""
    found = _BODY.search(payload)
    assert found is not None
    return base64.b64decode(found[1]), found.start(1), found.end(1)


def _enveloped(envelope: bytes, body: bytes) -> bytes:
    _, start, end = _body(envelope)
    return envelope[:start] + base64.b64encode(body) + envelope[end:]


class Replay:
    """Repetitions of messages as bytes for a socket. first: number of the first repetition; each has ids of its own.

    as_pushed: as a subscriber receives them from Redis; otherwise as a publisher sends them.
    """

    def __init__(self, recorded: Sequence[Message] = (), first: int = 0, as_pushed: bool = False) -> None:
        self._repetition = first
        recorded = recorded or messages()
        wire = bytearray()
        bodies = bytearray()
        starts, counts, groups = [0], [], []
        for channel, received, events in recorded:
            body = _padded(_fixed_times(_body(received)[0]))
            payload = _enveloped(received, body)
            wire += _pushed(channel, payload) if as_pushed else _command(b"PUBLISH", channel, payload)
            groups.append(len(wire) - 2 - len(payload) + _body(payload)[1] + 4 * np.arange(len(body) // 3))
            starts.append(len(wire))
            counts.append(events)
            bodies += body
        self._wire, self._bodies = np.frombuffer(wire, np.uint8), np.frombuffer(bodies, np.uint8)
        self._starts, self._counts = np.array(starts), np.array(counts)
        self._group_at = np.concatenate(groups)
        self._find_what_changes(bytes(bodies))

    def _find_what_changes(self, bodies: bytes) -> None:
        self._ids = np.array([found.start() for found in _ID.finditer(bodies)])[:, None] + np.arange(8)
        digits = self._bodies[self._ids]
        self._id_values = np.where(digits >= ord("a"), digits - (ord("a") - 10), digits - ord("0")).astype(np.uint8)
        times = np.array([found.end() - 17 for found in _TIME.finditer(bodies)])
        self._times = times[:, None] + np.array([*range(10), *range(11, 17)])
        changing = np.unique(np.concatenate((self._ids.ravel(), self._times.ravel())) // 3)
        self._changing, self._changing_at = changing, self._group_at[changing]
        self._time_at = self._group_at[times // 3]

    def pieces(self, events: int = 0) -> Iterator[tuple[memoryview, int]]:
        """(bytes, events in them), for ever or until there were at least so many events, to a message.

        The bytes change with the next piece.

        Times are those of the moment when a piece is asked for.
        """
        left = events or -1
        while True:
            self._fresh_ids()
            for first in range(0, len(self._counts), PIECE):
                last = min(first + PIECE, len(self._counts))
                if 0 < left < self._counts[first:last].sum():
                    last = first + 1 + int(np.searchsorted(np.cumsum(self._counts[first:last]), left))
                self._fresh_times(int(self._starts[first]), int(self._starts[last]))
                count = int(self._counts[first:last].sum())
                yield memoryview(self._wire.data)[self._starts[first] : self._starts[last]], count
                left -= count
                if events and left <= 0:
                    return

    def _fresh_ids(self) -> None:
        mask = self._repetition * 2_654_435_761 & 0xFFFFFFFF
        self._repetition += 1
        nibbles = np.array([mask >> shift & 15 for shift in range(28, -4, -4)], np.uint8)
        self._bodies[self._ids] = _HEX[self._id_values ^ nibbles]

    def _fresh_times(self, start: int, end: int) -> None:
        """Write the time into the events between two bytes of the wire, and encode what has changed there."""
        first, last = np.searchsorted(self._time_at, (start, end))
        now = int(time.time() * 1e6) + np.arange(last - first)
        self._bodies[self._times[first:last]] = now[:, None] // _DIGITS % 10 + ord("0")
        first, last = np.searchsorted(self._changing_at, (start, end))
        three = self._bodies[self._changing[first:last, None] * 3 + np.arange(3)].astype(np.uint32)
        value = three[:, 0] << 16 | three[:, 1] << 8 | three[:, 2]
        four = _BASE64[np.stack((value >> 18, value >> 12 & 63, value >> 6 & 63, value & 63), axis=1)]
        self._wire[self._changing_at[first:last, None] + np.arange(4)] = four


def payloads(replay: Replay, events: int) -> Iterator[tuple[list[bytes], int]]:
    """What a subscriber reads of a replay `as_pushed`: (payloads, events in them), until there were so many events."""
    reader = hiredis.Reader()
    for piece, count in replay.pieces(events):
        reader.feed(piece)
        found = []
        while reply := reader.gets():
            found.append(reply[3])
        yield found, count


def _fixed_times(body: bytes) -> bytes:
    return _TIME.sub(b'"timestamp": 1795362107.000000', body)


def _padded(body: bytes) -> bytes:
    """The same JSON in a multiple of three bytes: base64 of it can be changed in place."""
    return body + b" " * (-len(body) % 3)


def _command(*parts: bytes) -> bytes:
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def _pushed(channel: bytes, payload: bytes) -> bytes:
    return _command(b"pmessage", b"/0.celeryev/*", channel, payload)
