"""Depth, history, rates and consumers of queues."""

import pytest

from lazycelery_core.deployment import queues_named
from lazycelery_core.events import QueueGone, QueueSample, RoutingSample, WireEvent, WorkerReply
from lazycelery_core.model import Binding, Endpoint, Exchange, Queue, Read, Routing
from lazycelery_core.store import Limits, Store
from lazycelery_core.testing.builders import a_worker

NOW = 1_000_000.0
SMALL = Limits(tasks=4_096, segment_rows=2_048)


def store() -> Store:
    """An empty store."""
    return Store(SMALL, str, NOW)


def queue_of(known: Store, now: float = 100.0) -> Queue:
    """The only queue."""
    (queue,) = known.queues(NOW + now)
    return queue


def sample(at: float, ready: int, name: str = "q") -> QueueSample:
    """A count of one queue."""
    return QueueSample(name, NOW + at, {0: ready})


def test_a_queue_is_what_its_last_sample_says() -> None:
    known = store()
    told = QueueSample("q", NOW, {0: 2, 3: 5}, 1, 2, "ex", "key", 7.5, "partly")
    known.apply([sample(0, 9), told], NOW)
    queue = queue_of(known)
    assert (queue.ready, queue.by_priority, queue.unacked, queue.oldest) == (7, {0: 2, 3: 5}, 1, 7.5)
    assert (queue.exchange, queue.routing_key, queue.note, queue.at) == ("ex", "key", "partly", NOW)


def test_depths_are_kept_every_five_seconds_for_a_quarter_of_an_hour() -> None:
    known = store()
    for at in range(1_000):
        known.apply([sample(at, at)], NOW + at)
    history = queue_of(known).history
    assert len(history) == 180
    assert history[-2:] == (994, 999)


def test_rates_are_unknown_without_task_sent_events() -> None:
    known = store()
    for at in range(10):
        known.apply([sample(at, 100 - at)], NOW + at)
    assert (queue_of(known).in_rate, queue_of(known).out_rate) == (None, None)


def test_what_was_sent_and_is_not_there_must_have_left() -> None:
    known = store()
    for at in range(61):
        sent = [WireEvent("task-sent", NOW + at, "web", f"{at}-{number}", queue="q") for number in range(10)]
        known.apply([*sent, sample(at, 4 * at)], NOW + at)
    queue = queue_of(known)
    assert queue.in_rate == pytest.approx(10.0)
    assert queue.out_rate == pytest.approx(6.0)


def test_nothing_leaves_a_queue_that_the_broker_says_nobody_consumes() -> None:
    known = store()
    for at in range(3):
        sent = WireEvent("task-sent", NOW + at, "web", f"{at}", queue="q")
        known.apply([sent, QueueSample("q", NOW + at, {0: 5}, consumers=0)], NOW + at)
    assert queue_of(known).in_rate == pytest.approx(1.0)
    assert queue_of(known).out_rate == 0.0
    known.apply([QueueSample("q", NOW + 3, {0: 2}, consumers=1), QueueSample("q", NOW + 4, {0: 2}, consumers=0)], NOW)
    assert queue_of(known).out_rate == pytest.approx(2 / 4 + 3 / 4), "somebody consumed it in this minute"


def test_rates_are_unknown_when_the_depth_grows_faster_than_was_told() -> None:
    known = store()
    for at in range(61):
        known.apply([WireEvent("task-sent", NOW + at, "web", f"{at}", queue="q"), sample(at, 50 * at)], NOW + at)
    assert queue_of(known).out_rate is None


def test_consumers_are_the_live_workers_that_named_the_queue() -> None:
    known = store()
    known.apply([sample(0, 1)], NOW)
    assert queue_of(known).consumers is None
    known.apply([WorkerReply("w1@a", "active_queues", NOW, [{"name": "other"}])], NOW)
    assert queue_of(known).consumers == ()
    known.apply([WorkerReply("w2@b", "active_queues", NOW, [{"name": "q"}])], NOW)
    assert queue_of(known).consumers == ("w2@b",)
    known.apply([WireEvent("worker-offline", NOW, "w2@b", pid=5)], NOW)
    assert queue_of(known).consumers == ()


def test_a_queue_that_is_gone_is_not_shown() -> None:
    known = store()
    known.apply([sample(0, 1), QueueGone("q", NOW), QueueGone("never", NOW)], NOW)
    assert known.queues(NOW) == ()


def test_queues_beyond_the_limit_are_left_out_and_counted() -> None:
    known = Store(Limits(tasks=4_096, segment_rows=2_048, queues=10), str, NOW)
    known.apply([sample(0, 1, f"q{number}") for number in range(15)], NOW)
    assert len(known.queues(NOW)) == 10
    assert known.totals(NOW).dropped == 5


def test_nothing_new_gives_the_same_tuple() -> None:
    known = store()
    known.apply([sample(0, 1)], NOW)
    assert known.queues(NOW + 1) is known.queues(NOW + 2)


def test_what_the_broker_itself_tells_is_passed_on() -> None:
    known = store()
    facts = (("Type", "quorum"),)
    told = QueueSample(
        "q", NOW, {0: 2}, consumers=3, in_rate=4.0, out_rate=1.5, delayed=7, highest_first=True, facts=facts
    )
    known.apply([sample(0, 9), told], NOW)
    queue = queue_of(known)
    assert (queue.in_rate, queue.out_rate, queue.consumer_count, queue.delayed) == (4.0, 1.5, 3, 7)
    assert (queue.highest_first, queue.facts) == (True, facts)
    assert (queue.in_history, queue.out_history) == ((4.0,), (1.5,))


def test_the_last_routing_told_is_the_one_that_holds() -> None:
    known = store()
    assert known.routing() is None
    old, new = Routing((Exchange("a"),)), Routing((Exchange("b"),), (Binding("b", "q"),), (Endpoint("q"),))
    known.apply([RoutingSample(old), RoutingSample(new)], NOW)
    assert known.routing() == new


def test_queues_that_workers_consume_or_are_set_up_for_are_named_to_pollers() -> None:
    conf = {"task_default_queue": "shop", "task_routes": {"a": {"queue": "mail"}, "b": "odd", "c": {"queue": 5}}}
    told = a_worker(queues=("celery",), reads={"conf": Read(conf, NOW)})
    odd = a_worker("w2", queues=(), reads={"conf": Read(["nonsense"], NOW)})
    assert queues_named([told, odd], ["heard"]) == {"celery", "shop", "mail", "heard"}
