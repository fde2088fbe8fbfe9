"""What stands in the tabs of a queue and of a waiting message?"""

from collections.abc import Iterator, Sequence
from reprlib import Repr
from typing import Any, ClassVar

from lazycelery_core.looks import WORKER_STATES, hbar
from lazycelery_core.model import Message, Queue
from lazycelery_core.pane import QUEUES, DetailPane, DetailTab, DrawContext, Slot
from lazycelery_core.redact import Redactor
from lazycelery_core.text import UNKNOWN, Safe, age, clock, count, duration, fit, pad, rate, safe, safe_lines, size
from lazycelery_core.tones import Line, Span, Tone, line
from lazycelery_plugin_queues import flow
from lazycelery_plugin_queues.canvas_links import Links, links
from lazycelery_plugin_queues.dead_letters import HEADERS as HEADERS_OF_DEATH
from lazycelery_plugin_queues.dead_letters import MOST, REASONS, deaths, delay
from lazycelery_plugin_queues.messages import last_peek, waited
from lazycelery_plugin_queues.notes import consumers_text
from lazycelery_plugin_queues.pane import QueuesList, no_queue_selected

LABEL = 12
BAR = 16  # cells of the bar beside a priority's number
FEW = 4  # priorities that stand beside the depth; more of them follow what is to be known at once
NO_RATES = "in and out need task-sent events (task_send_sent_event)"
HEADERS = 60  # headers shown; Celery writes about 25
ARGS_LIMIT = 20_000  # characters of arguments in a detail tab
KNOWN = frozenset([
    "id", "task", "lang", "root_id", "parent_id", "group", "group_index", "retries", "eta", "expires", "argsrepr",
    "kwargsrepr", *HEADERS_OF_DEATH,
])  # fmt: skip
DELAYED = ("  kept back by the broker until their time", Tone.DIM)
REDACTOR = Redactor()

_short = Repr()
_short.maxstring = _short.maxother = 300
_short.maxlist = _short.maxtuple = _short.maxdict = 20


def fact(label: str, *parts: Any) -> Line:
    """A label and what stands beside it."""
    shown = safe(label, 60) if label else Safe("")
    return line((pad(Safe(f"{shown} "), LABEL), Tone.DIM), *parts)


class QueueDetails(DetailTab):
    """How much waits, by priority; how it moves; how messages get there."""

    on: ClassVar[str] = "queue"
    id: ClassVar[str] = "details"
    title: ClassVar[str] = "details"
    order: ClassVar[int] = 0

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """Facts, one a line."""
        queue = context.snapshot.queue(item.name) or item
        steps = list(_priorities(queue))
        return [
            fact("Ready", count(queue.ready), *_trend(queue)),
            *(steps if len(steps) <= FEW else ()),
            fact("Unacked", count(queue.unacked), ("  taken by workers, not yet acknowledged", Tone.DIM)),
            *([fact("Delayed", count(queue.delayed), DELAYED)] if queue.delayed else []),
            fact("Rates", f"in {rate(queue.in_rate)}  out {rate(queue.out_rate)}", *_net(queue)),
            *([fact("", (NO_RATES, Tone.DIM))] if queue.in_rate is None else []),
            *_to_empty(queue),
            *_next(queue, context),
            fact("Consumers", _consumers(queue)),
            _exchange(queue),
            *(fact(label, text) for label, text in queue.facts if not (label == "Delayed" and queue.delayed)),
            *([fact("Note", (queue.note, Tone.WARN))] if queue.note else []),
            fact("Counted", f"{age(context.snapshot.now - queue.at)} ago" if queue.at else UNKNOWN),
            *(steps if len(steps) > FEW else ()),
        ]


def _next(queue: Queue, context: DrawContext) -> list[Line]:
    """How long messages wait: the oldest where the broker tells, else the next one where its sending was seen."""
    if queue.oldest is not None:
        return [fact("Oldest", age(queue.oldest), ("  waiting message", Tone.DIM))]
    peeked = last_peek(context.snapshot, queue)
    first = next(iter(peeked.peek.messages), None) if peeked is not None and peeked.peek is not None else None
    since = waited(first, context.snapshot) if first is not None else None
    return [] if since is None else [fact("Next", f"waited {duration(since)}", ("  so far", Tone.DIM))]


def _trend(queue: Queue) -> list[Any]:
    if not flow.is_growing(queue):
        return []
    return [(f"  {rate(flow.growth(queue), signed=True)}, no drain for {age(flow.without_drain(queue))}", Tone.WARN)]


def _net(queue: Queue) -> list[Any]:
    net = flow.net_rate(queue)
    return [] if net is None else [(f"  net {rate(net, signed=True)}", Tone.WARN if net > 0 else Tone.DIM)]


def _priorities(queue: Queue) -> Iterator[Line]:
    """A line for each step when there is more than one in use, the one that is served first on top."""
    steps = sorted(queue.by_priority.items(), reverse=queue.highest_first)
    if len(steps) < 2:
        return
    most = max(number for _, number in steps)
    for step, number in steps:
        bar = Span(hbar(number / most if most else 0.0, BAR), Tone.BAR)
        yield (*line((f"{'':<{LABEL}}step {step:<3}", Tone.DIM), f"{count(number):>9}  "), bar)


def _to_empty(queue: Queue) -> list[Line]:
    """Nothing for a queue that is empty."""
    return [fact("To empty", flow.to_empty_text(queue), ("  at these rates", Tone.DIM))] if queue.ready != 0 else []


def _consumers(queue: Queue) -> Span:
    number = flow.consumer_number(queue)
    if number is None:
        return Span(Safe(f"{UNKNOWN}  nobody could be asked"), Tone.TEXT)
    if number == 0:
        return Span(Safe("none"), Tone.WARN if flow.is_abandoned(queue) else Tone.TEXT)
    return Span(safe(consumers_text(queue)), Tone.TEXT)


def _exchange(queue: Queue) -> Line:
    """A routing key without a name of an exchange is that of the default exchange."""
    if not queue.exchange and queue.routing_key:
        return fact("Exchange", "the default one", (f"  routing key {queue.routing_key}", Tone.DIM))
    return fact("Exchange", queue.exchange or UNKNOWN, (f"  routing key {queue.routing_key or UNKNOWN}", Tone.DIM))


class QueueConsumers(DetailTab):
    """The workers that take from the queue."""

    on: ClassVar[str] = "queue"
    id: ClassVar[str] = "consumers"
    title: ClassVar[str] = "consumers"
    order: ClassVar[int] = 10

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """One worker a line, with what it does now."""
        queue = context.snapshot.queue(item.name) or item
        if queue.consumers is None:
            return [line(("Not known: no worker could be asked which queues it consumes.", Tone.DIM))]
        if not queue.consumers:
            others = f" The broker counts {count(queue.consumer_count)} consumers." if queue.consumer_count else ""
            tone = Tone.WARN if flow.is_abandoned(queue) else Tone.DIM
            return [line((f"No worker consumes this queue.{others}", tone))]
        return [_consumer(name, context) for name in queue.consumers]


def _consumer(hostname: str, context: DrawContext) -> Line:
    worker = context.snapshot.worker(hostname)
    if worker is None:
        return line("  ", hostname)
    look = WORKER_STATES[worker.state]
    slots = f"{UNKNOWN if worker.active is None else worker.active}/{worker.concurrency or '?'} busy"
    name = fit(safe(hostname), min(30, max(10, context.width - 26)))
    return line((f"{look.glyph} ", look.tone), name, (f"  {slots}  {worker.pool}", Tone.DIM))


class QueueDetail(DetailPane):
    """The queue under the cursor."""

    id: ClassVar[str] = "queues.detail"
    view = QUEUES
    title = "Queue"
    slot = Slot("centre", row=1, order=0, height=12)
    on = "queue"
    of = QueuesList.id

    def heading(self, context: DrawContext) -> str:
        """Its name."""
        queue = context.selected.get(self.of)
        return safe(queue.name) if isinstance(queue, Queue) else self.title

    def empty(self, context: DrawContext) -> Sequence[Line]:
        """No queue is selected because there is none."""
        return (no_queue_selected(),)


class MessageDetails(DetailTab):
    """A waiting message: what it will run, with what, after what, and why its body was not opened if it was not."""

    on: ClassVar[str] = "message"
    id: ClassVar[str] = "message"
    title: ClassVar[str] = "message"
    order: ClassVar[int] = 0

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """Identity, timing, arguments, links, headers."""
        message: Message = item
        return [
            fact("Task", (message.task or UNKNOWN, Tone.STRONG)),
            fact("Id", message.task_id or UNKNOWN),
            fact("Queue", message.queue, (f"  position {count(message.position + 1)} when it was read", Tone.DIM)),
            fact("Waited", duration(waited(message, context.snapshot)), (_waited_note(message, context), Tone.DIM)),
            fact("Priority", UNKNOWN if message.priority is None else str(message.priority)),
            fact("Eta", message.eta or "none", (f"  expires {_header(message, 'expires')}", Tone.DIM)),
            fact("Retries", count(message.retries)),
            *_marks(message),
            fact("Body", size(message.size), (f"  {message.content_type}", Tone.DIM)),
            *([fact("Not opened", (message.problem, Tone.WARN))] if message.problem else []),
            *_arguments("Args", message.args),
            *_arguments("Kwargs", message.kwargs),
            *_links(message),
            *_past(message, context),
            *_headers(message),
        ]


def _marks(message: Message) -> Iterator[Line]:
    """What the broker itself knows of it: that it was given back, and when it is thrown away."""
    if message.redelivered:
        yield fact("Redelivered", "yes", ("  taken before, and put back", Tone.DIM))
    if message.expiration:
        yield fact("Thrown away", f"{message.expiration} ms", ("  after it was sent", Tone.DIM))


def _waited_note(message: Message, context: DrawContext) -> str:
    known = waited(message, context.snapshot) is not None
    return "" if known else "  its sending was not seen (task_send_sent_event)"


def _header(message: Message, name: str) -> str:
    value = message.headers.get(name)
    return "none" if value is None else str(value)[:200]


def _arguments(label: str, text: str) -> Iterator[Line]:
    shown = safe_lines(REDACTOR.text(text[:ARGS_LIMIT])) if text else [Safe(UNKNOWN)]
    for at, each in enumerate(shown):
        yield line((pad(Safe("" if at else label), LABEL), Tone.DIM), each)


def _links(message: Message) -> Iterator[Line]:
    """The workflow it belongs to; nothing for a task on its own."""
    for label, name in (("Root", "root_id"), ("Parent", "parent_id"), ("Group", "group")):
        value = message.headers.get(name)
        if value and value != message.task_id:
            index = message.headers.get("group_index")
            place = f"  member {index}" if name == "group" and index is not None else ""
            yield fact(label, str(value)[:200], (place, Tone.DIM))
    found = links(message)
    if found is not None:
        yield from _body_links(found)


def _body_links(found: Links) -> Iterator[Line]:
    if found.chain:
        more = f" and {len(found.chain) - 5} more" if len(found.chain) > 5 else ""
        yield fact("Chain", f"{len(found.chain)} to follow: ", " → ".join(found.chain[:5]) + more)
    if found.chord:
        yield fact("Chord", found.chord, ("  runs when the whole group has ended", Tone.DIM))
    if found.callbacks or found.errbacks:
        yield fact("Links", f"{found.callbacks} on success, {found.errbacks} on failure")


def _past(message: Message, context: DrawContext) -> Iterator[Line]:
    """What the broker did with it before: kept it back, or threw it out of other queues."""
    kept = delay(message)
    if kept:
        yield fact("Delayed", duration(kept), ("  kept back by the broker until its time", Tone.DIM))
    for death in deaths(message)[:MOST]:
        times = f", {death.count} times" if death.count > 1 else ""
        yield fact("Dead in", death.queue, (f"  {REASONS.get(death.reason, death.reason)}{times}", Tone.WARN))
        road = f"it came by {death.exchange or 'the default exchange'}, routing key {', '.join(death.keys) or UNKNOWN}"
        at = "" if death.at is None else f"  at {clock(death.at, context.time_mode, context.snapshot.now)}"
        yield fact("", (f"{road}{at}", Tone.DIM))


def _headers(message: Message) -> Iterator[Line]:
    """Every other header that says something."""
    rest = {
        str(name): value for name, value in message.headers.items() if name not in KNOWN and value not in (None, [], {})
    }
    shown = REDACTOR.value(dict(sorted(rest.items())[:HEADERS]))
    if shown:
        yield line("")
        yield line(("headers", Tone.FIELD))
    for name, value in shown.items():
        text = value if isinstance(value, str) else _short.repr(value)
        yield line((f"  {name:<22}", Tone.DIM), text[:300])
    if len(rest) > HEADERS:
        yield line((f"  … {len(rest) - HEADERS} more", Tone.DIM))


TABS = (QueueDetails, QueueConsumers, MessageDetails)
