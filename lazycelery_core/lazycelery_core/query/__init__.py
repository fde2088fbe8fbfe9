"""The one filter language: `parse` it, `complete` it while it is typed, colour its `tokens`, match with the result.

`f`, `/`, `:tasks ...`, `lazycelery tasks -f` and `?q=` speak it. docs/filter-language.md is made from the same tables.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo

from lazycelery_core.model import WorkerState
from lazycelery_core.query.build import parse_tree
from lazycelery_core.query.conditions import SLOW, key_of
from lazycelery_core.query.fields import FIELDS, Field, first_seen, kind_of, runtime, wait
from lazycelery_core.query.memory import Array, Memory
from lazycelery_core.query.nodes import Both, Data, Known, Node
from lazycelery_core.query.scan import Completion, Token, complete, tokens
from lazycelery_core.snapshot import Columns, Filter, Snapshot

__all__ = [
    "FIELDS", "SLOW", "Completion", "Expression", "Field", "Known", "Token", "bind", "both", "complete", "first_seen",
    "key_of", "kind_of", "parse", "quoted", "runtime", "tokens", "vocabulary", "wait",
]  # fmt: skip


PLAIN = re.compile(r"\w[\w@.-]*")


@dataclass(eq=False)
class Expression:
    """A parsed filter; fulfils `snapshot.Filter`. `notes` say which of its terms match nothing, and why."""

    text: str
    node: Node
    notes: tuple[str, ...] = ()
    known: Known = field(default_factory=Known)
    memory: Memory = field(default_factory=Memory, repr=False)

    @property
    def opens_text(self) -> bool:
        """Whether cold text may have to be read."""
        return self.node.cost > 2

    @property
    def unfinished(self) -> bool:
        """Whether the last evaluation has left cold text unread; the next ones go on where it stopped."""
        return self.memory.unfinished

    def mask(self, columns: Columns, now: float) -> Array:
        """(size,) bool: which rows of the segment match."""
        import numpy as np

        data = Data(columns, now, self.known, self.memory)
        return self.node.select(data, np.ones(columns.size, bool))

    def matches(self, record: object, now: float) -> bool:
        """Whether a task, story, worker, queue, message or other record matches."""
        return self.node.matches(record, now, self.known)


def parse(text: str, now: float, kind: str = "", zone: tzinfo = UTC) -> Expression:
    """The filter that a text means.

    now: Unix seconds, for times of day. kind: of the records it is for (`task`, `worker` ...); fields that they do not
    have are errors then. zone: of times of day. Raises FilterError, with the span of what is wrong, and nothing else.
    """
    parsed = parse_tree(text, now, kind, zone)
    return Expression(text, parsed.node, tuple(parsed.notes))


def both(first: Expression, second: Expression) -> Expression:
    """The filter that lets through what both let through, as they were understood when they were typed."""
    notes = (*first.notes, *second.notes)
    return Expression(f"({first.text}) ({second.text})", Both([first.node, second.node]), notes)


def quoted(text: str) -> str:
    """The text as one value of the filter language, in quotes where it would mean more than itself."""
    if PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def bind(
    filter: Filter | None,  # noqa: A002 - the word everywhere else
    snapshot: Snapshot,
    marked: Iterable[str] = (),
    slice_rows: int | None = None,
) -> Filter | None:
    """The filter with what `is:marked`, `is:slow`, `is:orphan` and `has:children` must know of this moment.

    slice_rows: tasks whose cold text is read at most in one evaluation, for screens that ask again; None: all.
    """
    if not isinstance(filter, Expression):
        return filter
    tasks = snapshot.tasks

    def has_children(task_id: str) -> bool:
        task = tasks.get(task_id)
        return task is not None and len(tasks.children(task, 1)) > 0

    p95 = {stats.name: stats.p95 for stats in tasks.names() if stats.p95 is not None} if "slow" in filter.text else {}
    gone = frozenset(worker.hostname for worker in snapshot.workers if worker.state is WorkerState.OFFLINE)
    filter.memory.start(slice_rows)
    return replace(filter, known=Known(frozenset(marked), p95, gone, has_children))


def vocabulary(snapshot: Snapshot) -> Mapping[str, Sequence[str]]:
    """The values that have been seen, by field, frequent task names first: for `complete`."""
    workers = [worker.hostname for worker in snapshot.workers]
    return {
        "name": [stats.name for stats in snapshot.tasks.names()],
        "worker": workers,
        "consumers": workers,
        "queue": [queue.name for queue in snapshot.queues],
        "pool": sorted({worker.pool for worker in snapshot.workers if worker.pool}),
        "events": ["on", "off", "unknown"],
    }
