"""How does a test start and stop a real Celery worker?

with start_worker(server.url, tmp_path, name="w1", pool="threads", events=True) as worker:
    worker.app.send_task("testing.add", (1, 2))
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lazycelery_core.testing.processes import kill_group, stop_group, tail, wait_until

if TYPE_CHECKING:
    from celery import Celery


@dataclass
class Worker:
    """A running `celery worker`, leader of its own process group."""

    hostname: str
    url: str
    settings: dict[str, Any]
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def app(self) -> "Celery":
        """An application on the same broker, for sending tasks and asking the worker."""
        from lazycelery_core.testing.celery_app import create_app

        return create_app(self.url, **self.settings)

    def stop(self, seconds: float = 5.0) -> None:
        """Warm shutdown: it says goodbye (worker-offline); what still runs after `seconds` is killed."""
        stop_group(self.process, signal.SIGTERM, seconds)

    def kill(self) -> None:
        """A crash: SIGKILL to all its processes, no goodbye."""
        self.process.kill()
        self.process.wait()
        kill_group(self.process.pid)


@contextmanager
def start_worker(  # noqa: PLR0913 (all but two are keywords with defaults, as on a worker's command line)
    url: str,
    directory: Path,
    *,
    name: str = "w1@testing",
    pool: str = "threads",
    concurrency: int = 1,
    events: bool = True,
    queues: Sequence[str] = (),
    args: Sequence[str] = ("--without-mingle", "--without-gossip"),
    settings: dict[str, Any] | None = None,
    seconds: float = 30.0,
) -> Iterator[Worker]:
    """A real worker with the tasks of celery_app.py, ready when the block is entered, gone when it is left.

    events: `-E`. args: further arguments; the default saves mingle's second of waiting. settings: Celery's own.
    """
    hostname = name if "@" in name else f"{name}@testing"
    log = directory / f"{hostname}.log"
    argv = ["worker", "-P", pool, "-c", str(concurrency), "-n", hostname, "-l", "INFO", *args]
    argv += ["-E"] if events else []
    argv += ["-Q", ",".join(queues)] if queues else []
    worker = Worker(hostname, url, settings or {}, _launch(argv, url, settings or {}, log), log)
    try:
        wait_until(lambda: _is_ready(worker), f"worker {hostname}", seconds)
        yield worker
    finally:
        worker.kill()  # a polite end takes more than a second


def _launch(argv: list[str], url: str, settings: dict[str, Any], log: Path) -> "subprocess.Popen[bytes]":
    """Settings travel in the environment: a URL may hold a password, and process lists show arguments."""
    from lazycelery_core.testing.celery_app import CONFIGURATION

    # To Celery its own variables beat an application's settings; a killed pool leaves files in TMPDIR.
    neutral = {name: value for name, value in os.environ.items() if not name.startswith(("CELERY_", "DJANGO_"))}
    order = json.dumps({"parent": os.getpid(), "url": url, "settings": settings})
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "lazycelery_core.testing.celery_app", *argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=log.parent,
            env={**neutral, "TMPDIR": str(log.parent), CONFIGURATION: order},
            start_new_session=True,
        )


def _is_ready(worker: Worker) -> bool:
    """Celery's own last line of starting."""
    if worker.process.poll() is not None:
        raise RuntimeError(f"worker {worker.hostname} ended at once:\n{tail(worker.log)}")
    return f"{worker.hostname} ready." in worker.log.read_text(errors="replace")
