"""What becomes of the workers' answers? (answers made by hand; real workers are asked in test_real_workers.py)"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from lazycelery_core.control import Control, Level, NodeReply, Replies
from lazycelery_core.errors import AccessRefused
from lazycelery_core.events import Event, TaskSeen, WorkerCensus, WorkerReply
from lazycelery_plugin_cluster.settings import ClusterSettings
from lazycelery_plugin_cluster.source import InspectSource, seen_tasks

REQUEST = {
    "id": "a3f9c1",
    "name": "mail.send",
    "args": "('eve',)",
    "kwargs": "{}",
    "time_start": 99.5,
    "delivery_info": {"routing_key": "mail", "exchange": ""},
    "worker_pid": 12,
}


class Answers:
    """An `Inspects` that answers from a table and remembers the questions."""

    def __init__(self, answers: Mapping[str, Replies]) -> None:
        self.answers = answers
        self.questions: list[tuple[str, Sequence[str] | None]] = []
        self.refuses = False

    def inspect(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Sequence[str] | None = None,
        timeout: float = 1.0,
    ) -> Replies:
        if self.refuses:
            raise AccessRefused("no publish", right="+publish")
        self.questions.append((command, destination))
        return self.answers.get(command, Replies([]))


def source(answers: Answers, level: Level = Level.READ_ONLY) -> InspectSource:
    made = InspectSource(ClusterSettings(), clock=lambda: 100.0)
    made.bind(Control((answers,)), level)
    made.open()
    return made


def everything(made: InspectSource, turns: int = 12) -> list[Event]:
    events: list[Event] = []
    for _ in range(turns):
        made._next_question = 0.0  # the pace is tested with the schedule, no need to wait for it here
        events += made.read(0.0)
    return events


PING = Replies([NodeReply("w1", {"ok": "pong"}, latency=0.004)], listeners=2)


def test_the_census_names_who_answered_and_how_many_only_listen() -> None:
    census = everything(source(Answers({"ping": PING})), turns=1)[0]
    assert census == WorkerCensus(100.0, 2, ("w1",), ())


def test_a_worker_that_answered_before_and_not_now_is_mute() -> None:
    answers = Answers({"ping": PING})
    made = source(answers)
    made.read(0.0)
    answers.answers = {"ping": Replies([], listeners=1)}
    made.refresh()
    census = everything(made, turns=1)[0]
    assert isinstance(census, WorkerCensus)
    assert census.mute == ("w1",)


def test_beat_that_answers_the_ping_is_no_worker() -> None:
    replies = Replies([NodeReply("celerybeat@web", {"ok": "pong"}), NodeReply("w1", {"ok": "pong"})], listeners=2)
    events = everything(source(Answers({"ping": replies})), turns=1)
    census = events[0]
    assert isinstance(census, WorkerCensus)
    assert (census.answered, census.listeners) == (("w1",), 1)


def test_every_question_after_the_ping_has_destinations() -> None:
    answers = Answers({"ping": PING})
    everything(source(answers))
    assert answers.questions[0] == ("ping", None)
    assert {destination for command, destination in answers.questions[1:] if destination != ("w1",)} == set()
    assert len(answers.questions) > 5


def test_tasks_in_the_answers_become_events_with_their_state() -> None:
    active = Replies([NodeReply("w1", [REQUEST])])
    scheduled = Replies([NodeReply("w1", [{"eta": "2026-11-22T14:35:00+00:00", "priority": 6, "request": REQUEST}])])
    events = everything(source(Answers({"ping": PING, "active": active, "scheduled": scheduled})))
    seen = {event.command: event for event in events if isinstance(event, TaskSeen)}
    assert (seen["active"].state, seen["active"].started, seen["active"].queue) == ("STARTED", 99.5, "mail")
    assert (seen["scheduled"].state, seen["scheduled"].started) == ("RECEIVED", None)
    assert seen["scheduled"].eta == "2026-11-22T14:35:00+00:00"
    assert msgspec.json.decode(seen["active"].body)["args"] == "('eve',)"


def test_no_answer_and_a_pickled_answer_are_said_not_hidden() -> None:
    pickled = Replies([NodeReply("w1", None, "worker answers in pickle: not decoded")])
    events = everything(source(Answers({"ping": PING, "stats": pickled})))
    replies = {event.command: event for event in events if isinstance(event, WorkerReply)}
    assert replies["stats"].error == "worker answers in pickle: not decoded"
    assert "no answer within 1 s" in replies["active"].error


@pytest.mark.parametrize("nonsense", [None, 3, [None, 3, "x", {"id": 5}, {"request": 1}, {}], {"id": "x"}])
def test_nonsense_from_a_worker_is_no_task(nonsense: Any) -> None:
    requests = nonsense if isinstance(nonsense, list) else [nonsense]
    assert [list(seen_tasks(command, "w1", requests, 1.0)) for command in ("active", "scheduled")][1] == []


def test_in_the_passive_level_nobody_is_asked_anything() -> None:
    answers = Answers({"ping": PING})
    assert everything(source(answers, Level.PASSIVE)) == []
    assert answers.questions == []


def test_a_refused_right_reaches_the_supervisor() -> None:
    answers = Answers({})
    answers.refuses = True
    with pytest.raises(AccessRefused):
        source(answers).read(0.0)
