"""How do the bytes of a message become events or results, whatever they hold?

The fast road is one pass of msgspec over the hot fields. What it refuses takes the tolerant road, where each event is
judged alone: kept, repaired field by field, or rejected and counted. Nothing here raises, unpickles or trusts a size.
"""

import json
import math
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec

from lazycelery_core.events import FAR, HUGE, REASON, RETRIES, TEXT, ResultMeta, WireEvent
from lazycelery_core.payload import BOM, JSON, LIMIT, TAG, PayloadError, json_of, unpacked, value_of

MOST_PARTS = 10_000  # events in one message; Celery sends up to 24
FAILED = frozenset({"FAILURE", "RETRY", "REVOKED"})  # states whose result is an exception

_read = msgspec.json.Decoder(WireEvent | list[WireEvent]).decode
_TROUBLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Tally:
    """What could not be taken as it came: counts by reason, by repaired field and by ignored kind."""

    def __init__(self) -> None:
        self.rejected: Counter[str] = Counter()
        self.repaired: Counter[str] = Counter()
        self.ignored: Counter[str] = Counter()


def events_of(
    body: bytes, now: float, tally: Tally, content_type: object = JSON, compression: object = None, limit: int = LIMIT
) -> list[WireEvent]:
    """The good events of one message, in order, each with `body` and `part` to read the rest back by `fields_of`.

    now: arrival, Unix seconds; it stands in where an event has no usable time. What is left out is counted in `tally`.
    """
    if content_type != JSON or compression or len(body) > limit:
        return _unusual(body, now, tally, content_type, compression, limit)
    events: list[WireEvent] = []
    add_events(events, body, now, tally)
    return events


def add_events(events: "list[Any]", body: bytes, now: float, tally: Tally) -> None:
    """The same, added to `events`, of JSON that is not compressed and within the limit: nearly every message.

    Written for speed: types, ranges and what every event must have are checked by msgspec as it decodes.
    """
    try:
        found = [] if TAG in body else _read(body)
    except _TROUBLE:
        found = []
    if type(found) is WireEvent:
        if found.uuid or found.type[:5] != "task-":
            found.body = body
            events.append(found)
            return
    elif 0 < len(found) <= MOST_PARTS:
        for part, event in enumerate(found):
            event.body = body
            if part:
                event.part = part
            if not event.uuid and event.type[:5] == "task-":
                break
        else:
            events += found
            return
    events += _tolerant(body, now, tally)


def _unusual(
    body: bytes, now: float, tally: Tally, content_type: object, compression: object, limit: int
) -> list[WireEvent]:
    """Other encodings become JSON first, so that a body is JSON wherever it is read again."""
    try:
        if content_type == JSON:
            plain = unpacked(body, compression, limit)
        else:
            plain = msgspec.json.encode(value_of(body, content_type, compression, limit), enc_hook=str)
    except PayloadError as error:
        tally.rejected[error.reason] += 1
    except (TypeError, ValueError, RecursionError):
        tally.rejected["not an event"] += 1
    else:
        return _tolerant(plain, now, tally)
    return []


def _tolerant(body: bytes, now: float, tally: Tally) -> list[WireEvent]:
    """Each event of the body judged alone; a bad one costs its neighbours nothing."""
    try:
        value = json_of(body, tagged=True)
    except PayloadError as error:
        tally.rejected[error.reason] += 1
        return []
    parts = value if isinstance(value, list) else [value]
    if not parts:
        tally.ignored["empty list"] += 1
    if len(parts) > MOST_PARTS:
        tally.rejected["more events in a message than the limit"] += len(parts) - MOST_PARTS
    body = body.removeprefix(BOM)
    judged = (_judged(fields, body, part, now, tally) for part, fields in enumerate(parts[:MOST_PARTS]))
    return [event for event in judged if event is not None]


def _judged(fields: Any, body: bytes, part: int, now: float, tally: Tally) -> WireEvent | None:
    """One event, repaired where that is possible, else None and counted."""
    refusal = _refusal(fields) or (_unreadable(fields) if TAG in body else "")
    if refusal:
        tally.rejected[refusal] += 1
        return None
    if fields["type"] == "":
        tally.ignored["empty type"] += 1
        return None
    return _Repair(fields, tally).event(body, part, now)


def _refusal(fields: Any) -> str:
    """Why this can't be an event at all; empty when it can."""
    if not isinstance(fields, dict):
        return "not an event"
    kind = fields.get("type")
    if not isinstance(kind, str):
        return "no event type"
    if kind.startswith("task-") and not _identity(fields.get("uuid")):
        return "a task event without an id"
    if kind.startswith("worker-") and not _text(fields.get("hostname")):
        return "a worker event without a host name"
    return ""


def _unreadable(fields: Any) -> str:
    """Why Celery could not read a value in it that JSON has no word for; empty when it can."""
    try:
        json_of(json.dumps(fields).encode())
    except PayloadError as error:
        return error.reason
    except RecursionError:
        return "nested too deeply"
    return ""


class _Repair:
    """Takes hot fields out of a decoded event; what has the wrong type or range is unknown, and counted."""

    def __init__(self, fields: dict[str, Any], tally: Tally) -> None:
        self._fields, self._tally = fields, tally

    def event(self, body: bytes, part: int, now: float) -> WireEvent:
        """The event; its time is `now` where its own can't be used."""
        take, fields = self._take, self._fields
        return WireEvent(
            type=fields["type"][:TEXT], timestamp=take("timestamp", _time) or self._no_time(now),
            hostname=take("hostname", _text) or "", uuid=take("uuid", _identity) or "", name=take("name", _text),
            pid=take("pid", _count), clock=take("clock", _count), root_id=take("root_id", _identity),
            parent_id=take("parent_id", _identity), retries=take("retries", _retries), eta=take("eta", _text),
            expires=take("expires", _text), queue=take("queue", _text), exception=take("exception", _reason),
            runtime=take("runtime", _number), freq=take("freq", _positive), active=take("active", _count),
            processed=take("processed", _count), loadavg=take("loadavg", _numbers), sw_ident=take("sw_ident", _text),
            sw_ver=take("sw_ver", _text), sw_sys=take("sw_sys", _text), body=body, part=part,
        )  # fmt: skip

    def _take(self, field: str, read: Any) -> Any:
        given = self._fields.get(field)
        value = None if given is None else read(given)
        if value != given:
            self._tally.repaired[field] += 1
        return value

    def _no_time(self, now: float) -> float:
        if self._fields.get("timestamp") is None:
            self._tally.repaired["timestamp"] += 1
        return now


def _text(value: Any) -> str | None:
    return value[:TEXT] if isinstance(value, str) else None


def _reason(value: Any) -> str | None:
    return value[:REASON] if isinstance(value, str) else None


def _identity(value: Any) -> str | None:
    """Ids are text; an application may use integers."""
    if type(value) is int and abs(value) < HUGE:
        return str(value)
    return _text(value)


def _number(value: Any) -> float | None:
    if type(value) not in (int, float) or not math.isfinite(value) or abs(value) > HUGE:
        return None
    return float(value)


def _time(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and 0.0 < number < FAR else None


def _positive(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and number > 0 else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < HUGE else None


def _retries(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= RETRIES else None


def _numbers(value: Any) -> list[float] | None:
    """A load average: a few numbers."""
    numbers = [_number(each) for each in value[:3]] if isinstance(value, list) else []
    good = [each for each in numbers if each is not None]
    return good if good and len(good) == len(numbers) else None


def fields_of(body: bytes, part: int = 0) -> dict[str, Any]:
    """All fields of an event or a result as received, {} if the body can't be read. For details: slow and complete.

    Arguments and result of an event are text; what a sender did not write as text is turned into JSON text.
    """
    try:
        value = json_of(body)
    except PayloadError:
        return {}
    if isinstance(value, list):
        value = value[part] if 0 <= part < len(value) else None
    if not isinstance(value, dict):
        return {}
    texts = {name: value[name] for name in ("args", "kwargs", "result") if name in value and "type" in value}
    return {**value, **{name: told if isinstance(told, str) else _json(told) for name, told in texts.items()}}


def _json(value: Any) -> str:
    try:
        return json.dumps(value)
    except RecursionError:
        return "(nested too deeply)"


class _Meta(msgspec.Struct, gc=False):
    """A result record, hot fields only."""

    task_id: str
    status: str
    date_done: str | None = None
    name: str | None = None
    worker: str | None = None
    queue: str | None = None
    retries: int | None = None
    parent_id: str | None = None
    result: msgspec.Raw = msgspec.Raw()


_read_meta = msgspec.json.Decoder(_Meta).decode


def meta_of(body: bytes, now: float, tally: Tally | None = None, task_id: str = "") -> ResultMeta | None:
    """A stored or published result; None (counted) when it is no record.

    now: the time it gets when it tells none. task_id: whose record it is, when it does not say so itself.
    Exceptions in it are shown as text; nothing is imported or built (the module may be anybody's).
    """
    try:
        if len(body) > LIMIT:
            raise PayloadError("larger than the limit")
        meta = _meta(body)
        meta.task_id = meta.task_id or task_id
        if not meta.task_id:
            raise PayloadError("a result without a task id")
    except PayloadError as error:
        if tally is not None:
            tally.rejected[error.reason] += 1
        return None
    return ResultMeta(
        task_id=meta.task_id[:TEXT], status=meta.status[:TEXT], at=_unix(meta.date_done) or now, name=_text(meta.name),
        worker=_text(meta.worker), queue=_text(meta.queue), retries=_retries(meta.retries),
        parent_id=_text(meta.parent_id), exception=_exception(meta), body=body,
    )  # fmt: skip


def _meta(body: bytes) -> _Meta:
    try:
        return _read_meta(body)
    except _TROUBLE:
        fields = json_of(body)
    if not isinstance(fields, dict):
        raise PayloadError("not a result")
    known = {name: _text(fields.get(name)) for name in ("date_done", "name", "worker", "queue", "parent_id")}
    return _Meta(
        task_id=_identity(fields.get("task_id")) or "", status=_text(fields.get("status")) or "?",
        retries=_retries(fields.get("retries")), result=msgspec.Raw(_json(fields.get("result")).encode()), **known,
    )  # fmt: skip


def _exception(meta: _Meta) -> str | None:
    """`ValueError('no stock')`, as Celery's events write it."""
    if meta.status not in FAILED or not bytes(meta.result):
        return None
    try:
        told = json_of(bytes(meta.result))
    except PayloadError:
        return None
    if not isinstance(told, dict):
        return _reason(str(told))
    message = told.get("exc_message", "")
    inside = ", ".join(map(repr, message)) if isinstance(message, list) else repr(message)
    return f"{told.get('exc_type', '?')}({inside})"[:REASON]


def _unix(moment: str | None) -> float | None:
    """ISO 8601 as Celery writes it; without an offset it is UTC."""
    if not moment:
        return None
    try:
        at = datetime.fromisoformat(moment[:TEXT])
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
