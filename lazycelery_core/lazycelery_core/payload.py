"""What is in a message body, whoever wrote it, without running code and without unpacking a bomb?

Content types and compression names are kombu's. Pickle and YAML are named, never opened: the first runs code by design,
the second by one wrong loader. Everything else is bounded before it is unpacked.
"""

import bz2
import json
import lzma
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

JSON = "application/json"
MSGPACK = "application/x-msgpack"
PICKLE = "application/x-python-serialize"
YAML = "application/x-yaml"
LIMIT = 4 << 20  # bytes; a thousand times an ordinary message, and still read in 50 ms
LZMA_MEMORY = 64 << 20  # bytes an xz header may ask for
BOM = b"\xef\xbb\xbf"
TAG = b"__type__"  # kombu's mark of a value that JSON has no word for


class PayloadError(ValueError):
    """The body was not opened. `reason` is one of a fixed set of phrases: it is counted, and holds nothing foreign."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def value_of(body: bytes, content_type: object = JSON, compression: object = None, limit: int = LIMIT) -> Any:
    """The decoded value of a body. limit: bytes of the body, before and after it is unpacked. Raises PayloadError."""
    name = content_type if isinstance(content_type, str) else ""
    if name not in _OPENERS:
        raise PayloadError(_CLOSED.get(name, "content type not known"))
    return _OPENERS[name](unpacked(body, compression, limit))


def unpacked(body: bytes, compression: object = None, limit: int = LIMIT) -> bytes:
    """The body with its compression taken off, never more than `limit` bytes. Raises PayloadError."""
    if len(body) > limit:
        raise PayloadError("larger than the limit")
    if compression is None or compression == "":
        return body
    unpack = _UNPACKERS.get(compression) if isinstance(compression, str) else None
    if unpack is None:
        raise PayloadError("compression not known")
    try:
        plain = unpack(body, limit + 1)
    except PayloadError:
        raise
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError):
        raise PayloadError("compressed data is damaged") from None
    if len(plain) > limit:
        raise PayloadError("larger than the limit when unpacked")
    return plain


def json_of(body: bytes, tagged: bool = False) -> Any:
    """The value of a JSON text, as Celery's own reader takes it: NaN, a byte order mark and lone surrogates are fine.

    Values that kombu tags (`__type__`, `__value__`) stay as they are; unless `tagged` lets all pass, they must be
    readable. Raises PayloadError.
    """
    try:
        return json.loads(body.removeprefix(BOM), object_hook=_checked if TAG in body and not tagged else None)
    except RecursionError:
        raise PayloadError("nested too deeply") from None
    except PayloadError:
        raise
    except ValueError:  # not JSON, not UTF-8, or a number of more digits than Python reads
        raise PayloadError("not JSON") from None


def _msgpack_of(body: bytes) -> Any:
    try:
        return msgspec.msgpack.decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError, TypeError):
        raise PayloadError("not msgpack") from None


def _checked(fields: dict[str, Any]) -> dict[str, Any]:
    """The same object, if it is no tagged value or one that its type can read."""
    read = _TAGGED.get(str(fields.get("__type__"))) if fields.keys() == {"__type__", "__value__"} else None
    if read is not None:
        try:
            read(fields["__value__"])
        except (ValueError, TypeError, ArithmeticError, AttributeError):
            raise PayloadError("a tagged value that can't be read") from None
    return fields


def _unzip(body: bytes, most: int) -> bytes:
    """zlib, as kombu's `gzip` is, or a real gzip file."""
    stream = zlib.decompressobj(wbits=47)
    return _whole(stream.decompress(body, most), most, stream.eof)


def _unbz2(body: bytes, most: int) -> bytes:
    stream = bz2.BZ2Decompressor()
    return _whole(stream.decompress(body, most), most, stream.eof)


def _unlzma(body: bytes, most: int) -> bytes:
    stream = lzma.LZMADecompressor(memlimit=LZMA_MEMORY)
    return _whole(stream.decompress(body, most), most, stream.eof)


def _unzstd(body: bytes, most: int) -> bytes:
    try:
        import zstandard
    except ImportError:
        raise PayloadError("zstd needs the package `zstandard`") from None
    stream = zstandard.ZstdDecompressor(max_window_size=LZMA_MEMORY).stream_reader(body)
    try:
        return bytes(stream.read(most))
    except zstandard.ZstdError:
        raise PayloadError("compressed data is damaged") from None


def _whole(plain: bytes, most: int, ended: bool) -> bytes:
    if not ended and len(plain) < most:
        raise EOFError
    return plain


_OPENERS: Mapping[str, Callable[[bytes], Any]] = {JSON: json_of, MSGPACK: _msgpack_of}
_CLOSED = {PICKLE: "pickle is never opened", YAML: "YAML is never opened"}
_UNPACKERS: Mapping[str, Callable[[bytes, int], bytes]] = {
    "application/x-gzip": _unzip,
    "application/x-bz2": _unbz2,
    "application/x-lzma": _unlzma,
    "application/zstd": _unzstd,
}
_TAGGED: Mapping[str, Callable[[Any], object]] = {
    "datetime": datetime.fromisoformat,
    "date": datetime.fromisoformat,
    "time": time.fromisoformat,
    "decimal": Decimal,
    "uuid": lambda value: UUID(value["hex"] if isinstance(value, dict) else value),
}
