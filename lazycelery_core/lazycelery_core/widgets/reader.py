"""Who computes the rows of tables? One thread, never the screen's; a newer question replaces the one that waits.

A job that hangs is left alone with its thread; the others go on on a new one.
"""

import threading
from collections.abc import Callable
from time import monotonic

Job = Callable[[], None]
PATIENCE = 2.0  # s; after that a job holds up nobody but itself


class Reader:
    """Runs jobs one after the other. A job waits under a name; another one of that name takes its place.

    Jobs catch what they raise (the guard of the pane does) and hand their answer on themselves.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._wanted = threading.Condition()
        self._ended = False
        self._running: dict[threading.Thread, tuple[str, float]] = {}  # thread -> job's name, since when
        self._thread: threading.Thread | None = None  # the one that takes jobs

    def read(self, name: str, job: Job) -> None:
        """Run the job soon, unless another of that name comes before, or one of that name hangs."""
        with self._wanted:
            if name in self._hanging():
                return
            self._jobs[name] = job
            if self._thread is None or self._hangs(self._thread):
                self._thread = threading.Thread(target=self._run, name="rows", daemon=True)
                self._thread.start()
            self._wanted.notify_all()

    def hangs(self, name: str) -> float:
        """Seconds that the job of that name has been running, 0 when it is not late."""
        with self._wanted:
            return self._hanging().get(name, 0.0)

    def stop(self) -> None:
        """Run nothing more. A job that runs now may end on its own."""
        with self._wanted:
            self._ended = True
            self._jobs.clear()
            self._wanted.notify_all()

    def _hanging(self) -> dict[str, float]:
        now = monotonic()
        ages = {name: now - since for name, since in self._running.values()}
        return {name: age for name, age in ages.items() if age > PATIENCE}

    def _hangs(self, thread: threading.Thread) -> bool:
        running = self._running.get(thread)
        return running is not None and monotonic() - running[1] > PATIENCE

    def _run(self) -> None:
        thread = threading.current_thread()
        while (job := self._next(thread)) is not None:
            try:
                job()
            finally:
                with self._wanted:
                    self._running.pop(thread, None)

    def _next(self, thread: threading.Thread) -> Job | None:
        """The next job for this thread, None when it shall end: there is nothing more to do, or another took over."""
        with self._wanted:
            self._wanted.wait_for(lambda: self._jobs or self._ended or self._thread is not thread)
            if self._ended or self._thread is not thread:
                return None
            name = next(iter(self._jobs))
            self._running[thread] = (name, monotonic())
            return self._jobs.pop(name)
