"""What waits in the selected queue? Its messages, read without consuming them."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from lazycelery_core.arranging import arranged
from lazycelery_core.control import PeekPrice
from lazycelery_core.model import Message, Queue
from lazycelery_core.pane import QUEUES, Cell, Column, DrawContext, Rows, Slot, TablePane
from lazycelery_core.redact import Redactor
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.text import UNKNOWN, age, count, safe, size
from lazycelery_core.tones import Line, Tone, line
from lazycelery_plugin_queues.pane import no_queue_selected, selected_queue
from lazycelery_plugin_queues.projection import VIEW, Peeked

STALE = 10.0  # s; five peeks that did not come
SCOPE = "peek"  # what --allow has to name where a look changes what workers get
CELL = 500  # characters of arguments that a cell looks at
REDACTOR = Redactor()
_SENTENCE = re.compile(r"(?<=\.) (?=[A-Z])")


def last_peek(snapshot: Snapshot, queue: Queue) -> Peeked | None:
    """The last peek at a queue, None before the first."""
    peeked = snapshot.views.get(VIEW, {}).get(queue.name)
    return peeked if isinstance(peeked, Peeked) else None


def waited(message: Message, snapshot: Snapshot) -> float | None:
    """Seconds since it was sent, where an event told that; messages themselves carry no time."""
    task = snapshot.tasks.get(message.task_id) if message.task_id else None
    return None if task is None or task.sent is None else max(0.0, snapshot.now - task.sent)


def _number(message: Message, context: DrawContext) -> Cell:
    return line((count(message.position + 1), Tone.DIM))


def _args(message: Message, context: DrawContext) -> Cell:
    if message.problem:
        return line((message.problem, Tone.WARN))
    kwargs = message.kwargs if message.kwargs not in ("", "{}") else ""
    shown = " ".join(part[:CELL] for part in (message.args, kwargs) if part)
    return line((REDACTOR.text(shown), Tone.DIM))


def _waited(message: Message, context: DrawContext) -> Cell:
    return line((age(waited(message, context.snapshot)), Tone.DIM))


def _priority(message: Message, context: DrawContext) -> Cell:
    return line((count(message.priority), Tone.DIM))


class QueueMessages(TablePane):
    """The next messages of the queue under the cursor, first to be delivered first."""

    id: ClassVar[str] = "queues.messages"
    view = QUEUES
    title = "Messages"
    slot = Slot("centre", row=2)
    on = "message"
    columns = (
        Column("position", "#", _number, 5, priority=3, align="right",
               sort=lambda message: message.position, value=lambda message: message.position + 1),
        Column("id", "id", lambda message, _: line((message.task_id[:6], Tone.DIM)), 6, priority=1,
               sort=lambda message: message.task_id, value=lambda message: message.task_id),
        Column("task", "task", lambda message, _: line(message.task or UNKNOWN), 22, min_width=14, grow=1,
               sort=lambda message: message.task, value=lambda message: message.task, cut="middle"),
        Column("args", "args", _args, 30, min_width=22, grow=6, priority=2, value=lambda message: message.args),
        Column("priority", "prio", _priority, 4, priority=4, align="right",
               sort=lambda message: message.priority, value=lambda message: message.priority),
        Column("retries", "retries", lambda message, _: line((count(message.retries), Tone.DIM)), 7, priority=7,
               align="right", sort=lambda message: message.retries, value=lambda message: message.retries),
        Column("size", "size", lambda message, _: line((size(message.size), Tone.DIM)), 7, priority=6, align="right",
               sort=lambda message: message.size, value=lambda message: message.size),
        Column("waited", "waited", _waited, 6, priority=5, align="right"),
    )  # fmt: skip

    def heading(self, context: DrawContext) -> str:
        """`Messages in media`."""
        queue = selected_queue(context)
        return f"Messages in {safe(queue.name)}" if queue is not None else self.title

    def info(self, context: DrawContext) -> Line:
        """`peek, read without consuming · 1-50 of 3,041`."""
        queue = selected_queue(context)
        peeked = last_peek(context.snapshot, queue) if queue is not None else None
        if peeked is None or peeked.peek is None:
            return ()
        number = len(peeked.peek.messages)
        shown = f"1-{number} of {count(peeked.peek.total)}" if number else "empty"
        old = context.snapshot.now - peeked.at
        if peeked.price is not None:
            return line((f"one look, {age(old)} ago, all put back · {shown}", Tone.DIM))
        late = f", {age(old)} ago" if old > STALE else ""
        return line((f"peek, read without consuming{late} · {shown}", Tone.DIM))

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """The messages of the last peek."""
        queue = selected_queue(context)
        peeked = last_peek(snapshot, queue) if queue is not None else None
        if peeked is None or peeked.peek is None:
            return Rows((), 0, 0)
        rows = arranged(list(peeked.peek.messages), self.columns, query, snapshot.now)
        return Rows(rows.items, rows.total, rows.matched, peeked.peek.note)

    def key(self, item: Any) -> str:
        """The task id: a message moves up as those before it are taken."""
        return item.task_id or f"#{item.position}"

    def empty(self, context: DrawContext, query: RowQuery) -> Sequence[Line]:
        """Nothing waits, nothing was read yet, or it may not be read."""
        queue = selected_queue(context)
        if queue is None:
            return (no_queue_selected(),)
        peeked = last_peek(context.snapshot, queue)
        if peeked is not None and peeked.error:
            return (line((peeked.error, Tone.WARN)),)
        if peeked is not None and peeked.peek is None and peeked.price is not None and queue.ready != 0:
            return price_lines(peeked.price, context.snapshot)
        if query.filter is not None and peeked is not None and peeked.peek is not None and peeked.peek.messages:
            seen = len(peeked.peek.messages)
            return (line((f"None of the {seen} messages read matches ", Tone.DIM), query.filter.text),)
        return (line((_why_nothing(queue, peeked), Tone.DIM)),)


def _why_nothing(queue: Queue, peeked: Peeked | None) -> str:
    if peeked is not None or queue.ready == 0:
        return "No message waits here."
    return "Reading …"


def price_lines(price: PeekPrice, snapshot: Snapshot) -> list[Line]:
    """What a look would cost, and how to get one."""
    said = [line((sentence, Tone.TEXT)) for sentence in sentences(price)]
    if price.refusal:
        return [*said, line((price.refusal, Tone.WARN))]
    if not price.needs_confirmation:
        return [*said, how_to("m", f"looks at the first {price.limit} once")]
    if SCOPE not in snapshot.scopes:
        return [*said, line(("It is a write: start with ", Tone.DIM), f"--allow {SCOPE}")]
    return [*said, how_to("M", "asks, and then looks once")]


def sentences(price: PeekPrice) -> list[str]:
    """The price, a sentence a line, and the looks that are left where that is counted."""
    left = [] if price.remaining is None else [f"Looks left until messages are lost: {price.remaining}."]
    return [*_SENTENCE.split(price.sentence), *left]


def how_to(key: str, what: str) -> Line:
    """`Press m in the list of queues: ...`."""
    return line(("Press ", Tone.DIM), (key, Tone.ACCENT), (f" in the list of queues: it {what}.", Tone.DIM))
