"""How deep is each queue, how was it, and how fast do messages come and go?"""

from collections import deque
from collections.abc import Mapping, Sequence
from math import inf

from lazycelery_core.events import QueueGone, QueueSample
from lazycelery_core.model import Queue, Routing, Worker, WorkerState
from lazycelery_core.store.dictionary import Dictionary
from lazycelery_core.store.history import History
from lazycelery_core.store.limits import Limits

WINDOW = 60.0  # s over which rates are smoothed
MOST_MARKS = 120
NOISE = 0.05  # events and counts are not taken at the same instant: so far below zero is still zero


class QueueRecord:
    """One queue: its last sample, its depths, and (when, ready, task-sent events so far) of the last minute."""

    __slots__ = ("came", "history", "left", "marks", "sample", "served")

    def __init__(self) -> None:
        self.sample: QueueSample | None = None
        self.history, self.came, self.left = History(), History(), History()
        self.marks: deque[tuple[float, int, int]] = deque(maxlen=MOST_MARKS)
        self.served = -inf  # when somebody may have consumed it last, as far as the broker tells

    def add(self, sample: QueueSample, sent: int) -> None:
        """A new count. One without any step is none: the queue could not be read, which is not the same as empty."""
        self.sample = sample
        self._add_rates(sample)
        if sample.consumers != 0:
            self.served = sample.at
        if not sample.ready:
            return
        ready = sum(sample.ready.values())
        self.history.set(ready, sample.at)
        self.marks.append((sample.at, ready, sent))
        while sample.at - self.marks[0][0] > WINDOW:
            self.marks.popleft()

    def _add_rates(self, sample: QueueSample) -> None:
        if sample.in_rate is not None:
            self.came.set(sample.in_rate, sample.at)
        if sample.out_rate is not None:
            self.left.set(sample.out_rate, sample.at)

    def rates(self) -> tuple[float | None, float | None]:
        """(in, out) messages a second over the last minute.

        The broker's own where it tells both. Else in are `task-sent` events that name the queue, and out is what must
        have left, so that the depth is what it is. Both None before two counts, when no such event came, and when the
        depth grew faster than they tell: then some clients do not send them.
        """
        if self.sample is not None and self.sample.in_rate is not None and self.sample.out_rate is not None:
            return self.sample.in_rate, self.sample.out_rate
        if not self.marks:
            return None, None
        (start, before, sent_before), (end, ready, sent) = self.marks[0], self.marks[-1]
        if end - start < 1 or not sent:
            return None, None
        came = (sent - sent_before) / (end - start)
        left = came - (ready - before) / (end - start)
        if self.served < start:
            return came, 0.0  # whatever the depth: some brokers tell one that is seconds old
        if left < -max(NOISE * came, 1 / (end - start)):
            return None, None
        return came, max(0.0, left)


class Queues:
    """All queues by name; bounded, further ones are left out and counted."""

    def __init__(self, limits: Limits, names: Dictionary, sent_to: Sequence[int]) -> None:
        self._limits, self._names, self._sent_to = limits, names, sent_to
        self._records: dict[str, QueueRecord] = {}
        self._all: tuple[Queue, ...] = ()
        self._made_of: tuple[object, ...] = ()
        self._changes = 0
        self.left_out = 0
        self.routing: Routing | None = None  # as it was told last

    def sample(self, sample: QueueSample) -> None:
        """A count of a queue."""
        record = self._records.get(sample.name)
        if record is None:
            if len(self._records) >= self._limits.queues:
                self.left_out += 1
                return
            record = self._records[sample.name] = QueueRecord()
        code = self._names.codes.get(sample.name, -1)
        record.add(sample, self._sent_to[code] if 0 <= code < len(self._sent_to) else 0)
        self._changes += 1

    def gone(self, gone: QueueGone) -> None:
        """A queue that is no more."""
        if self._records.pop(gone.name, None) is not None:
            self._changes += 1

    def all(self, workers: Sequence[Worker]) -> tuple[Queue, ...]:
        """Every queue by name. The same tuple as long as nothing changed."""
        consumers = _consumers(workers)
        made_of = (self._changes, consumers)
        if made_of != self._made_of:
            self._made_of = made_of
            self._all = tuple(_queue(name, record, consumers) for name, record in sorted(self._records.items()))
        return self._all


def _consumers(workers: Sequence[Worker]) -> Mapping[str, tuple[str, ...]] | None:
    """Live consumers by queue; None when no worker told its queues."""
    found: dict[str, tuple[str, ...]] = {}
    told = False
    for worker in workers:
        told = told or "active_queues" in worker.reads
        if worker.state is not WorkerState.OFFLINE:
            for queue in worker.queues:
                found[queue] = (*found.get(queue, ()), worker.hostname)
    return found if told else None


def _queue(name: str, record: QueueRecord, consumers: Mapping[str, tuple[str, ...]] | None) -> Queue:
    sample = record.sample
    assert sample is not None, "a record is made for its first sample"
    came, left = record.rates()
    ready = sum(sample.ready.values()) if sample.ready else None
    return Queue(
        name=name, ready=ready, unacked=sample.unacked, by_priority=dict(sample.ready),
        consumers=None if consumers is None else consumers.get(name, ()), exchange=sample.exchange,
        routing_key=sample.routing_key, at=sample.at, in_rate=came, out_rate=left, oldest=sample.oldest,
        history=tuple(int(depth) for depth in record.history.values()), note=sample.note,
        consumer_count=sample.consumers, delayed=sample.delayed, highest_first=sample.highest_first,
        facts=sample.facts, in_history=record.came.values(), out_history=record.left.values(),
    )  # fmt: skip
