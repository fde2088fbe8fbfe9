"""What runs in a test's real Celery worker?

`create_app(url)` gives the same application to the test, to send with: `app.send_task("testing.add", (1, 2))`.
As a program it is the worker: `python -m lazycelery_core.testing.celery_app worker -c 1 ...` (see celery_worker.py).
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from celery import Celery, Task, signals
from celery.exceptions import Ignore, Reject

from lazycelery_core.testing.processes import die_with_parent

CONFIGURATION = "LAZYCELERY_TESTING_CELERY"  # environment variable: {"parent": pid, "url": ..., "settings": {...}}


def add(x: float, y: float) -> float:
    """The sum."""
    return x + y


def echo(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """What came in."""
    return {"args": args, "kwargs": kwargs}


def hold(path: str, seconds: float = 60.0) -> str:
    """Runs until the file `path` exists: the test decides when it ends."""
    deadline = time.monotonic() + seconds
    while not Path(path).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return path


def fail(message: str = "broken on purpose") -> None:
    """Raises a ValueError."""
    raise ValueError(message)


def fail_chained(message: str = "no stock") -> None:
    """Raises a RuntimeError from a KeyError."""
    try:
        _look_up({}, "sku-1")
    except KeyError as error:
        raise RuntimeError(message) from error


def _look_up(stock: dict[str, int], sku: str) -> int:
    return stock[sku]


def flaky(self: Any, failures: int = 1, countdown: float = 0.0) -> int:
    """Retries `failures` times, then returns the number of retries it took."""
    if self.request.retries < failures:
        raise self.retry(exc=ConnectionError("try again"), countdown=countdown, max_retries=failures)
    return int(self.request.retries)


def ignored() -> None:
    """Has no terminal event."""
    raise Ignore


def rejected() -> None:
    """Acknowledged late and thrown away."""
    raise Reject("not wanted", requeue=False)


def custom_event(self: Any, kind: str = "task-progress", **fields: Any) -> None:
    """Sends an event of its own from the pool's process."""
    self.send_event(kind, **fields)


PLAIN = (add, echo, hold, fail, fail_chained, ignored)


def create_app(url: str, **settings: Any) -> Celery:
    """A Celery application on `url` (broker and results) with every task above as `testing.<name>`.

    settings: Celery's own, lower case. Events of sending are on, results are kept extended.
    """
    app = Celery("testing", set_as_current=False)
    defaults = {"broker_url": url, "result_backend": url, "task_send_sent_event": True, "result_extended": True}
    app.conf.update({**defaults, "worker_hijack_root_logger": True, **settings})
    for task in PLAIN:
        app.task(name=f"testing.{task.__name__}")(task)
    app.task(name="testing.rejected", acks_late=True)(rejected)
    for bound in (flaky, custom_event):
        app.task(name=f"testing.{bound.__name__}", bind=True, base=Task)(bound)
    return app


def _work(argv: list[str]) -> None:
    """Be a worker that can't outlive the test, with a pool that can't outlive the worker."""
    order = json.loads(os.environ[CONFIGURATION])
    _stay_with(order["parent"])
    signals.worker_process_init.connect(_stay_with_worker, weak=False)
    create_app(order["url"], **order["settings"]).worker_main(argv)


def _stay_with_worker(**_: Any) -> None:
    # The worker leads its group; os.getppid() may have become somebody else by the time a child gets there.
    # A solo pool has no child: it sends this signal in the worker itself.
    if os.getpid() != os.getpgrp():
        _stay_with(os.getpgrp())


def _stay_with(parent: int) -> None:
    die_with_parent()
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    _work(sys.argv[1:])
