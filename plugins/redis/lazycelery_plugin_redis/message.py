"""What does a waiting message say? Headers and arguments of a task message, decoded without running anything.

Both message protocols of Celery are read. Where the body can't or must not be opened, the texts that the sender put in
the headers (`argsrepr`, `kwargsrepr`) stand in, and `problem` says why.
"""

from typing import Any

from lazycelery_core.model import Message
from lazycelery_core.payload import PayloadError
from lazycelery_core.redact import Redactor
from lazycelery_plugin_redis.envelope import Envelope, opened

TEXT = 4000  # characters of arguments that are kept; `raw` has all of them


def message_of(raw: bytes, queue: str, position: int, redactor: Redactor) -> Message:
    """The message, whatever the bytes are."""
    try:
        envelope = opened(raw)
    except PayloadError as error:
        return Message(queue, position, "", "", "", "", None, size=len(raw), raw=raw, problem=error.reason)
    headers = envelope.headers
    told = _told(envelope)
    task = _text(told.get("task"))
    return Message(
        queue=queue, position=position, task_id=_text(told.get("id")), task=task,
        args=redactor.args(told["args"], task), kwargs=redactor.kwargs(told["kwargs"], task),
        priority=_priority(envelope.properties), eta=_text(told.get("eta")), retries=_whole(told.get("retries")) or 0,
        headers=redactor.value(headers), size=len(raw), content_type=_text(envelope.content_type), raw=raw,
        problem=told["problem"],
    )  # fmt: skip


def _told(envelope: Envelope) -> dict[str, Any]:
    """Task, id, eta, retries, args and kwargs (as text), problem: of protocol 2 (headers) or 1 (body)."""
    headers = envelope.headers
    told = {
        **headers,
        "args": _text(headers.get("argsrepr")),
        "kwargs": _text(headers.get("kwargsrepr")),
        "problem": "",
    }
    try:
        body = envelope.value()
    except PayloadError as error:
        return told | {"problem": error.reason}
    if isinstance(body, dict) and "task" in body:
        return told | body | {"args": _call(body.get("args")), "kwargs": _shown(body.get("kwargs") or {})}
    if not isinstance(body, list) or len(body) < 2:
        return told | {"problem": "not a task message"}
    return told | {"args": _call(body[0]), "kwargs": _shown(body[1])}


def _call(args: Any) -> str:
    """Positional arguments as Celery prints them: a tuple."""
    return _shown(tuple(args) if isinstance(args, list) else args)


def _shown(value: Any) -> str:
    text = repr(_untagged(value))
    return text if len(text) <= TEXT else text[:TEXT] + "..."


def _untagged(value: Any) -> Any:
    """The value with kombu's tagged types written as calls: `datetime('2026-01-01')`."""
    if isinstance(value, dict):
        if value.keys() == {"__type__", "__value__"}:
            return _Call(f"{value['__type__']}({value['__value__']!r})")
        return {key: _untagged(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_untagged(each) for each in value)
    return value


class _Call(str):
    """Text that is its own repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _priority(properties: dict[str, Any]) -> int | None:
    info = properties.get("delivery_info")
    told = properties.get("priority")
    return _whole(told if told is not None else info.get("priority") if isinstance(info, dict) else None)


def _text(value: Any) -> str:
    return value[:TEXT] if isinstance(value, str) else ""


def _whole(value: Any) -> int | None:
    return value if type(value) is int and abs(value) < 1 << 31 else None
