"""How many tasks were missed in a gap: what workers say they began, against what was heard."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazycelery_core.events import Event, ResultMeta, WireEvent, WorkerReply
from lazycelery_core.model import Gap
from lazycelery_core.store import Limits, Store
from lazycelery_core.store import starts as module

NOW = 1_000_000.0
SMALL = Limits(tasks=4_096, segment_rows=2_048)


class Worker:
    """A worker as Celery is one: it counts what it begins, and its clock goes on with every event."""

    def __init__(self, hostname: str = "w1@a", pid: int = 11) -> None:
        self.hostname, self.pid, self.clock = hostname, pid, 0
        self.total: Counter[str] = Counter()
        self.ids = 0

    def event(self, kind: str, **fields: object) -> WireEvent:
        self.clock += 1
        return WireEvent(kind, NOW, self.hostname, clock=self.clock, pid=self.pid, **fields)  # type: ignore[arg-type]

    def beat(self) -> WireEvent:
        return self.event("worker-heartbeat", freq=2.0, active=0, processed=sum(self.total.values()))

    def receive(self, name: str) -> WireEvent:
        self.ids += 1
        return self.event("task-received", uuid=f"{self.hostname}-{self.pid}-{self.ids}", name=name)

    def start(self, received: WireEvent) -> WireEvent:
        self.total[received.name or ""] += 1
        return self.event("task-started", uuid=received.uuid)

    def run(self, name: str) -> list[WireEvent]:
        received = self.receive(name)
        return [received, self.start(received)]

    def stats(self, at: float) -> WorkerReply:
        value = {"total": dict(self.total), "pid": self.pid, "clock": str(self.clock)}
        return WorkerReply(self.hostname, "stats", at, value, latency=0.01)


class Watched:
    """A store that hears what it is given, second after second."""

    def __init__(self) -> None:
        self.store, self.now = Store(SMALL, str, NOW), NOW

    def hears(self, *events: Event) -> None:
        self.now += 1.0
        self.store.apply(events, self.now)

    def gap(self, asked: bool = True) -> None:
        self.store.gap(Gap(self.now - 0.5, self.now + 1.0, "cut"), asked)
        self.now += 1.5

    def asks(self, *workers: Worker) -> None:
        """Each worker's count, and its next heartbeats."""
        self.hears(*(worker.stats(self.now + 1) for worker in workers))
        for _ in range(2):
            self.hears(*(worker.beat() for worker in workers))
        self.store.gaps(self.now)

    @property
    def last(self) -> Gap:
        self.now += 1.0
        return self.store.gaps(self.now)[-1]


def met(*workers: Worker) -> Watched:
    """A store that knows these workers, their events and their counts."""
    watched = Watched()
    for worker in workers:
        watched.hears(worker.beat(), *worker.run("shop.charge"))
    watched.asks(*workers)
    return watched


def test_tasks_missed_in_a_gap_are_counted_by_name() -> None:
    worker = Worker()
    watched = met(worker)
    watched.hears(*worker.run("shop.charge"))
    for name in ("shop.charge", "shop.mail", "shop.mail"):
        worker.run(name)
    watched.gap()
    assert (watched.last.missed, watched.last.note) == (None, "being counted")
    watched.hears(*worker.run("shop.mail"))
    watched.asks(worker)
    assert (watched.last.missed, watched.last.note) == ({"shop.mail": 2, "shop.charge": 1}, "")


def test_nothing_missed_is_a_zero_that_is_known() -> None:
    worker = Worker()
    watched = met(worker)
    watched.gap()
    watched.asks(worker)
    assert (watched.last.missed, watched.last.note) == ({}, "")


def test_events_that_arrive_after_the_count_they_belong_to_are_no_loss() -> None:
    worker = Worker()
    watched = met(worker)
    watched.gap()
    late = worker.run("shop.charge")
    counted = worker.stats(watched.now + 1)
    early = worker.run("shop.charge")
    watched.hears(*early)
    watched.hears(counted)
    watched.hears(*late, worker.beat())
    watched.hears(worker.beat())
    assert watched.last.missed == {}


def test_a_name_that_is_told_after_the_start_counts_under_it() -> None:
    worker = Worker()
    watched = met(worker)
    received = worker.receive("shop.mail")
    watched.gap()
    watched.hears(worker.start(received))
    watched.hears(ResultMeta(received.uuid, "SUCCESS", NOW, name="shop.mail"))
    watched.asks(worker)
    assert (watched.last.missed, watched.last.note) == ({}, "")


def test_a_start_whose_name_stays_unknown_is_said_to_be_in_the_number() -> None:
    worker = Worker()
    watched = met(worker)
    received = worker.receive("shop.mail")
    watched.gap()
    watched.hears(worker.start(received))
    watched.asks(worker)
    assert watched.last.missed == {"shop.mail": 1}
    assert watched.last.note == "1 of them may have been heard without their name"


def test_a_restarted_worker_is_named_and_counts_again_in_the_next_gap() -> None:
    old, other = Worker("w1@a", 11), Worker("w2@b", 12)
    watched = met(old, other)
    other.run("shop.mail")
    watched.gap()
    new = Worker("w1@a", 99)
    watched.hears(new.beat())
    watched.asks(new, other)
    assert watched.last.missed == {"shop.mail": 1}
    assert watched.last.note == "w1@a not counted: restarted meanwhile"
    new.run("shop.charge")
    watched.gap()
    watched.asks(new, other)
    assert (watched.last.missed, watched.last.note) == ({"shop.charge": 1}, "")


def test_a_worker_that_does_not_answer_is_named_in_the_end() -> None:
    worker, gone = Worker("w1@a"), Worker("w2@b", 12)
    watched = met(worker, gone)
    watched.gap()
    watched.asks(worker)
    assert watched.last.note == "being counted"
    watched.now += module.DEADLINE
    assert (watched.last.missed, watched.last.note) == ({}, "w2@b not counted: no answer since")


def test_a_worker_that_was_never_asked_before_is_named() -> None:
    worker = Worker()
    watched = Watched()
    watched.hears(worker.beat(), *worker.run("shop.charge"))
    watched.gap()
    assert watched.last.note == "w1@a not counted: not asked before the gap"


def test_where_nobody_is_asked_the_number_is_unknown() -> None:
    watched = met(Worker())
    watched.gap(asked=False)
    assert (watched.last.missed, watched.last.note) == (None, "unknown: workers are not asked")


def test_workers_without_task_events_are_not_missed() -> None:
    worker = Worker()
    watched = Watched()
    watched.hears(worker.beat())
    watched.asks(worker)
    worker.run("shop.charge")
    watched.gap()
    watched.asks(worker)
    assert (watched.last.missed, watched.last.note) == (None, "no worker sends task events")


def test_two_gaps_without_a_count_between_them_are_counted_once() -> None:
    worker = Worker()
    watched = met(worker)
    worker.run("shop.charge")
    watched.gap()
    worker.run("shop.charge")
    watched.gap()
    watched.asks(worker)
    first, second = watched.store.gaps(watched.now)
    assert (first.missed, first.note) == (None, "counted with the next gap")
    assert (second.missed, second.note) == ({"shop.charge": 2}, "")


def test_a_count_that_was_asked_for_in_the_gap_tells_nothing() -> None:
    worker = Worker()
    watched = met(worker)
    watched.store.gap(Gap(watched.now, watched.now + 5, "cut"), True)
    watched.hears(worker.stats(watched.now + 1), worker.beat())
    worker.run("shop.charge")
    watched.now += 5
    watched.asks(worker)
    assert watched.last.missed == {"shop.charge": 1}


@pytest.mark.parametrize(
    "stats", [None, [], {}, {"pid": "11", "clock": "1", "total": {}}, {"pid": 11, "clock": "9" * 5000, "total": {}},
              {"pid": 11, "clock": "x", "total": {}}, {"pid": 11, "clock": "1", "total": 3}],
)  # fmt: skip
def test_an_answer_that_is_no_count_is_left_alone(stats: object) -> None:
    worker = Worker()
    watched = met(worker)
    watched.gap()
    watched.hears(WorkerReply(worker.hostname, "stats", watched.now + 1, stats, latency=0.01))
    watched.asks(worker)
    assert watched.last.missed == {}


def test_the_recent_starts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECENT", 8)
    worker = Worker()
    watched = met(worker)
    watched.gap()
    counted = worker.stats(watched.now + 1)
    watched.hears(counted)
    for _ in range(20):
        watched.hears(*worker.run("shop.charge"), worker.beat())
    assert len(watched.store._merge.starts.rows) <= 9
    assert watched.last.missed == {}


Step = tuple[str, str, bool]


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(("w1@a", "w2@b")), st.booleans()), max_size=40))
def test_whatever_runs_and_is_heard_the_difference_is_what_was_not(steps: Sequence[Step]) -> None:
    workers = {name: Worker(name, pid) for pid, name in enumerate(("w1@a", "w2@b"), 1)}
    watched = met(*workers.values())
    missed: Counter[str] = Counter()
    watched.gap()
    for name, host, heard in steps:
        events = workers[host].run(name)
        if heard:
            watched.hears(*events)
        else:
            missed[name] += 1
    watched.asks(*workers.values())
    assert watched.last.missed == dict(missed)


def test_four_silent_workers_are_three_names_and_a_number() -> None:
    workers = [Worker(f"w{number}@a", number) for number in range(1, 5)]
    watched = met(*workers)
    watched.gap()
    watched.now += module.DEADLINE + 1
    assert watched.last.note == "w1@a, w2@a, w3@a and 1 more not counted: no answer since"
    watched = met(*workers[:3])
    watched.gap()
    watched.now += module.DEADLINE + 1
    assert watched.last.note == "w1@a, w2@a, w3@a not counted: no answer since"


def test_a_worker_is_waited_for_until_its_time_is_over() -> None:
    watched = met(Worker())
    watched.store.gap(Gap(watched.now, watched.now + 2, "cut"), True)
    assert watched.store.gaps(watched.now + 2 + module.DEADLINE)[-1].note == "being counted"
    assert watched.store.gaps(watched.now + 2.01 + module.DEADLINE)[-1].note == "w1@a not counted: no answer since"


def test_an_answer_to_what_was_asked_before_the_gap_ended_tells_nothing() -> None:
    for latency, missed in ((2.0, None), (0.1, {"shop.charge": 1})):
        worker = Worker()
        watched = met(worker)
        worker.run("shop.charge")
        watched.gap()
        reply = worker.stats(watched.now + 1)
        reply.latency = latency
        watched.hears(reply)
        watched.hears(worker.beat())
        watched.now += module.CALM
        assert watched.last.missed == missed


def test_a_count_holds_once_a_later_heartbeat_of_the_same_process_is_a_second_old() -> None:
    def counted(beat: WireEvent, later: float) -> bool:
        worker = Worker()
        watched = met(worker)
        watched.gap()
        watched.hears(worker.stats(watched.now + 1))
        beat.clock = None if beat.clock is None else beat.clock + worker.clock
        watched.hears(beat)
        return watched.store.gaps(watched.now + later)[-1].missed is not None

    def beat(clock: int | None, pid: int = 11) -> WireEvent:
        return WireEvent("worker-heartbeat", NOW, "w1@a", clock=clock, pid=pid, freq=2.0)

    assert counted(beat(1), module.CALM)
    assert not counted(beat(1), module.CALM - 0.01)
    assert not counted(beat(0), 30.0)
    assert not counted(beat(None), 30.0)
    assert not counted(beat(1, pid=12), 30.0)


@pytest.mark.parametrize(
    "clock, is_one", [("9" * 15, True), ("9" * 16, False), ("1" * 16, False), (0, True), (-1, False), (2**53 - 1, True),
                      (2**53, False), (True, False), (1.0, False), ("-1", False), ("", False)],
)  # fmt: skip
def test_a_clock_is_a_whole_number_as_far_as_those_are_exact(clock: object, is_one: bool) -> None:
    watched = met(Worker("w2@b", 12))
    watched.hears(WireEvent("worker-heartbeat", NOW, "w1@a", clock=1, pid=11, freq=2.0))
    for _ in range(2):
        watched.hears(WireEvent("task-received", NOW, "w1@a", f"{watched.now}", name="a"))
    watched.hears(WorkerReply("w1@a", "stats", watched.now + 1, {"pid": 11, "clock": clock, "total": {}}, latency=0.01))
    assert (0 in watched.store._merge.starts._fresh or 1 in watched.store._merge.starts._fresh) == is_one
