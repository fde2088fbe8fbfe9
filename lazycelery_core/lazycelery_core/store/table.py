"""Where are all the tasks that are held? Segments, the index to them, the dictionaries of their texts, cold storage."""

import threading
from collections.abc import Callable

from lazycelery_core.store.cold import Cold
from lazycelery_core.store.dictionary import Dictionary, Exceptions
from lazycelery_core.store.index import Index
from lazycelery_core.store.limits import Limits
from lazycelery_core.store.segment import Segment

STATES = 8
MOST_SHORT = 32_000  # codes of names and queues take two bytes
TEXTS = ("name", "worker", "queue", "exception")  # the columns that hold codes of texts


class Table:
    """Tasks by row number, which counts arrivals and is never used again. Only the fold writes here, holding `lock`.

    `shift` and `mask` split a row number into the number of its segment and its place there. `evicted` counts tasks
    dropped by retention, `evicted_by_state` by the state they had then.
    """

    def __init__(self, limits: Limits, redact: Callable[[str], str], lock: threading.Lock) -> None:
        self.limits, self.lock = limits, lock
        self.mask = limits.segment_rows - 1
        self.shift = self.mask.bit_length()
        self.most_segments = max(2, -(-limits.tasks // limits.segment_rows))
        self.names, self.queues = (Dictionary(min(most, MOST_SHORT)) for most in (limits.names, limits.queues))
        self.hosts, self.exceptions = Dictionary(limits.hosts), Exceptions(limits.exceptions, redact)
        self.index = Index()
        self.cold = Cold(limits, lambda: self.rows - 1, lock)
        self.open = Segment(0, limits.segment_rows)
        self.ids = self.open.use()  # of the open segment
        self.places: dict[str, int] = {}  # of the ids in the open segment: small enough to stay in the CPU's caches
        self.segments: dict[int, Segment] = {0: self.open}
        self.evicted = 0
        self.evicted_by_state = [0] * STATES

    def dictionary(self, field: str) -> Dictionary:
        """The texts behind the codes of a column."""
        return (self.names, self.hosts, self.queues, self.exceptions)[TEXTS.index(field)]

    @property
    def rows(self) -> int:
        """The number of the next row."""
        return (self.open.number << self.shift) + len(self.ids)

    @property
    def first(self) -> int:
        """The oldest row that is held."""
        return next(iter(self.segments)) << self.shift

    def left_out(self) -> dict[str, int]:
        """How often a text was one too many to be told apart, by what it was."""
        told = {"names": self.names, "workers": self.hosts, "queues": self.queues, "exceptions": self.exceptions}
        return {f"{what} beyond the limit": texts.left_out for what, texts in told.items() if texts.left_out}

    def add(self, task_id: str) -> int:
        """A row for a new task; returns its number."""
        row = self.rows
        if row >> self.shift != self.open.number:
            self._open_next()
        self.places[task_id] = len(self.ids)
        self.ids.append(task_id)
        index = self.index
        index.shards[hash(task_id) & 255][task_id] = row
        if index.dropped:
            index.forget_some()
        return row

    def find(self, task_id: str) -> int:
        """The row of a task, -1 when it is not held."""
        row = self.index.get(task_id)
        return row if row >> self.shift in self.segments else -1

    def _open_next(self) -> None:
        self.open.close()
        self.open = Segment(self.open.number + 1, self.limits.segment_rows)
        self.ids, self.places = self.open.use(), {}
        segments = {**self.segments, self.open.number: self.open}  # a new dict: readers keep the one they have
        if len(segments) > self.most_segments:
            self._evict(segments.pop(next(iter(segments))))
        self.segments = segments
        self.cold.drop(self.first)

    def _evict(self, segment: Segment) -> None:
        self.evicted += segment.size
        states = segment.states()
        for state in range(STATES):
            self.evicted_by_state[state] += states.count(state)
        self.index.drop(segment.ids, segment.number << self.shift)
