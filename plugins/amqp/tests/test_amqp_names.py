"""Names: which carry no tasks, which are asked again when, and what the delay queues and keys of Celery say."""

import pytest
from kombu.transport import native_delayed_delivery

from lazycelery_core.errors import AccessRefused
from lazycelery_core.redact import Redactor
from lazycelery_plugin_amqp import discovery
from lazycelery_plugin_amqp.address import Address
from lazycelery_plugin_amqp.delayed import (
    LEVELS,
    Delayed,
    decoded,
    delayed,
    is_delay_exchange,
    is_delivery,
    level_of,
)
from lazycelery_plugin_amqp.discovery import Discovery, Names
from lazycelery_plugin_amqp.kinds import Kinds
from lazycelery_plugin_amqp.management import ApiBinding
from lazycelery_plugin_amqp.peek import Peeker
from lazycelery_plugin_amqp.topology import delay_targets


@pytest.mark.parametrize("seconds", [1, 2, 59, 3600, (1 << LEVELS) - 1])
def test_a_delay_is_read_as_kombu_wrote_it(seconds: int) -> None:
    key = native_delayed_delivery.calculate_routing_key(seconds, "mail.new")
    assert decoded(key) == (seconds, "mail.new")


@pytest.mark.parametrize("key", ["", "mail", "0.1.mail", "0." * 27 + "2.mail", "0." * 27])
def test_a_key_without_a_delay_is_none(key: str) -> None:
    assert decoded(key) is None


@pytest.mark.parametrize("prefix", [None, "shop", "a_celery_delayed_3"])
def test_the_delay_queues_are_known_as_kombu_names_them(prefix: str | None) -> None:
    names = [native_delayed_delivery.level_name(level, prefix) for level in range(LEVELS)]
    assert [level_of(name) for name in names] == list(range(LEVELS))
    assert all(map(is_delay_exchange, names))
    assert is_delivery(native_delayed_delivery._celery_delayed_delivery_exchange(prefix))
    assert level_of("celery_delayed_28") is None
    assert level_of("celery_delayed_x") is None
    assert not is_delivery("orders")


def test_a_message_in_a_level_is_due_before_all_its_bits_are_over() -> None:
    found = delayed({"celery_delayed_0": 1, "celery_delayed_3": 2, "celery_delayed_27": 1, "mail": 9}, {"mail"})
    assert (found.total, found.of("mail"), found.of("other")) == (4, 4, 0)
    assert dict(found.facts("mail")) == {"Delayed": "4", "Due": "1 within 2s, 2 within 16s, 1 within 3106d22h"}
    assert not list(found.facts("other"))
    assert found.note("mail") == ""


def test_for_whom_a_message_waits_is_only_said_when_it_is_sure() -> None:
    several = delayed({"celery_delayed_4": 5}, {"a", "b", "c", "d", "e"})
    assert several.of("a") is None
    assert dict(several.facts("a"))["Delayed"] == "5 for this queue or b, c, d …"
    assert several.note("a").startswith("5 delayed messages wait for some of these queues")
    unknown = delayed({"celery_delayed_4": 5}, ())
    assert (unknown.of("a"), dict(unknown.facts("a"))["Delayed"]) == (None, "5 for this queue or another")
    nothing = delayed({"celery_delayed_4": 0, "celery_delayed_5": None}, {"a", "b"})
    assert (nothing.of("a"), list(nothing.facts("a")), nothing.note("a")) == (0, [], "")
    assert Delayed().of("a") == 0


def test_delayed_messages_go_to_the_queues_behind_the_delivery_exchange() -> None:
    bindings = [
        ApiBinding("celery_delayed_0", "celery_delayed_delivery", "exchange", "*.0.#"),
        ApiBinding("celery_delayed_delivery", "orders", "exchange", "#.mail"),
        ApiBinding("orders", "mail", "queue", "#.mail"),
        ApiBinding("orders", "mail", "queue", "mail"),
        ApiBinding("orders", "prompt", "queue", "prompt"),
        ApiBinding("", "direct", "queue", "direct"),
    ]
    assert delay_targets(bindings) == {"mail"}


@pytest.mark.parametrize(
    "name, internal",
    [
        ("celeryev", True), ("celeryev.1-2", True), ("celery.pidbox", True), ("w1@a.celery.pidbox", True),
        ("reply.celery.pidbox", True), ("1-2.reply.celery.pidbox", True), ("amq.gen-x", True), ("amq.topic", True),
        ("celery_delayed_7", True), ("celery", False), ("celeryevents", False), ("orders.pidbox", False), ("", False),
    ],
)  # fmt: skip
def test_plumbing_is_told_from_queues_of_tasks(name: str, internal: bool) -> None:
    assert Names().is_internal(name) is internal


def test_other_exchanges_of_the_settings_are_plumbing_instead() -> None:
    names = Names("events", "ops")
    assert names.is_internal("events.1")
    assert names.is_internal("w1.ops.pidbox")
    assert not names.is_internal("celeryev.1")


def test_a_name_that_is_no_queue_is_asked_ever_more_rarely() -> None:
    found = Discovery(Names(), ["a"])
    asked = []
    for now in range(200):
        if found.turn(9, float(now)):
            asked.append(now)
            found.missed("a", float(now))
    assert asked == [0, 5, 20, 80, 140]
    assert found.is_missing("a")
    found.found("a")
    assert not found.is_missing("a")
    assert found.turn(9, 200.0) == ["a"]


def test_everybody_has_a_turn() -> None:
    found = Discovery(Names(), [f"q{number}" for number in range(7)])
    turns = [found.turn(3, 0.0) for _ in range(7)]
    assert all(len(turn) == 3 for turn in turns)
    assert {name for turn in turns[:3] for name in turn} == {f"q{number}" for number in range(7)}


def test_names_are_bounded_and_those_that_were_never_queues_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "QUEUES", 3)
    found = Discovery(Names())
    found.learn(["a", "b", "c", "d", "x" * 256, "\ud800", "celeryev.1", ""])
    assert len(found.turn(99, 0.0)) == 3
    assert found.left_out == 2
    found.learn(["a", "d"])
    assert found.left_out == 1
    for now in range(3):
        found.missed("b", float(now))
    found.learn(["new"])
    assert set(found.turn(99, 1e9)) == {"a", "c", "new"}


@pytest.mark.parametrize("queue", ["celery_delayed_0", "celery_delayed_27", "shop_celery_delayed_3"])
def test_delayed_messages_are_not_looked_at_since_that_would_delay_them(queue: str) -> None:
    nowhere = Address("127.0.0.1", port=1)
    peeker = Peeker(nowhere, Redactor(), Kinds(lambda _: None, None), granted=True)
    assert peeker.price(queue).refusal == "Delayed messages are not looked into."
    with pytest.raises(AccessRefused, match="comes late"):
        peeker.peek(queue)
    assert peeker.asked == 0
