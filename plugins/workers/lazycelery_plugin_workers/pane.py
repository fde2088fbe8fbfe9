"""The lists of workers: the narrow one on the overview and the wide one of the Workers view."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from lazycelery_core.arranging import arranged
from lazycelery_core.looks import WORKER_STATES, hbar, spark
from lazycelery_core.model import LinkState, Worker, WorkerState
from lazycelery_core.pane import OVERVIEW, WORKERS, Cell, Column, DetailPane, DrawContext, Rows, Slot, TablePane
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.text import UNKNOWN, Safe, age, clock, duration, pad, percent, rate, safe, size
from lazycelery_core.tones import Line, Span, Tone, line
from lazycelery_plugin_workers import facts, notes

FEW = 60  # samples of 5 s: the five minutes that fit a narrow list
LATE_BEATS = 3  # heartbeats missed before their age is drawn as a warning


def _text(read: Callable[[Worker], str]) -> Callable[[Worker, DrawContext], Cell]:
    """A cell of plain text in the tone of its worker."""
    return lambda worker, context: line((read(worker), facts.state_tone(worker)))


def _live(read: Callable[[Worker], str]) -> Callable[[Worker, DrawContext], Cell]:
    """A cell that a silent worker leaves unknown."""
    return lambda worker, context: line((UNKNOWN, Tone.DIM) if facts.is_silent(worker) else (read(worker), Tone.TEXT))


def _short_name(worker: Worker, context: DrawContext) -> Cell:
    return facts.name_line(worker, facts.short_name(worker, context.snapshot))


def _name(worker: Worker, context: DrawContext) -> Cell:
    return facts.name_line(worker, facts.split_name(worker.hostname)[0])


def _busy(worker: Worker, context: DrawContext) -> Cell:
    gone = worker.state is WorkerState.OFFLINE
    return line(("off" if gone else facts.busy(worker), facts.busy_tone(worker)))


def _busy_bar(worker: Worker, context: DrawContext) -> Cell:
    """`2/4 ███`, the bar in what the text leaves."""
    tone = facts.busy_tone(worker)
    bar = hbar(facts.busy_share(worker), max(0, context.width - 6))
    return (
        Span(pad(facts.busy(worker), 5, right=True), tone),
        Span(Safe(" ")),
        Span(bar, tone if tone is Tone.WARN else Tone.BAR),
    )


def _spark(worker: Worker, context: DrawContext) -> Cell:
    shown = worker.load_history[-FEW:]
    return (Span(spark(shown, context.width, top=float(worker.concurrency or 0) or None), _spark_tone(worker)),)


def _spark_tone(worker: Worker) -> Tone:
    return Tone.DIM if worker.state is WorkerState.OFFLINE else Tone.WARN if facts.is_silent(worker) else Tone.BAR


def load_average(worker: Worker) -> float | None:
    """The host's load average of the last minute as the last heartbeat told it."""
    return worker.loadavg[0] if worker.loadavg and not facts.is_silent(worker) else None


def _load_average(worker: Worker, context: DrawContext) -> Cell:
    load = load_average(worker)
    return line((UNKNOWN, Tone.DIM) if load is None else (f"{load:.1f}"[:6], Tone.TEXT))


def _failed(worker: Worker, context: DrawContext) -> Cell:
    share = facts.failed_share(worker)
    tone = Tone.DIM if share is None else Tone.FAILURE if share >= facts.MUCH_FAILING else Tone.TEXT
    return line((percent(share), tone))


def _beat(worker: Worker, context: DrawContext) -> Cell:
    beat = facts.beat_age(worker, context.snapshot.now)
    late = worker.state is WorkerState.LATE or (beat or 0.0) > LATE_BEATS * worker.freq
    tone = Tone.WARN if late and worker.state is not WorkerState.OFFLINE else Tone.DIM
    return line((age(beat), tone))


def events_word(worker: Worker) -> str:
    """Whether task events flow: `on`, `off`, or a dash while nobody knows."""
    return {True: "on", False: "off", None: UNKNOWN}[worker.task_events]


def _events(worker: Worker, context: DrawContext) -> Cell:
    off = worker.task_events is False and worker.state is not WorkerState.OFFLINE
    return line((events_word(worker), Tone.WARN if off else Tone.DIM))


def _hostname(worker: Worker) -> str:
    return worker.hostname


def _host(worker: Worker) -> str:
    return facts.split_name(worker.hostname)[1]


def _rate(worker: Worker) -> str:
    return rate(worker.rate).removesuffix("/s")


def _queues(worker: Worker) -> str:
    return ", ".join(worker.queues) or UNKNOWN


class WorkerTable(TablePane):
    """What both lists of workers have in common: the rows, their order and what an empty list says."""

    on: ClassVar[str] = "worker"

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """Every worker known, by state and name unless a column sorts."""
        ordered = sorted(snapshot.workers, key=lambda each: (facts.RANK[each.state], each.hostname))
        return arranged(ordered, self.columns, query, snapshot.now)

    def key(self, item: Any) -> str:
        """The node name."""
        return str(item.hostname)

    def info(self, context: DrawContext) -> Line:
        """How many there are."""
        return line((str(len(context.snapshot.workers)), Tone.DIM))

    def summary(self, snapshot: Snapshot) -> Line:
        """`●3 ◐1 ○1`."""
        return counts_line(snapshot.workers)

    def empty(self, context: DrawContext, query: RowQuery) -> Sequence[Line]:
        """Nobody there, or nobody matches."""
        if query.filter is not None and context.snapshot.workers:
            return _no_match(len(context.snapshot.workers), query.filter.text)
        return _nobody(context)


def counts_line(workers: Sequence[Worker]) -> Line:
    """`●3 ◐1 ○1`: online, late or mute, offline."""
    late = sum(each.state in (WorkerState.LATE, WorkerState.MUTE) for each in workers)
    online = sum(each.state is WorkerState.ONLINE for each in workers)
    counted = (
        (WorkerState.ONLINE, online), (WorkerState.LATE, late), (WorkerState.OFFLINE, len(workers) - online - late)
    )  # fmt: skip
    looks = [(WORKER_STATES[state], number) for state, number in counted if number or state is WorkerState.ONLINE]
    return line(*((f"{' ' if at else ''}{look.glyph}{number}", look.tone) for at, (look, number) in enumerate(looks)))


def _no_match(total: int, text: str) -> list[Line]:
    return [
        line((f"0 of {total} workers match ", Tone.DIM), text),
        line(("Esc", Tone.ACCENT), (" shows all.", Tone.DIM)),
    ]


def _answers(snapshot: Snapshot) -> bool:
    """Whether the broker itself answers: a source that was told how fast is connected, others may only wait."""
    up = [link for link in snapshot.links if link.state in (LinkState.LIVE, LinkState.SLOW)]
    return any(link.latency is not None for link in up)


def _nobody(context: DrawContext) -> list[Line]:
    """What may be wrong when no worker is seen, depending on whether the broker answers at all."""
    snapshot = context.snapshot
    if not _answers(snapshot):
        return [line(("No worker seen: the broker does not answer yet.", Tone.DIM))]
    asked = "nobody is asked in passive mode" if snapshot.level == "PASSIVE" else "nobody answered"
    since = clock(snapshot.since, context.time_mode, snapshot.now)
    return [
        line(f"No worker seen since {since}."),
        line((f"The broker is fine; no heartbeat came, {asked}.", Tone.DIM)),
        line(
            ("Same database or virtual host as the application? ", Tone.DIM),
            ("F5", Tone.ACCENT),
            (" asks again.", Tone.DIM),
        ),
    ]


class OverviewWorkers(WorkerTable):
    """The workers at a glance: who is there, how busy, since when."""

    id = "overview.workers"
    view = OVERVIEW
    title = "Workers"
    slot = Slot("left", order=0)
    markable = False
    columns = (
        Column("name", "name", _short_name, 13, min_width=8, grow=1, sort=_hostname, value=_hostname, cut="middle"),
        Column("busy", "busy", _busy, 5, priority=1, sort=facts.busy_share, value=lambda worker: worker.active),
        Column("slots", "5 min", _spark, 6, priority=3),
        Column("load", "load", _load_average, 4, priority=2, align="right", sort=load_average, value=load_average),
    )

    def footnotes(self, context: DrawContext, rows: Rows) -> Sequence[Line]:
        """Who of those shown is late, mute, double, or sends no events."""
        return notes.short_notes(rows.items, context.snapshot)


class WorkersList(WorkerTable):
    """Everything that is known about each worker in one line."""

    id = "workers.list"
    view = WORKERS
    title = "Workers"
    slot = Slot("centre", row=0, main=True)
    columns = (
        Column("name", "name", _name, 12, min_width=10, grow=1, sort=_hostname, value=_hostname, cut="middle"),
        Column("host", "host", _text(_host), 9, min_width=8, grow=1, priority=3, sort=_host, value=_host, cut="middle"),
        Column("pool", "pool", _text(facts.pool), 11, priority=2, sort=facts.pool, value=lambda worker: worker.pool),
        Column("busy", "busy", _busy_bar, 12, min_width=11, priority=1,
               sort=facts.busy_share, value=lambda worker: worker.active),
        Column("queues", "queues", _text(_queues), 17, min_width=12, grow=2, priority=4, sort=_queues, value=_queues),
        Column("done", "done/s", _live(_rate), 6, priority=2, align="right",
               sort=lambda worker: worker.rate, value=lambda worker: worker.rate),
        Column("fail", "fail", _failed, 5, priority=2, align="right",
               sort=facts.failed_share, value=facts.failed_share),
        Column("p95", "p95", _live(lambda worker: duration(worker.p95)), 5, priority=5, align="right",
               sort=lambda worker: worker.p95, value=lambda worker: worker.p95),
        Column("rss", "maxrss", _live(lambda worker: size(worker.rss, tight=True)), 6, priority=6, align="right",
               sort=lambda worker: worker.rss, value=lambda worker: worker.rss),
        Column("beat", "beat", _beat, 4, priority=1, align="right",
               sort=lambda worker: worker.beat_at, value=lambda worker: worker.beat_at),
        Column("events", "events", _events, 6, priority=5, sort=events_word, value=lambda worker: worker.task_events),
        Column("slots", "5 min", _spark, 6, min_width=5, grow=3, priority=7),
    )  # fmt: skip

    def info(self, context: DrawContext) -> Line:
        """`●3 ◐1 ○1`."""
        return counts_line(context.snapshot.workers)

    def footnotes(self, context: DrawContext, rows: Rows) -> Sequence[Line]:
        """The same warnings in full sentences."""
        return notes.long_notes(rows.items, context.snapshot)


class OverviewWorker(DetailPane):
    """The worker under the cursor, beside the overview's list."""

    id = "overview.worker"
    view = OVERVIEW
    title = "Worker"
    slot = Slot("centre", row=0, height=10)
    on = "worker"
    of = "overview.workers"
    tabs = ("details", "config", "stats")

    def heading(self, context: DrawContext) -> str:
        """The node name."""
        worker = context.selected.get(self.of)
        return safe(worker.hostname) if isinstance(worker, Worker) else self.title

    def empty(self, context: DrawContext) -> Sequence[Line]:
        """No worker is selected because there is none."""
        return (line(("No worker yet.", Tone.DIM)),)


class WorkerPool(DetailPane):
    """The pool, settings and answers of the selected worker."""

    id = "workers.pool"
    view = WORKERS
    title = "Pool"
    slot = Slot("centre", row=1, order=0, height=15)
    on = "worker"
    of = "workers.list"
    tabs = ("pool", "config", "stats", "registered")

    def heading(self, context: DrawContext) -> str:
        """The short name: the tabs need the room."""
        worker = context.selected.get(self.of)
        return safe(facts.short_name(worker, context.snapshot)) if isinstance(worker, Worker) else self.title

    def empty(self, context: DrawContext) -> Sequence[Line]:
        """No worker is selected because there is none."""
        return (line(("No worker yet.", Tone.DIM)),)
