"""What is known about one worker node?"""

from typing import Any

from lazycelery_core.events import WireEvent, WorkerReply
from lazycelery_core.model import Read
from lazycelery_core.store.history import History
from lazycelery_core.store.skew import Skew

FREQ = 2.0  # s between heartbeats unless told otherwise: Celery's default
SLOWEST = 3_600.0  # s; a longer freq is nonsense
MISSED = 3  # heartbeats that may be missing: Celery's 2 makes busy workers flicker
MOST_PIDS = 8


class WorkerRecord:
    """Mutable facts about one worker, changed only by the store. Times are arrivals by the monitor's clock.

    code: in the dictionary of hosts. offline_at, gone_at, mute_at: when it said goodbye, was missed at the broker, was
    counted there but silent; each ends with the next sign of life.
    """

    def __init__(self, hostname: str, code: int, now: float) -> None:
        self.hostname, self.code, self.first_seen = hostname, code, now
        self.pid: int | None = None
        self.pids: dict[int, float] = {}  # pid -> its last heartbeat
        self.twin_at = 0.0
        self.freq = FREQ
        self.beat_at: float | None = None
        self.first_task_at = 0.0  # when a task event made it known; later ones are counted elsewhere
        self.answered_at: float | None = None
        self.offline_at: float | None = None
        self.gone_at: float | None = None
        self.mute_at: float | None = None
        self.active: int | None = None
        self.processed: int | None = None
        self.loadavg: tuple[float, ...] = ()
        self.software = self.pool = ""
        self.concurrency: int | None = None
        self.rss: int | None = None
        self.queues: tuple[str, ...] = ()
        self.reads: dict[str, Read] = {}
        self.latency: float | None = None
        self.task_events: bool | None = None
        self.skew, self.history = Skew(), History()
        self.changes = 0
        self._marks = (-1, -1, 0)  # processed, task events received, heartbeats since in which only the first grew

    def beat(self, event: WireEvent, now: float, received: int) -> None:
        """A heartbeat or worker-online. received: task-received events of this worker so far."""
        self.alive()
        self.beat_at = now
        self.skew.add(now, event.timestamp)
        self._process(event.pid, now)
        freq = event.freq
        if freq is not None and 0 < freq <= SLOWEST and event.active is not None:  # a beat on command says freq 5
            self.freq = freq
        if event.active is not None:
            self.active = event.active
            self.history.set(event.active, now)
        if event.loadavg:
            self.loadavg = tuple(event.loadavg[:3])
        if event.sw_ident:
            self.software = " ".join(filter(None, (event.sw_ident, event.sw_ver, event.sw_sys)))
        if event.processed is not None:
            self.processed = event.processed
            self._notice_task_events(event.processed, received)

    def goodbye(self, pid: int | None, now: float) -> None:
        """A worker-offline. Of two workers with one name, only one is gone."""
        self.changes += 1
        if pid is not None:
            self.pids.pop(pid, None)
        others = [each for each, at in self.pids.items() if now - at <= self.patience]
        if others and pid is not None:
            self.pid = others[-1]
        else:
            self.offline_at = now

    def alive(self) -> None:
        """A sign of life of any kind."""
        self.changes += 1
        self.offline_at = self.gone_at = self.mute_at = None

    @property
    def is_expected(self) -> bool:
        """Whether it neither said goodbye nor is gone from the broker."""
        return self.offline_at is None and self.gone_at is None

    @property
    def patience(self) -> float:
        """Seconds of silence after which a worker is late."""
        return MISSED * self.freq

    def twins(self, now: float) -> bool:
        """Whether two processes send heartbeats under this name."""
        return bool(self.twin_at) and now - self.twin_at <= 2 * self.patience

    def answer(self, reply: WorkerReply, value: Any) -> None:
        """An answer to an inspect command, or the word that there was none. value: the redacted one."""
        self.changes += 1
        self.reads[reply.command] = Read(value, reply.at, reply.error)
        if reply.latency is None and value is None:
            return
        self.alive()
        self.answered_at = reply.at
        self.latency = reply.latency if reply.latency is not None else self.latency
        if reply.command == "stats" and isinstance(value, dict):
            self._stats(value)
        elif reply.command == "active_queues" and isinstance(value, list):
            names = (queue.get("name") for queue in value if isinstance(queue, dict))
            self.queues = tuple(name for name in names if isinstance(name, str))

    def _stats(self, stats: dict[str, Any]) -> None:
        pool, rusage = stats.get("pool"), stats.get("rusage")
        if isinstance(pool, dict):
            self.pool = str(pool.get("implementation", "")).rpartition(":")[0].rpartition(".")[2][:40]
            processes, most = pool.get("processes"), pool.get("max-concurrency")
            # max-concurrency stays as it was when the pool is grown or shrunk: count the processes
            self.concurrency = len(processes) if isinstance(processes, list) and processes else _whole(most)
        if isinstance(rusage, dict):
            kib = _whole(rusage.get("maxrss"))
            self.rss = None if kib is None else kib * 1024

    def _process(self, pid: int | None, now: float) -> None:
        if pid is None:
            return
        if pid != self.pid and pid in self.pids:  # a pid that was replaced is back: there are two
            self.twin_at = now
        self.pid = pid
        self.pids[pid] = now
        if len(self.pids) > 1:
            self.pids = dict([each for each in self.pids.items() if now - each[1] <= self.patience][-MOST_PIDS:])

    def _notice_task_events(self, processed: int, received: int) -> None:
        """Task events are off when tasks are accepted through two heartbeats and no event tells of them."""
        last_processed, last_received, missing = self._marks
        if received > max(0, last_received):
            self.task_events, missing = True, 0
        elif last_processed >= 0 and processed > last_processed:
            missing += 1
            if missing > 1:
                self.task_events = False
        self._marks = (processed, received, missing)


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and 0 <= value < 1 << 40 else None
