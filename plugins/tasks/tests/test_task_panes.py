"""Do the panes of tasks look as drawn, at every size, when little is known, and with hostile text?

Everything is read from a real store that has taken in events as the wire brings them. The pictures are plain files in
snapshots/; a missing one is written by the first run, which fails.
"""

import json
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import lazycelery_plugin_tasks
from lazycelery_core.decode import Tally, events_of
from lazycelery_core.events import WireEvent
from lazycelery_core.model import Gap, Link, LinkState, Task, Worker, WorkerState
from lazycelery_core.pane import DetailTab, DrawContext, Pane, TablePane
from lazycelery_core.query import parse
from lazycelery_core.snapshot import RowQuery, Snapshot, Totals
from lazycelery_core.spans import plain
from lazycelery_core.store import Limits, Store
from lazycelery_core.table import snapshot_text
from lazycelery_core.text import TimeMode, width
from lazycelery_plugin_tasks.active import ActiveTasks
from lazycelery_plugin_tasks.feed import EventsPane
from lazycelery_plugin_tasks.pane import TaskDetail, TaskList
from lazycelery_plugin_tasks.projection import NAME, EventFeed
from lazycelery_plugin_tasks.tabs import Attempts, Details
from lazycelery_plugin_tasks.throughput import Throughput
from lazycelery_plugin_tasks.value_tabs import Args, Raw, Result, Traceback

NOW = 1_795_357_927.0  # 2026-11-22 14:32:07 UTC
SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES = [(80, 24), (120, 36), (250, 70)]
TABS: Sequence[DetailTab] = (Details(), Attempts(), Args(), Result(), Traceback(), Raw())
TRACEBACK = """Traceback (most recent call last):
  File "/srv/app/payments/http.py", line 88, in _post
    return session.post(url, json=body, timeout=2.0)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/venv/lib/python3.11/site-packages/requests/sessions.py", line 637, in post
    return self.request("POST", url, data=data, json=json, **kwargs)
  File "/srv/venv/lib/python3.11/site-packages/requests/adapters.py", line 519, in send
    raise ConnectionError(e, request=request)
requests.exceptions.ConnectionError: pay.example: no route

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/venv/lib/python3.11/site-packages/celery/app/trace.py", line 477, in trace_task
    R = retval = fun(*args, **kwargs)
  File "/srv/app/orders/tasks.py", line 45, in charge_card
    response = gateway.charge(amount, card)  # 3 tries
  File "/srv/app/payments/gateway.py", line 123, in charge
    raise ConnectionError("Payment gateway timeout") from error
ConnectionError: Payment gateway timeout
"""


def told(kind: str, ago: float, task_id: str, worker: str = "worker-1@web-7", **fields: Any) -> list[WireEvent]:
    """An event as it comes from the wire, `ago` seconds before NOW."""
    event = {"type": kind, "timestamp": NOW - ago, "hostname": worker, "uuid": task_id, **fields}
    return events_of(json.dumps(event).encode(), NOW, Tally())


def task_id(start: str) -> str:
    return f"{start}{'0' * (8 - len(start))}-1111-4222-8333-444455556666"


CHARGE, NIGHTLY, RESIZE, MAIL = (task_id(each) for each in ("5e0d77", "0b3a5c", "77ab10", "a3f9c1"))
ORDER = task_id("b7d0e2")
LINE_OF_ARGS = (
    "(12345, 'Card(••••4242)', {'currency': 'EUR', 'items': [{'sku': 'A-1', 'n': 2}, {'sku': 'B-7', 'n': 1}]})"
)


def shop() -> list[list[WireEvent]]:
    """Batches of a small shop at work."""
    batches = [
        told("task-received", 300 - n, task_id(f"d0{n:02x}"), name=name, args="()", kwargs="{}", retries=0)
        + told("task-started", 299.9 - n, task_id(f"d0{n:02x}"))
        + told("task-succeeded", 299 - n, task_id(f"d0{n:02x}"), runtime=runtime, result="None")
        for n, (name, runtime) in enumerate([("mail.send_email", 4.0), ("img.resize_image", 5.0)] * 4)
    ]
    charge = {"name": "orders.charge_card", "args": LINE_OF_ARGS, "kwargs": "{'retry': True}", "parent_id": ORDER}
    batches += [
        told("task-sent", 60, ORDER, "gen1@shop", name="orders.process_order", args="(7,)", queue="payments",
             root_id=ORDER),
        told("task-received", 59.8, ORDER, "worker-3@web-9", name="orders.process_order", root_id=ORDER, args="(7,)"),
        told("task-started", 59.7, ORDER, "worker-3@web-9"),
        told("task-succeeded", 57, ORDER, "worker-3@web-9", runtime=2.7, result="'order 12345 accepted'"),
        told("task-sent", 57.5, CHARGE, "worker-3@web-9", **charge, queue="payments", root_id=ORDER, routing_key="pay"),
        told("task-received", 57.4, CHARGE, "worker-3@web-9", **charge, root_id=ORDER, retries=0),
        told("task-started", 57.19, CHARGE, "worker-3@web-9"),
        told("task-retried", 55, CHARGE, "worker-3@web-9", exception="ConnectionError('no route')",
             traceback=TRACEBACK.replace("Payment gateway timeout", "no route")),
        told("task-received", 54.9, CHARGE, "worker-3@web-9", **charge, root_id=ORDER, retries=1),
        told("task-started", 50, CHARGE, "worker-3@web-9"),
        told("task-failed", 47.85, CHARGE, "worker-3@web-9", exception="ConnectionError('Payment gateway timeout')",
             traceback=TRACEBACK),
        told("task-received", 140, MAIL, name="mail.send_email", args="('eve@example.com',)", kwargs="{}"),
        told("task-started", 135, MAIL),
        told("task-received", 7, RESIZE, "worker-2@web-8", name="img.resize_image", args="('s3://a/u0.webp',)"),
        told("task-started", 2, RESIZE, "worker-2@web-8"),
        told("task-received", 1, NIGHTLY, name="reports.nightly", eta="2026-11-22T14:35:00+00:00"),
    ]  # fmt: skip
    return batches


def snapshot_of(batches: Sequence[list[WireEvent]], **changes: Any) -> Snapshot:
    """What a deployment that has seen these events shows."""
    store, feed = Store(Limits(), str, NOW - 900), EventFeed()
    for events in batches:
        store.apply(events, NOW)
        feed.apply(events, NOW)
    workers = [
        Worker(f"worker-{n}@web-{n + 6}", WorkerState.ONLINE, task_events=True, beat_at=NOW - 1) for n in (1, 2, 3)
    ]
    snapshot = Snapshot(
        1, NOW, NOW - 900, "prod", "redis://cache/0", "READ-ONLY", frozenset(), store.tasks(NOW), workers, (),
        replace(store.totals(NOW), event_rate=142.0), (Link("redis", "redis", LinkState.LIVE, NOW - 900),),
        {NAME: feed.view()},
    )  # fmt: skip
    return replace(snapshot, **changes)


SHOP = snapshot_of(shop())


def the_task(start: str, snapshot: Snapshot = SHOP) -> Task:
    task = snapshot.tasks.get(start)
    assert task
    return task


def compare(name: str, text: str) -> None:
    path = SNAPSHOTS / f"{name}.txt"
    if not path.exists():
        path.write_text(text + "\n", encoding="utf-8")
        pytest.fail(f"{path.name} was missing: look at it, then run again")
    assert text + "\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("columns,rows", SIZES)
@pytest.mark.parametrize("pane", [ActiveTasks(), EventsPane(), TaskList(), Throughput()], ids=lambda pane: pane.id)
def test_each_pane_looks_as_drawn(pane: Pane, columns: int, rows: int) -> None:
    compare(f"{pane.id}-{columns}x{rows}", snapshot_text(pane, SHOP, columns, rows, focused=True))


@pytest.mark.parametrize("columns,rows", SIZES)
@pytest.mark.parametrize("tab", range(len(TABS)), ids=[tab.id for tab in TABS])
def test_each_tab_of_a_failed_task_looks_as_drawn(tab: int, columns: int, rows: int) -> None:
    selected = {TaskList.id: the_task(CHARGE)}
    text = snapshot_text(TaskDetail(), SHOP, columns, rows, selected=selected, tabs=TABS, tab=tab)
    compare(f"tasks.detail-{TABS[tab].id}-{columns}x{rows}", text)


@pytest.mark.parametrize("start", [ORDER, MAIL, NIGHTLY], ids=["ended", "running", "scheduled"])
def test_the_details_of_other_tasks_look_as_drawn(start: str) -> None:
    selected = {TaskList.id: the_task(start)}
    compare(
        f"tasks.detail-details-{start[:6]}", snapshot_text(TaskDetail(), SHOP, 90, 22, selected=selected, tabs=TABS)
    )


def shown(pane: Pane, snapshot: Snapshot, columns: int = 100, rows: int = 20, **context: Any) -> str:
    return snapshot_text(pane, snapshot, columns, rows, **context)


def rows_of(pane: TablePane, snapshot: Snapshot, **query: Any) -> list[str]:
    context = DrawContext(snapshot, 118, 30)
    return [pane.key(item)[:6] for item in pane.rows(snapshot, RowQuery(**query), context).items]


def test_active_tasks_are_those_a_worker_holds_the_longest_running_first() -> None:
    assert rows_of(ActiveTasks(), SHOP, sort="runtime", reverse=True) == ["a3f9c1", "77ab10", "0b3a5c"]
    assert rows_of(ActiveTasks(), SHOP, sort="runtime") == ["77ab10", "a3f9c1", "0b3a5c"]
    assert rows_of(ActiveTasks(), SHOP, sort="name") == ["77ab10", "a3f9c1", "0b3a5c"]
    assert rows_of(ActiveTasks(), SHOP, filter=parse("eve@example", NOW)) == ["a3f9c1"]


def test_a_runtime_above_the_p95_of_its_name_is_marked() -> None:
    lines = shown(ActiveTasks(), SHOP).split("\n")
    assert next(line for line in lines if "a3f9c1" in line).rstrip(" │").endswith("!")
    assert not next(line for line in lines if "77ab10" in line).rstrip(" │").endswith("!")


def test_the_list_filters_sorts_and_marks_with_the_store() -> None:
    assert rows_of(TaskList(), SHOP)[:3] == ["0b3a5c", "77ab10", "a3f9c1"]
    assert rows_of(TaskList(), SHOP, filter=parse("state:failed", NOW)) == ["5e0d77"]
    assert rows_of(TaskList(), SHOP, filter=parse("A-1", NOW)) == ["5e0d77"]
    assert rows_of(TaskList(), SHOP, sort="retries", reverse=True)[0] == "5e0d77"
    marked = RowQuery(filter=parse("is:marked", NOW), marked=frozenset({CHARGE}))
    rows = TaskList().rows(SHOP, marked, DrawContext(SHOP))
    assert [item.id for item in rows.items if item] == [CHARGE]
    assert (rows.matched, rows.total) == (1, 13)
    assert rows_of(TaskList(), SHOP, filter=parse("has:children", NOW)) == ["b7d0e2"]
    assert rows_of(TaskList(), SHOP, filter=parse("is:slow", NOW)) == ["a3f9c1"]


def test_what_a_filter_can_not_know_is_noted() -> None:
    rows = TaskList().rows(SHOP, RowQuery(filter=parse("is:muted", NOW)), DrawContext(SHOP))
    assert rows.note == "is:muted needs a plugin that groups errors"


def test_args_are_not_read_while_events_rush_by() -> None:
    rushing = replace(SHOP, totals=replace(SHOP.totals, event_rate=5_000.0))
    assert "s3://a/u0.webp" in shown(TaskList(), SHOP, 200)
    assert "…" in shown(TaskList(), rushing, 200)


def test_missed_events_are_told_below_the_list() -> None:
    gap = Gap(NOW - 200, NOW - 190, "broker lost", {"shop.mail": 12})
    link = Link("redis", "redis", LinkState.LIVE, NOW, gaps=(gap,))
    text = shown(TaskList(), replace(SHOP, links=(link,)), 120)
    assert "▲ gap 14:28:47 to 14:28:57 (broker lost): 12 tasks missed: shop.mail 12" in text


def test_a_write_that_was_sent_shows_in_the_state() -> None:
    text = shown(TaskList(), replace(SHOP, requests={f"task:{MAIL}": "requested"}))
    assert "requested" in next(line for line in text.split("\n") if "a3f9c1" in line)


def quiet(snapshot: Snapshot, number: int) -> Snapshot:
    workers = [replace(worker, task_events=at >= number) for at, worker in enumerate(snapshot.workers)]
    return replace(snapshot, workers=workers)


NOTHING = snapshot_of([])


@pytest.mark.parametrize("pane", [ActiveTasks(), TaskList()], ids=lambda pane: pane.id)
@pytest.mark.parametrize(
    "name,snapshot",
    [
        ("off", quiet(NOTHING, 3)),
        ("passive", replace(quiet(NOTHING, 3), level="PASSIVE")),
        ("new", replace(NOTHING, since=NOW - 27, totals=Totals(events=3, heartbeats=3))),
        ("lost", replace(NOTHING, links=())),
    ],
)
def test_an_empty_list_says_why_and_what_helps(pane: Pane, name: str, snapshot: Snapshot) -> None:
    compare(f"{pane.id}-empty-{name}", shown(pane, snapshot, 84, 20))


def test_idle_workers_and_workers_without_events_are_told_apart() -> None:
    ended = [batch for batch in shop() if batch[0].uuid not in (MAIL, RESIZE, NIGHTLY)]
    assert "No task is running or waiting at a worker." in shown(ActiveTasks(), snapshot_of(ended))
    assert "events are off on 1 of 3 workers" in shown(ActiveTasks(), quiet(SHOP, 1))


def test_a_filter_without_match_says_how_many_there_are() -> None:
    query = RowQuery(filter=parse("state:rejected", NOW))
    lines = [plain(each) for each in TaskList().empty(DrawContext(SHOP, 80, 20), query)]
    assert lines == ["0 of 13 tasks match state:rejected", "Esc shows all."]


def test_titles_say_what_is_shown() -> None:
    context = DrawContext(SHOP, selected={TaskList.id: the_task(CHARGE)}, follow=True)
    assert TaskDetail().heading(context) == "charge_card  5e0d77"
    assert plain(TaskList().info(context)) == "following"
    assert plain(TaskList().info(replace(context, follow=False))) == "not following (F)"
    assert plain(ActiveTasks().info(context)) == "3 · all workers"
    assert plain(ActiveTasks().summary(SHOP)).strip() == "►2 ◔1"
    assert plain(TaskList().summary(SHOP)).strip() == "✓9 ✗1"


def test_the_feed_is_bounded_and_knows_only_the_end_of_a_batch() -> None:
    feed = EventFeed(ring=10)
    feed.apply([event for n in range(500) for event in told("task-started", 0, f"t{n}")], NOW)
    assert [each.task_id for each in feed.view()] == [f"t{n}" for n in range(490, 500)]
    before = feed.view()
    feed.apply(told("worker-heartbeat", 0, ""), NOW)
    assert feed.view() is before
    feed.apply(told("task-failed", 0, "x", exception="E" * 5_000), NOW)
    assert (len(feed.view()), len(feed.view()[-1].exception), len(before)) == (10, 300, 10)


def test_the_feed_shows_what_each_event_says() -> None:
    text = shown(EventsPane(), SHOP, 140, 34)
    for part in (
        "✗ worker-3  orders.charge_card[5e0d77] ConnectionError: Payment gateway timeout (attempt 2)",
        "↻ worker-3  orders.charge_card[5e0d77] retry after ConnectionError: no route",
        "✓ worker-3  orders.process_order[b7d0e2] 2.70s",
        "► worker-3  orders.process_order[b7d0e2] waited 0.30s in payments",
        "◔ worker-1  reports.nightly[0b3a5c] eta 14:35:00",
        "◌ gen1      orders.process_order[b7d0e2] to payments",
    ):
        assert part in text


def test_the_feed_hides_secrets_of_exceptions() -> None:
    events = told("task-failed", 1, CHARGE, exception="AuthError('password=swordfish refused')")
    unknown = told("task-failed", 1, task_id("ee"), exception="AuthError('password=swordfish refused')")
    feed = EventFeed()
    feed.apply(events + unknown, NOW)
    text = shown(EventsPane(), replace(NOTHING, views={NAME: feed.view()}))
    assert "AuthError" in text
    assert "swordfish" not in text


def test_the_feed_says_since_when_it_waits() -> None:
    waiting = replace(NOTHING, since=NOW - 27, totals=Totals(heartbeats=4))
    assert "Waiting for the first event since 14:31:40 …  heartbeats seen: 4" in shown(EventsPane(), waiting)


def test_custom_and_worker_events_are_shown_by_their_kind() -> None:
    snapshot = snapshot_of([told("worker-online", 1, ""), told("task-progress", 1, CHARGE)])
    text = shown(EventsPane(), snapshot, 90)
    assert "● worker-1 online" in text
    assert "· worker-1 [5e0d77] task-progress" in text


NASTY = "\x1b[31m\u202eevil\x00\n\t[bold]\u0301{}"


@pytest.mark.parametrize("columns,rows", [(1, 1), (12, 5), *SIZES])
@pytest.mark.parametrize("pane", [ActiveTasks(), EventsPane(), TaskList(), Throughput()], ids=lambda pane: pane.id)
def test_hostile_text_is_drawn_as_text(pane: Pane, columns: int, rows: int) -> None:
    fields = {"name": NASTY, "args": NASTY, "kwargs": NASTY, "exception": NASTY, "traceback": NASTY, "queue": NASTY}
    batches = [
        told(kind, 9 - n, NASTY, NASTY, **fields)
        for n, kind in enumerate(["task-sent", "task-received", "task-started", "task-retried", "task-started", NASTY])
    ]
    snapshot = snapshot_of(batches)
    texts = [shown(pane, snapshot, columns, rows)]
    selected = {TaskList.id: the_task(NASTY, snapshot)}
    texts += [
        shown(TaskDetail(), snapshot, columns, rows, selected=selected, tabs=TABS, tab=n) for n in range(len(TABS))
    ]
    for text in texts:
        assert all(width(each) <= max(columns, 4) for each in text.split("\n"))
        assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cf") and char != "\n"]


def test_times_follow_the_clock_that_was_chosen() -> None:
    assert "7s ago" in shown(TaskList(), SHOP, 120, time_mode=TimeMode.AGO)
    assert "58s ago" not in shown(TaskList(), SHOP, 120)


def test_the_hooks_bring_what_the_readme_names() -> None:
    brought = list(lazycelery_plugin_tasks.lazycelery_panes(None))
    panes = [each.id for each in brought if isinstance(each, Pane)]
    assert panes == ["overview.active", "overview.events", "overview.throughput", "tasks.list", "tasks.detail"]
    tabs = [each.id for each in brought if isinstance(each, DetailTab)]
    assert tabs == ["details", "attempts", "args", "result", "traceback", "raw"]
    assert [each.name for each in lazycelery_plugin_tasks.lazycelery_projections(None)] == [NAME]
    actions = {action.name for action in lazycelery_plugin_tasks.lazycelery_actions(None)}
    assert set(lazycelery_plugin_tasks.lazycelery_keybindings(None)) <= actions
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert [name for name in [*actions, *panes] if f"`{name}`" not in readme] == []
    assert [tab for tab in tabs if tab not in readme] == []


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, lazycelery_plugin_tasks; sys.exit(bool({'numpy', 'lark', 'pygments', 'textual'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
