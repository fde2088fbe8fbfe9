"""Do the panes of queues look as drawn, at every size, when little is known, and with hostile text?

The pictures are plain files in snapshots/; a missing one is written by the first run, which fails.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lazycelery_core.control import Peek, PeekPrice
from lazycelery_core.model import Gap, Link, LinkState, Message, Queue, Worker, WorkerState
from lazycelery_core.pane import DetailPane, DetailTab, DrawContext, Pane, Rows, TablePane
from lazycelery_core.query import parse
from lazycelery_core.snapshot import RowQuery, Snapshot, Totals
from lazycelery_core.spans import plain
from lazycelery_core.table import snapshot_text
from lazycelery_core.text import width
from lazycelery_plugin_queues.chart import QueueRates
from lazycelery_plugin_queues.messages import QueueMessages
from lazycelery_plugin_queues.pane import OverviewQueues, QueuesList
from lazycelery_plugin_queues.projection import VIEW, Peeked
from lazycelery_plugin_queues.tabs import MessageDetails, QueueConsumers, QueueDetail, QueueDetails

NOW = 1_700_000_000.0
SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES = [(80, 24), (120, 36), (250, 70)]
LINKED = {"chain": [{"task": "img.publish"}, {"task": "img.optimise"}], "chord": {"task": "gallery.join"}}


class OpenMessage(DetailPane):
    """Any place where the tabs of a message are shown."""

    id = "test.message"
    title = "Message"
    on = "message"
    of = "queues.messages"


def message(number: int = 1, **known: Any) -> Message:
    body = base64.b64encode(json.dumps([[], {}, LINKED]).encode()).decode()
    raw = json.dumps({"body": body, "properties": {"body_encoding": "base64"}}).encode()
    headers = {
        "id": "d82c07", "root_id": "c0ffee", "group": "g-41c9", "group_index": 3, "origin": "gen12@web", "lang": "py",
        "timelimit": [None, None], "x-user": "eve", "api_token": "swordfish", "stamps": {},
    }  # fmt: skip
    whole = Message(
        "media", number, f"{number:02}82c07a", "img.optimise", f"('s3://assets/u{number}.webp',)", "{'width': 640}", 3,
        headers=headers, size=930, content_type="application/json", raw=raw,
    )  # fmt: skip
    return replace(whole, **known)


MEDIA = Queue(
    "media", 3041, 4, {0: 2000, 3: 1000, 9: 41}, ("worker-3@web-9",), "media", "media", NOW - 1, 44.0, 3.1, 362.0,
    tuple(step * 20 for step in range(153)),
)  # fmt: skip
QUEUES = (
    Queue("default", 125, 8, {0: 125}, ("worker-1@web-7", "worker-2@web-8"), "default", "default", NOW - 1, 12.0, 12.5,
          4.0, tuple(60 + step % 9 + step // 4 for step in range(180))),
    Queue("priority", 12, 2, {0: 2, 3: 10}, ("worker-1@web-7",), "", "", NOW - 1, 2.0, 2.1, 0.4, (0, 1, 2) * 40),
    MEDIA,
    Queue("celery", 0, 0, {}, ("a@b", "c@d", "e@f"), "celery", "celery", NOW - 1, 0.0, 0.0, None, (0,) * 50),
    Queue("archive", 77, None, {0: 77}, (), "archive", "", NOW - 1, None, None, None, (70,) * 50),
    Queue("hidden", note="no right to read this queue"),
)  # fmt: skip
MESSAGES = [message(number) for number in range(12)]
MESSAGES[3] = message(3, args="", problem="pickle is never opened", content_type="application/x-python-serialize")
MESSAGES[5] = message(5, args="('secret=swordfish',)", priority=None)
WORKER = Worker("worker-3@web-9", WorkerState.ONLINE, active=1, concurrency=8, pool="threads")


def moment(queues: Sequence[Queue] = QUEUES, peeked: Peeked | None = None, **known: Any) -> Snapshot:
    sent = {"0182c07a": SimpleNamespace(sent=NOW - 180)}
    fixed: dict[str, Any] = {"version": 1, "now": NOW, "since": NOW - 900, "name": "prod", "broker": "redis://cache/0"}
    fixed |= {"level": "READ-ONLY", "scopes": frozenset(), "workers": (WORKER,), "totals": Totals(), "links": ()}
    fixed |= {"tasks": SimpleNamespace(get=sent.get)}
    views = {VIEW: {"media": peeked or Peeked(Peek(MESSAGES, 3041), "", NOW - 1)}}
    return Snapshot(queues=queues, **{**fixed, "views": views, **known})


def drawn(
    pane: Pane, snapshot: Snapshot, columns: int, rows: int, *,
    tab: int = 0, queue: Queue = MEDIA, item: Message = MESSAGES[1],
) -> str:  # fmt: skip
    tabs: Sequence[DetailTab] = (MessageDetails(),) if pane.id == "test.message" else (QueueDetails(), QueueConsumers())
    chosen: dict[str, Any] = {"queues.list": queue, "queues.messages": item}
    return snapshot_text(pane, snapshot, columns, rows, selected=chosen, tabs=tabs, tab=tab)


def assert_as_drawn(name: str, text: str) -> None:
    file = SNAPSHOTS / f"{name}.txt"
    if not file.exists():
        file.write_text(text + "\n", "utf-8")
        pytest.fail(f"{file.name} was missing and is written now: look at it")
    assert text + "\n" == file.read_text("utf-8")


PANES: list[tuple[Pane, int]] = [
    (OverviewQueues(), 0), (QueuesList(), 0), (QueueDetail(), 0), (QueueDetail(), 1), (QueueRates(), 0),
    (QueueMessages(), 0), (OpenMessage(), 0),
]  # fmt: skip
BOXES = {  # the box of each pane in a terminal of 80x24, 120x36 and 250x70
    "overview.queues": [(80, 16), (36, 12), (48, 30)],
    "queues.list": [(80, 18), (120, 11), (250, 27)],
    "queues.detail": [(80, 18), (60, 12), (125, 12)],
    "queues.rates": [(80, 18), (60, 12), (125, 12)],
    "queues.messages": [(80, 18), (120, 10), (250, 27)],
    "test.message": [(80, 20), (120, 32), (250, 66)],
}
each_pane = pytest.mark.parametrize(
    "pane, tab", PANES, ids=lambda each: each.id if isinstance(each, Pane) else f"tab{each}"
)


@pytest.mark.parametrize("size", range(3), ids=lambda size: "{}x{}".format(*SIZES[size]))
@each_pane
def test_each_pane_looks_as_drawn(pane: Pane, tab: int, size: int) -> None:
    text = drawn(pane, moment(), *BOXES[pane.id][size], tab=tab)
    assert_as_drawn(f"{pane.id}-{tab}-{SIZES[size][0]}x{SIZES[size][1]}", text)


@each_pane
@pytest.mark.parametrize("size", [(4, 2), (12, 4), (30, 6), (61, 9), (119, 40)])
def test_no_pane_draws_outside_its_box(pane: Pane, tab: int, size: tuple[int, int]) -> None:
    lines = drawn(pane, moment(), *size, tab=tab).split("\n")
    assert len(lines) <= size[1]
    assert all(width(line) <= size[0] for line in lines)


@pytest.mark.parametrize(
    "text", ["\x1b[31mred\x1b]0;title\x07", "\u202eevil", "[bold]x[/]", "a\nb\r\tc", "\ud800", "漢字" * 50, ""]
)
@each_pane
def test_hostile_text_is_drawn_as_text(pane: Pane, tab: int, text: str) -> None:
    queue = replace(MEDIA, name=text, exchange=text, routing_key=text, note=text, consumers=(text, text))
    item = message(
        1, queue=text, task_id=text, task=text, args=text, kwargs=text, eta=text, content_type=text, problem=text,
        headers={text: text, "group": text, "root_id": text, "expires": text, "deep": {text: [text]}},
    )  # fmt: skip
    views = {VIEW: {text: Peeked(Peek([item], 3, text), "", NOW)}}
    shown = drawn(
        pane, moment([queue, replace(queue, ready=None)], views=views), 120, 30, tab=tab, queue=queue, item=item
    )
    assert not {"\x1b", "\x07", "\u202e", "\r", "\t", "\ud800"} & set(shown)
    assert len(shown.split("\n")) == 30
    assert all(width(line) <= 120 for line in shown.split("\n"))


@each_pane
def test_a_queue_of_which_only_the_name_is_known_is_not_said_to_be_empty(pane: Pane, tab: int) -> None:
    unknown = Queue("dark", note="no right to read this queue")
    text = drawn(pane, moment([unknown], views={}), 120, 24, tab=tab, queue=unknown, item=MESSAGES[1])
    assert "None" not in text.replace("None, None", "")
    if isinstance(pane, TablePane) and pane.on == "queue":
        row = next(line for line in text.split("\n") if "dark" in line)
        assert "0" not in row
        assert "–" in row


def test_why_a_number_is_missing_is_said_below_the_list() -> None:
    assert "hidden: no right to read this queue" in drawn(QueuesList(), moment(), 120, 24)
    assert "no right to read this queue" in drawn(QueueDetail(), moment(), 80, 20, queue=QUEUES[-1])


def test_a_gap_that_the_rates_look_back_on_is_told_below_the_list() -> None:
    gap = Gap(NOW - 40, NOW - 30, "broker lost", {"shop.mail": 2})
    broken = Link("events", "redis", LinkState.LIVE, NOW, gaps=(gap,))
    said = "▲ gap 22:12:40 to 22:12:50 (broker lost): 2 tasks missed: shop.mail 2"
    assert said in drawn(QueuesList(), moment(links=(broken,)), 120, 24)
    over = replace(broken, gaps=(replace(gap, end=NOW - 61),))
    assert "gap" not in drawn(QueuesList(), moment(links=(over,)), 120, 24)


def test_secrets_in_arguments_and_headers_are_hidden() -> None:
    assert "swordfish" not in drawn(QueueMessages(), moment(), 200, 30)
    assert "swordfish" not in drawn(OpenMessage(), moment(), 120, 40, item=MESSAGES[5])


def test_messages_say_that_they_were_only_looked_at() -> None:
    assert "peek, read without consuming · 1-12 of 3,041" in drawn(QueueMessages(), moment(), 120, 10)
    old = moment(peeked=Peeked(Peek(MESSAGES, 3041), "", NOW - 60))
    assert "read without consuming, 1m ago" in drawn(QueueMessages(), old, 120, 10)


@pytest.mark.parametrize(
    "price, scopes, said",
    [
        (PeekPrice("It marks them."), (), ("It marks them.", "Press m in the list of queues", "first 20 once")),
        (PeekPrice("It moves them.", needs_confirmation=True, remaining=3), (), ("lost: 3.", "--allow peek")),
        (PeekPrice("It moves them.", needs_confirmation=True), ("peek",), ("It moves them.", "Press M", "asks")),
        (PeekPrice("A stream.", refusal="Nobody may look."), (), ("A stream.", "Nobody may look.")),
    ],
)
def test_what_a_look_costs_is_said_before_the_first(
    price: PeekPrice, scopes: Sequence[str], said: Sequence[str]
) -> None:
    before = moment(peeked=Peeked(None, "", NOW, price), scopes=frozenset(scopes))
    text = drawn(QueueMessages(), before, 120, 10)
    assert all(each in text for each in said)
    after = moment(peeked=Peeked(Peek(MESSAGES, 3041), "", NOW - 60, price))
    assert "one look, 1m ago, all put back · 1-12 of 3,041" in drawn(QueueMessages(), after, 120, 10)


@pytest.mark.parametrize(
    "peeked, queue, said",
    [
        (Peeked(Peek([], 0), "", NOW), MEDIA, "No message waits here."),
        (
            Peeked(None, "The credential may not read queue media.", NOW),
            MEDIA,
            "The credential may not read queue media.",
        ),
        (None, QUEUES[3], "No message waits here."),
        (None, QUEUES[0], "Reading …"),
        (Peeked(None, "", NOW, PeekPrice("It leaves a mark.", 20)), QUEUES[3], "No message waits here."),
    ],
)
def test_an_empty_list_of_messages_says_why(peeked: Peeked | None, queue: Queue, said: str) -> None:
    assert said in drawn(QueueMessages(), moment(peeked=peeked), 80, 10, queue=queue)


def link(state: LinkState) -> Link:
    return Link("queues", "redis", state, NOW, latency=0.001 if state is LinkState.LIVE else None)


def empty(snapshot: Snapshot) -> str:
    return "\n".join(plain(each) for each in QueuesList().empty(DrawContext(snapshot, 80, 10), RowQuery()))


def test_without_a_queue_the_list_says_where_names_come_from() -> None:
    assert empty(moment([], links=[link(LinkState.RETRYING)])) == "No queue seen: the broker does not answer yet."
    assert empty(moment([], links=[link(LinkState.LIVE)])) == (
        "No queue seen since 21:58:20.\n"
        "An empty Redis queue has no key. Names come from _kombu.binding.*,\n"
        "the workers and your config. F5 looks again."
    )
    other = empty(moment([], links=[link(LinkState.LIVE)], broker="amqp://mq/"))
    assert other.endswith("Queues appear when the broker or a worker names them.")


@pytest.mark.parametrize("pane", [QueueDetail(), QueueRates(), QueueMessages()], ids=lambda pane: str(pane.id))
def test_panes_about_a_queue_say_that_none_is_selected_as_when_a_filter_hides_all(pane: Pane) -> None:
    assert "No queue is selected." in snapshot_text(pane, moment(), 60, 10, selected={}, tabs=(QueueDetails(),))


def test_a_filter_that_leaves_nothing_says_how_many_there_are() -> None:
    query = RowQuery(parse("name:nothing", NOW))
    snapshot = moment()
    lines = [plain(each) for each in QueuesList().empty(DrawContext(snapshot, 80, 10), query)]
    assert lines == ["0 of 6 queues match name:nothing", "Esc shows all."]
    assert len(QueuesList().rows(snapshot, RowQuery(parse("ready>100", NOW)), DrawContext(snapshot)).items) == 2


def test_many_troubled_queues_are_counted_after_the_deepest() -> None:
    queues = [Queue(f"q{number}", number, consumers=()) for number in range(1, 9)]
    notes = [plain(each) for each in QueuesList().footnotes(DrawContext(moment(queues)), Rows(queues, 8, 8))]
    assert notes[0] == "▲ q8 nobody consumes it"
    assert notes[-1] == "▲ 5 more that grow or that nobody consumes"
    assert len(notes) == 4


def test_the_summary_adds_up_what_waits_and_names_the_worst() -> None:
    assert plain(OverviewQueues().summary(moment())) == "3,255 ▲ media"
    assert plain(OverviewQueues().summary(moment(QUEUES[:2]))) == "137"
    assert plain(OverviewQueues().summary(moment(QUEUES[-1:]))) == "–"


def order(pane: TablePane, sort: str = "", reverse: bool = False) -> list[str]:
    rows = pane.rows(moment(), RowQuery(sort=sort, reverse=reverse), DrawContext(moment()))
    return [item.name for item in rows.items]


def test_the_deepest_queue_comes_first_and_the_uncounted_last() -> None:
    assert order(QueuesList()) == ["media", "default", "archive", "priority", "celery", "hidden"]


def test_unknown_values_stand_last_in_both_directions() -> None:
    assert order(QueuesList(), "oldest") == ["priority", "default", "media", "archive", "celery", "hidden"]
    assert order(QueuesList(), "oldest", reverse=True)[:3] == ["media", "default", "priority"]


@pytest.mark.parametrize("pane", [OverviewQueues(), QueuesList(), QueueMessages()], ids=lambda pane: pane.id)
def test_every_column_sorts_and_exports_what_little_is_known(pane: TablePane) -> None:
    snapshot = moment([*QUEUES, Queue("q")])
    context = DrawContext(snapshot, 120, 20, selected={"queues.list": MEDIA})
    for column in pane.columns:
        rows = pane.rows(snapshot, RowQuery(sort=column.id), context)
        assert len(rows.items) == rows.total
        if column.value is not None:
            assert all(isinstance(column.value(item), str | int | float | None) for item in rows.items)


def test_exports_hold_values_and_not_their_looks() -> None:
    values = {column.id: column.value(MEDIA) for column in QueuesList.columns if column.value is not None}
    assert values["name"] == "media"
    assert (values["ready"], values["unack"], values["consumers"], values["to_empty"]) == (3041, 4, 1, None)
