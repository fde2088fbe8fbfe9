"""Who computes the rows of tables? One thread, never the screen's; a newer question replaces the one that waits."""

import threading
from collections.abc import Callable

Job = Callable[[], None]


class Reader:
    """Runs jobs one after the other. A job waits under a name; another one of that name takes its place.

    Jobs catch what they raise (the guard of the pane does) and hand their answer on themselves.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._wanted = threading.Condition()
        self._ended = False
        self._thread: threading.Thread | None = None

    def read(self, name: str, job: Job) -> None:
        """Run the job soon, unless another of that name comes before."""
        with self._wanted:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rows", daemon=True)
                self._thread.start()
            self._jobs[name] = job
            self._wanted.notify()

    def stop(self) -> None:
        """Run nothing more. A job that runs now may end on its own."""
        with self._wanted:
            self._ended = True
            self._jobs.clear()
            self._wanted.notify()

    def _run(self) -> None:
        while True:
            with self._wanted:
                while not self._jobs and not self._ended:
                    self._wanted.wait()
                if self._ended:
                    return
                job = self._jobs.pop(next(iter(self._jobs)))
            job()
