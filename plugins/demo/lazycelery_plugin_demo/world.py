"""How does a caller get a whole Celery deployment for as long as it needs one?

    with DemoWorld() as world:
        look_at(world.broker_url)

The work is done by another process (backstage.py), so that nothing of it can slow the screen down, and so that it
all goes when this process ends, even by SIGKILL.
"""

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

from lazycelery_core.errors import LazyCeleryError
from lazycelery_plugin_demo.roles import QUEUES, ROLES

PREFIX = "lazycelery-demo-"  # of the directory in the temporary one
CAST = "cast.json"  # in it: {name: process id}
LOG = "backstage.log"
ROOM = 60  # bytes; longer parents leave no room for a socket's path (104 on macOS)
START = 15.0  # s; 0.2 is normal
END = 5.0  # s; 0.2 is normal


@dataclass(frozen=True)
class Summary:
    """What is being played. `processes` is {name: process id}, 0 while one is away."""

    broker_url: str
    directory: Path
    workers: tuple[str, ...]
    queues: tuple[str, ...]
    processes: dict[str, int]


class DemoWorld:
    """A broker, five workers and a driver. `broker` is the URL of an empty Redis database to use instead of our own."""

    def __init__(self, broker: str | None = None) -> None:
        self._broker = broker
        self._url = ""
        self._directory = Path()
        self._backstage: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self.failure = ""  # why it ended before it was stopped, known after `stop`

    @property
    def broker_url(self) -> str:
        """The broker as Celery writes it: `redis+socket://<path>`. Known once started."""
        return self._url

    def start(self) -> None:
        """Returns when the broker answers; workers and tasks follow within a second. Raises LazyCeleryError."""
        if sys.platform == "win32":
            raise LazyCeleryError("The demo runs on Linux and macOS only.", "Windows has WSL for it.")
        if self._broker is not None:
            _claim(self._broker)
        self._directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_parent_directory()))
        try:
            self._log = (self._directory / LOG).open("a+b")
            self._backstage = _launch(self._directory, self._log)
            self._url = _give_order(self._backstage, self._broker)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """All processes and the directory are gone when this returns. May be called twice."""
        backstage, self._backstage = self._backstage, None
        if backstage is not None and self._log is not None:
            ended_early = bool(backstage.poll())
            _end(backstage)
            _kill_left(self._processes())
            self.failure = _last_line(self._log) if ended_early else ""
            self._log.close()
        if self._directory != Path():
            shutil.rmtree(self._directory, ignore_errors=True)

    def summary(self) -> Summary:
        """The state of this moment."""
        return Summary(self._url, self._directory, tuple(role.name for role in ROLES), QUEUES, self._processes())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _processes(self) -> dict[str, int]:
        try:
            found: dict[str, int] = json.loads((self._directory / CAST).read_bytes())
        except (OSError, ValueError):
            return {}
        return found


def _claim(broker: str) -> None:
    from lazycelery_plugin_demo.foreign import claim

    claim(broker)


def _parent_directory() -> str:
    """Where temporary directories go, unless a socket's path would get too long there, or odd in a URL."""
    usual = tempfile.gettempdir()
    return usual if len(os.fsencode(usual)) <= ROOM and quote(usual) == usual else "/tmp"  # noqa: S108 (mkdtemp makes a private one in it)


def _launch(directory: Path, log: IO[bytes]) -> "subprocess.Popen[bytes]":
    """In a session of its own, so that Ctrl+C in the terminal is ours alone."""
    return subprocess.Popen(
        # -P: no module of the current directory takes the place of ours
        [sys.executable, "-P", "-m", "lazycelery_plugin_demo.backstage", str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        cwd=directory,
        env=_neutral_environment(directory),
        start_new_session=True,
    )


def _neutral_environment(directory: Path) -> dict[str, str]:
    """Without what turns the shop into the user's own application: to Celery, CELERY_BROKER_URL beats its app's.

    Workers leave temporary files behind when they are killed, so those go into `directory` too.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CELERY_", "DJANGO_"))}
    return {**kept, "TMPDIR": str(directory)}


def _give_order(backstage: "subprocess.Popen[bytes]", broker: str | None) -> str:
    """The URL in its answer. Its stdin stays open: that is its life line."""
    assert backstage.stdin is not None
    assert backstage.stdout is not None
    with suppress(BrokenPipeError):  # then there is no answer either
        backstage.stdin.write(json.dumps(broker).encode() + b"\n")
        backstage.stdin.flush()
    line = _first_line(backstage.stdout)
    if not line:
        raise LazyCeleryError("The demo's processes did not start.", f"Try `{sys.executable} -m celery --version`.")
    answer: dict[str, str] = json.loads(line)
    if "error" in answer:
        raise LazyCeleryError(answer["error"], answer["hint"])
    return answer["url"]


def _first_line(stream: IO[bytes]) -> bytes:
    """Empty when it ended, or said nothing in time."""
    with selectors.DefaultSelector() as ready:
        ready.register(stream, selectors.EVENT_READ)
        return stream.readline() if ready.select(START) else b""


def _last_line(log: IO[bytes]) -> str:
    """Of what was written to it, even if the file has no name any more."""
    log.seek(0)
    written = log.read().decode(errors="replace").strip().splitlines()
    return written[-1] if written else "it was killed"


def _end(backstage: "subprocess.Popen[bytes]") -> None:
    """Cut the life line and wait; then by force."""
    for stream in (backstage.stdin, backstage.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()
    try:
        backstage.wait(END)
    except subprocess.TimeoutExpired:
        backstage.kill()
        backstage.wait()


def _kill_left(processes: dict[str, int]) -> None:
    """Only after a violent end of the process behind the scene is the list of its children still there."""
    for pgid in filter(None, processes.values()):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pgid, signal.SIGKILL)
