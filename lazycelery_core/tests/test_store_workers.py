"""What is believed about workers: life, twins, clocks, task events, load."""

from typing import Any

import pytest

from lazycelery_core.events import Event, WireEvent, WorkerCensus, WorkerReply
from lazycelery_core.model import Worker, WorkerState
from lazycelery_core.redact import Redactor
from lazycelery_core.store import Limits, Store

NOW = 1_000_000.0
SMALL = Limits(tasks=4_096, segment_rows=2_048)


def beat(at: float, host: str = "w1@a", pid: int = 10, **fields: Any) -> tuple[float, Event]:
    """A heartbeat that arrives `at` seconds after NOW."""
    told: dict[str, Any] = {"active": 0, "processed": 0, "freq": 2.0, **fields}
    return at, WireEvent("worker-heartbeat", NOW + at + told.pop("skew", 0.0), host, pid=pid, **told)


def task(kind: str, at: float, host: str = "w1@a", task_id: str = "T", **fields: Any) -> tuple[float, Event]:
    """A task event that arrives `at` seconds after NOW."""
    return at, WireEvent(f"task-{kind}", NOW + at, host, task_id, **fields)


def offline(at: float, pid: int = 10, host: str = "w1@a") -> tuple[float, Event]:
    """A worker-offline."""
    return at, WireEvent("worker-offline", NOW + at, host, pid=pid)


def census(at: float, listeners: int | None, *answered: str) -> tuple[float, Event]:
    """Who answered a ping, and how many the broker says listen."""
    return at, WorkerCensus(NOW + at, listeners, answered)


def reply(at: float, command: str, value: Any, host: str = "w1@a", **fields: Any) -> tuple[float, Event]:
    """An answer to inspect."""
    return at, WorkerReply(host, command, NOW + at, value, **fields)


def store_of(*arrivals: tuple[float, Event]) -> Store:
    """A store in which these have arrived."""
    store = Store(SMALL, Redactor(), NOW)
    for at, event in arrivals:
        store.apply([event], NOW + at)
    return store


def worker_at(now: float, *arrivals: tuple[float, Event]) -> Worker:
    """w1@a as it is `now` seconds after NOW."""
    return next(each for each in store_of(*arrivals).workers(NOW + now) if each.hostname == "w1@a")


def test_heartbeats_keep_a_worker_online() -> None:
    worker = worker_at(7.9, beat(0), beat(2, active=3, processed=7, loadavg=[1.0, 2.0, 3.0]))
    assert (worker.state, worker.active, worker.processed, worker.loadavg) == ("online", 3, 7, (1.0, 2.0, 3.0))
    assert worker.beat_at == NOW + 2


def test_three_missed_heartbeats_make_it_late_not_dead() -> None:
    assert worker_at(8.1, beat(0), beat(2)).state is WorkerState.LATE
    assert worker_at(25, beat(0, freq=10.0)).state is WorkerState.ONLINE


def test_a_goodbye_is_believed_until_the_next_heartbeat() -> None:
    assert worker_at(3, beat(0), offline(2)).state is WorkerState.OFFLINE
    assert worker_at(5, beat(0), offline(2), beat(4, pid=11)).state is WorkerState.ONLINE


def test_a_silent_worker_that_still_listens_is_mute() -> None:
    worker = worker_at(40, beat(0), beat(30, "w2@b"), census(31, 2, "w2@b"))
    assert (worker.state, "still counts" in worker.reason) == (WorkerState.MUTE, True)


def test_a_silent_worker_that_listens_no_more_is_offline() -> None:
    worker = worker_at(40, beat(0), beat(30, "w2@b"), census(31, 1, "w2@b"))
    assert (worker.state, "gone from the broker" in worker.reason) == (WorkerState.OFFLINE, True)


def test_of_several_silent_workers_nobody_knows_which_is_gone() -> None:
    arrivals = [beat(0), beat(0, "w3@c"), beat(30, "w2@b"), census(31, 2, "w2@b")]
    assert worker_at(40, *arrivals).state is WorkerState.LATE


def test_a_census_without_a_count_proves_no_death() -> None:
    assert worker_at(40, beat(0), beat(30, "w2@b"), census(31, None, "w2@b")).state is WorkerState.LATE


def test_a_heartbeat_after_the_census_is_believed() -> None:
    assert worker_at(33, beat(0), census(31, 0), beat(32)).state is WorkerState.ONLINE


def test_a_worker_that_answers_without_heartbeats_is_online() -> None:
    worker = worker_at(40, census(39, 1, "w1@a"))
    assert (worker.state, worker.reason) == (WorkerState.ONLINE, "answers, but no heartbeats come")


def test_a_worker_without_heartbeats_is_known_by_its_task_events() -> None:
    worker = worker_at(30, task("received", 1), task("started", 2))
    assert (worker.state, worker.reason) == (WorkerState.ONLINE, "no heartbeats, but task events come")
    assert worker_at(1, task("started", 1)).state is WorkerState.ONLINE
    assert worker_at(120, task("received", 1)).state is WorkerState.LATE


def test_clients_that_send_tasks_are_no_workers() -> None:
    assert store_of(task("sent", 0, "gen123@web")).workers(NOW) == ()


def test_beat_is_no_worker() -> None:
    arrivals = [census(1, 1, "celerybeat@a"), beat(2, "celerybeat@a"), reply(3, "ping", {"ok": "pong"}, "celerybeat@a")]
    assert store_of(*arrivals).workers(NOW + 4) == ()


def test_two_workers_of_one_name_are_twins() -> None:
    worker = worker_at(6, beat(0, pid=10), beat(1, pid=11), beat(2, pid=10), beat(3, pid=11))
    assert (worker.twins, worker.pids, worker.reason) == (True, (10, 11), "two workers share this name")
    assert worker_at(4, beat(0, pid=10), beat(1, pid=11), beat(2, pid=10), offline(3, pid=10)).state == "online"


def test_a_restarted_worker_is_no_twin() -> None:
    assert not worker_at(5, beat(0, pid=10), beat(2, pid=11), beat(4, pid=11)).twins
    assert worker_at(30, beat(0, pid=10), beat(2, pid=11), beat(20, pid=11)).pids == (11,)


@pytest.mark.parametrize("skew", [21_600.0, -21_600.0])
def test_a_worker_with_another_clock_is_online_and_its_skew_is_shown(skew: float) -> None:
    worker = worker_at(5, beat(0, skew=skew - 0.5), beat(2, skew=skew - 0.01), beat(4, skew=skew - 2.0))
    assert worker.state is WorkerState.ONLINE
    assert worker.skew == pytest.approx(skew, abs=0.02)


def test_lag_is_measured_with_the_skew_removed() -> None:
    store = store_of(beat(0, skew=100.0), beat(2, skew=100.0))
    store.apply([WireEvent("task-received", NOW + 102.5, "w1@a", "T")], NOW + 3)
    lag = store.totals(NOW + 3).lag
    assert lag is not None
    assert 0 <= lag < 0.5


def test_task_events_are_on_when_they_come() -> None:
    assert worker_at(3, beat(0), task("received", 1), beat(2, processed=1)).task_events is True


def test_task_events_are_off_when_tasks_are_accepted_without_any() -> None:
    beats = [beat(0, processed=5), beat(2, processed=7), beat(4, processed=9)]
    assert worker_at(5, *beats).task_events is False
    assert worker_at(5, beat(0), beat(2), beat(4)).task_events is None
    assert worker_at(8, *beats, task("received", 5), beat(6, processed=10)).task_events is True


def test_stats_tell_pool_concurrency_and_memory() -> None:
    stats = {
        "pool": {"implementation": "celery.concurrency.prefork:TaskPool", "max-concurrency": 2, "processes": [1, 2, 3]},
        "rusage": {"maxrss": 50_000},
    }
    worker = worker_at(2, beat(0), reply(1, "stats", stats, latency=0.003))
    assert (worker.pool, worker.concurrency, worker.rss, worker.latency) == ("prefork", 3, 51_200_000, 0.003)
    threads = {"pool": {"implementation": "celery.concurrency.thread:TaskPool", "max-concurrency": 8}}
    assert worker_at(2, reply(1, "stats", threads)).concurrency == 8


@pytest.mark.parametrize("stats", [None, [], {"pool": 5}, {"pool": {"processes": "x"}}, {"rusage": {"maxrss": "much"}}])
def test_stats_of_an_odd_shape_tell_nothing(stats: Any) -> None:
    assert worker_at(2, beat(0), reply(1, "stats", stats)).concurrency is None


def test_answers_are_kept_by_command_with_secrets_hidden() -> None:
    worker = worker_at(2, reply(1, "conf", {"db_password": "hunter2", "timezone": "UTC"}), reply(1, "evil", 1))
    assert set(worker.reads) == {"conf"}
    assert "hunter2" not in repr(worker.reads)
    assert worker.reads["conf"].value["timezone"] == "UTC"


def test_an_answer_that_did_not_come_is_no_sign_of_life() -> None:
    worker = worker_at(40, beat(0), reply(39, "stats", None, error="no answer"))
    assert (worker.state, worker.reads["stats"].error) == (WorkerState.LATE, "no answer")


def test_queues_of_a_worker_come_from_active_queues() -> None:
    assert worker_at(2, reply(1, "active_queues", [{"name": "a"}, {"name": "b"}, {}, 5])).queues == ("a", "b")


def test_load_is_kept_every_five_seconds() -> None:
    beats = [beat(at, active=at) for at in range(0, 20, 2)]
    assert worker_at(20, *beats).load_history == (4.0, 8.0, 14.0, 18.0)
    assert worker_at(60, beat(0, active=3), beat(55, active=2)).load_history == (3.0, *[0.0] * 10, 2.0)


def test_ends_are_counted_and_timed_by_worker() -> None:
    events = []
    for number in range(100):
        events += [
            task("received", number / 10, task_id=str(number), name="a"),
            task("succeeded", number / 10, task_id=str(number), runtime=number / 100),
        ]
    worker = worker_at(60, *events, task("failed", 11, task_id="F", exception="E"))
    assert (worker.succeeded, worker.failed) == (100, 1)
    assert worker.p95 == pytest.approx(0.95, rel=0.05)
    assert worker.rate == pytest.approx(101 / 60, rel=0.1)


def test_a_custom_worker_event_is_no_heartbeat() -> None:
    store = store_of((0.0, WireEvent("worker-mood", NOW, "w1@a")))
    assert store.workers(NOW) == ()
    assert store.totals(NOW).ignored == {"worker-mood": 1}


def test_nothing_new_gives_the_same_tuple() -> None:
    store = store_of(beat(0))
    first = store.workers(NOW + 0.5)
    assert store.workers(NOW + 0.7) is first
    assert store.workers(NOW + 1.5)[0] is first[0]


def test_a_flapping_worker_is_one_worker() -> None:
    store = Store(SMALL, str, NOW)
    for number in range(20_000):
        kind = "worker-online" if number % 2 else "worker-offline"
        store.apply([WireEvent(kind, NOW + number, "w1@a", pid=number)], NOW + number)
    (worker,) = store.workers(NOW + 20_000)
    assert len(worker.pids) <= 8


def test_the_quietest_workers_are_left_out_and_counted() -> None:
    store = Store(Limits(tasks=4_096, segment_rows=2_048, workers=100), str, NOW)
    for number in range(1_000):
        store.apply([beat(0, f"w{number}@x")[1]], NOW + number)
        store.apply([beat(0, "w1@a")[1]], NOW + number)
    names = {worker.hostname for worker in store.workers(NOW + 1_000)}
    assert len(names) == 100
    assert "w1@a" in names
    assert store.totals(NOW).dropped == 901
