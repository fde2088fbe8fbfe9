"""How do messages get into queues? The roads drawn as rows of a table: cursor, filter, export and one-shot for free."""

from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Any, ClassVar

from lazycelery_core.action import Action, Go, Outcome
from lazycelery_core.control import Control
from lazycelery_core.model import Queue
from lazycelery_core.pane import Cell, Column, DetailTab, DrawContext, Rows, Slot, TablePane, View
from lazycelery_core.query import quoted
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.text import age
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_queues.roads import Road, roads, shown
from lazycelery_plugin_queues.routing_map import Picture
from lazycelery_plugin_queues.tabs import QueueDetails, fact

ROUTING = View("routing", "Routing", "R", 25)
NEVER = 1_000  # cells; columns so wide are never shown: they are for exports
STALE = 30.0  # s
WHAT = {"binding": "by a binding", "dead": "dead letters", "else": "what no binding takes"}


@dataclass(frozen=True, slots=True)
class Row:
    """A road and its line in the picture of all that are shown. What filters ask for are a road's own words."""

    picture: Picture
    y: int

    @property
    def road(self) -> Road:
        """The road of this line."""
        return self.picture.roads[self.y]

    @property
    def name(self) -> str:
        """The queue, else the exchange."""
        return self.road.name

    @property
    def known(self) -> Queue | None:
        """Its queue, as it was counted."""
        return self.picture.queue(self.road.queue)


def _drawn(row: Row, context: DrawContext) -> Cell:
    return row.picture.line(row.y, context.width)


def _column(name: str, value: Any) -> Column:
    """A column of exports."""
    return Column(name, name, lambda row, _: (), NEVER, NEVER, priority=9, value=value)


class RoutingMap(TablePane):
    """Exchanges, keys, queues, consumers; where dead and unroutable messages go; what leads nowhere."""

    id: ClassVar[str] = "routing.list"
    view = ROUTING
    title = "Routing"
    slot = Slot("centre", main=True)
    on = "road"
    markable = False
    columns = (
        Column("road", "exchange, routing key, queue, waiting, consumers", _drawn, 78, min_width=20, grow=1,
               value=lambda row: row.road.what),
        _column("exchange", lambda row: row.road.exchange if row.road.what != "dead" else row.road.target),
        _column("type", lambda row: row.road.kind),
        _column("routing_key", lambda row: row.road.key),
        _column("queue", lambda row: row.road.queue),
        _column("to_exchange", lambda row: row.road.target if row.road.to_exchange else ""),
        _column("ready", lambda row: row.known.ready if row.known else None),
        _column("consumers", lambda row: list(row.known.consumers or ()) if row.known else None),
        _column("trouble", lambda row: row.road.trouble),
    )  # fmt: skip

    def info(self, context: DrawContext) -> Line:
        """`3 exchanges, 5 queues · 12 of Celery and the broker hidden`."""
        here = shown(context.snapshot)
        told = f"{_some(here.exchanges, 'exchange')}, {_some(here.queues, 'queue')}"
        hidden = f" · {here.hidden} of Celery and the broker hidden" if here.hidden else ""
        return line((f"{told}{hidden}" if here.exchanges or here.queues else "", Tone.DIM))

    def summary(self, snapshot: Snapshot) -> Line:
        """How many there are."""
        return line(_some(shown(snapshot).exchanges, "exchange"))

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """One for each road, an exchange's together."""
        every = roads(snapshot)
        chosen = [each for each in every if query.filter is None or query.filter.matches(each, snapshot.now)]
        picture = Picture(
            chosen, {each.name: each for each in snapshot.queues}, {each.hostname: each for each in snapshot.workers}
        )
        return Rows([Row(picture, y) for y in range(len(chosen))], len(every), len(chosen))

    def key(self, item: Any) -> str:
        """What the road is made of."""
        road: Road = item.road
        return f"{road.what}\n{road.exchange}\n{road.key}\n{road.target}"

    def footnotes(self, context: DrawContext, rows: Rows) -> Sequence[Line]:
        """What is not known, and how old the picture is if that is long."""
        return list(_notes(shown(context.snapshot).note, context.snapshot))

    def empty(self, context: DrawContext, query: RowQuery) -> Sequence[Line]:
        """Why there is nothing to draw."""
        if query.filter is not None and roads(context.snapshot):
            return (line(("No road matches ", Tone.DIM), query.filter.text),)
        return (
            line(("No road of messages is known yet.", Tone.DIM)),
            line(("RabbitMQ's management plugin tells them all, Redis its bindings,", Tone.DIM)),
            line(("workers those of the queues they consume.", Tone.DIM)),
        )


def _some(things: Sized, what: str) -> str:
    return f"{len(things):,} {what}{'' if len(things) == 1 else 's'}"


def _notes(note: str, snapshot: Snapshot) -> Iterator[Line]:
    if note:
        yield line((note, Tone.DIM))
    if snapshot.routing is not None and snapshot.now - snapshot.routing.at > STALE:
        yield line((f"Read {age(snapshot.now - snapshot.routing.at)} ago.", Tone.WARN))


class RoadDetails(DetailTab):
    """A road in words, and the queue at its end."""

    on: ClassVar[str] = "road"
    id: ClassVar[str] = "road"
    title: ClassVar[str] = "road"
    order: ClassVar[int] = 0

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """Where from, how, where to; then all that is known of the queue."""
        road: Road = item.road
        queue = context.snapshot.queue(road.queue)
        end = ("  exchange" if road.to_exchange else "", Tone.DIM)
        said = [
            fact("From", road.exchange or "the default exchange", (f"  {road.kind}", Tone.DIM)),
            fact("How", WHAT[road.what], (f"  routing key {road.key}" if road.key else "", Tone.DIM)),
            fact("To", road.target or "nowhere", end),
            *([fact("Trouble", (road.trouble, Tone.WARN))] if road.trouble else []),
        ]
        if queue is None:
            return said
        return [*said, (), line((queue.name, Tone.TITLE)), *QueueDetails().lines(queue, context)]


def go_to_queue(control: Control, rows: Sequence[Row]) -> Outcome:
    """The queue at the end of the road, in the list of queues."""
    return Go("queues", select=rows[0].road.queue)


def show_tasks(control: Control, rows: Sequence[Row]) -> Outcome:
    """The tasks that were sent to it."""
    return Go("tasks", filter=f"queue={quoted(rows[0].road.queue)}")


def with_queue(snapshot: Snapshot, rows: Sequence[Row]) -> str | None:
    """The road has to lead to a queue."""
    if not rows:
        return "select a road first"
    return None if snapshot.queue(rows[0].road.queue) is not None else "it leads to no queue that is counted"


ACTIONS = (
    Action("road.queue", "Go to the queue", go_to_queue, on="road", available=with_queue, many=False, footer=True),
    Action("road.tasks", "Tasks of the queue", show_tasks, on="road", available=with_queue, many=False, footer=True),
)
KEYS = {"road.queue": "g q", "road.tasks": "t"}
