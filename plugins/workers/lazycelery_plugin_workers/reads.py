"""What did a worker answer when it was asked, and how old is that?

Answers are whatever came over the wire: every value is looked at before it is used, and what has an unexpected shape
counts as not told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from reprlib import Repr
from typing import Any

from lazycelery_core.model import Read, Worker
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.text import age
from lazycelery_core.tones import Line, Tone, line

PERIODS = {"registered": 30.0, "revoked": 30.0, "conf": 300.0}  # s between two questions about the worker shown
OFTEN = 5.0  # s, of everything else
MISSED = 3  # reads that may fail before an answer is drawn dim
LIMIT = 2_000  # entries of an answer that are looked at; more than any pane shows

_short = Repr()
_short.maxstring = _short.maxother = 300
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = 40
_short.maxlevel = 6


@dataclass(frozen=True, slots=True)
class Request:
    """A task as a worker names it in `active`, `reserved` or `scheduled`. `started` Unix seconds, `eta` as told."""

    id: str
    name: str
    args: str
    kwargs: str
    pid: int | None
    started: float | None
    queue: str
    eta: str


def told(worker: Worker, command: str, *path: str) -> Any:
    """The value at `path` in the last answer to `command`; None when it was not told."""
    read = worker.reads.get(command)
    value = None if read is None or read.error else read.value
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def figure(value: Any) -> float | None:
    """The value if it is a number that can be shown."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e15 and isfinite(value) else None


def whole(value: Any) -> int | None:
    """The value if it is a whole number that can be shown."""
    return value if isinstance(value, int) and figure(value) is not None else None


def text(value: Any) -> str:
    """A value of any shape as bounded text; strings as they are."""
    return value[:LIMIT] if isinstance(value, str) else _short.repr(value)


def entries(value: Any) -> list[Any]:
    """The first entries of a list, none of anything else."""
    return list(value[:LIMIT]) if isinstance(value, list | tuple) else []


def requests(worker: Worker, command: str) -> list[Request]:
    """The tasks in the last answer to `active`, `reserved` or `scheduled`."""
    return list(_requests(entries(told(worker, command))))


def _requests(told_entries: list[Any]) -> Iterator[Request]:
    for entry in told_entries:
        if not isinstance(entry, dict):
            continue
        inner = entry.get("request")
        request = inner if isinstance(inner, dict) else entry
        if isinstance(request.get("id"), str):
            yield _request(request, entry.get("eta"))


def _request(request: Mapping[str, Any], eta: Any) -> Request:
    name, delivery = request.get("name", request.get("type")), request.get("delivery_info")
    return Request(
        id=request["id"],
        name=text(name) if name else "",
        args=_arguments(request.get("args", "")),
        kwargs=text(request.get("kwargs", "")),
        pid=whole(request.get("worker_pid")),
        started=figure(request.get("time_start")),
        queue=text(delivery.get("routing_key") or "") if isinstance(delivery, dict) else "",
        eta=text(eta) if eta else "",
    )


def _arguments(value: Any) -> str:
    """Positional arguments as Celery prints them; `scheduled` sends them as a list."""
    return text(tuple(value[:LIMIT]) if isinstance(value, list) else value)


def is_stale(read: Read, command: str, now: float) -> bool:
    """Whether the last MISSED reads brought nothing new."""
    return now - read.at > MISSED * PERIODS.get(command, OFTEN)


def read_line(worker: Worker, command: str, snapshot: Snapshot) -> Line:
    """`stats read 5s ago`, or why there is nothing to read."""
    read = worker.reads.get(command)
    if read is None:
        return line((_not_asked(command, snapshot), Tone.DIM))
    ago = f"{age(snapshot.now - read.at)} ago"
    if read.error:
        return line((f"{command} asked {ago}: ", Tone.DIM), (read.error, Tone.WARN))
    late = is_stale(read, command, snapshot.now)
    return line((f"{command} read ", Tone.DIM), (ago, Tone.WARN if late else Tone.DIM))


def _not_asked(command: str, snapshot: Snapshot) -> str:
    if snapshot.level == "PASSIVE":
        return f"{command} is not known: in passive mode workers are never asked"
    return f"{command} not answered yet"
