"""Which records does a typed name mean? Workers, queues and tasks by name, by its beginning, by a pattern."""

from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from lazycelery_core.errors import FilterError
from lazycelery_core.query import parse
from lazycelery_core.snapshot import RowQuery, Snapshot

MARKED = ("marked", "selected")  # what stands for the records that a key would act on
KINDS = ("worker", "queue", "task")
TOLD = 200  # names offered


def names_of(kind: str, snapshot: Snapshot) -> list[str]:
    """The names that records of a kind go by now."""
    if kind == "worker":
        return [worker.hostname for worker in snapshot.workers][:TOLD]
    return [queue.name for queue in snapshot.queues][:TOLD] if kind == "queue" else []


def records_named(kind: str, text: str, snapshot: Snapshot) -> list[Any]:
    """The records that the names in a text mean, each once. Raises FilterError with the span of a name of nothing."""
    found: dict[int, Any] = {}
    at = 0
    for name in text.replace(",", " ").split():
        at = text.index(name, at)
        for record in _one(kind, name, at, snapshot):
            found[id(record)] = record
        at += len(name)
    return list(found.values())


def _one(kind: str, name: str, at: int, snapshot: Snapshot) -> Sequence[Any]:
    span = (at, at + len(name))
    if kind == "task":
        return _tasks(name, snapshot, span)
    known: dict[str, Any] = {worker.hostname: worker for worker in snapshot.workers}
    if kind == "queue":
        known = {queue.name: queue for queue in snapshot.queues}
    if name in known:
        return [known[name]]
    if "*" in name:
        matching = [record for each, record in known.items() if fnmatchcase(each, name)]
    else:
        matching = [record for each, record in known.items() if each.startswith(name)]
        if len(matching) > 1:
            raise FilterError(f"{name}: {len(matching)} {kind}s begin like that.", f"Write more, or {name}*.", span)
    if not matching:
        close = get_close_matches(name, known, 1, 0.5)
        raise FilterError(f"{name}: no such {kind}.", f"Did you mean {close[0]}?" if close else "", span)
    return matching


def _tasks(name: str, snapshot: Snapshot, span: tuple[int, int]) -> Sequence[Any]:
    """A task by its id or the beginning of it."""
    whole = snapshot.tasks.get(name)
    if whole is not None:
        return [whole]
    quoted = name.replace("\\", "").replace('"', "")
    page = snapshot.tasks.select(RowQuery(parse(f'id:"{quoted}"', snapshot.now, "task")), 2)
    rows = [task for row in page.rows if (task := snapshot.tasks.row(row)) is not None]
    if len(rows) == 1:
        return rows
    problem = f"{name}: no task here has this id." if not rows else f"{name}: more than one id has that in it."
    raise FilterError(problem, "" if not rows else "Write more of it.", span)
