"""How does a test make a network bad? A loopback proxy that swallows, delays, drips or cuts what goes through it.

with proxy_of(server) as proxy:           # or of a port of the loopback
    proxy.hole = True       # half-open: everything is swallowed, nothing is closed; new connections too
    proxy.delay = 0.3       # seconds on each way
    proxy.trickle = 2_000   # bytes a second on each way, a few at a time
    proxy.reset()           # every connection ends with a reset; new ones work
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lazycelery_core.testing.servers import Server

CHUNK = 1 << 16  # bytes
PIECE = 0.02  # s between two pieces of a trickle
TICK = 1e-6  # s; keeps the order of what is due at the same time
RESET = struct.pack("ii", 1, 0)  # SO_LINGER that makes a close a reset


class Proxy:
    """Listens on `port` of 127.0.0.1. Its attributes may be changed at any time.

    target: where it connects to, a unix socket or a port of the loopback.
    """

    def __init__(self, target: Path | int) -> None:
        self.hole, self.delay, self.trickle = False, 0.0, 0
        self.port = 0
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()

    def url(self, db: int = 0, login: str = "") -> str:
        """`redis://[login@]127.0.0.1:port/db`."""
        return f"redis://{login}{'@' if login else ''}127.0.0.1:{self.port}/{db}"

    def reset(self) -> None:
        """Cut every connection."""
        self._loop.call_soon_threadsafe(self._cut)

    def run(self, ready: threading.Event) -> None:
        """Serve until `close`; on a thread of its own."""
        asyncio.set_event_loop(self._loop)
        listening = asyncio.start_server(self._accept, "127.0.0.1", 0, limit=CHUNK)
        server = self._loop.run_until_complete(listening)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self._loop.run_forever()
        server.close()
        self._cut()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def close(self) -> None:
        """End it all."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _cut(self) -> None:
        for writer in [each for each in self._writers if not each.is_closing()]:
            line = writer.get_extra_info("socket")
            if line is not None and line.family == socket.AF_INET:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            behind, there = await self._connected()
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(there)
        await asyncio.gather(self._pump(reader, there), self._pump(behind, writer))

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, int):
            return await asyncio.open_connection("127.0.0.1", self._target)
        return await asyncio.open_unix_connection(self._target)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        due = 0.0
        with suppress(OSError):
            while data := await source.read(CHUNK):
                if self.trickle:
                    await self._drip(data, target)
                elif not self.hole:
                    due = max(due + TICK, self._loop.time() + self.delay)
                    self._loop.call_at(due, self._forward, data, target)
                    await target.drain()  # who does not read is not read for
        if not self.hole:  # a half-open line does not tell that the other side is gone
            self._loop.call_at(max(due + TICK, self._loop.time()), target.close)

    def _forward(self, data: bytes, target: asyncio.StreamWriter) -> None:
        if not (self.hole or target.is_closing()):
            target.write(data)

    async def _drip(self, data: bytes, target: asyncio.StreamWriter) -> None:
        size = max(1, int((self.trickle or CHUNK) * PIECE))
        for start in range(0, len(data), size):
            self._forward(data[start : start + size], target)
            await asyncio.sleep(PIECE)


@contextmanager
def proxy_of(server: Server | int) -> Iterator[Proxy]:
    """A proxy in front of a server's unix socket, or of a port. The server may be killed and started again."""
    proxy, ready = Proxy(server if isinstance(server, int) else server.socket), threading.Event()
    thread = threading.Thread(target=proxy.run, args=(ready,), name="proxy", daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join(10)
