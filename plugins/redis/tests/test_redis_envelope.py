"""Every hostile envelope leads to what it must lead to, and the next good one is kept."""

import base64
import bz2
import json
import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazycelery_core.decode import Tally
from lazycelery_core.payload import PayloadError
from lazycelery_plugin_redis.envelope import WRAPPED, events_in, opened

NOW = 1_800_000_000.5
EVENT = {"type": "task-received", "uuid": "good", "hostname": "w1@h", "timestamp": 1.0, "clock": 3, "name": "t"}


def envelope(body: bytes, **changes: Any) -> dict[str, Any]:
    return {
        "body": base64.b64encode(body).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"hostname": "w1@h"},
        "properties": {"body_encoding": "base64", "delivery_tag": "d1", "priority": 0},
        **changes,
    }


GOOD = json.dumps(envelope(json.dumps(EVENT).encode())).encode()


def cases() -> list[dict[str, Any]]:
    path = Path(__file__).parent / "data" / "envelopes.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def payload_of(case: dict[str, Any]) -> bytes:
    if "payload_b64" in case:
        return base64.b64decode(case["payload_b64"])
    if "payload" in case:
        return str(case["payload"]).encode()
    if "bomb" in case:
        bomb = case["bomb"]
        body = json.dumps({**EVENT, "args": "A" * (bomb["mib"] << 20)}).encode()
        packed = zlib.compress(body) if bomb["codec"] == "zlib" else bz2.compress(body)
        return json.dumps(envelope(packed, headers={"compression": bomb["header"]})).encode()
    return json.dumps(case["envelope"]).encode()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_a_hostile_envelope_gets_its_verdict(case: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    payload, tally = payload_of(case), Tally()
    tracemalloc.start()
    events = events_in(payload, NOW, tally)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(events) == (case["expect"] == "keep")
    assert tally.rejected.total() == (case["expect"] != "keep")
    if case["expect"] == "never-opened":
        assert next(iter(tally.rejected)).endswith("never opened")
        assert "opened" not in capfd.readouterr().out
    assert peak < 64 << 20
    assert [event.uuid for event in events_in(GOOD, NOW, tally)] == ["good"]


def test_an_envelope_larger_than_the_limit_is_not_decoded() -> None:
    tally = Tally()
    assert events_in(b" " * (WRAPPED + 1), NOW, tally) == []
    assert tally.rejected == {"larger than the limit": 1}


def test_a_body_without_base64_is_read() -> None:
    plain = {**envelope(b""), "body": json.dumps(EVENT), "properties": {"delivery_tag": "d"}}
    assert [event.uuid for event in events_in(json.dumps(plain).encode(), NOW, Tally())] == ["good"]


def test_a_byte_order_mark_before_an_envelope_is_skipped() -> None:
    assert [event.uuid for event in events_in(b"\xef\xbb\xbf" + GOOD, NOW, Tally())] == ["good"]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "body": ANY | st.just(base64.b64encode(json.dumps(EVENT).encode()).decode()),
        "content-type": ANY | st.just("application/json"),
        "headers": ANY | st.dictionaries(st.just("compression"), ANY),
        "properties": ANY | st.dictionaries(st.just("body_encoding"), ANY | st.just("base64")),
    },
)


@settings(max_examples=300, deadline=None)
@given(PARTS.map(lambda parts: json.dumps(parts).encode()) | st.binary(max_size=100))
def test_any_payload_is_judged(payload: bytes) -> None:
    tally = Tally()
    events = events_in(payload, NOW, tally)
    assert events or tally.rejected or tally.ignored
    with suppress(PayloadError):
        opened(payload).value()
