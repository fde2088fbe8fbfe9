"""The lists of queues: the narrow one on the overview and the wide one of the Queues view."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from lazycelery_core.arranging import arranged
from lazycelery_core.gaps import gap_note
from lazycelery_core.looks import WARNING, spark
from lazycelery_core.model import LinkState, Queue
from lazycelery_core.pane import OVERVIEW, QUEUES, Cell, Column, DrawContext, Rows, Slot, TablePane
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.text import UNKNOWN, Safe, age, clock, count, rate
from lazycelery_core.tones import Line, Span, Tone, line
from lazycelery_plugin_queues.flow import (
    Outlook,
    consumer_number,
    is_abandoned,
    is_growing,
    outlook,
    to_empty,
    to_empty_text,
)
from lazycelery_plugin_queues.notes import deep_first, kept_back, notes, troubled, uncounted, worst_first

FEW = 60  # samples of 5 s: five minutes
LOOKED_BACK = 60.0  # s that rates are taken over


def _is_empty(queue: Queue) -> bool:
    return queue.ready == 0 and not queue.unacked


def _tone(queue: Queue) -> Tone:
    return Tone.DIM if _is_empty(queue) else Tone.TEXT


def _name(queue: Queue, context: DrawContext) -> Cell:
    return line((queue.name, _tone(queue)))


def _ready(queue: Queue, context: DrawContext) -> Cell:
    loud = is_growing(queue) or is_abandoned(queue)
    return line((count(queue.ready), Tone.DIM if queue.ready is None else Tone.WARN if loud else _tone(queue)))


def _unacked(queue: Queue, context: DrawContext) -> Cell:
    return line((count(queue.unacked), Tone.DIM))


def _consumers(queue: Queue, context: DrawContext) -> Cell:
    number = consumer_number(queue)
    return line((count(number), Tone.DIM if number is None else Tone.WARN if is_abandoned(queue) else Tone.TEXT))


def _rate(read: Callable[[Queue], float | None]) -> Callable[[Queue, DrawContext], Cell]:
    def cell(queue: Queue, context: DrawContext) -> Cell:
        value = read(queue)
        return line((rate(value).removesuffix("/s"), Tone.DIM if not value else Tone.TEXT))

    return cell


def _oldest(queue: Queue, context: DrawContext) -> Cell:
    return line((age(queue.oldest), Tone.DIM))


def _to_empty(queue: Queue, context: DrawContext) -> Cell:
    return line((to_empty_text(queue), Tone.WARN if outlook(queue) is Outlook.NEVER else Tone.DIM))


def _spark(samples: int | None) -> Callable[[Queue, DrawContext], Cell]:
    """The last samples of the depth, all when None; each queue on its own scale."""

    def cell(queue: Queue, context: DrawContext) -> Cell:
        history = queue.history[-samples:] if samples else queue.history
        if history and not any(history):
            return line(("empty", Tone.DIM))
        return (Span(spark(history, context.width), Tone.WARN if is_growing(queue) else Tone.RECEIVED),)

    return cell


class QueueTable(TablePane):
    """What both lists of queues have in common: the rows and what an empty list says."""

    on: ClassVar[str] = "queue"

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """Every queue known, deep ones first unless a column sorts."""
        return arranged(deep_first(snapshot.queues), self.columns, query, snapshot.now)

    def key(self, item: Any) -> str:
        """The name."""
        return str(item.name)

    def info(self, context: DrawContext) -> Line:
        """How many there are."""
        return line((str(len(context.snapshot.queues)), Tone.DIM))

    def summary(self, snapshot: Snapshot) -> Line:
        """`3,178 ▲ media`: messages waiting, and the queue that is worst off."""
        known = [queue.ready for queue in snapshot.queues if queue.ready is not None]
        total = line(count(sum(known)) if known else UNKNOWN)
        worst = troubled(snapshot.queues)
        return (*total, *line((f" {WARNING} {worst[0].name}", Tone.WARN))) if worst else total

    def footnotes(self, context: DrawContext, rows: Rows) -> Sequence[Line]:
        """What grows, what nobody consumes, of those shown."""
        return list(notes(rows.items))

    def empty(self, context: DrawContext, query: RowQuery) -> Sequence[Line]:
        """No queue yet, or none matches."""
        total = len(context.snapshot.queues)
        if query.filter is not None and total:
            return (
                line((f"0 of {total} queues match ", Tone.DIM), query.filter.text),
                line(("Esc", Tone.ACCENT), (" shows all.", Tone.DIM)),
            )
        return _no_queue(context)


def _answers(snapshot: Snapshot) -> bool:
    """Whether the broker itself answers: a source that was told how fast is connected, others may only wait."""
    up = [link for link in snapshot.links if link.state in (LinkState.LIVE, LinkState.SLOW)]
    return any(link.latency is not None for link in up)


def _no_queue(context: DrawContext) -> Sequence[Line]:
    snapshot = context.snapshot
    if not _answers(snapshot):
        return (line(("No queue seen: the broker does not answer yet.", Tone.DIM)),)
    first = line(f"No queue seen since {clock(snapshot.since, context.time_mode, snapshot.now)}.")
    if "redis" not in snapshot.broker.partition("://")[0]:
        return (first, line(("Queues appear when the broker or a worker names them.", Tone.DIM)))
    return (
        first,
        line(("An empty Redis queue has no key. Names come from ", Tone.DIM), "_kombu.binding.*", (",", Tone.DIM)),
        line(("the workers and your config. ", Tone.DIM), ("F5", Tone.ACCENT), (" looks again.", Tone.DIM)),
    )


def _column(
    column_id: str, title: str, cell: Callable[[Any, DrawContext], Cell], width: int,
    read: Callable[[Any], Any], priority: int, min_width: int = 0,
) -> Column:  # fmt: skip
    """A column of figures: at the right, sorted and exported by its value."""
    return Column(
        column_id, title, cell, width, min_width, priority=priority, align="right", sort=read, value=read
    )  # fmt: skip


def _queue_name(queue: Queue) -> str:
    return queue.name


READY = _column("ready", "ready", _ready, 7, lambda queue: queue.ready, 0, 5)
UNACKED = _column("unack", "unack", _unacked, 5, lambda queue: queue.unacked, 2)


class OverviewQueues(QueueTable):
    """How much waits where, at a glance."""

    id = "overview.queues"
    view = OVERVIEW
    title = "Queues"
    slot = Slot("left", order=1)
    markable = False
    columns = (
        Column("name", "name", _name, 10, min_width=6, grow=1, sort=_queue_name, value=_queue_name, cut="middle"),
        READY,
        UNACKED,
        Column("spark", "5 min", _spark(FEW), 8, min_width=5, priority=3),
    )


class QueuesList(QueueTable):
    """Everything that is known about each queue in one line, the deepest first."""

    id = "queues.list"
    view = QUEUES
    title = "Queues"
    slot = Slot("centre", row=0, main=True)
    columns = (
        Column("name", "name", _name, 14, min_width=8, grow=2, sort=_queue_name, value=_queue_name, cut="middle"),
        READY,
        UNACKED,
        _column("consumers", "consumers", _consumers, 9, consumer_number, 3),
        _column("in", "in/s", _rate(lambda queue: queue.in_rate), 6, lambda queue: queue.in_rate, 1),
        _column("out", "out/s", _rate(lambda queue: queue.out_rate), 6, lambda queue: queue.out_rate, 1),
        _column("oldest", "oldest", _oldest, 6, lambda queue: queue.oldest, 6),
        _column("to_empty", "to empty", _to_empty, 8, to_empty, 3),
        Column("spark", "15 min", _spark(None), 20, min_width=10, grow=1, priority=5),
    )

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """By backlog unless a column sorts."""
        return arranged(worst_first(snapshot.queues), self.columns, query, snapshot.now)

    def footnotes(self, context: DrawContext, rows: Rows) -> Sequence[Line]:
        """The same, why a number is missing, and a gap that the rates still look back on."""
        gap = gap_note(context.snapshot, context.time_mode, LOOKED_BACK)
        return [*notes(rows.items), *kept_back(rows.items), *uncounted(rows.items), *gap]


def selected_queue(context: DrawContext) -> Queue | None:
    """The queue under the cursor of the Queues view, as the snapshot has it now."""
    queue = context.selected.get(QueuesList.id)
    return context.snapshot.queue(queue.name) or queue if isinstance(queue, Queue) else None


def no_queue_selected() -> Line:
    """What panes about a queue say while there is none."""
    return (Span(Safe("No queue is selected."), Tone.DIM),)
