"""Which AMQP methods does a broker get from a program? A loopback proxy that reads the frames that pass through it.

with recorded_amqp(rabbit.port) as recorder:
    watch(vhost.url_for(port=recorder.port))
assert {each.name for each in recorder.methods} <= ALLOWED
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CHUNK = 1 << 16  # bytes
GREETING = 8  # bytes: `AMQP` and the version
HEAD, END = 7, 1  # bytes of a frame around its payload
METHOD, BODY = 1, 3
NAMES = {
    (10, 11): "connection.start-ok", (10, 31): "connection.tune-ok", (10, 40): "connection.open",
    (10, 50): "connection.close", (10, 51): "connection.close-ok", (20, 10): "channel.open", (20, 40): "channel.close",
    (20, 41): "channel.close-ok", (40, 10): "exchange.declare", (40, 20): "exchange.delete", (40, 30): "exchange.bind",
    (50, 10): "queue.declare", (50, 20): "queue.bind", (50, 30): "queue.purge", (50, 40): "queue.delete",
    (50, 50): "queue.unbind", (60, 10): "basic.qos", (60, 20): "basic.consume", (60, 30): "basic.cancel",
    (60, 40): "basic.publish", (60, 70): "basic.get", (60, 80): "basic.ack", (60, 90): "basic.reject",
    (60, 110): "basic.recover", (60, 120): "basic.nack", (85, 10): "confirm.select", (90, 10): "tx.select",
}  # fmt: skip
DECLARES = {"exchange.declare": 2, "queue.declare": 1}  # short strings before the flags, of which the first is passive


@dataclass
class Sent:
    """A method of the client: `queue.declare`, `queue.declare passive`; what it names; what it carries."""

    name: str
    about: str
    body: bytes = b""


class Recorder:
    """Listens on `port` of 127.0.0.1. `methods` are those of all connections, as they come."""

    def __init__(self, target: int) -> None:
        self.methods: list[Sent] = []
        self.port, self._target = 0, target
        self._loop = asyncio.new_event_loop()

    def run(self, ready: threading.Event) -> None:
        """Serve until `close`; on a thread of its own."""
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0, limit=CHUNK))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def close(self) -> None:
        """End it all."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            behind, there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        frames = _Frames(self.methods)
        await asyncio.gather(_pump(reader, there, frames), _pump(behind, writer, None))


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, frames: "_Frames | None") -> None:
    with suppress(OSError):
        while data := await source.read(CHUNK):
            if frames is not None:
                frames.feed(data)
            target.write(data)
            await target.drain()
    target.close()


@dataclass
class _Frames:
    """Splits one client's bytes into frames."""

    methods: list[Sent]
    rest: bytes = b""
    greeted: bool = False
    published: dict[int, Sent] = field(default_factory=dict)  # by channel

    def feed(self, data: bytes) -> None:
        self.rest += data
        if not self.greeted:
            self.rest, self.greeted = self.rest[GREETING:], True
        while len(self.rest) >= HEAD:
            size = int.from_bytes(self.rest[3:HEAD])
            if len(self.rest) < HEAD + size + END:
                return
            kind, channel, payload = self.rest[0], int.from_bytes(self.rest[1:3]), self.rest[HEAD : HEAD + size]
            self.rest = self.rest[HEAD + size + END :]
            self._frame(kind, channel, payload)

    def _frame(self, kind: int, channel: int, payload: bytes) -> None:
        if kind == METHOD:
            sent = _method(payload)
            self.methods.append(sent)
            self.published[channel] = sent
        elif kind == BODY and channel in self.published:
            self.published[channel].body += payload


def _method(payload: bytes) -> Sent:
    """Class and method, and for those that have one the name of the queue or exchange."""
    ids = int.from_bytes(payload[:2]), int.from_bytes(payload[2:4])
    name = NAMES.get(ids, f"method {ids}")
    if name.partition(".")[0] not in ("exchange", "queue", "basic") or len(payload) < HEAD:
        return Sent(name, "")
    about, after = _text(payload, 6)  # behind the ids and two reserved bytes
    if name not in DECLARES:
        return Sent(name, about)
    for _ in range(DECLARES[name] - 1):
        _, after = _text(payload, after)
    return Sent(f"{name} passive" if payload[after] & 1 else name, about)


def _text(payload: bytes, start: int) -> tuple[str, int]:
    end = start + 1 + payload[start]
    return payload[start + 1 : end].decode(errors="replace"), end


@contextmanager
def recorded_amqp(target: int) -> Iterator[Recorder]:
    """A recorder in front of a broker's port on the loopback."""
    recorder, ready = Recorder(target), threading.Event()
    thread = threading.Thread(target=recorder.run, args=(ready,), name="amqp-recorder", daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield recorder
    finally:
        recorder.close()
        thread.join(10)
