"""How far is each worker's clock off, and how late do its words come?"""

from collections.abc import Sequence
from typing import Any, ClassVar

from lazycelery_core.arranging import arranged
from lazycelery_core.looks import WARNING, WORKER_STATES
from lazycelery_core.model import Worker, WorkerState
from lazycelery_core.pane import HEALTH, Cell, Column, DrawContext, Rows, Slot, TablePane
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.text import age, duration
from lazycelery_core.tones import Line, Tone, line

BAD = 1.0  # s; from here on times of two workers can't be compared without correction


def skew_text(skew: float | None) -> str:
    """`+0.12s` where the worker's clock is ahead of ours; below a millisecond there is no saying."""
    if skew is None or abs(skew) < 0.001:
        return duration(None if skew is None else abs(skew))
    return f"{'-' if skew < 0 else '+'}{duration(abs(skew))}"


def _off(worker: Worker) -> float | None:
    return None if worker.skew is None else abs(worker.skew)


def _name(worker: Worker, context: DrawContext) -> Cell:
    look = WORKER_STATES[worker.state]
    return line((f"{look.glyph} ", look.tone), (worker.hostname, _tone(worker)))


def _tone(worker: Worker) -> Tone:
    return Tone.DIM if worker.state is WorkerState.OFFLINE else Tone.TEXT


def _skew(worker: Worker, context: DrawContext) -> Cell:
    off = _off(worker)
    return line((skew_text(worker.skew), Tone.DIM if off is None else Tone.WARN if off >= BAD else Tone.TEXT))


def _beat_age(worker: Worker, now: float) -> float | None:
    return None if worker.beat_at is None else max(0.0, now - worker.beat_at)


def _beat(worker: Worker, context: DrawContext) -> Cell:
    return line((age(_beat_age(worker, context.snapshot.now)), Tone.DIM))


def clocks_of(snapshot: Snapshot) -> list[Worker]:
    """The clock that is furthest off first, unknown ones last."""
    return sorted(snapshot.workers, key=lambda worker: (_off(worker) is None, -(_off(worker) or 0.0), worker.hostname))


class WorkerClocks(TablePane):
    """The skew of each worker's clock."""

    id = "health.clocks"
    view = HEALTH
    title = "Clocks"
    slot = Slot("centre", row=2, order=1, height=9, width=44)
    on: ClassVar[str] = "clock"  # a selected worker would be asked again and again; clocks come with its heartbeats
    markable = False
    columns = (
        Column("worker", "worker", _name, 16, min_width=10, grow=1, sort=lambda worker: worker.hostname,
               value=lambda worker: worker.hostname, cut="middle"),
        Column("skew", "skew", _skew, 8, align="right", sort=_off, value=lambda worker: worker.skew),
        Column("answers", "answers", lambda worker, _: line((duration(worker.latency), Tone.DIM)), 7, priority=2,
               align="right", sort=lambda worker: worker.latency, value=lambda worker: worker.latency),
        Column("beat", "beat", _beat, 4, priority=1, align="right",
               sort=lambda worker: worker.beat_at, value=lambda worker: worker.beat_at),
    )  # fmt: skip

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """All workers."""
        return arranged(clocks_of(snapshot), self.columns, query, snapshot.now)

    def key(self, item: Any) -> str:
        """The node name."""
        return str(item.hostname)

    def summary(self, snapshot: Snapshot) -> Line:
        """`▲ +6h`: the worst clock that is off."""
        off = [worker for worker in clocks_of(snapshot) if (_off(worker) or 0.0) >= BAD]
        return line((f"{WARNING} {skew_text(off[0].skew)}", Tone.WARN)) if off else line(("fine", Tone.DIM))

    def footnotes(self, context: DrawContext, rows: Rows) -> Sequence[Line]:
        """What is done about it."""
        if any((_off(worker) or 0.0) >= BAD for worker in rows.items):
            return [line(("Lag and durations take it into account; times of day are the worker's own.", Tone.DIM))]
        return []

    def empty(self, context: DrawContext, query: RowQuery) -> Sequence[Line]:
        """Nobody is there."""
        return (line(("No worker seen: clocks are told by heartbeats.", Tone.DIM)),)
