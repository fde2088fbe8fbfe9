"""Do the panes of workers look as drawn, at every size, when little is known, and with hostile text?

The pictures are plain files in snapshots/; a missing one is written by the first run, which fails.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import sin
from pathlib import Path
from typing import Any

import pytest

from lazycelery_core.model import Link, LinkState, Read, Task, TaskState, TaskStory, Worker, WorkerState
from lazycelery_core.pane import DetailTab, DrawContext, Pane, Rows, TablePane
from lazycelery_core.snapshot import Filter, NameStats, Rates, RowQuery, Snapshot, TaskPage, Totals
from lazycelery_core.spans import plain
from lazycelery_core.table import snapshot_text
from lazycelery_core.text import width
from lazycelery_core.tones import Tone
from lazycelery_plugin_workers.answers import WorkerConfig, WorkerRegistered, WorkerStats
from lazycelery_plugin_workers.chart import WorkerCharts
from lazycelery_plugin_workers.details import WorkerDetails
from lazycelery_plugin_workers.pane import OverviewWorker, OverviewWorkers, WorkerPool, WorkersList
from lazycelery_plugin_workers.pool import WorkerPoolTab
from lazycelery_plugin_workers.projection import VIEW
from lazycelery_plugin_workers.tasks_here import TasksHere

NOW = 1_700_000_000.0
SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES = [(80, 24), (120, 36), (250, 70)]


class FewTasks:
    """A table of tasks that holds what a test gives it."""

    held = evicted = 0

    def __init__(self, tasks: Sequence[Task] = ()) -> None:
        self._tasks = list(tasks)

    def row(self, row: int) -> Task | None:
        return self._tasks[row]

    def get(self, task_id: str) -> Task | None:
        return next((task for task in self._tasks if task.id == task_id), None)

    def story(self, task_id: str, most: int = 0) -> TaskStory | None:
        return None

    def select(self, query: RowQuery, limit: int = 200) -> TaskPage:
        wanted: Filter | None = query.filter
        rows = [row for row, task in enumerate(self._tasks) if wanted is None or wanted.matches(task, NOW)]
        return TaskPage(rows[:limit], len(rows), len(self._tasks))

    def children(self, task: Task, limit: int = 200) -> Sequence[Task]:
        return []

    def active(self, limit: int = 500) -> Sequence[Task]:
        return [task for task in self._tasks if not task.state.ended]

    def counts(self) -> Mapping[TaskState, int]:
        return {}

    def names(self) -> Sequence[NameStats]:
        return ()

    def stats(self, name: str) -> NameStats | None:
        return None

    def rates(self, seconds: int, steps: int, worker: str = "") -> Rates:
        known = [step >= steps // 6 for step in range(steps)]
        return Rates(
            [20 + 10 * sin(step * 12 / steps) if here else None for step, here in enumerate(known)],
            [max(0.0, step - steps * 0.8) * 40 / steps if here else None for step, here in enumerate(known)],
            [None] * steps,
            frozenset([steps // 2]),
        )

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks)


def read(value: Any, age: float = 5.0, error: str = "") -> Read:
    return Read(value, NOW - age, error)


READS = {
    "stats": read({
        "total": {"mail.send_email": 812, "orders.charge_card": 711}, "pid": 2211, "uptime": 180_000,
        "pool": {"processes": [2214, 2215, 2216, 2217], "max-tasks-per-child": 1000, "timeouts": [300, 360]},
        "prefetch_count": 16,
        "autoscaler": {"max": 8, "min": 4, "current": 4}, "rusage": {"maxrss": 402_344},
    }),
    "conf": read({
        "broker_url": "redis://:hunter2@cache:6379/0", "task_acks_late": False, "worker_prefetch_multiplier": 4,
        "worker_max_memory_per_child": 200_000, "my_dsn": "postgres://shop:swordfish@db/shop",
        "aws_secret_key": "AKIA123", "broker_transport_options": {"visibility_timeout": 3600},
    }, age=40),
    "registered": read(["orders.charge_card [max_retries=3 acks_late=False]", "mail.send_email"], age=20),
    "active": read([
        {"id": "a3f9c1aa", "name": "mail.send_email", "args": "('eve@example.com',)", "time_start": NOW - 135,
         "worker_pid": 2214},
        {"id": "c0ffee00", "name": "orders.charge_card", "args": "(12345,)", "time_start": NOW - 8, "worker_pid": 2215},
    ]),
    "reserved": read([{"id": f"91bb{number}a", "name": "img.process_image", "args": "()"} for number in range(2)]),
    "scheduled": read([{"eta": "2023-11-14T22:16:13+00:00", "request": {"id": "0b3a5c", "name": "reports.nightly"}}]),
    "revoked": read(["dead01"], age=20),
}  # fmt: skip
FIRST = Worker(
    "worker-1@web-7", WorkerState.ONLINE, pid=2211, pids=(2211,), beat_at=NOW - 1, first_seen=NOW - 900, skew=0.02,
    active=2, processed=1523, loadavg=(1.42, 1.1, 0.9), software="celery 5.7.0 (Linux)", task_events=True,
    pool="prefork", concurrency=4, queues=("default", "priority"), reads=READS, latency=0.003,
    succeeded=1511, failed=12, retried=4, rate=3.1, p95=2.2, rss=412_000_000,
    load_history=tuple(2 + 2 * sin(step / 9) for step in range(150)),
)  # fmt: skip
WORKERS = (
    FIRST,
    Worker(
        "worker-2@web-8", WorkerState.ONLINE, beat_at=NOW, active=4, task_events=True, pool="prefork", concurrency=4,
        queues=("default", "media"), succeeded=900, failed=10, rate=4.0, p95=3.4, load_history=(4.0,) * 60,
        rss=655_000_000, loadavg=(3.9,),
    ),
    Worker(
        "worker-3@web-9", WorkerState.ONLINE, beat_at=NOW - 1, active=1, task_events=True, pool="threads",
        concurrency=8, queues=("payments",), succeeded=78, failed=22, rate=1.2, p95=2.2,
        load_history=(1.0, 2.0, 1.0, 8.0) * 15, rss=288_000_000, loadavg=(0.3,), skew=3.2,
    ),
    Worker(
        "worker-4@web-9", WorkerState.LATE, beat_at=NOW - 14, active=4, task_events=True, pool="gevent",
        concurrency=100, queues=("mail",), load_history=(20.0,) * 30,
    ),
    Worker("worker-5@web-4", WorkerState.OFFLINE, beat_at=NOW - 540, pool="prefork", concurrency=4, queues=("old",)),
    Worker(
        "worker-6@web-4", WorkerState.MUTE, beat_at=NOW - 40, task_events=False, pool="solo", concurrency=1,
        queues=("legacy",), twins=True, pids=(3, 4),
    ),
)  # fmt: skip
TABS: Mapping[str, Sequence[DetailTab]] = {
    "overview.worker": (WorkerDetails(), WorkerConfig(), WorkerStats()),
    "workers.pool": (WorkerPoolTab(), WorkerConfig(), WorkerStats(), WorkerRegistered()),
}


def task(task_id: str, name: str, state: TaskState, **known: Any) -> Task:
    blank: dict[str, Any] = dict.fromkeys(("sent", "received", "started", "eta", "runtime"))
    rest = {
        "row": 0,
        "worker": FIRST.hostname,
        "queue": "",
        "retries": 0,
        "updated": NOW - 3,
        "exception": "",
        "version": 0,
    }
    return Task(id=task_id, name=name, state=state, **{**blank, **rest, "parent_key": 0, "root_key": 0, **known})


TASKS = FewTasks([
    task("a3f9c1aa", "mail.send_email", TaskState.STARTED, started=NOW - 135),
    task("e9d210bb", "img.resize_image", TaskState.RECEIVED, updated=NOW - 1),
    task("f00dcafe", "img.resize_image", TaskState.SUCCESS, runtime=3.12, updated=NOW - 9),
    task("5e0d77aa", "orders.charge_card", TaskState.FAILURE, worker="worker-3@web-9", runtime=1.0),
])  # fmt: skip


def moment(workers: Sequence[Worker] = WORKERS, **known: Any) -> Snapshot:
    memory = {FIRST.hostname: tuple((NOW - 900 + step * 30, 400e6 + step // 12 * 6e6) for step in range(30))}
    fixed: dict[str, Any] = {"version": 1, "now": NOW, "since": NOW - 900, "name": "prod", "broker": "redis://cache/0"}
    fixed |= {
        "level": "READ-ONLY",
        "scopes": frozenset(),
        "tasks": TASKS,
        "queues": (),
        "totals": Totals(),
        "links": (),
    }
    return Snapshot(workers=workers, **{**fixed, "views": {VIEW: memory}, **known})


def drawn(pane: Pane, snapshot: Snapshot, columns: int, rows: int, tab: int = 0, selected: Worker = FIRST) -> str:
    chosen = {"overview.workers": selected, "workers.list": selected}
    return snapshot_text(pane, snapshot, columns, rows, selected=chosen, tabs=TABS.get(pane.id, ()), tab=tab)


def assert_as_drawn(name: str, text: str) -> None:
    file = SNAPSHOTS / f"{name}.txt"
    if not file.exists():
        file.write_text(text + "\n", "utf-8")
        pytest.fail(f"{file.name} was missing and is written now: look at it")
    assert text + "\n" == file.read_text("utf-8")


PANES: list[tuple[Pane, int]] = [
    (OverviewWorkers(), 0), (OverviewWorker(), 0), (WorkersList(), 0), (WorkerCharts(), 0), (TasksHere(), 0),
    (WorkerPool(), 0), (WorkerPool(), 1), (WorkerPool(), 2), (WorkerPool(), 3),
]  # fmt: skip
BOXES = {  # the box of each pane in a terminal of 80x24, 120x36 and 250x70
    "overview.workers": [(80, 16), (36, 12), (48, 30)],
    "overview.worker": [(80, 16), (84, 10), (200, 10)],
    "workers.list": [(80, 18), (120, 12), (250, 26)],
    "workers.charts": [(80, 18), (60, 15), (125, 15)],
    "workers.tasks": [(80, 18), (120, 12), (250, 25)],
    "workers.pool": [(80, 18), (60, 15), (125, 15)],
}


@pytest.mark.parametrize("size", range(3), ids=lambda size: "{}x{}".format(*SIZES[size]))
@pytest.mark.parametrize("pane, tab", PANES, ids=lambda each: each.id if isinstance(each, Pane) else f"tab{each}")
def test_each_pane_looks_as_drawn(pane: Pane, tab: int, size: int) -> None:
    text = drawn(pane, moment(), *BOXES[pane.id][size], tab=tab)
    assert_as_drawn(f"{pane.id}-{tab}-{SIZES[size][0]}x{SIZES[size][1]}", text)


@pytest.mark.parametrize("pane, tab", PANES, ids=lambda each: each.id if isinstance(each, Pane) else f"tab{each}")
@pytest.mark.parametrize("size", [(4, 2), (12, 4), (30, 6), (61, 9), (119, 40)])
def test_no_pane_draws_outside_its_box(pane: Pane, tab: int, size: tuple[int, int]) -> None:
    lines = drawn(pane, moment(), *size, tab=tab).split("\n")
    assert len(lines) <= size[1]
    assert all(width(line) <= size[0] for line in lines)


def hostile(text: str) -> Worker:
    """A worker all of whose texts, and all of whose answers, are `text`."""
    odd: dict[str, Any] = {command: read(text) for command in READS}
    odd["active"] = read([{"id": text, "name": text, "args": text, "worker_pid": text, "time_start": text}])
    odd["scheduled"] = read([{"eta": text, "request": {"id": text + "s", "name": [text]}}])
    odd["conf"] = read({text: {text: text}, "broker_url": [text]})
    odd["stats"] = read(
        {text: text, "total": {text: 1}, "pool": {"processes": [text], "timeouts": text}, "rusage": text}
    )
    return replace(FIRST, hostname=f"{text}@{text}", reason=text, software=text, pool=text, queues=(text,), reads=odd)


@pytest.mark.parametrize(
    "text", ["\x1b[31mred\x1b]0;title\x07", "\u202eevil", "[bold]x[/]", "a\nb\r\tc", "\ud800", "漢字" * 50, ""]
)
@pytest.mark.parametrize("pane, tab", PANES, ids=lambda each: each.id if isinstance(each, Pane) else f"tab{each}")
def test_hostile_text_is_drawn_as_text(pane: Pane, tab: int, text: str) -> None:
    worker = hostile(text)
    shown = drawn(pane, moment([worker, replace(worker, state=WorkerState.LATE)]), 120, 30, tab, worker)
    assert not {"\x1b", "\x07", "\u202e", "\r", "\t", "\ud800"} & set(shown)
    assert len(shown.split("\n")) == 30
    assert all(width(line) <= 120 for line in shown.split("\n"))


def test_no_secret_of_the_settings_is_shown() -> None:
    text = drawn(WorkerPool(), moment(), 200, 40, tab=1)
    assert not any(secret in text for secret in ("hunter2", "swordfish", "AKIA123"))
    assert "visibility_timeout" in text


@pytest.mark.parametrize("pane, tab", PANES, ids=lambda each: each.id if isinstance(each, Pane) else f"tab{each}")
def test_a_worker_of_which_only_the_name_is_known_can_be_shown(pane: Pane, tab: int) -> None:
    unknown = Worker("w@h", WorkerState.ONLINE)
    text = drawn(pane, moment([unknown], views={}), 120, 24, tab, unknown)
    assert "None" not in text
    assert "nan" not in text


@pytest.mark.parametrize("tab, command", [(1, "conf"), (2, "stats"), (3, "registered")])
def test_what_was_not_answered_says_so(tab: int, command: str) -> None:
    silent = replace(FIRST, reads={})
    assert f"{command} not answered yet" in drawn(WorkerPool(), moment(), 80, 10, tab, silent)
    assert "in passive mode workers are never asked" in drawn(
        WorkerPool(), moment(level="PASSIVE"), 80, 10, tab, silent
    )
    refused = replace(FIRST, reads={command: read(None, error="answers in pickle, which is never opened")})
    assert "answers in pickle" in drawn(WorkerPool(), moment(), 80, 10, tab, refused)


def test_an_old_answer_is_drawn_dim_and_its_age_as_a_warning() -> None:
    old = replace(FIRST, reads={**READS, "stats": read(READS["stats"].value, age=40)})
    tab, context = WorkerPoolTab(), DrawContext(moment(), 80, 20)
    for worker, tones in ((FIRST, {Tone.TEXT, Tone.STARTED}), (old, {Tone.DIM})):
        assert tones <= {span.tone for span in tab.lines(worker, context)[1]}
    age_line = next(each for each in tab.lines(old, context) if "read" in plain(each))
    assert [(span.text, span.tone) for span in age_line] == [("stats read ", Tone.DIM), ("40s ago", Tone.WARN)]


def test_slots_are_told_by_pid_only_while_it_is_certain_which_are_idle() -> None:
    pool = drawn(WorkerPool(), moment(), 80, 20)
    assert "3  2216   ◌ idle" in pool
    just_begun = task("beef00", "img.resize_image", TaskState.STARTED, started=NOW - 1, updated=NOW - 1)
    later = drawn(WorkerPool(), moment(tasks=FewTasks([*TASKS, just_begun])), 80, 20)
    assert "–      ► busy  img.resize_image beef00" in later
    assert "1 idle" in later
    assert "2216" not in later


def test_a_retry_occupies_no_slot() -> None:
    waiting = task("beef00", "img.resize_image", TaskState.RETRY, updated=NOW - 1)
    snapshot = moment(tasks=FewTasks([waiting]))
    rows = TasksHere().rows(snapshot, RowQuery(), DrawContext(snapshot, selected={"workers.list": FIRST}))
    assert [item.place for item in rows.items if item.id == "beef00"] == ["scheduled"]
    assert "beef00" not in drawn(WorkerPool(), snapshot, 80, 20)


def lines_of(pane: TablePane, snapshot: Snapshot) -> list[str]:
    return [plain(each) for each in pane.empty(DrawContext(snapshot, 80, 10), RowQuery())]


def link(state: LinkState) -> Link:
    return Link("events", "redis", state, NOW, latency=0.001 if state is LinkState.LIVE else None)


def test_without_a_worker_the_list_says_what_may_be_wrong() -> None:
    assert lines_of(WorkersList(), moment([], links=[link(LinkState.RETRYING)])) == [
        "No worker seen: the broker does not answer yet."
    ]
    idle = Link("peek", "queues", LinkState.LIVE, NOW)
    lost = moment([], links=[link(LinkState.RETRYING), idle])
    assert lines_of(WorkersList(), lost) == ["No worker seen: the broker does not answer yet."], "a poller only waits"
    assert lines_of(WorkersList(), moment([], links=[link(LinkState.LIVE)])) == [
        "No worker seen since 21:58:20.",
        "The broker is fine; no heartbeat came, nobody answered.",
        "Same database or virtual host as the application? F5 asks again.",
    ]
    passive = lines_of(WorkersList(), moment([], links=[link(LinkState.LIVE)], level="PASSIVE"))
    assert "nobody is asked in passive mode" in passive[1]


def test_many_workers_of_one_trouble_are_told_in_one_line() -> None:
    late = [
        Worker(f"w{number}@h{number}", WorkerState.LATE, twins=True, skew=9.0, task_events=False) for number in range(5)
    ]
    notes = [plain(each) for each in WorkersList().footnotes(DrawContext(moment(late)), Rows(late, 5, 5))]
    assert notes[0] == "◐ 5 workers are late: w0, w1, w2 and 2 more"
    assert len(notes) == 1 + 3 + 3 + 1
    assert notes[-1].startswith("Task events are off on w0, w1, w2 and 2 more:")


def test_the_summary_counts_who_is_here() -> None:
    assert plain(OverviewWorkers().summary(moment())) == "●3 ◐2 ○1"
    assert plain(OverviewWorkers().summary(moment([FIRST]))) == "●1"
    assert plain(OverviewWorkers().summary(moment([]))) == "●0"


def order(pane: TablePane, sort: str, reverse: bool = False) -> list[str]:
    rows = pane.rows(moment(), RowQuery(sort=sort, reverse=reverse), DrawContext(moment()))
    return [item.hostname[7] for item in rows.items]


def test_workers_stand_by_state_then_name() -> None:
    assert order(WorkersList(), "") == list("123645")


def test_a_column_sorts_and_unknown_values_stay_last() -> None:
    assert order(WorkersList(), "busy") == list("312645")
    assert order(WorkersList(), "busy", reverse=True) == list("213645")
    assert order(WorkersList(), "fail", reverse=True)[:3] == list("321")


@pytest.mark.parametrize("pane", [OverviewWorkers(), WorkersList(), TasksHere()], ids=lambda pane: pane.id)
def test_every_column_sorts_and_exports_what_little_is_known(pane: TablePane) -> None:
    snapshot = moment([*WORKERS, Worker("w@h", WorkerState.ONLINE)])
    context = DrawContext(snapshot, 120, 20, selected={"workers.list": FIRST})
    for column in pane.columns:
        rows = pane.rows(snapshot, RowQuery(sort=column.id), context)
        assert len(rows.items) == rows.total
        if column.value is not None:
            assert all(isinstance(column.value(item), str | int | float | bool | None) for item in rows.items)


def test_exports_hold_values_and_not_their_looks() -> None:
    values = {column.id: column.value(FIRST) for column in WorkersList.columns if column.value is not None}
    assert values["name"] == "worker-1@web-7"
    assert (values["busy"], values["done"], values["rss"], values["events"]) == (2, 3.1, 412_000_000, True)


def test_a_task_that_ended_since_the_worker_answered_is_not_shown_as_running() -> None:
    ended = task("c0ffee00", "orders.charge_card", TaskState.SUCCESS, runtime=2.0, updated=NOW - 1)
    snapshot = moment(tasks=FewTasks([ended]))
    rows = TasksHere().rows(snapshot, RowQuery(), DrawContext(snapshot, selected={"workers.list": FIRST}))
    assert [(item.id, item.place) for item in rows.items if item.id == "c0ffee00"] == [("c0ffee00", "done")]


def test_without_events_a_newer_answer_ends_a_task_that_is_no_longer_in_it() -> None:
    gone = task("gone", "img.resize_image", TaskState.STARTED, updated=NOW - 60)
    silent = replace(FIRST, task_events=False)
    for worker, shown in ((silent, False), (FIRST, True)):
        snapshot = moment([worker], tasks=FewTasks([gone]))
        rows = TasksHere().rows(snapshot, RowQuery(), DrawContext(snapshot, selected={"workers.list": worker}))
        assert ("gone" in [item.id for item in rows.items]) is shown
