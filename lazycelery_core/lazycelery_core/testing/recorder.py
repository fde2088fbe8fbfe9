"""Which commands does a server get, from whom, and when? MONITOR on a test server, without disturbing it.

with recorded(server) as commands:           # those of clients on TCP: the test and its workers use the socket
    ...
assert {each.verb for each in commands} <= ALLOWED
"""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lazycelery_core.testing.servers import Server

LINE = re.compile(rb"^\+?(\d+\.\d+) \[\d+ ([^\]]*)\] (.*)")
WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"')
PAIRS = ("CLIENT", "MEMORY", "ACL", "CONFIG", "XINFO")
END = b"end-of-recording"


@dataclass(frozen=True)
class Command:
    """One command: when the server began it (its clock, Unix seconds), from which address, in words."""

    at: float
    client: str
    words: tuple[bytes, ...]

    @property
    def verb(self) -> str:
        """`LLEN`, or both words of `CLIENT SETNAME`."""
        words = [word.decode(errors="replace").upper() for word in self.words[:2]]
        return " ".join(words) if words[0] in PAIRS else words[0]


@contextmanager
def recorded(server: Server, clients: str = "127.0.0.1") -> Iterator[list[Command]]:
    """The commands of clients whose address begins so, as they come; complete once the block is left."""
    commands: list[Command] = []
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(server.socket))
        line.sendall(b"MONITOR\r\n")
        assert line.recv(5) == b"+OK\r\n"
        thread = threading.Thread(target=_record, args=(line, clients, commands), name="recorder", daemon=True)
        thread.start()
        yield commands
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(server.socket))
            last.sendall(b"ECHO " + END + b"\r\n")
            thread.join(10)


def _record(line: socket.socket, clients: str, commands: list[Command]) -> None:
    with line.makefile("rb") as told:
        for each in told:
            found = LINE.match(each)
            if found is None:
                continue
            words = tuple(WORD.findall(found[3]))
            if words[-1:] == (END,):
                return
            if found[2].decode().startswith(clients):
                commands.append(Command(float(found[1]), found[2].decode(), words))
