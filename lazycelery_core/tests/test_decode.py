"""Every hostile message body leads to what it must lead to, and the next good event is kept."""

import base64
import bz2
import json
import lzma
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazycelery_core.decode import Tally, events_of, fields_of, meta_of
from lazycelery_core.events import REASON, TEXT, WireEvent
from lazycelery_core.payload import LIMIT, PayloadError, json_of, unpacked, value_of

NOW = 1_800_000_000.5
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "application/x-gzip": zlib.compress,
    "application/x-bz2": bz2.compress,
    "application/x-lzma": lzma.compress,
}
GOOD = b'{"type": "task-started", "uuid": "good", "hostname": "w1@h", "timestamp": 1799999999.0, "clock": 3, "pid": 7}'


def cases(name: str) -> list[dict[str, Any]]:
    path = Path(__file__).parent / "data" / name
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def body_of(case: dict[str, Any]) -> bytes:
    """The bytes that a case describes; see the recipes of the corpus."""
    if "raw_b64" in case:
        return base64.b64decode(case["raw_b64"])
    if "raw" in case:
        return str(case["raw"]).encode()
    if "raw_recipe" in case:
        recipe = case["raw_recipe"]
        text, times = recipe["repeat"]
        then, more = recipe.get("then", ["", 0])
        return str(recipe["prefix"] + text * times + then * more + recipe["suffix"]).encode()
    body = json.loads(json.dumps(case["body"]).replace('"NOW"', str(NOW - 1)))
    if "recipe_fields" in case:
        body |= {f"field-{number}": number for number in range(case["recipe_fields"])}
    if "recipe_args" in case:
        body["args"] = "a" * case["recipe_args"]
    text = json.dumps(body)
    for word in case.get("bare", []):
        text = text.replace(f'"{word}"', word)
    return text.encode()


@pytest.mark.parametrize("case", cases("events.jsonl"), ids=lambda case: case["id"])
def test_a_hostile_event_gets_its_verdict(case: dict[str, Any]) -> None:
    tally, expect = Tally(), case["expect"]
    events = events_of(body_of(case), NOW, tally)
    verdict = expect["verdict"]
    if verdict in ("keep", "repair"):
        assert events
        assert not tally.rejected
        assert_repaired(events[0], expect)
    elif verdict == "mixed":
        assert [event.uuid for event in events] == expect["kept"]
        assert tally.rejected.total() == expect["rejected"]
    elif verdict == "ignore":
        assert not tally.rejected
        assert not [event for event in events if event.type.startswith(("task-", "worker-"))]
    else:
        assert events == []
        assert tally.rejected.total() == 1
    assert [event.uuid for event in events_of(GOOD, NOW, tally)] == ["good"]


def assert_repaired(event: WireEvent, expect: dict[str, Any]) -> None:
    """Unknown values are None or empty here; screens show them as `?`."""
    seen = {
        "uuid": event.uuid, "hostname": event.hostname or "?", "name": event.name or "?", "runtime": event.runtime,
        "parent_id": event.parent_id, "freq": event.freq or 2, "time": "received" if event.timestamp == NOW else "told",
        "clock": "own" if event.clock is None else event.clock, "args": fields_of(event.body, event.part).get("args"),
        "utcoffset": 0, "bom": "skipped",
    }  # fmt: skip
    for field, value in expect.items():
        if field != "verdict":
            assert seen[field] == value


def test_a_usual_event_takes_the_fast_road_untouched() -> None:
    tally = Tally()
    (event,) = events_of(GOOD, NOW, tally)
    assert (event.type, event.uuid, event.hostname, event.timestamp) == ("task-started", "good", "w1@h", 1799999999.0)
    assert event.body is GOOD
    assert not {**tally.rejected, **tally.repaired, **tally.ignored}


def test_events_of_a_batch_know_their_place_in_it() -> None:
    body = b"[" + GOOD + b", " + GOOD.replace(b"good", b"next") + b"]"
    events = events_of(body, NOW, Tally())
    assert [(event.uuid, event.part) for event in events] == [("good", 0), ("next", 1)]
    assert fields_of(events[1].body, events[1].part)["uuid"] == "next"


def test_events_kept_of_a_bad_batch_know_their_place_in_it() -> None:
    body = b'[{"nope": 1}, ' + GOOD + b"]"
    (event,) = events_of(body, NOW, Tally())
    assert fields_of(event.body, event.part)["uuid"] == "good"


def test_a_sender_can_not_forge_where_a_body_is_read_from() -> None:
    body = GOOD[:-1] + b', " body": "Zm9yZ2Vk", " part": 5}'
    (event,) = events_of(body, NOW, Tally())
    assert (event.body, event.part) == (body, 0)


@pytest.mark.parametrize("codec", PACKERS)
def test_a_compressed_event_is_kept_and_read_back(codec: str) -> None:
    (event,) = events_of(PACKERS[codec](GOOD), NOW, Tally(), compression=codec)
    assert event.uuid == "good"
    assert fields_of(event.body)["pid"] == 7


def test_a_zstd_event_is_kept() -> None:
    zstandard = pytest.importorskip("zstandard")
    (event,) = events_of(zstandard.compress(GOOD), NOW, Tally(), compression="application/zstd")
    assert event.uuid == "good"


@pytest.mark.parametrize("codec", PACKERS)
def test_a_bomb_is_rejected_within_64_mib(codec: str) -> None:
    mib = 40 if codec == "application/x-lzma" else 300  # packing with lzma is slow
    bomb = PACKERS[codec](b"a" * (mib << 20))
    tally = Tally()
    tracemalloc.start()
    events = events_of(bomb, NOW, tally, compression=codec)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert events == []
    assert tally.rejected == {"larger than the limit when unpacked": 1}
    assert peak < 64 << 20


@pytest.mark.parametrize("codec", PACKERS)
def test_damaged_and_truncated_data_is_rejected(codec: str) -> None:
    for body in (b"xx", PACKERS[codec](GOOD)[:-6], b""):
        with pytest.raises(PayloadError, match="compressed data is damaged"):
            unpacked(body, codec)


def test_a_msgpack_event_is_kept_and_read_back_as_json() -> None:
    body = msgspec.msgpack.encode({**json.loads(GOOD), "args": "(1,)"})
    (event,) = events_of(body, NOW, Tally(), "application/x-msgpack")
    assert event.uuid == "good"
    assert fields_of(event.body)["args"] == "(1,)"


@pytest.mark.parametrize(
    "content_type,reason",
    [
        ("application/x-python-serialize", "pickle is never opened"),
        ("application/x-yaml", "YAML is never opened"),
        ("application/evil", "content type not known"),
        (None, "content type not known"),
        (["application/json"], "content type not known"),
        ({}, "content type not known"),
    ],
)
def test_what_can_run_code_or_is_unknown_is_counted_by_its_reason(content_type: object, reason: str) -> None:
    tally = Tally()
    assert events_of(b"cos\nsystem\n(S'echo opened'\ntR.", NOW, tally, content_type) == []
    assert tally.rejected == {reason: 1}


def test_more_events_than_the_limit_are_counted_not_kept() -> None:
    tally = Tally()
    assert len(events_of(b"[" + b",".join([GOOD] * 10_500) + b"]", NOW, tally)) == 10_000
    assert tally.rejected == {"more events in a message than the limit": 500}


def test_a_message_larger_than_the_limit_is_rejected_unread() -> None:
    tally = Tally()
    assert events_of(b" " * LIMIT + GOOD, NOW, tally) == []
    assert tally.rejected == {"larger than the limit": 1}


def test_long_names_are_cut() -> None:
    body = json.dumps({**json.loads(GOOD), "name": "n" * 100_000, "exception": "e" * 100_000}).encode()
    (event,) = events_of(body, NOW, Tally())
    assert event.name == "n" * TEXT
    assert event.exception == "e" * REASON


def test_other_values_of_the_message_library_are_kept_as_they_are() -> None:
    good = {"__type__": "datetime", "__value__": "2026-01-01T00:00:00"}
    body = json.dumps({**json.loads(GOOD), "at": good, "own": {"__type__": "money", "__value__": "1 EUR"}}).encode()
    (event,) = events_of(body, NOW, Tally())
    assert fields_of(event.body)["at"] == good


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    *("type", "uuid", "hostname", "timestamp", "clock", "pid", "name", "retries", "freq", "runtime", "loadavg"),
    *("exception", "parent_id", "root_id", "__type__", "__value__", " body", " part"),
]
EVENTISH = st.dictionaries(
    st.sampled_from(FIELDS),
    ANY | st.sampled_from(["task-received", "worker-heartbeat", "w1@h", 1.0, 5]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(EVENTISH | ANY, max_size=4) | EVENTISH | ANY)
def test_any_json_value_is_judged_and_its_good_neighbour_kept(value: Any) -> None:
    tally = Tally()
    body = json.dumps([*value, json.loads(GOOD)] if isinstance(value, list) else value).encode()
    for event in events_of(body, NOW, tally):
        assert 0 < event.timestamp < 1 << 33
        assert event.uuid or not event.type.startswith("task-")
        assert event.hostname or not event.type.startswith("worker-")
        assert event.clock is None or 0 <= event.clock < 1 << 53
        fields_of(event.body, event.part)
    if isinstance(value, list):
        rejected_whole = tally.rejected.get("a tagged value that can't be read", 0)
        assert rejected_whole or events_of(body, NOW, Tally())[-1].uuid == "good"


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from(["application/json", "application/x-msgpack", "x"]),
    st.sampled_from(["", "application/zstd", "?", *PACKERS]),
)
def test_any_bytes_are_judged(body: bytes, content_type: str, compression: str) -> None:
    tally = Tally()
    events = events_of(body, NOW, tally, content_type, compression)
    assert events or tally.rejected or tally.ignored
    meta_of(body, NOW, tally)
    fields_of(body)


@pytest.mark.parametrize("case", cases("results.jsonl"), ids=lambda case: case["id"])
def test_a_hostile_result_is_shown_as_data(case: dict[str, Any]) -> None:
    if "recipe" in case:
        text, times = case["recipe"]["repeat"]
        assert meta_of(json.dumps({"task_id": "R1", "status": "SUCCESS", "result": text * times}).encode(), NOW) is None
        return
    tally = Tally()
    meta = meta_of(json.dumps(case["meta"]).encode(), NOW, tally, task_id="R1")
    assert (meta is not None) == (case["expect"] == "shown")
    if meta is not None:
        assert meta.task_id == "R1"
        assert fields_of(meta.body)["result"] == case["meta"]["result"]
    else:
        assert tally.rejected.total() == 1


def test_a_failed_result_tells_its_exception_as_events_do() -> None:
    body = json.dumps({
        "result": {"exc_type": "ValueError", "exc_message": ["no stock"], "exc_module": "shop"}, "status": "FAILURE",
        "traceback": "tb", "children": [], "date_done": "2026-01-01T00:00:00.250000+00:00", "task_id": "t1",
        "name": "shop.pay", "worker": "w1@h", "queue": "celery", "retries": 2, "parent_id": None,
    }).encode()  # fmt: skip
    meta = meta_of(body, NOW)
    assert meta is not None
    assert meta.exception == "ValueError('no stock')"
    assert (meta.status, meta.retries, meta.at) == ("FAILURE", 2, 1767225600.25)
    assert (meta.name, meta.worker, meta.queue) == ("shop.pay", "w1@h", "celery")


@pytest.mark.parametrize(
    "moment", ["2026-01-01T00:00:00.25", "2026-01-01T00:00:00.25Z", "2026-01-01T01:00:00.250+01:00"]
)
def test_a_result_without_an_offset_is_in_utc(moment: str) -> None:
    meta = meta_of(json.dumps({"status": "SUCCESS", "task_id": "t", "date_done": moment}).encode(), NOW)
    assert meta is not None
    assert meta.at == 1767225600.25


@pytest.mark.parametrize("moment", [None, "", "yesterday", 5, [], "9999-99-99", "0001-01-01T00:00:00"])
def test_a_result_without_a_readable_date_is_as_old_as_its_arrival(moment: Any) -> None:
    meta = meta_of(json.dumps({"status": "SUCCESS", "task_id": "t", "date_done": moment}).encode(), NOW)
    assert meta is not None
    assert meta.at in (NOW, -62135596800.0)


def test_values_are_opened_by_their_content_type() -> None:
    assert value_of(b'[1, {"a": NaN}]')[0] == 1
    assert value_of(msgspec.msgpack.encode({"ok": "pong"}), "application/x-msgpack") == {"ok": "pong"}
    with pytest.raises(PayloadError, match="larger than the limit"):
        value_of(b"1" * 100, limit=99)
    with pytest.raises(PayloadError, match="not msgpack"):
        value_of(b"\xc1", "application/x-msgpack")
    with pytest.raises(PayloadError, match="nested too deeply"):
        json_of(b"[" * 100_000 + b"]" * 100_000)
