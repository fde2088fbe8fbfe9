"""What happened to one task? Its reports read back from cold storage, oldest first, with secrets hidden."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from lazycelery_core.model import Task, TaskMoment, TaskState, TaskStory, Told
from lazycelery_core.payload import PayloadError, json_of
from lazycelery_core.redact import Redactor
from lazycelery_core.store.cold import ColdReader
from lazycelery_core.store.order import moment as unix
from lazycelery_core.store.records import EVENT, RESULT, SEEN, Record
from lazycelery_core.store.room import Reading
from lazycelery_core.store.table import Table
from lazycelery_core.store.texts import TEXTS
from lazycelery_core.store.traceback import HIDDEN, raised

MOST_FIELDS = 100  # of one report
MOST_BYTES = 16 << 20  # of messages read for one story
FAILED = frozenset({"FAILURE", "RETRY", "REVOKED"})  # states whose stored result is an exception
SOURCES = {RESULT: "result backend", SEEN: "inspect"}


def read_story(task: Task, place: int, table: Table, redactor: Redactor, most: int) -> TaskStory:
    """The story of a task whose last report is at `place`. most: characters of one text that are read out."""
    records, missing = _chain(place, table)
    parts = Parts()
    told = [(record, parts.fields(record)) for record in records]
    reading = Reading(redactor, task.name, most)
    facts = {
        "args": _told(told, "args", reading),
        "kwargs": _told(told, "kwargs", reading),
        "result": _told(told, "result", reading) if task.state is TaskState.SUCCESS else None,
        "exception": _exception(told, task, reading),
        "traceback": _traceback(told, task, reading),
    }
    moments = _moments(told, task, reading)
    return TaskStory(
        task=task, moments=moments, parent_id=_related(moments, "parent_id", task.id),
        root_id=_related(moments, "root_id", ""), missing=missing, **facts,
    )  # fmt: skip


class Parts:
    """Decodes messages; one of many reports is decoded once, if they are asked for one after another."""

    def __init__(self) -> None:
        self._body = b""
        self._parts: list[Any] = []

    def fields(self, record: Record) -> dict[str, Any]:
        """All fields of a report, {} if it can't be read."""
        if record.body is not self._body:
            self._body = record.body
            try:
                value = json_of(record.body)
            except PayloadError:
                value = None
            self._parts = value if isinstance(value, list) else [value]
        fields = self._parts[record.part] if record.part < len(self._parts) else None
        return fields if isinstance(fields, dict) else {}


def _walk(place: int, reader: ColdReader) -> Iterator[Record | None]:
    """The reports of a task, last first; None where one is out of reach, and then no more."""
    while place:
        record = reader.record(place) if place > 0 else None
        yield record
        if record is None:
            return
        place = record.previous


def _chain(place: int, table: Table) -> tuple[list[Record], str]:
    """(reports in order of arrival, what is missing in words)."""
    records: list[Record] = []
    size, last = 0, b""
    for record in _walk(place, ColdReader(table.cold)):
        if record is None:
            return records[::-1], "earlier reports are no longer kept"
        if len(records) >= table.limits.chain or size > MOST_BYTES:
            return records[::-1], f"only the last {len(records):,} reports are shown"
        records.append(record)
        size += len(record.body) if record.body is not last else 0
        last = record.body
        if not record.body:
            return records[::-1], "a report was too large to keep"
    return records[::-1], ""


def _moments(told: list[tuple[Record, dict[str, Any]]], task: Task, reading: Reading) -> tuple[TaskMoment, ...]:
    """In time order, each with the attempt it belongs to. The last is read first: there may not be room for all."""
    found = [_moment(record, fields, task, reading) for record, fields in reversed(told)][::-1]
    found.sort(key=lambda moment: moment.timestamp)
    attempts: dict[str, int] = {}  # by worker: the attempt that it received last
    latest = 0
    moments = []
    closed = _closed(found)
    for moment in found:
        retries = _retries(moment)
        if retries is not None:
            attempt = retries
            if moment.kind == "task-received":
                attempts[moment.worker] = latest = attempt
        elif moment.kind == "task-retried" and moment.timestamp in closed:
            attempt = closed[moment.timestamp]
        else:
            attempt = attempts.get(moment.worker, latest)
        moments.append(TaskMoment(moment.kind, moment.timestamp, moment.worker, attempt, moment.fields))
    return tuple(moments)


def _closed(moments: list[TaskMoment]) -> dict[float, int]:
    """The attempt that each retry closed, by its time; empty where some are missing. They may be told late."""
    numbers = {_retries(moment) for moment in moments if moment.kind == "task-received"} - {None}
    retried = sorted({moment.timestamp for moment in moments if moment.kind == "task-retried"})
    if len(numbers) - len(retried) not in (0, 1):
        return {}
    return dict(zip(retried, sorted(number for number in numbers if number is not None), strict=False))


def _retries(moment: TaskMoment) -> int | None:
    retries = moment.fields.get("retries")
    return retries if type(retries) is int and 0 <= retries <= 0xFFFF else None


def _moment(record: Record, fields: dict[str, Any], task: Task, reading: Reading) -> TaskMoment:
    hidden = {name: _hidden(reading, name, value) for name, value in islice(fields.items(), MOST_FIELDS)}
    if len(fields) > MOST_FIELDS:
        hidden["…"] = f"{len(fields) - MOST_FIELDS:,} more fields"
    kind = {RESULT: "result", SEEN: "inspect"}.get(record.kind) or _text(fields.get("type"))
    worker = _text(fields.get("worker" if record.kind == RESULT else "hostname"))
    return TaskMoment(kind, _time(record.kind, fields, task), worker, 0, hidden)


def _time(kind: int, fields: dict[str, Any], task: Task) -> float:
    at = fields.get("timestamp") if kind == EVENT else fields.get("time_start")
    if kind == RESULT:
        at = unix(_text(fields.get("date_done")))
    return float(at) if isinstance(at, int | float) and 0 < at < 1 << 33 else task.updated


def _told(told: list[tuple[Record, dict[str, Any]]], name: str, reading: Reading) -> Told | None:
    """A field as told last; stored results and inspect have it whole, events only as a shortened repr."""
    best: tuple[Record, dict[str, Any]] | None = None
    for record, fields in told:
        value = fields.get(name)
        if value is None or (record.kind == RESULT and name == "result" and fields.get("status") != "SUCCESS"):
            continue
        whole = record.kind in (RESULT, SEEN) and value != ""
        if best is None or whole or best[0].kind not in SOURCES:
            best = record, fields
    if best is None:
        return None
    record, fields = best
    text, left_out = reading.text(name, fields[name])
    source = SOURCES.get(record.kind) or f"{_text(fields.get('type'))} event"
    return Told(text, source, cut=left_out or (record.kind == EVENT and "..." in text))


def _exception(told: list[tuple[Record, dict[str, Any]]], task: Task, reading: Reading) -> Told | None:
    if task.state in (TaskState.SUCCESS, TaskState.STARTED, TaskState.RECEIVED, TaskState.PENDING):
        return None
    for _, fields in reversed(told):
        text = fields.get("exception")
        if isinstance(text, str) and text:
            text = (raised(fields.get("traceback")) or text) if text == HIDDEN else text
            return Told(reading.text("exception", text)[0], f"{_text(fields.get('type'))} event")
    return Told(task.exception, "result backend") if task.exception else None


def _traceback(told: list[tuple[Record, dict[str, Any]]], task: Task, reading: Reading) -> Told | None:
    if task.state in (TaskState.SUCCESS, TaskState.STARTED, TaskState.RECEIVED, TaskState.PENDING):
        return None
    return _told(told, "traceback", reading)


def _hidden(reading: Reading, name: str, value: Any) -> Any:
    """A field for the list of moments: secrets hidden by the name it stands under, else as received."""
    if name in TEXTS and isinstance(value, str):
        return reading.text(name, value, further=True)[0]
    return reading.value(name, value)


def _related(moments: tuple[TaskMoment, ...], name: str, other_than: str) -> str:
    """The first id told under a name; a retry names itself as its parent, which does not count."""
    ids = (_text(moment.fields.get(name)) for moment in moments)
    return next((each for each in ids if each and each != other_than), "")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
