"""The splitter finds what py-amqp finds, however the bytes are cut, and garbage never makes it raise."""

import struct
from typing import Any

import amqp
import pytest
from amqp.method_framing import frame_handler
from hypothesis import given
from hypothesis import strategies as st

from lazycelery_core.payload import JSON, LIMIT
from lazycelery_plugin_amqp.frames import Frames, Unusual, kind_of

OURS, FRAME_MAX = 1, 131_072
HEARTBEAT = b"\x08\x00\x00\x00\x00\x00\x00\xce"


def frame(kind: int, payload: bytes, channel: int = OURS) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def deliver(channel: int = OURS) -> bytes:
    args = short("tag") + struct.pack(">QB", 7, 0) + short("celeryev") + short("task.multi")
    return frame(1, struct.pack(">HH", 60, 60) + args, channel)


def header(size: int, channel: int = OURS, **properties: Any) -> bytes:
    told = amqp.Message(b"", **properties)._serialize_properties()
    return frame(2, struct.pack(">HHQ", 60, 0, size) + told, channel)


def message(body: bytes, cut: int = FRAME_MAX, channel: int = OURS, between: bytes = b"", **properties: Any) -> bytes:
    """As a broker sends it: bodies longer than `cut` in several frames, `between` frames of others."""
    properties = {"content_type": JSON, "application_headers": {"hostname": "w@a"}, **properties}
    parts = [frame(3, body[at : at + cut], channel) for at in range(0, len(body), cut)]
    return between.join([deliver(channel), header(len(body), channel, **properties), *parts])


BODIES = st.binary(max_size=300)
OTHERS = st.sampled_from([
    HEARTBEAT, frame(1, struct.pack(">HH", 10, 60) + short("low on memory"), 0),
    frame(1, struct.pack(">HH", 10, 61), 0),
    frame(1, struct.pack(">HH", 50, 11) + short("q") + struct.pack(">II", 3, 1)), b"",
])  # fmt: skip
MESSAGES = st.builds(
    message,
    BODIES,
    st.integers(1, 400),
    st.just(OURS),
    st.sampled_from([b"", HEARTBEAT]),
    content_type=st.sampled_from([JSON, "application/x-yaml"]),
    application_headers=st.dictionaries(st.sampled_from(["hostname", "compression"]), st.text(max_size=5), max_size=2),
)
STREAMS = st.lists(st.one_of(MESSAGES, OTHERS), max_size=8).map(b"".join)


def split(stream: bytes, cuts: list[int]) -> tuple[list[Any], list[Any], Frames]:
    others: list[Any] = []
    frames = Frames(OURS, others.append, FRAME_MAX)
    ends = sorted({min(cut, len(stream)) for cut in cuts} | {len(stream)})
    found = []
    for start, end in zip([0, *ends], ends, strict=False):
        found += frames.feed(stream[start:end])
    return found, others, frames


def read_by_amqp(stream: bytes) -> list[Any]:
    """What py-amqp makes of the same bytes."""
    found: list[Any] = []

    class Connection:
        bytes_recv = 0

    on_frame = frame_handler(Connection(), lambda channel, sig, args, content: found.append((sig, content)))
    at = 0
    while at < len(stream):
        kind, channel, size = struct.unpack_from(">BHI", stream, at)
        on_frame((kind, channel, stream[at + 7 : at + 7 + size]))
        at += 8 + size
    return found


@given(STREAMS, st.lists(st.integers(0, 4000), max_size=12))
def test_any_cut_of_the_bytes_gives_the_same_messages_and_they_are_those_of_py_amqp(
    stream: bytes, cuts: list[int]
) -> None:
    found, others, frames = split(stream, cuts)
    assert (frames.rest, frames.trouble, frames.is_between) == (b"", None, True)
    read = read_by_amqp(stream)
    expected = [content for sig, content in read if sig == (60, 60)]
    assert [each.body if isinstance(each, Unusual) else each for each in found] == [
        each.body or b"" for each in expected
    ]
    for mine, theirs in zip(found, expected, strict=True):
        headers = theirs.headers or {}
        plain = theirs.content_type == JSON and not headers.get("compression")
        assert isinstance(mine, bytes) is plain
        if isinstance(mine, Unusual):
            assert kind_of(mine.header) == (theirs.content_type, headers.get("compression"))
    assert len(others) == len(read) - len(expected)


@given(STREAMS)
def test_byte_by_byte_is_the_same_as_at_once(stream: bytes) -> None:
    found, others, _ = split(stream, list(range(len(stream))))
    assert (found, others) == split(stream, [])[:2]


@given(st.one_of(st.binary(max_size=200), st.tuples(STREAMS, st.binary(min_size=1, max_size=60)).map(b"".join)))
def test_garbage_never_raises(stream: bytes) -> None:
    def strict(_: Any) -> None:
        raise amqp.UnexpectedFrame

    frames = Frames(OURS, strict, FRAME_MAX)
    frames.feed(stream)
    frames.feed(stream)
    assert frames.trouble is None or str(frames.trouble)


@pytest.mark.parametrize(
    "stream",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        message(b"{}")[:-1] + b"\x00",
        frame(3, b"a body without a message"),
        header(3, content_type=JSON),
        deliver() + frame(3, b"a body without a header"),
        deliver() + header(2, content_type=JSON) + frame(3, b"too much"),
        struct.pack(">BHI", 1, OURS, 1 << 31),
    ],
)
def test_what_makes_no_sense_is_trouble_and_what_came_before_it_is_kept(stream: bytes) -> None:
    found, _, frames = split(message(b"[1]") + stream, [])
    assert found == [b"[1]"]
    assert "make no sense" in str(frames.trouble)
    assert frames.feed(message(b"[2]")) == []


def test_a_body_beyond_the_limit_is_not_kept_but_told(monkeypatch: pytest.MonkeyPatch) -> None:
    part = b"x" * (FRAME_MAX - 8)
    stream = message(part * (LIMIT // len(part) + 1), FRAME_MAX - 8)
    found, _, _ = split(stream + message(b"[1]"), list(range(0, len(stream), 40_000)))
    assert isinstance(found[0], Unusual)
    assert (found[0].body, found[0].size) == (b"", len(part) * (LIMIT // len(part) + 1))
    assert found[1:] == [b"[1]"]


def test_what_the_driver_raises_is_trouble_and_comes_after_the_messages() -> None:
    error = amqp.ConnectionForced("CONNECTION_FORCED - tidying up")

    def others(_: Any) -> None:
        raise error

    frames = Frames(OURS, others, FRAME_MAX)
    close = frame(1, struct.pack(">HHH", 10, 50, 320) + short("CONNECTION_FORCED") + struct.pack(">HH", 0, 0), 0)
    assert frames.feed(message(b"[1]") + close + message(b"[2]")) == [b"[1]"]
    assert frames.trouble is error


def test_thousands_of_different_properties_do_not_fill_the_memory() -> None:
    frames = Frames(OURS, lambda _: None, FRAME_MAX)
    for number in range(5000):
        assert frames.feed(message(b"[]", application_headers={"hostname": f"w{number}"})) == [b"[]"]
    assert len(frames._plain) <= 4096
