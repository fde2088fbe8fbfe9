"""Which workers are there, and what may be believed about each?"""

from typing import Any

from lazycelery_core.control import INSPECT_COMMANDS
from lazycelery_core.events import WireEvent, WorkerCensus, WorkerReply
from lazycelery_core.model import Worker, WorkerState
from lazycelery_core.store.aggregates import Tally, WorkerCounts, percentiles
from lazycelery_core.store.dictionary import OTHER, Dictionary
from lazycelery_core.store.limits import Limits
from lazycelery_core.store.rings import FAILED, RETRIED, SUCCEEDED
from lazycelery_core.store.starts import Starts
from lazycelery_core.store.worker_record import WorkerRecord

BEAT = "celerybeat@"  # beat answers pings and counts as a listener, but is no worker
RATE_WINDOW = 60  # s
ANSWER_COUNTS = 20.0  # s that an answer stands for life where no heartbeats come
TASKS_COUNT = 60.0  # s that task events do
BUILD_BUDGET = 4_000  # workers a second that may be looked at again: 10,000 are not, ten times a second


class Workers:
    """All workers by hostname, the one heard last at the end; bounded, the quietest are left out and counted."""

    def __init__(self, limits: Limits, hosts: Dictionary, counts: WorkerCounts, starts: Starts) -> None:
        self._limits, self._hosts, self._counts, self._starts = limits, hosts, counts, starts
        self._records: dict[str, WorkerRecord] = {}
        self._built: dict[str, tuple[object, Worker]] = {}
        self._all: tuple[Worker, ...] = ()
        self._all_at = -1.0
        self._changes = self._all_changes = 0
        self._with_events = 0  # host codes below this have a record
        self.left_out = 0

    def event(self, event: WireEvent, now: float, ignored: Tally) -> None:
        """A worker-* event."""
        if event.type not in ("worker-heartbeat", "worker-online", "worker-offline"):
            ignored.count(event.type)  # a user's own, or gossip's: no heartbeat
        elif event.type == "worker-offline":
            record = self._records.get(event.hostname)
            if record is not None:
                record.goodbye(event.pid, now)
                self._changes += 1
        else:
            record = self._record(event.hostname, now)
            if record is not None:
                record.beat(event, now, self._counts.received[record.code])
                self._starts.beat(record.code, event.pid, event.clock, now)

    def reply(self, reply: WorkerReply, value: Any) -> None:
        """An answer to inspect. value: what was told, without secrets."""
        if reply.command in INSPECT_COMMANDS:
            record = self._record(reply.hostname, reply.at)
            if record is not None:
                record.answer(reply, value)
                if reply.command == "stats":
                    self._starts.answered(record.code, reply.value, reply.at, reply.latency)

    def census(self, census: WorkerCensus) -> None:
        """Who listens at the broker. Silent workers are gone when fewer listen than answered, mute when enough do."""
        for hostname in census.answered:
            record = self._record(hostname, census.at)
            if record is not None:
                record.alive()
                record.answered_at = census.at
        if census.listeners is None:
            return
        answered = frozenset(census.answered)
        others = (record for record in self._records.values() if record.hostname not in answered)
        silent = [record for record in others if self._late(record, census.at)]
        unexplained = census.listeners - len(answered)
        for record in silent:
            record.changes += 1
            record.gone_at = census.at if unexplained <= 0 else None
            record.mute_at = census.at if unexplained >= len(silent) else None
        self._changes += 1

    def seen_by_tasks(self, now: float) -> None:
        """Make records for hosts that only task events tell of (started without heartbeats)."""
        known = len(self._hosts.values)
        for code in range(self._with_events, known):
            hostname = self._hosts.values[code]
            record = self._record(hostname, now) if hostname not in self._records and hostname != OTHER else None
            if record is not None:
                record.first_task_at = now
        self._with_events = known

    def all(self, now: float) -> tuple[Worker, ...]:
        """Every worker by name. The same tuple as long as nothing changed."""
        age = now - self._all_at
        unchanged = self._changes == self._all_changes and int(now) == int(self._all_at)
        if age >= 0 and (unchanged or age < len(self._records) / BUILD_BUDGET - 0.1):
            return self._all
        self._counts.tick(now)
        self._all = tuple(self._worker(record, now) for _, record in sorted(self._records.items()))
        self._all_at, self._all_changes = now, self._changes
        return self._all

    def with_task_events(self) -> list[int]:
        """The codes of workers that are here, as far as known, and send task events."""
        return [each.code for each in self._records.values() if each.task_events and each.is_expected]

    def skew(self, hostname: str) -> float:
        """Seconds that the worker's clock is ahead, 0 when unknown."""
        record = self._records.get(hostname)
        return (record.skew.value or 0.0) if record is not None else 0.0

    def _record(self, hostname: str, now: float) -> WorkerRecord | None:
        """The record of a worker, moved to the end; None for beat and for no name."""
        if not hostname or hostname.startswith(BEAT):
            return None
        self._changes += 1
        record = self._records.pop(hostname, None)
        if record is None:
            code = self._hosts.add(hostname)
            self._counts.fit(len(self._hosts.values))
            record = WorkerRecord(hostname, code, now)
            if len(self._records) >= self._limits.workers:
                quietest = next(iter(self._records))
                del self._records[quietest]
                self._built.pop(quietest, None)
                self.left_out += 1
        self._records[hostname] = record
        return record

    def _late(self, record: WorkerRecord, now: float) -> bool:
        return record.offline_at is None and self._state(record, now)[0] is not WorkerState.ONLINE

    def _state(self, record: WorkerRecord, now: float) -> tuple[WorkerState, str]:
        """What may be believed, and why."""
        if record.offline_at is not None:
            return WorkerState.OFFLINE, "said goodbye"
        if record.beat_at is not None and now - record.beat_at <= record.patience:
            return WorkerState.ONLINE, ""
        if record.answered_at is not None and now - record.answered_at <= ANSWER_COUNTS:
            return WorkerState.ONLINE, "answers, but no heartbeats come"
        if now - max(self._counts.seen[record.code], record.first_task_at) <= self._task_patience(record):
            return WorkerState.ONLINE, "no heartbeats, but task events come"
        if record.gone_at is not None:
            return WorkerState.OFFLINE, "no heartbeats, and gone from the broker"
        if record.mute_at is not None:
            return WorkerState.MUTE, "no heartbeats and no answer, but the broker still counts it"
        return WorkerState.LATE, "heartbeats are overdue"

    @staticmethod
    def _task_patience(record: WorkerRecord) -> float:
        return TASKS_COUNT if record.beat_at is None else record.patience

    def _worker(self, record: WorkerRecord, now: float) -> Worker:
        """The record as a value; made again only when something in it changed, or every 5 s for its rate."""
        state, reason = self._state(record, now)
        ends = tuple(counts[record.code] for counts in self._counts.ends)
        key = (record.changes, state, reason, ends, record.twins(now), (int(now) + record.code) // 5)
        built = self._built.get(record.hostname)
        if built is None or built[0] != key:
            built = self._built[record.hostname] = key, self._build(record, state, reason, ends, now)
        return built[1]

    def _build(
        self, record: WorkerRecord, state: WorkerState, reason: str, ends: tuple[int, ...], now: float
    ) -> Worker:
        ring, runtimes = self._counts.rings[record.code], self._counts.runtimes[record.code]
        twins = record.twins(now)
        return Worker(
            hostname=record.hostname, state=state, reason="two workers share this name" if twins else reason,
            pid=record.pid, pids=tuple(sorted(record.pids)), twins=twins, freq=record.freq, beat_at=record.beat_at,
            first_seen=record.first_seen, skew=record.skew.value, active=record.active, processed=record.processed,
            loadavg=record.loadavg, software=record.software, task_events=record.task_events, pool=record.pool,
            concurrency=record.concurrency, queues=record.queues, reads=dict(record.reads), latency=record.latency,
            succeeded=ends[SUCCEEDED], failed=ends[FAILED], retried=ends[RETRIED],
            rate=ring.last(SUCCEEDED, RATE_WINDOW, now) + ring.last(FAILED, RATE_WINDOW, now) if ring else 0.0,
            p95=percentiles(runtimes, (0.95,))[0] if runtimes else None,
            load_history=record.history.values(), rss=record.rss,
        )  # fmt: skip
