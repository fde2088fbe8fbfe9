"""Which attempt does the report of a retry close? It names none, and may be told after the next attempt has ended.

A task asks for its next attempt before it says so: an idle worker has received, run and even ended that attempt by the
time the one before is called retried. So reports are counted: as many as attempts came after the first one known belong
to those before the latest, however late they come.
"""

MOST = 16  # times kept to know a report again
NEVER = -1.0


class Attempts:
    """The attempts of one task that was retried: how many came after the first one known, how many were closed.

    first: the number of the first one, None where that is not known yet. `last` is when the latest was closed, on the
    clock of `worker`.
    """

    __slots__ = ("_by_result", "_closed", "_first", "_further", "_times", "last", "worker")

    def __init__(self, first: int | None) -> None:
        self._first = first
        self._further = self._closed = 0
        self._times: tuple[float, ...] = ()
        self._by_result = False  # the last one was told by a stored result, its event is still to come
        self.last = NEVER
        self.worker = -1

    @property
    def closed(self) -> bool:
        """Whether the latest attempt was closed too."""
        return self._closed > self._further

    def received(self, attempt: int) -> None:
        """Attempt number `attempt` reached a worker."""
        first = attempt if self._first is None else self._first
        self._first = min(first, attempt)
        self._further = max(self._further + first, attempt) - self._first

    def event(self, at: float, worker: int) -> bool:
        """A worker said that an attempt ended in a retry; False when that is known."""
        if at in self._times:
            return False
        self._times = (*self._times[1 - MOST :], at)
        news, self._by_result = not self._by_result, False
        self._close(at, worker, news)
        return news

    def result(self, at: float, worker: int) -> bool:
        """A stored result says so. It has no time of its own: `at` is the last that is known of the task."""
        if self._by_result or self.closed:
            return False
        self._by_result = True
        self._close(at, worker, True)
        return True

    def _close(self, at: float, worker: int, news: bool) -> None:
        self._closed += news
        if at >= self.last:
            self.last, self.worker = at, worker
