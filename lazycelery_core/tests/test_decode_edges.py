"""Does an event mean the same on both roads, and is everything that is not taken counted once, by its own words?"""

import bz2
import json
import lzma
import sys
import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from lazycelery_core.decode import MOST_PARTS, Tally, events_of, fields_of, meta_of
from lazycelery_core.events import FAR, HUGE, REASON, RETRIES, TEXT, WireEvent
from lazycelery_core.payload import BOM, LIMIT, PayloadError, json_of, unpacked, value_of

NOW = 1_800_000_000.5
FULL: dict[str, Any] = {
    "type": "task-retried", "timestamp": 1_799_999_999.25, "hostname": "w1@h", "uuid": "t1", "name": "shop.pay",
    "pid": 7, "clock": 3, "root_id": "r1", "parent_id": "p1", "retries": 2, "eta": "2027-01-15T08:00:00",
    "expires": "2027-01-16T08:00:00", "queue": "emails", "exception": "ValueError()", "runtime": 0.25, "freq": 2.5,
    "active": 4, "processed": 5, "loadavg": [0.5, 1.0, 1.5], "sw_ident": "py-celery", "sw_ver": "5.7.0",
    "sw_sys": "Linux",
}  # fmt: skip
HOT = [name for name in FULL if name not in ("type", "uuid", "hostname")]


def told(event: WireEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in FULL}


def one(fields: Any, tally: Tally | None = None, prefix: bytes = BOM) -> WireEvent:
    """The event of these fields; the byte order mark keeps it off the fast road."""
    (event,) = events_of(prefix + json.dumps(fields).encode(), NOW, Tally() if tally is None else tally)
    return event


@pytest.mark.parametrize("prefix", [b"", BOM])
def test_both_roads_read_the_same_event(prefix: bytes) -> None:
    tally = Tally()
    assert told(one(FULL, tally, prefix)) == FULL
    assert not {**tally.rejected, **tally.repaired, **tally.ignored}


@pytest.mark.parametrize("prefix", [b"", BOM])
def test_what_an_event_does_not_tell_is_unknown_on_both_roads(prefix: bytes) -> None:
    tally = Tally()
    bare = {"type": "worker-heartbeat", "timestamp": 5.5, "hostname": "w1@h"}
    expected = {**dict.fromkeys(FULL), "uuid": "", **bare}
    assert told(one(bare, tally, prefix)) == expected
    assert not tally.repaired


@pytest.mark.parametrize("field", HOT)
def test_a_field_of_a_wrong_kind_is_lost_alone_and_counted_by_its_name(field: str) -> None:
    tally = Tally()
    wrong: Any = {"kind": "wrong"}
    unknown = NOW if field == "timestamp" else None
    assert told(one({**FULL, field: wrong}, tally)) == {**FULL, field: unknown}
    assert tally.repaired == {field: 1}
    assert not tally.rejected


LONG = "x" * TEXT
BOUNDS: list[tuple[str, Any, Any]] = [  # (field, the last value that is believed, one that is not)
    ("timestamp", 0.5, 0), ("timestamp", 0.5, -1.5), ("timestamp", FAR - 1.0, FAR), ("pid", 0, -1),
    ("clock", HUGE - 1, HUGE), ("retries", 0, -1), ("retries", RETRIES, RETRIES + 1), ("runtime", -1.0, "fast"),
    ("runtime", 0, True), ("runtime", float(HUGE), HUGE + 2.0), ("freq", 0.5, 0), ("freq", 0.5, -1), ("pid", 1, 1.0),
    ("loadavg", [1.0], []), ("loadavg", [1.0, 2.0], [1.0, "2"]), ("active", HUGE - 1, HUGE), ("pid", 1, True),
]  # fmt: skip


@pytest.mark.parametrize("field, good, bad", BOUNDS)
def test_numbers_are_believed_up_to_their_bounds(field: str, good: Any, bad: Any) -> None:
    tally = Tally()
    assert getattr(one({**FULL, field: good}, tally), field) == good
    assert not tally.repaired
    lost = getattr(one({**FULL, field: bad}, tally), field)
    assert lost == (NOW if field == "timestamp" else None)
    assert tally.repaired == {field: 1}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_no_number_is_endless(value: float) -> None:
    tally = Tally()
    event = one({**FULL, "runtime": value, "timestamp": value}, tally, b"")
    assert (event.runtime, event.timestamp) == (None, NOW)
    assert tally.repaired == {"runtime": 1, "timestamp": 1}


def test_a_load_average_has_three_numbers_at_most() -> None:
    tally = Tally()
    assert one({**FULL, "loadavg": [1, 2, 3, 4]}, tally).loadavg == [1.0, 2.0, 3.0]
    assert tally.repaired == {"loadavg": 1}


def test_texts_are_believed_up_to_their_length_and_cut_after_it() -> None:
    tally = Tally()
    whole = one({**FULL, "name": LONG, "exception": "e" * REASON}, tally)
    assert (whole.name, whole.exception) == (LONG, "e" * REASON)
    assert not tally.repaired
    cut = one({**FULL, "name": f"{LONG}x", "exception": "e" * (REASON + 1)}, tally)
    assert (cut.name, cut.exception) == (LONG, "e" * REASON)
    assert tally.repaired == {"name": 1, "exception": 1}


def test_ids_may_be_whole_numbers() -> None:
    tally = Tally()
    event = one({**FULL, "uuid": 7, "root_id": -8, "parent_id": 1 - HUGE}, tally)
    assert (event.uuid, event.root_id, event.parent_id) == ("7", "-8", str(1 - HUGE))
    assert tally.repaired == {"uuid": 1, "root_id": 1, "parent_id": 1}
    assert one({**FULL, "root_id": HUGE}).root_id is None
    assert one({**FULL, "root_id": True}).root_id is None


def test_an_event_without_a_time_happened_as_it_came_and_that_is_counted() -> None:
    for missing in ({}, {"timestamp": None}):
        tally = Tally()
        fields = {name: value for name, value in FULL.items() if name != "timestamp"}
        assert one({**fields, **missing}, tally).timestamp == NOW
        assert tally.repaired == {"timestamp": 1}


@pytest.mark.parametrize(
    "fields, reason",
    [
        (7, "not an event"),
        (None, "not an event"),
        ("task-sent", "not an event"),
        ({}, "no event type"),
        ({"type": 5}, "no event type"),
        ({**FULL, "uuid": ""}, "a task event without an id"),
        ({**FULL, "uuid": None}, "a task event without an id"),
        ({**FULL, "uuid": [1]}, "a task event without an id"),
        ({**FULL, "type": "worker-online", "hostname": ""}, "a worker event without a host name"),
        ({**FULL, "type": "worker-online", "hostname": 5}, "a worker event without a host name"),
    ],
)
def test_what_is_no_event_is_counted_by_its_reason_alone_or_beside_others(fields: Any, reason: str) -> None:
    tally = Tally()
    assert events_of(json.dumps(fields).encode(), NOW, tally) == []
    assert tally.rejected == {reason: 1}
    events = events_of(json.dumps([FULL, fields, FULL]).encode(), NOW, tally)
    assert [(told(event), event.part) for event in events] == [(FULL, 0), (FULL, 2)]
    assert tally.rejected == {reason: 2}
    assert not tally.repaired


def test_a_task_event_that_tells_no_host_is_kept() -> None:
    tally = Tally()
    event = one({name: value for name, value in FULL.items() if name != "hostname"}, tally)
    assert (event.hostname, event.uuid) == ("", "t1")
    assert not tally.repaired


def test_a_usual_event_among_others_needs_an_id_only_if_it_is_about_a_task() -> None:
    tally = Tally()
    heartbeat = {"type": "worker-heartbeat", "timestamp": 5.5, "hostname": "w1@h"}
    own = {"type": "tasks-counted", "timestamp": 5.5, "hostname": "w1@h"}
    events = events_of(json.dumps([heartbeat, own, FULL]).encode(), NOW, tally)
    assert [(event.type, event.part) for event in events] == [
        ("worker-heartbeat", 0), ("tasks-counted", 1), ("task-retried", 2),
    ]  # fmt: skip
    assert [event.type for event in events_of(json.dumps(own).encode(), NOW, tally)] == ["tasks-counted"]
    assert not {**tally.rejected, **tally.repaired, **tally.ignored}


def test_a_message_with_nothing_in_it_is_ignored_and_counted() -> None:
    tally = Tally()
    assert events_of(b"[]", NOW, tally) == []
    assert events_of(b'{"type": ""}', NOW, tally) == []
    assert tally.ignored == {"empty list": 1, "empty type": 1}
    assert not tally.rejected


def test_as_many_events_as_the_limit_are_all_taken() -> None:
    small = json.dumps({"type": "worker-heartbeat", "timestamp": 5.5, "hostname": "w"}).encode()
    for prefix in (b"", BOM):
        tally = Tally()
        assert len(events_of(prefix + b"[" + b",".join([small] * MOST_PARTS) + b"]", NOW, tally)) == MOST_PARTS
        assert not {**tally.rejected, **tally.repaired, **tally.ignored}
        assert len(events_of(prefix + b"[" + b",".join([small] * (MOST_PARTS + 1)) + b"]", NOW, tally)) == MOST_PARTS
        assert tally.rejected == {"more events in a message than the limit": 1}
    assert MOST_PARTS == 10_000


def test_a_message_may_be_exactly_as_large_as_the_limit() -> None:
    body = json.dumps(FULL).encode()
    tally = Tally()
    assert len(events_of(body, NOW, tally, limit=len(body))) == 1
    assert events_of(body, NOW, tally, limit=len(body) - 1) == []
    assert tally.rejected == {"larger than the limit": 1}
    assert LIMIT == 4 * 1024 * 1024


def test_an_event_in_msgpack_that_json_has_no_word_for_is_still_judged() -> None:
    tally = Tally()
    deep = msgspec.msgpack.encode({1: 2, (1, 2): "tuple as a key"})
    assert events_of(deep, NOW, tally, "application/x-msgpack") == []
    assert tally.rejected.total() == 1
    stamp = msgspec.msgpack.encode({**FULL, "at": msgspec.msgpack.Ext(5, b"x")})
    (event,) = events_of(stamp, NOW, tally, "application/x-msgpack")
    assert told(event) == FULL


# Reading back


def test_the_fields_of_one_part_of_a_message() -> None:
    body = json.dumps([{"type": "a", "n": 0}, {"type": "b", "n": 1}, 5]).encode()
    assert [fields_of(body, part).get("n") for part in (0, 1, 2, 3, -1)] == [0, 1, None, None, None]
    for unfit in (b"5", b"not json", b"[]", json.dumps([5]).encode()):
        assert fields_of(unfit) == {}


def test_arguments_and_results_of_an_event_are_text_whatever_they_were() -> None:
    event = {"type": "task-sent", "args": [1], "kwargs": {"a": 1}, "result": "text", "other": [1]}
    assert fields_of(json.dumps(event).encode()) == {**event, "args": "[1]", "kwargs": '{"a": 1}'}
    stored = {"status": "SUCCESS", "result": [1], "args": [1]}
    assert fields_of(json.dumps(stored).encode()) == stored
    assert fields_of(json.dumps({"type": "task-succeeded", "result": 5}).encode())["result"] == "5"


# Results


def meta(tally: Tally | None = None, **fields: Any) -> Any:
    return meta_of(json.dumps(fields).encode(), NOW, tally)


def test_a_result_of_wrong_kinds_keeps_what_is_right() -> None:
    good: dict[str, Any] = {
        "task_id": "t", "status": "RETRY", "date_done": "2026-01-01T00:00:00", "name": "n", "worker": "w",
        "queue": "q", "retries": 2, "parent_id": "p", "result": {"exc_type": "E", "exc_message": [1]},
    }  # fmt: skip
    for wrong, lost in ((None, None), ({"name": 5}, "name"), ({"worker": []}, "worker"), ({"queue": 5}, "queue"),
                        ({"parent_id": {}}, "parent_id"), ({"retries": "2"}, "retries"), ({"retries": -1}, "retries"),
                        ({"date_done": 5}, "at")):  # fmt: skip
        record = meta(None, **{**good, **(wrong or {})})
        expected = {"task_id": "t", "status": "RETRY", "at": 1767225600.0, "name": "n", "worker": "w", "queue": "q",
                    "retries": 2, "parent_id": "p", "exception": "E(1)"}  # fmt: skip
        seen = {name: getattr(record, name) for name in expected}
        assert seen == {**expected, **({lost: NOW if lost == "at" else None} if lost else {})}
    assert meta(task_id="t", status=5).status == "?"
    assert meta(task_id=7, status="SUCCESS").task_id == "7"


@pytest.mark.parametrize("state", ["FAILURE", "RETRY", "REVOKED"])
@pytest.mark.parametrize(
    "result, exception",
    [
        ({"exc_type": "ValueError", "exc_message": ["a", 1]}, "ValueError('a', 1)"),
        ({"exc_type": "ValueError", "exc_message": "a"}, "ValueError('a')"),
        ({"exc_type": "ValueError"}, "ValueError('')"),
        ({"exc_message": []}, "?()"),
        ("terminated", "terminated"),
        (None, "None"),
        ({"exc_type": "E" * 9_999}, "E" * REASON),
    ],
)
def test_a_result_that_is_an_exception_reads_as_in_events(state: str, result: Any, exception: str) -> None:
    assert meta(task_id="t", status=state, result=result).exception == exception


def test_a_result_without_an_exception_has_none() -> None:
    assert meta(task_id="t", status="FAILURE").exception is None
    assert meta(task_id="t", status="SUCCESS", result={"exc_type": "E"}).exception is None
    tagged = {"__type__": "uuid", "__value__": "no"}
    assert meta(task_id="t", status="FAILURE", result=tagged).exception is None


def test_what_is_no_result_is_counted_by_its_reason() -> None:
    tally = Tally()
    small = json.dumps({"task_id": "t", "status": "SUCCESS"}).encode()
    assert meta_of(b" " * (LIMIT - len(small)) + small, NOW, tally) is not None
    assert meta_of(b" " * (LIMIT + 1 - len(small)) + small, NOW, tally) is None
    assert meta_of(b"[]", NOW, tally) is None
    assert meta_of(b'{"status": "SUCCESS"}', NOW, tally) is None
    assert meta_of(b"not json", NOW, tally) is None
    assert tally.rejected == {
        "larger than the limit": 1, "not a result": 1, "a result without a task id": 1, "not JSON": 1,
    }  # fmt: skip
    assert meta_of(b"[]", NOW) is None


def test_texts_of_a_result_are_cut_and_an_own_id_wins() -> None:
    record = meta_of(json.dumps({"task_id": "t" * 2_000, "status": "s" * 2_000, "name": "n" * 2_000}).encode(), NOW)
    assert record is not None
    assert (record.task_id, record.status, record.name) == ("t" * TEXT, "s" * TEXT, "n" * TEXT)
    own = meta_of(b'{"task_id": "own", "status": "SUCCESS"}', NOW, task_id="given")
    assert own is not None
    assert own.task_id == "own"


@pytest.mark.parametrize("moment", ["", "yesterday", "9999-99-99"])
def test_a_date_that_is_none_is_the_arrival_never_1970(moment: str) -> None:
    assert meta(task_id="t", status="SUCCESS", date_done=moment).at == NOW


# Payloads


def refused(read: Callable[[], object]) -> str:
    with pytest.raises(PayloadError) as caught:
        read()
    assert str(caught.value) == caught.value.reason
    return caught.value.reason


def test_a_body_that_is_not_opened_says_why_in_a_fixed_phrase() -> None:
    assert refused(lambda: value_of(b"1", "")) == "content type not known"
    assert refused(lambda: value_of(b"1", "XX")) == "content type not known"
    assert refused(lambda: value_of(b"1", None)) == "content type not known"
    assert refused(lambda: unpacked(b"1", "XX")) == "compression not known"
    assert refused(lambda: unpacked(b"1", 5)) == "compression not known"
    assert refused(lambda: json_of(b"{")) == "not JSON"
    assert refused(lambda: json_of(b"\xff")) == "not JSON"
    assert refused(lambda: json_of(b"9" * 5_000)) == "not JSON"
    assert refused(lambda: json_of(b"[" * 100_000)) == "nested too deeply"
    assert refused(lambda: value_of(b"\xc1", "application/x-msgpack")) == "not msgpack"
    assert refused(lambda: unpacked(b"xx", "application/x-gzip")) == "compressed data is damaged"
    assert refused(lambda: unpacked(b"xx", limit=1)) == "larger than the limit"
    assert unpacked(b"xx", "") == unpacked(b"xx", None) == unpacked(b"xx", limit=2) == b"xx"
    assert json_of(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    assert value_of(b"1", "application/json") == 1


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "application/x-gzip": zlib.compress, "application/x-bz2": bz2.compress, "application/x-lzma": lzma.compress,
}  # fmt: skip


@pytest.mark.parametrize("codec", PACKERS)
def test_what_is_unpacked_may_be_exactly_as_large_as_the_limit(codec: str) -> None:
    packed = PACKERS[codec](b"a" * 10_000)
    assert unpacked(packed, codec, 10_000) == b"a" * 10_000
    assert refused(lambda: unpacked(packed, codec, 9_999)) == "larger than the limit when unpacked"


def test_a_zstd_body_is_read_up_to_the_limit_and_damage_is_said() -> None:
    zstandard = pytest.importorskip("zstandard")
    packed = zstandard.compress(b"a" * 10_000)
    assert unpacked(packed, "application/zstd", 10_000) == b"a" * 10_000
    assert refused(lambda: unpacked(packed, "application/zstd", 9_999)) == "larger than the limit when unpacked"
    assert refused(lambda: unpacked(b"xx", "application/zstd")) == "compressed data is damaged"


def test_without_its_package_zstd_is_named_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert refused(lambda: unpacked(b"xx", "application/zstd")) == "zstd needs the package `zstandard`"


@pytest.mark.parametrize(
    "kind, good, bad",
    [
        ("datetime", "2026-01-01T00:00:00", "soon"),
        ("date", "2026-01-01", 5),
        ("time", "10:00:00", "noon"),
        ("decimal", str(Decimal("1.5")), "one"),
        ("uuid", {"hex": UUID(int=1).hex}, {"hex": "no"}),
        ("uuid", str(UUID(int=1)), []),
    ],
)
def test_a_tagged_value_stays_as_it_is_if_its_type_can_read_it(kind: str, good: Any, bad: Any) -> None:
    def body(value: Any, **more: Any) -> bytes:
        return json.dumps({"at": {"__type__": kind, "__value__": value, **more}}).encode()

    assert json_of(body(good)) == {"at": {"__type__": kind, "__value__": good}}
    assert refused(lambda: json_of(body(bad))) == "a tagged value that can't be read"
    assert json_of(body(bad, own=1)) == {"at": {"__type__": kind, "__value__": bad, "own": 1}}


def test_a_tagged_value_that_cannot_be_read_costs_its_neighbours_in_the_message_nothing() -> None:
    good = {"type": "task-started", "uuid": "a", "hostname": "w", "timestamp": 1.0}
    bad = {**good, "uuid": "b", "x": {"__type__": "datetime", "__value__": "garbage"}}
    fine = {**good, "uuid": "c", "x": [{"__type__": "datetime", "__value__": "2026-11-22T10:00:00"}]}
    tally = Tally()
    found = events_of(json.dumps([good, bad, fine]).encode(), NOW, tally)
    assert [(event.uuid, event.part) for event in found] == [("a", 0), ("c", 2)]
    assert tally.rejected == {"a tagged value that can't be read": 1}
