"""What does a waiting message say? Headers and arguments of a task message, decoded without running anything.

Both message protocols of Celery are read. Where the body can't or must not be opened, the texts that the sender put in
the headers (`argsrepr`, `kwargsrepr`) stand in, and `problem` says why. How a broker wraps headers and body is its
plugin's business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lazycelery_core.model import Message
from lazycelery_core.payload import PayloadError, value_of
from lazycelery_core.redact import Redactor

TEXT = 4000  # characters of arguments that are kept; `raw` has all of them


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A message as it came: `raw` untouched, `body` still encoded as its content type and compression say."""

    raw: bytes
    body: bytes
    headers: Mapping[str, Any]
    content_type: Any
    priority: int | None = None
    redelivered: bool | None = None
    expiration: str = ""


def message_of(wrapped: Wrapped, queue: str, position: int, redactor: Redactor) -> Message:
    """The message, whatever its body is."""
    told = _told(wrapped)
    task = _text(told.get("task"))
    return Message(
        queue=queue, position=position, task_id=_text(told.get("id")), task=task,
        args=redactor.args(told["args"], task), kwargs=redactor.kwargs(told["kwargs"], task),
        priority=wrapped.priority, eta=_text(told.get("eta")), retries=whole(told.get("retries")) or 0,
        headers=redactor.value(dict(wrapped.headers)), size=len(wrapped.raw), content_type=_text(wrapped.content_type),
        raw=wrapped.raw, problem=told["problem"], redelivered=wrapped.redelivered, expiration=wrapped.expiration,
    )  # fmt: skip


def whole(value: Any) -> int | None:
    """The number, if it is a whole one of a believable size."""
    return value if type(value) is int and abs(value) < 1 << 31 else None


def _told(wrapped: Wrapped) -> dict[str, Any]:
    """Task, id, eta, retries, args and kwargs (as text), problem: of protocol 2 (headers) or 1 (body)."""
    headers = wrapped.headers
    told = {
        **headers,
        "args": _text(headers.get("argsrepr")),
        "kwargs": _text(headers.get("kwargsrepr")),
        "problem": "",
    }
    try:
        body = value_of(wrapped.body, wrapped.content_type, headers.get("compression"))
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


def _text(value: Any) -> str:
    return value[:TEXT] if isinstance(value, str) else ""
