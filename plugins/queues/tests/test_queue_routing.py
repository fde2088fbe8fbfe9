"""Is the way of messages into queues drawn as it is, at every size, with all that leads nowhere marked?

The pictures are plain files in snapshots/; a missing one is written by the first run, which fails.
"""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lazycelery_core.action import Go
from lazycelery_core.control import Control
from lazycelery_core.export import exported
from lazycelery_core.model import Binding, Endpoint, Exchange, Read, Routing, WorkerState
from lazycelery_core.pane import DrawContext, Rows
from lazycelery_core.query import parse
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.spans import plain
from lazycelery_core.table import snapshot_text
from lazycelery_core.testing.builders import NOW, a_queue, a_snapshot, a_worker
from lazycelery_core.testing.playing import Game, play
from lazycelery_core.testing.screen import screen_of
from lazycelery_core.text import width
from lazycelery_plugin_queues.pane import QueuesList
from lazycelery_plugin_queues.roads import FROM_WORKERS, NOWHERE, UNBOUND, roads
from lazycelery_plugin_queues.routing import (
    ACTIONS,
    KEYS,
    RoadDetails,
    RoutingMap,
    go_to_queue,
    show_tasks,
    with_queue,
)

SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES = [(80, 24), (120, 36), (250, 70)]
PANE = RoutingMap()
SHOP = Routing(
    exchanges=(
        Exchange("orders", "topic"), Exchange("old", "direct", alternate="lost"), Exchange("lost", "fanout"),
        Exchange("orders.dead", "direct"), Exchange("celeryev", "topic", internal=True), Exchange("media", "direct"),
        Exchange("events", "fanout"), Exchange("amq.topic", "topic", internal=True),
        Exchange("amq.direct", "direct", internal=True), Exchange("celery_delayed_delivery", "topic", internal=True),
    ),
    bindings=(
        Binding("orders", "orders", "orders.#"), Binding("orders", "mail", "mail.#"),
        Binding("orders", "mail", "#.mail.#"), Binding("old", "orders", "orders"), Binding("old", "prio", "prio"),
        Binding("old", "events", "", True), Binding("orders.dead", "dead", "dead"), Binding("media", "media", "media"),
        Binding("events", "audit"), Binding("events", "mail"), Binding("old", "ghost", "ghost"),
        Binding("amq.topic", "mqtt", "sensor.*"), Binding("celeryev", "celeryev.x", "worker.#"),
        Binding("celery_delayed_delivery", "orders", "#.mail.#", True),
    ),
    queues=(
        Endpoint("orders", "orders.dead", "dead"), Endpoint("mail"), Endpoint("prio", "nowhere"), Endpoint("dead"),
        Endpoint("media"), Endpoint("audit", "", "mail"), Endpoint("stream"), Endpoint("mqtt"),
        Endpoint("celeryev.x", internal=True),
    ),
    at=NOW,
)  # fmt: skip
QUEUES = (
    a_queue("orders", 13, consumers=("w1@web-7", "w2@web-8")), a_queue("mail", 0, consumers=("w1@web-7",)),
    a_queue("prio", 4, consumers=()), a_queue("dead", 1, consumers=()), a_queue("audit", 0, consumer_count=2),
    a_queue("media", 3041, consumers=tuple(f"w{number}@media-render" for number in range(5))),
    a_queue("stream", 0, consumers=()), a_queue("mqtt", None, consumers=None),
)  # fmt: skip
WORKERS = (a_worker("w1@web-7"), a_worker("w2@web-8", WorkerState.LATE))


def moment(routing: Routing | None = SHOP, **known: Any) -> Snapshot:
    return a_snapshot(**{"queues": QUEUES, "workers": WORKERS, "routing": routing, **known})


def rows(snapshot: Snapshot, filtered: str = "") -> Rows:
    query = RowQuery(parse(filtered, NOW, "road") if filtered else None)
    return PANE.rows(snapshot, query, DrawContext(snapshot, 120, 30))


def drawn(snapshot: Snapshot, columns: int = 120, lines: int = 36) -> str:
    return snapshot_text(PANE, snapshot, columns, lines, focused=True)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))
def test_the_routing_looks_as_drawn(size: tuple[int, int]) -> None:
    file = SNAPSHOTS / f"routing.list-{size[0]}x{size[1]}.txt"
    text = drawn(moment(), size[0], size[1] - 4) + "\n"
    if not file.exists():
        file.write_text(text, "utf-8")
        pytest.fail(f"{file.name} was missing and is written now: look at it")
    assert text == file.read_text("utf-8")


def test_dead_letters_are_told_in_a_narrow_terminal_too() -> None:
    lost = Endpoint("orders.us", "missing", "")
    exchanges = (Exchange("orders", "topic"),)
    routing = Routing(exchanges, (Binding("orders", "orders.us", "order.us.#"),), (lost,), NOW, "")
    assert "dead letters ╌▸ missing ▲ no such exchange: dead letters are lost" in drawn(moment(routing))
    assert "╰╌ dead ╌▸ missing ▲ no such exchange" in drawn(moment(routing), 80, 20)


@pytest.mark.parametrize("size", [(4, 2), (12, 4), (30, 6), (61, 9), (119, 40)])
def test_nothing_is_drawn_outside_the_box(size: tuple[int, int]) -> None:
    lines = drawn(moment(), *size).split("\n")
    assert len(lines) <= size[1]
    assert all(width(line) <= size[0] for line in lines)


@pytest.mark.parametrize(
    "text", ["\x1b[31mred\x1b]0;t\x07", "\u202eevil", "[bold]x[/]", "a\nb\r\tc", "\ud800", "漢字" * 50]
)
def test_hostile_names_are_drawn_as_text(text: str) -> None:
    hostile = Routing(
        (Exchange(text, text, alternate=text), Exchange("x")), (Binding(text, text, text), Binding("x", text, text)),
        (Endpoint(text, text, text), Endpoint(f"{text}2")), NOW, text,
    )  # fmt: skip
    queue = a_queue(text, 5, consumers=(text, text), note=text)
    shown = drawn(moment(hostile, queues=[queue], workers=[a_worker(text)]))
    assert not {"\x1b", "\x07", "\u202e", "\r", "\t", "\ud800"} & set(shown)
    assert all(width(line) <= 120 for line in shown.split("\n"))


def test_what_leads_nowhere_is_marked() -> None:
    found = {(road.what, road.name, road.target): road.trouble for road in roads(moment()) if road.trouble}
    assert found == {
        ("binding", "lost", ""): NOWHERE,
        ("binding", "ghost", "ghost"): "there is no such queue",
        ("binding", "stream", "stream"): UNBOUND,
        ("dead", "prio", "nowhere"): "no such exchange: dead letters are lost",
    }
    missing = replace(SHOP, exchanges=tuple(each for each in SHOP.exchanges if each.name != "lost"))
    assert ("else", "there is no such exchange") in [(road.what, road.trouble) for road in roads(moment(missing))]


def test_plumbing_is_hidden_and_counted_and_the_brokers_exchange_is_shown_where_it_leads_to_tasks() -> None:
    text = drawn(moment())
    assert "4 of Celery and the broker hidden" in text
    assert "celeryev" not in text
    assert "amq.direct" not in text
    assert "celery_delayed" not in text
    assert "amq.topic" in text


def test_the_second_binding_that_celery_makes_for_delayed_tasks_is_left_out() -> None:
    keys = [road.key for road in roads(moment()) if road.exchange == "orders" and road.target == "mail"]
    assert keys == ["mail.#"]


def test_every_road_to_a_queue_meets_the_others_before_it() -> None:
    lines = drawn(moment()).split("\n")
    first = next(y for y, text in enumerate(lines) if "▸ orders " in text)
    last = next(y for y, text in enumerate(lines) if "orders.#" in text)
    assert last > first
    column = lines[last].rindex("╯")
    passed = [text for text in lines[first:last] if "what nobody takes" not in text]
    assert {text[column] for text in passed} <= set("│┼┬")


def test_very_many_joined_queues_are_drawn_by_name() -> None:
    bindings = [Binding(source, f"q{number}", str(number)) for source in ("a", "b") for number in range(20)]
    many = Routing((Exchange("a"), Exchange("b")), tuple(bindings), tuple(Endpoint(f"q{n}") for n in range(20)), NOW)
    text = drawn(moment(many), 120, 60)
    assert text.count("(above)") == 12
    assert all(width(line) <= 120 for line in text.split("\n"))


def test_without_a_broker_that_tells_the_workers_do() -> None:
    told = [
        {"name": "celery", "exchange": {"name": "celery", "type": "direct"}, "routing_key": "celery",
         "queue_arguments": {"x-dead-letter-exchange": "dead"}},
        {"name": "odd", "exchange": None}, "odd", {"name": 5}, {"name": "plain", "exchange": {"name": ""}},
    ]  # fmt: skip
    snapshot = moment(None, workers=[a_worker(reads={"active_queues": Read(told, NOW)}), a_worker("w2", reads={})])
    found = [(road.what, road.exchange, road.kind, road.key, road.target) for road in roads(snapshot)]
    assert found == [
        ("binding", "celery", "direct", "celery", "celery"), ("dead", "celery", "", "", "dead"),
        ("binding", "", "", "plain", "plain"),
    ]  # fmt: skip
    assert FROM_WORKERS in drawn(snapshot)


def test_nothing_known_says_where_it_would_come_from() -> None:
    assert "No road of messages is known yet." in drawn(moment(None, workers=()))


def test_a_filter_draws_only_the_roads_that_match() -> None:
    found = rows(moment(), "queue:mail")
    assert {row.road.queue for row in found.items} == {"mail"}
    assert (found.matched, found.total) == (2, len(roads(moment())))
    targets = {row.road.target for row in rows(moment(), "exchange=old").items}
    assert targets == {"events", "ghost", "lost", "orders", "prio"}
    assert {row.road.key for row in rows(moment(), "routing_key:sensor").items} == {"sensor.*"}


def test_an_old_picture_says_its_age() -> None:
    assert "Read 2m ago." in drawn(moment(replace(SHOP, at=NOW - 120)))


def test_from_a_road_one_goes_to_its_queue_and_its_tasks() -> None:
    snapshot = moment()
    by_what = {(row.road.what, row.name): row for row in rows(snapshot).items}
    mail, dead, lost = by_what["binding", "mail"], by_what["dead", "orders"], by_what["binding", "lost"]
    assert go_to_queue(Control(), [mail]) == Go("queues", select="mail")
    assert go_to_queue(Control(), [dead]) == Go("queues", select="orders")
    assert show_tasks(Control(), [mail]) == Go("tasks", filter="queue=mail")
    assert with_queue(snapshot, [mail]) is None
    assert with_queue(snapshot, [lost]) == "it leads to no queue that is counted"
    assert with_queue(snapshot, []) == "select a road first"


def test_the_details_tell_the_road_in_words_and_the_queue_behind_it() -> None:
    snapshot = moment()
    by_what = {(row.road.what, row.name): row for row in rows(snapshot).items}
    context = DrawContext(snapshot, 100, 30)
    text = "\n".join(plain(each) for each in RoadDetails().lines(by_what["dead", "prio"], context))
    assert "How         dead letters" in text
    assert "To          nowhere  exchange" in text
    assert "Ready       4" in text
    nowhere = "\n".join(plain(each) for each in RoadDetails().lines(by_what["binding", "lost"], context))
    assert NOWHERE in nowhere
    assert "Ready" not in nowhere


def test_exports_hold_the_parts_of_a_road() -> None:
    snapshot = moment()
    told = json.loads(exported("json", PANE.columns, rows(snapshot, "queue=orders").items, DrawContext(snapshot)))
    assert told[0] == {
        "road": "binding", "exchange": "old", "type": "direct", "routing_key": "orders", "queue": "orders",
        "to_exchange": "", "ready": 13, "consumers": ["w1@web-7", "w2@web-8"], "trouble": "",
    }  # fmt: skip
    assert {each["road"] for each in told} == {"binding", "dead"}


def test_the_cursor_keeps_its_road_when_others_come() -> None:
    keys = [PANE.key(row) for row in rows(moment()).items]
    assert len(keys) == len(set(keys))
    more = replace(SHOP, bindings=(Binding("events", "dead"), *SHOP.bindings))
    assert set(keys) < {PANE.key(row) for row in rows(moment(more)).items}


def test_on_the_screen_the_cursor_goes_from_road_to_road_and_on_to_the_queue() -> None:
    async def story(game: Game) -> None:
        state = game.app.main.state
        await game.press("R")
        await game.see("orders topic", "▸ media")

        def stands_on(name: str) -> bool:
            return getattr(state.selected.get(PANE.id), "name", "") == name

        for name, key in (("mqtt", "j"), ("audit", "j"), ("audit", "j"), ("mail", "enter")):
            await game.until(partial(stands_on, name), f"the cursor on {name}")
            await game.press(key)
        await game.see("by a binding", "Ready       0")
        await game.press("escape")
        await game.until(lambda: state.record is None and stands_on("mail"), "the picture again")
        await game.press("g", "q")
        await game.until(lambda: state.view == "queues", "the list of queues")
        await game.until(lambda: getattr(state.selected.get("queues.list"), "name", "") == "mail", "the cursor on mail")

    known = {action.name for action in ACTIONS}
    assert known == {"road.queue", "road.tasks"} == KEYS.keys()
    app = screen_of([RoutingMap(), QueuesList()], moment(), [RoadDetails()], ACTIONS, keys=KEYS)
    play(app, story)
