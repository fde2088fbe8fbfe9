"""Does a filter let through what it says, on columns and on single records alike?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazycelery_core.model import Message, Queue, Task, TaskState, TaskStory, Told, Worker, WorkerState
from lazycelery_core.query import Expression, Known, parse

NOW = 1_795_357_307.0  # 2026-11-22 14:21:47 UTC


class ColumnsOf:
    """Fulfils `snapshot.Columns` for a list of stories. `opened` collects the rows whose cold text was asked for."""

    def __init__(self, stories: Sequence[TaskStory]) -> None:
        self.stories = stories
        self.size = len(stories)
        self.ids = [story.task.id for story in stories]
        self.opened: list[int] = []
        self._values: dict[str, list[str]] = {}

    def codes(self, field: str) -> "np.ndarray[Any, Any]":
        texts = [getattr(story.task, field) for story in self.stories]
        values = self.values(field)
        return np.array([values.index(text) if text else -1 for text in texts], np.int32)

    def values(self, field: str) -> list[str]:
        if field not in self._values:
            self._values[field] = sorted({getattr(story.task, field) for story in self.stories} - {""})
        return self._values[field]

    def numbers(self, field: str) -> "np.ndarray[Any, Any]":
        name = {"parent": "parent_key", "root": "root_key"}.get(field, field)
        values = [getattr(story.task, name) for story in self.stories]
        kind = {"state": np.uint8, "retries": np.uint16, "parent": np.int64, "root": np.int64}.get(field, np.float64)
        return np.array([np.nan if value is None else value for value in values], kind)

    def texts(self, rows: Sequence[int]) -> Iterator[tuple[int, Mapping[str, str]]]:
        for row in rows:
            self.opened.append(row)
            told = {name: getattr(self.stories[row], name) for name in ("args", "kwargs", "result", "traceback")}
            yield row, {name: value.text for name, value in told.items() if value is not None}


def story(task_id: str = "a3f9", told: Mapping[str, str] | None = None, **changes: Any) -> TaskStory:
    fields: dict[str, Any] = {
        "name": "orders.charge", "state": TaskState.SUCCESS, "worker": "web-1", "queue": "default", "retries": 0,
        "sent": None, "received": NOW - 10, "started": NOW - 8, "updated": NOW - 5, "eta": None, "runtime": 3.0,
        "exception": "", "parent_key": 0, "root_key": 0, "version": 1,
    }  # fmt: skip
    task = Task(row=0, id=task_id, **(fields | changes))
    return TaskStory(task, (), **{name: Told(text, "event") for name, text in (told or {}).items()})  # type: ignore[arg-type]


STORIES = [
    story("a1", {"args": "('cust-42',)", "result": "'ok'"}),
    story(
        "b2",
        {"args": "(7,)", "traceback": "Traceback"},
        state=TaskState.FAILURE,
        exception="ConnectionError('Payment gateway')",
    ),
    story("c3", name="mail.send", state=TaskState.STARTED, runtime=None, worker="web-2", queue="mail", started=NOW - 9),
    story("d4", name="mail.send", state=TaskState.RECEIVED, runtime=None, started=None, eta=NOW + 60, worker="gone-1"),
    story("e5", name="", state=TaskState.RETRY, runtime=None, worker="", queue="", retries=2, updated=NOW - 900),
    story(
        "f6",
        state=TaskState.RECEIVED,
        runtime=None,
        started=None,
        eta=NOW - 30,
        parent_key=hash("a1"),
        root_key=hash("r"),
    ),
    story(
        "g7",
        name="img.resize",
        state=TaskState.PENDING,
        received=None,
        started=None,
        runtime=None,
        sent=NOW - 400,
        updated=NOW - 400,
    ),
]
KNOWN = Known(
    frozenset({"a1"}),
    {"orders.charge": 2.5, "mail.send": 100.0},
    frozenset({"gone-1"}),
    lambda task_id: task_id == "a1",
)


def bound(text: str, kind: str = "task") -> Expression:
    parsed = parse(text, NOW, kind)
    parsed.known = KNOWN
    return parsed


def found(text: str) -> str:
    """The first letters of the matching tasks' ids; columns and records must agree."""
    filter_ = bound(text)
    mask = filter_.mask(ColumnsOf(STORIES), NOW)
    assert [filter_.matches(each, NOW) for each in STORIES] == mask.tolist()
    return "".join(each.task.id[0] for each, hit in zip(STORIES, mask, strict=True) if hit)


@pytest.mark.parametrize(
    "text,ids",
    [
        ("", "abcdefg"),
        ("state:failed", "b"),
        ("state:FAILURE,retry", "be"),
        ("state:re", "def"),
        ("state=received", "df"),
        ("state:scheduled", "d"),
        ("state:ok | state:waiting", "adfg"),
        ("state!=ok", "bcdefg"),
        ("state:active", "c"),
        ("name:orders.*", "abf"),
        ("name:ORDERS", "abf"),
        ("name=mail.send", "cd"),
        ("name:mail.send,img.resize", "cdg"),
        ("name!=mail.send", "abefg"),
        ("name~^$", "e"),
        ("task:mail", "cd"),
        ("worker:web-? | worker:web-*", "abcfg"),
        ("-queue:default", "ce"),
        ("id:a", "a"),
        ("id=b2", "b"),
        ("exc:payment", "b"),
        ("exc~^Conn", "b"),
        ("exc~(?i)^conn", "b"),
        ("exc~^conn", ""),
        ("exc~(Conn|Time)ectionError", "b"),
        ("args:cust-42", "a"),
        ("args~[0-9]+", "ab"),
        ("result:ok", "a"),
        ("has:traceback", "b"),
        ("has:result", "a"),
        ("has:parent", "f"),
        ("has:children", "a"),
        ("has:parent,children", "af"),
        ("parent:a1", "f"),
        ("parent:a", ""),
        ("root:r", "f"),
        ("retries>0", "e"),
        ("retries:2,3", "e"),
        ("retries:0..1", "abcdfg"),
        ("retries!=0", "e"),
        ("runtime>2s", "abc"),
        ("runtime:3s", "ab"),
        ("runtime:9s..", "c"),
        ("runtime<=3", "ab"),
        ("runtime<3", ""),
        ("runtime:..4s", "ab"),
        ("wait:2s", "abe"),
        ("wait>9s", "fg"),
        ("wait>100s", "g"),
        ("age>5m", "eg"),
        ("since:1m", "abcdf"),
        ("since:-1m", "abcdf"),
        ("since:14:21", "abcdf"),
        ("time:-10s", "abcdf"),
        ("time<-1m", "eg"),
        ("time:14:21", "abcdf"),
        ("time:14:06..14:15", "eg"),
        ("time:2026-11-22", "abcdefg"),
        ("time:today eta>now", "d"),
        ("eta:14:22", "d"),
        ("is:running", "c"),
        ("is:failed", "b"),
        ("is:late", "f"),
        ("is:slow", "ab"),
        ("is:stuck", "eg"),
        ("is:orphan", "d"),
        ("is:eta", "d"),
        ("is:new", "abcdf"),
        ("is:marked", "a"),
        ("-is:marked is:slow", "b"),
        ("is:muted", ""),
        ("-is:muted state:ok", "a"),
        ("charge", "abf"),
        ("CUST-42", "a"),
        ("web-2", "c"),
        ('"Payment gateway"', "b"),
        ("/Pay.*gate/", "b"),
        ("pay*gate", "b"),
        ("mail | img", "cdg"),
        ("mail OR img", "cdg"),
        ("mail AND state:active", "c"),
        ("NOT mail", "abefg"),
        ("!mail -img", "abef"),
        ("--mail", "cd"),
        ("(mail | img) -is:eta", "cg"),
        ("-(mail | img)", "abef"),
        ("state:ok | mail state:active", "ac"),
    ],
)
def test_it_lets_through_what_it_says(text: str, ids: str) -> None:
    assert found(text) == ids


def test_cold_text_is_opened_only_for_rows_that_the_rest_lets_through() -> None:
    columns = ColumnsOf(STORIES)
    bound("args:cust-42 state:ok").mask(columns, NOW)
    assert columns.opened == [0]
    columns = ColumnsOf(STORIES)
    bound("mail | args:7").mask(columns, NOW)
    assert set(columns.opened) == {0, 1, 4, 5, 6}
    columns = ColumnsOf(STORIES)
    bound("state:rejected charge").mask(columns, NOW)
    assert columns.opened == []
    assert bound("args:1").opens_text
    assert not bound("state:ok name:a").opens_text


def test_cold_text_is_read_once_and_in_slices_where_that_is_asked_for() -> None:
    filter_ = bound("args:0")
    stories = [story(f"t{number}", {"args": f"({number},)"}) for number in range(10)]
    columns = ColumnsOf(stories)
    filter_.memory.start(4)
    assert filter_.mask(columns, NOW).sum() == 0
    assert (filter_.unfinished, columns.opened) == (True, [9, 8, 7, 6])
    filter_.memory.start(4)
    filter_.mask(columns, NOW)
    filter_.memory.start(4)
    assert filter_.mask(columns, NOW).tolist() == [True] + [False] * 9
    assert (filter_.unfinished, len(columns.opened)) == (False, 10)
    assert filter_.mask(columns, NOW).sum() == 1
    assert len(columns.opened) == 10
    grown = ColumnsOf([*stories, story("t10", {"args": "(100,)"})])
    assert filter_.mask(grown, NOW).sum() == 2
    assert grown.opened == [10]


def test_a_segment_is_not_taken_for_another_one() -> None:
    filter_ = bound("args:x")
    assert filter_.mask(ColumnsOf([story("a", {"args": "x"})]), NOW).tolist() == [True]
    assert filter_.mask(ColumnsOf([story("b", {"args": "y"})]), NOW).tolist() == [False]


def test_a_dictionary_is_looked_through_once_and_again_when_it_has_grown() -> None:
    filter_ = bound("name:mail")
    columns = ColumnsOf(STORIES)
    assert filter_.mask(columns, NOW).sum() == 2
    columns.values("name").append("mail.other")
    columns.stories = [*STORIES, story(name="mail.other")]
    columns.size += 1
    assert filter_.mask(columns, NOW).sum() == 3
    assert filter_.mask(ColumnsOf([story(name="mail.x")]), NOW).sum() == 1


def test_relative_times_move_on_with_now() -> None:
    filter_ = bound("since:10s")
    assert filter_.mask(ColumnsOf(STORIES), NOW).sum() == 5
    assert filter_.mask(ColumnsOf(STORIES), NOW + 60).sum() == 0


WORKER = Worker(
    "w1@web-7", WorkerState.LATE, queues=("default", "mail"), pool="prefork", concurrency=4, active=2, rss=400_000_000,
    beat_at=NOW - 14, first_seen=NOW - 10, task_events=False, software="py-celery 5.7",
)  # fmt: skip
QUEUE = Queue("media", ready=3041, unacked=4, consumers=("w3@web-9",), in_rate=44.0, out_rate=0.0, oldest=362.0)
MESSAGE = Message(
    "media", 0, "d82c07", "img.optimise", "('u0.webp',)", "{}", 3, eta="2026-11-22T14:30:00+00:00", size=12_000
)


@pytest.mark.parametrize(
    "record,kind,yes,no",
    [
        (WORKER, "worker", "web-7", "web-8"),
        (WORKER, "worker", "state:late", "state:online"),
        (WORKER, "worker", "queue:mail busy:2", "queue:media"),
        (WORKER, "worker", "queue=mail", "queue=mai"),
        (WORKER, "worker", "-queue:media", "-queue:mail"),
        (WORKER, "worker", "events:off", "events:on"),
        (WORKER, "worker", "rss>399mb beat>10s", "rss>1gb"),
        (WORKER, "worker", "concurrency:4 pool:prefork", "concurrency>4"),
        (WORKER, "worker", "is:late is:new is:running", "is:marked"),
        (QUEUE, "queue", "media ready>1000", "ready<1000"),
        (QUEUE, "queue", "oldest>5m in>40 out:0", "oldest>10m"),
        (QUEUE, "queue", "consumers:w3 is:stuck", "consumers:w1"),
        (MESSAGE, "message", "optimise priority:3 args:u0", "priority>3"),
        (MESSAGE, "message", "size>10kb eta:14:30 is:eta", "is:late"),
        (MESSAGE, "message", "id:d82 queue:media", "queue:mail"),
    ],
)
def test_other_records_match_by_their_own_fields(record: object, kind: str, yes: str, no: str) -> None:
    assert parse(yes, NOW, kind).matches(record, NOW)
    assert not parse(no, NOW, kind).matches(record, NOW)
    assert parse(f"-({no})", NOW).matches(record, NOW)


def test_a_record_of_another_plugin_matches_by_attribute_and_text() -> None:
    from dataclasses import dataclass

    @dataclass
    class Group:
        name: str
        exc: str
        retries: int

    group = Group("g1", "TimeoutError", 3)
    assert parse("exc:timeout retries>2 g1", NOW, "group").matches(group, NOW)
    assert not parse("worker:a", NOW).matches(group, NOW)
    assert not parse("g2", NOW).matches(object(), NOW)


def test_a_task_without_its_story_matches_on_all_but_cold_text() -> None:
    assert parse("charge state:ok", NOW).matches(STORIES[0].task, NOW)
    assert not parse("args:cust", NOW).matches(STORIES[0].task, NOW)


WORDS = st.sampled_from(["a", "B", "web-1", "orders.charge", "mail.send", "x y", "é", "ConnectionError()"])
TIMES = st.one_of(st.none(), st.integers(-500, 500).map(lambda seconds: NOW + seconds))
ROWS = st.lists(
    st.builds(
        story,
        st.uuids().map(str),
        st.dictionaries(st.sampled_from(["args", "kwargs", "result", "traceback"]), WORDS),
        name=WORDS | st.just(""),
        state=st.sampled_from(TaskState),
        worker=WORDS | st.just(""),
        queue=WORDS | st.just(""),
        exception=WORDS | st.just(""),
        retries=st.integers(0, 5),
        sent=TIMES,
        received=TIMES,
        started=TIMES,
        eta=TIMES,
        updated=TIMES.map(lambda time: time or NOW),
        runtime=st.none() | st.floats(0, 50),
        parent_key=st.sampled_from([0, hash("a")]),
    ),
    max_size=8,
)
TERMS = """
a web x* mail state:failed state:waiting,scheduled name:orders.* worker=web-1 queue!=a exc~^Con args:b result~. kwargs:a
retries>1 runtime>5s runtime:..20s wait<30s age>2m since:2m time>-1m eta>now parent:a id:0 state:re is:running is:late
is:slow is:stuck is:eta is:new is:orphan has:parent has:result has:traceback
"""
FILTERS = st.recursive(
    st.sampled_from(TERMS.split()),
    lambda inner: st.one_of(
        st.builds("{} {}".format, inner, inner),
        st.builds("({} | {})".format, inner, inner),
        st.builds("-({})".format, inner),
    ),
    max_leaves=6,
)


@given(ROWS, FILTERS)
def test_columns_and_records_always_agree(stories: list[TaskStory], text: str) -> None:
    filter_ = bound(text)
    assert filter_.mask(ColumnsOf(stories), NOW).tolist() == [filter_.matches(each, NOW) for each in stories]
