"""What does a text search look at? The cold texts of many tasks, each read only as far as it is asked about."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from lazycelery_core.payload import PayloadError, json_of
from lazycelery_core.redact import Redactor
from lazycelery_core.store.cold import ColdReader
from lazycelery_core.store.records import Record

TEXTS = ("args", "kwargs", "result", "traceback")
SEARCHED = 24  # reports of one task that are looked at


class _Cold(msgspec.Struct, gc=False):
    """The cold fields of a report, whatever their types."""

    args: Any = None
    kwargs: Any = None
    result: Any = None
    traceback: Any = None


_decode = msgspec.json.Decoder(_Cold | list[_Cold]).decode
_TROUBLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class TextReader:
    """Reads the texts of task after task; blocks and messages that were just read are kept. For one thread."""

    def __init__(self, reader: ColdReader, redactor: Redactor) -> None:
        self._reader, self._redactor = reader, redactor
        self._body = b""
        self._parts: list[_Cold] = []

    def of(self, place: int, name: str) -> "Texts":
        """The texts of a task called `name` whose last report is at `place`."""
        return Texts(self, place, name)

    def reports(self, place: int) -> Iterator[_Cold]:
        """Its reports, the last one first, as far as they can be read."""
        for _ in range(SEARCHED):
            record = self._reader.record(place) if place > 0 else None
            if record is None:
                return
            yield self._cold(record)
            place = record.previous

    def shown(self, field: str, value: Any, name: str) -> str:
        """A text of a task called `name` without secrets."""
        return shown(self._redactor, field, value, name)

    @property
    def only_hides(self) -> bool:
        """Whether secrets become dots, and nothing else changes."""
        return self._redactor.only_hides

    def _cold(self, record: Record) -> _Cold:
        if record.body is not self._body:
            self._body, self._parts = record.body, _parts(record.body)
        return self._parts[record.part] if record.part < len(self._parts) else _Cold()


class Texts(Mapping[str, str]):
    """The last told args, kwargs, result and traceback of a task, without secrets, read when they are asked for."""

    __slots__ = ("_found", "_name", "_reader", "_reports")

    def __init__(self, reader: TextReader, place: int, name: str) -> None:
        self._reader, self._name = reader, name
        self._reports = reader.reports(place)
        self._found: dict[str, Any] = {}

    def __getitem__(self, field: str) -> str:
        return self._reader.shown(field, self._told(field), self._name)

    def excludes(self, field: str, fits: Callable[[str], bool]) -> bool:
        """Whether the text, as it was received, does not fit."""
        if not self._reader.only_hides:
            return False
        try:
            value = self._told(field)
        except KeyError:
            return False
        return isinstance(value, str) and value != "" and not fits(value)

    def _told(self, field: str) -> Any:
        if field not in TEXTS:
            raise KeyError(field)
        while field not in self._found:
            report = next(self._reports, None)
            if report is None:
                raise KeyError(field)
            for each in TEXTS:
                value = getattr(report, each)
                if value is not None:
                    self._found.setdefault(each, value)
        return self._found[field]

    def __iter__(self) -> Iterator[str]:
        return (field for field in TEXTS if self.get(field) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _parts(body: bytes) -> list[_Cold]:
    """The reports of a message; what can't be read has no texts."""
    try:
        value = _decode(body)
    except _TROUBLE:
        return [_tolerant(part) for part in _values(body)]
    return value if isinstance(value, list) else [value]


def _values(body: bytes) -> list[Any]:
    try:
        value = json_of(body)
    except PayloadError:
        return []
    return value if isinstance(value, list) else [value]


def _tolerant(part: Any) -> _Cold:
    return _Cold(*(part.get(field) for field in TEXTS)) if isinstance(part, dict) else _Cold()


def shown(redactor: Redactor, field: str, value: Any, name: str) -> str:
    """A field of a task called `name` as text without secrets.

    What is not text is hidden as a value first: there the names of its parts are still known.
    """
    if not isinstance(value, str):
        value = json.dumps(redactor.value(value), ensure_ascii=False, default=str)
    if field == "args":
        return redactor.args(value, name)
    if field == "kwargs":
        return redactor.kwargs(value, name)
    return redactor.result(value, name) if field == "result" else redactor.text(value)
