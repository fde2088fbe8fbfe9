"""Rates from counters: over a minute, whatever the broker's pace, and none where nothing can be known."""

from lazycelery_plugin_amqp.flow import Flow, Flows
from lazycelery_plugin_amqp.management import ApiQueue, Stats


def counted(publish: int, deliver_get: int = 0, ack: int = 0, redeliver: int = 0) -> dict[str, ApiQueue]:
    stats = Stats(publish=publish, deliver_get=deliver_get, ack=ack, redeliver=redeliver)
    return {"mail": ApiQueue("mail", message_stats=stats)}


def test_a_rate_needs_counts_of_ten_seconds() -> None:
    flows = Flows()
    assert flows.of("mail") is None
    flows.learn(counted(100), 10.0)
    assert flows.of("mail") is None
    flows.learn(counted(145, 18, 9), 19.0)
    assert flows.of("mail") is None
    flows.learn(counted(150, 20, 10), 20.0)
    assert flows.of("mail") == Flow(came=5.0, left=2.0, acked=1.0, again=0.0)


def test_what_is_delivered_again_has_not_left_twice() -> None:
    flows = Flows()
    flows.learn(counted(0), 0.0)
    flows.learn(counted(0, deliver_get=30, redeliver=10), 10.0)
    assert flows.of("mail") == Flow(came=0.0, left=2.0, acked=0.0, again=1.0)


def test_counters_that_move_every_half_minute_only_are_smoothed_over_a_minute() -> None:
    flows = Flows()
    rates = []
    for second in range(0, 181, 5):
        flows.learn(counted(second // 30 * 30 * 10), float(second))
        flow = flows.of("mail")
        rates.append(None if flow is None else flow.came)
    late = [rate for rate in rates[12:] if rate is not None]
    assert all(8.0 <= rate <= 12.0 for rate in late), late


def test_what_was_more_than_a_minute_ago_is_forgotten() -> None:
    flows = Flows()
    flows.learn(counted(0), 0.0)
    flows.learn(counted(6000), 5.0)
    for second in range(10, 70, 5):
        flows.learn(counted(6000), float(second))
    assert flows.of("mail") == Flow(0.0, 0.0, 0.0, 0.0)


def test_a_new_queue_of_the_same_name_begins_anew() -> None:
    flows = Flows()
    flows.learn(counted(500), 0.0)
    flows.learn(counted(3), 5.0)
    assert flows.of("mail") is None
    flows.learn({}, 10.0)
    flows.learn(counted(5), 15.0)
    assert flows.of("mail") is None


def test_a_queue_without_statistics_has_moved_nothing() -> None:
    flows = Flows()
    flows.learn({"mail": ApiQueue("mail")}, 0.0)
    flows.learn({"mail": ApiQueue("mail", message_stats=[])}, 10.0)
    assert flows.of("mail") == Flow(0.0, 0.0, 0.0, 0.0)
