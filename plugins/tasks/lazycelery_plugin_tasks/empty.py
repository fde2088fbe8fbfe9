"""What stands where there is no task: why there is none, and the key that helps?"""

from collections.abc import Sequence

from lazycelery_core.model import LinkState, Worker, WorkerState
from lazycelery_core.pane import DrawContext
from lazycelery_core.query import Expression
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.text import clock, count
from lazycelery_core.tones import Line, Tone, line

BLANK: Line = line("")


def no_match(total: int, query: RowQuery) -> list[Line]:
    """A filter let nothing through."""
    filter_ = query.filter
    text = filter_.text if filter_ is not None else ""
    notes = filter_.notes if isinstance(filter_, Expression) else ()
    return [
        line((f"0 of {count(total)} tasks match ", Tone.DIM), text),
        *(line((f"{note}.", Tone.WARN)) for note in notes),
        line(("Esc", Tone.ACCENT), (" shows all.", Tone.DIM)),
    ]


def no_tasks(context: DrawContext) -> list[Line]:
    """No task is known at all."""
    snapshot = context.snapshot
    if not any(link.state in (LinkState.LIVE, LinkState.SLOW) for link in snapshot.links):
        return [line(("No task seen: the broker does not answer yet.", Tone.DIM))]
    quiet, here = quiet_workers(snapshot)
    return events_off(snapshot, quiet, here) if quiet and len(quiet) == len(here) else just_started(context)


def quiet_workers(snapshot: Snapshot) -> tuple[Sequence[Worker], Sequence[Worker]]:
    """(the workers that are here and send no task events, all that are here)."""
    here = [worker for worker in snapshot.workers if worker.state is not WorkerState.OFFLINE]
    return [worker for worker in here if worker.task_events is False], here


def events_off(snapshot: Snapshot, quiet: Sequence[Worker], here: Sequence[Worker]) -> list[Line]:
    """Nobody tells of tasks."""
    many = "worker" if len(here) == 1 else "workers"
    allowed = "events" in snapshot.scopes
    asked = (
        ("Tasks are not known without events:", "in passive mode no worker is asked.")
        if snapshot.level == "PASSIVE"
        else (
            "Without events LazyCelery can only show what inspect returns:",
            "running, reserved and scheduled tasks, read every few seconds.",
        )
    )
    return [
        line((f"Task events are off on {len(quiet)} of {len(here)} {many}.", Tone.STRONG)),
        BLANK,
        *(line((text, Tone.DIM)) for text in asked),
        BLANK,
        line(("e", Tone.ACCENT), "  enables events on these workers (lasts until they restart)"),
        line(("   or start them with ", Tone.DIM), "-E", (", or set ", Tone.DIM), "worker_send_task_events = True"),
        BLANK,
        line(("Also useful: ", Tone.DIM), "task_send_sent_event = True", (" shows tasks before a worker", Tone.DIM)),
        line(("has received them.", Tone.DIM)),
        *([] if allowed else [BLANK, _needs_right(snapshot)]),
    ]


def _needs_right(snapshot: Snapshot) -> Line:
    return line(
        ("Press ", Tone.DIM), ("e", Tone.ACCENT), (" after starting with ", Tone.DIM), "--allow events",
        (f" (now {snapshot.level.lower()}).", Tone.DIM),
    )  # fmt: skip


def just_started(context: DrawContext) -> list[Line]:
    """Listening, and nothing came yet."""
    totals, snapshot = context.snapshot.totals, context.snapshot
    since = clock(snapshot.since, context.time_mode, snapshot.now)
    events = max(0, totals.events - totals.heartbeats)
    return [
        line(f"Listening since {since}; {_number(events, 'event')} yet, {_number(totals.heartbeats, 'heartbeat')}."),
        line(("Tasks appear when they change state; older ones are not in the broker.", Tone.DIM)),
    ]


def _number(amount: int, noun: str) -> str:
    return f"{count(amount)} {noun}" if amount == 1 else f"{count(amount)} {noun}s"


def some_events_off(snapshot: Snapshot) -> list[Line]:
    """A footnote where some workers send no task events."""
    quiet, here = quiet_workers(snapshot)
    if not quiet:
        return []
    many = f"{len(quiet)} of {len(here)} workers" if len(here) > 1 else "the worker"
    return [line((f"events are off on {many}: tasks there are known from inspect only", Tone.DIM))]
