"""What a broker tells beyond depths: delays, its own counts and rates, dead letters, are drawn as it tells them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lazycelery_core.model import Queue
from lazycelery_core.pane import DetailTab, DrawContext
from lazycelery_core.spans import plain
from lazycelery_core.table import snapshot_text
from lazycelery_core.testing.builders import NOW, a_message, a_queue, a_snapshot
from lazycelery_plugin_queues.chart import QueueRates
from lazycelery_plugin_queues.dead_letters import deaths, delay
from lazycelery_plugin_queues.flow import consumer_number, is_abandoned
from lazycelery_plugin_queues.notes import consumers_text
from lazycelery_plugin_queues.pane import QueuesList
from lazycelery_plugin_queues.tabs import MessageDetails, QueueConsumers, QueueDetails

QUEUE = a_queue(
    "orders", 13, unacked=2, by_priority={0: 1, 9: 12}, consumers=None, consumer_count=4, delayed=5, highest_first=True,
    facts=(("Type", "quorum"), ("Delayed", "5"), ("x-max-priority", "10"), ("\x1b[31m", "\x1b]0;x\x07")),
    in_rate=4.0, out_rate=2.0, in_history=(0.0, 2.0, 4.0), out_history=(2.0, 2.0, 2.0),
)  # fmt: skip


def told(tab: DetailTab, item: Any, width: int = 100) -> str:
    snapshot = a_snapshot(queues=[item] if isinstance(item, Queue) else [])
    lines = tab.lines(item, DrawContext(snapshot, width, 40))
    return "\n".join(plain(each) for each in lines)  # type: ignore[arg-type]


def test_the_details_tell_what_the_broker_tells_and_nothing_twice() -> None:
    text = told(QueueDetails(), QUEUE)
    assert "Delayed     5  kept back by the broker until their time" in text
    assert text.count("Delayed") == 1
    assert "Type        quorum" in text
    assert "x-max-priority 10" in text
    assert not {"\x1b", "\x07"} & set(text)


def test_the_priority_that_is_served_first_stands_on_top() -> None:
    text = told(QueueDetails(), QUEUE)
    assert text.index("step 9") < text.index("step 0")
    redis = told(QueueDetails(), replace(QUEUE, highest_first=False))
    assert redis.index("step 0") < redis.index("step 9")


def test_consumers_are_those_that_the_broker_counts_where_it_counts_them() -> None:
    assert consumer_number(QUEUE) == 4
    assert consumer_number(replace(QUEUE, consumer_count=None)) is None
    assert consumer_number(replace(QUEUE, consumer_count=None, consumers=("a",))) == 1
    assert consumers_text(replace(QUEUE, consumers=("w1@a", "w2@b"))) == "4 consumers (w1, w2)"
    assert "The broker counts 4 consumers." in told(QueueConsumers(), replace(QUEUE, consumers=()))


def test_a_queue_that_others_than_workers_consume_is_not_abandoned() -> None:
    assert not is_abandoned(replace(QUEUE, consumers=()))
    assert is_abandoned(replace(QUEUE, consumers=("w1@a",), consumer_count=0))


def test_delayed_tasks_are_told_below_the_list() -> None:
    queues = [a_queue(f"q{number}", delayed=number) for number in range(5)]
    text = snapshot_text(QueuesList(), a_snapshot(queues=queues), 120, 20)
    assert "◷ delayed by the broker: q4 4, q3 3, q2 2 and 1 more" in text
    assert "delayed" not in snapshot_text(QueuesList(), a_snapshot(queues=[a_queue()]), 120, 20)


def test_rates_that_the_broker_tells_are_drawn_over_time() -> None:
    text = snapshot_text(QueueRates(), a_snapshot(queues=[QUEUE]), 80, 14, selected={"queues.list": QUEUE})
    assert "▁▄█" in text
    assert "▄▄▄" in text


def test_a_dead_letter_tells_cause_and_origin() -> None:
    entry = {
        "queue": "orders", "reason": "rejected", "exchange": "shop", "routing-keys": ["orders.new"], "count": 3,
        "time": datetime.fromtimestamp(NOW - 60, UTC).isoformat(),
    }  # fmt: skip
    message = a_message("dead", headers={"x-death": [entry], "x-first-death-queue": "orders", "x-user": "eve"})
    text = told(MessageDetails(), message)
    assert "Dead in     orders  rejected by a worker, 3 times" in text
    assert "it came by shop, routing key orders.new  at 14:31:07" in text
    assert "x-first-death-queue" not in text
    assert "eve" in text


def test_the_hops_of_a_delayed_task_are_a_delay_and_no_deaths() -> None:
    hops = [{"queue": f"celery_delayed_{level}", "reason": "expired"} for level in (1, 3, 5)]
    message = a_message(headers={"x-death": [*hops, {"queue": "orders", "reason": "delivery_limit"}]})
    assert delay(message) == 2 + 8 + 32
    assert [(each.queue, each.reason, each.count) for each in deaths(message)] == [("orders", "delivery_limit", 1)]
    assert "Delayed     42.0s" in told(MessageDetails(), message)


@pytest.mark.parametrize(
    "header",
    [None, 5, "x", {}, [5, None, "x"], [{}], [{"queue": 5, "count": "x", "time": "x", "routing-keys": 5}],
     [{"queue": "celery_delayed_99"}], [{"time": "0001-01-01", "count": -1, "routing-keys": [5]}],
     [{"queue": "\x1b[2J" * 200}]],
)  # fmt: skip
def test_an_odd_header_is_no_trouble(header: Any) -> None:
    message = a_message(headers={"x-death": header})
    assert delay(message) == 0
    assert "\x1b" not in told(MessageDetails(), message)


def test_a_queue_that_only_the_default_exchange_leads_to_says_so() -> None:
    text = told(QueueDetails(), a_queue("alone", 0, exchange="", routing_key="alone"))
    assert "Exchange    the default one  routing key alone" in text
    assert "Exchange    –  routing key –" in told(QueueDetails(), a_queue("alone", 0, exchange="", routing_key=""))


def test_no_consumer_is_a_word_and_an_empty_queue_is_not_to_be_emptied() -> None:
    empty = told(QueueDetails(), a_queue("alone", 0, consumer_count=0))
    assert "Consumers   none" in empty
    assert "To empty" not in empty
    assert "To empty" in told(QueueDetails(), a_queue("alone", 1, consumer_count=0))


def test_many_priorities_stand_below_what_is_to_be_known_at_once() -> None:
    few = told(QueueDetails(), a_queue("orders", 4, by_priority=dict.fromkeys(range(4), 1)))
    assert few.index("step 3") < few.index("Rates")
    many = told(QueueDetails(), a_queue("orders", 5, by_priority=dict.fromkeys(range(5), 1)))
    assert many.index("Counted") < many.index("step 4")
