"""What a write's road promises in numbers and words, and what holds where an action says nothing of itself."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lazycelery_core.action import Action, Copy, Go, Outcome, Policy, Risk, Sent
from lazycelery_core.audit import Audit
from lazycelery_core.control import (
    INSPECT_COMMANDS,
    Control,
    Counts,
    Finding,
    Inspects,
    Level,
    NodeReply,
    Peek,
    Replies,
    StoresResults,
    commands_of,
)
from lazycelery_core.errors import ActionError
from lazycelery_core.plugin_health import PluginHealth
from lazycelery_core.snapshot import Snapshot, Totals
from lazycelery_core.store import Limits, Store
from lazycelery_core.tones import Line, line
from lazycelery_core.writes import Preview, Writes, target_key

BROKER = "redis://h/0"
Run = Callable[[Control, Sequence[Any]], Outcome]


def snapshot(now: float = 100.0) -> Snapshot:
    return Snapshot(
        version=1, now=now, since=0.0, name="prod", broker=BROKER, level="READ-WRITE", scopes=frozenset(),
        tasks=Store(Limits(), str, 0.0).tasks(now), workers=(), queues=(), totals=Totals(), links=(),
    )  # fmt: skip


def answered(control: Control, targets: Sequence[Any]) -> Sent:
    return Sent([NodeReply(target_key(each), "ok") for each in targets])


def failing(*arguments: Any) -> Any:
    raise ZeroDivisionError


PURGE = Action("queue.purge", "Purge…", answered, on="queue", risk=Risk.TARGET, scope="purge", plugin="queues",
               proved=lambda snapshot, target: None)  # fmt: skip


@pytest.fixture
def health() -> PluginHealth:
    return PluginHealth()


@pytest.fixture
def writes(tmp_path: Path, health: PluginHealth) -> Writes:
    policy = Policy(Level.GRANTED, frozenset({"purge"}))
    return Writes(Control(), policy, Audit(tmp_path / "audit.jsonl"), BROKER, lambda: 100.0, health)


def test_a_request_is_not_confirmed_from_the_tenth_second_on_and_forgotten_after_a_minute(writes: Writes) -> None:
    writes.run(PURGE, ["emails"])
    key = "queue:emails"
    told = [writes.requests(snapshot(100.0 + seconds)).get(key, "") for seconds in (0, 9.99, 10, 59.99, 60)]
    assert told == ["requested", "requested", "not confirmed", "not confirmed", ""]


def test_what_cannot_prove_itself_is_never_waited_for(writes: Writes) -> None:
    writes.run(replace(PURGE, proved=None), ["emails"])
    assert writes.requests(snapshot()) == {}


def test_the_record_says_what_was_done_to_what_where_and_why(writes: Writes, tmp_path: Path) -> None:
    sent = writes.run(PURGE, ["emails"], reason="spam")
    assert [reply.hostname for reply in sent.replies] == ["emails"]
    records = [json.loads(written) for written in (tmp_path / "audit.jsonl").read_text("utf-8").splitlines()]
    known = {"action": "queue.purge", "targets": ["emails"], "broker": BROKER, "scope": "purge", "reason": "spam"}
    for record, stage in zip(records, ("intent", "outcome"), strict=True):
        assert {name: record[name] for name in known} == known
        assert (record["stage"], record["at"]) == (stage, 100.0)


def test_a_failure_is_an_outcome_too(writes: Writes, tmp_path: Path) -> None:
    with pytest.raises(ActionError) as caught:
        writes.run(replace(PURGE, run=failing), ["emails"])
    assert str(caught.value) == "Purge failed in plugin queues: ZeroDivisionError."
    last = json.loads((tmp_path / "audit.jsonl").read_text("utf-8").splitlines()[-1])
    assert (last["stage"], last["error"]) == ("outcome", "Purge failed in plugin queues: ZeroDivisionError.")
    assert writes.requests(snapshot()) == {}


def test_a_failed_reply_is_written_down_by_its_error(writes: Writes, tmp_path: Path) -> None:
    refused = replace(PURGE, run=lambda control, targets: Sent([NodeReply("emails", error="busy")]))
    writes.run(refused, ["emails"])
    last = json.loads((tmp_path / "audit.jsonl").read_text("utf-8").splitlines()[-1])
    assert last["replies"] == {"emails": "busy"}


def test_a_refusal_is_a_sentence_that_begins_with_the_action(writes: Writes) -> None:
    for attempt in (
        lambda: writes.run(replace(PURGE, scope="events"), ["emails"]),
        lambda: writes.preview(replace(PURGE, scope="events"), snapshot(), ["emails"]),
    ):
        with pytest.raises(ActionError) as caught:
            attempt()
        assert str(caught.value) == "Purge: needs --allow events."


def test_what_an_action_says_against_itself_comes_before_the_policy(writes: Writes) -> None:
    closed = replace(PURGE, scope="events", available=lambda snapshot, targets: "the queue is empty")
    assert writes.refusal(closed, snapshot(), ["emails"]) == "the queue is empty"


def test_the_confirmation_has_the_lines_of_the_action_or_none(writes: Writes, health: PluginHealth) -> None:
    told: list[Line] = [line("3 messages will be lost")]
    talking = replace(PURGE, preview=lambda snapshot, targets: told)
    assert writes.preview(talking, snapshot(), ["emails"]) == Preview(talking, ["emails"], told, Risk.TARGET, "")
    assert list(writes.preview(PURGE, snapshot(), ["emails"]).lines) == []
    assert list(writes.preview(replace(PURGE, preview=failing), snapshot(), ["emails"]).lines) == []
    assert [incident.where for incident in health.incidents] == ["queue.purge.preview"]


@pytest.mark.parametrize("count, typed", [(1, "queue-0"), (2, "2")])
def test_the_name_is_typed_for_one_target_and_the_count_for_more(writes: Writes, count: int, typed: str) -> None:
    names = [f"queue-{number}" for number in range(count)]
    assert writes.preview(replace(PURGE, risk=Risk.MANY), snapshot(), names).typed == typed


def test_a_plugin_that_fails_to_answer_is_named_with_what_it_was_asked(writes: Writes, health: PluginHealth) -> None:
    writes.refusal(replace(PURGE, available=failing), snapshot(), ["emails"])
    writes.run(replace(PURGE, proved=failing), ["emails"])
    assert writes.requests(snapshot()) == {"queue:emails": "requested"}
    assert [incident.where for incident in health.incidents] == ["queue.purge.available", "queue.purge.proved"]


def test_an_undo_is_recorded_as_done_on_exit(writes: Writes, tmp_path: Path) -> None:
    undone = replace(PURGE, run=lambda control, targets: Sent([], undo="queue.purge"))
    writes.run(undone, ["emails"])
    assert writes.undo_all([PURGE]) == []
    reasons = [json.loads(each)["reason"] for each in (tmp_path / "audit.jsonl").read_text("utf-8").splitlines()]
    assert reasons == ["", "", "undone on exit", "undone on exit"]
    assert writes.undo_all([PURGE]) == []


def test_a_target_is_named_by_its_host_its_id_its_name_or_itself() -> None:
    assert target_key(SimpleNamespace(hostname="w1", id="t1", name="n")) == "w1"
    assert target_key(SimpleNamespace(hostname=None, id="t1", name="n")) == "t1"
    assert target_key(SimpleNamespace(id=7, name="n")) == "n"
    assert target_key("emails\x1b[2J") == "emails␛[2J"
    assert target_key("e" * 500) == "e" * 500
    assert target_key("e" * 501) == target_key(SimpleNamespace(name="e" * 501)) == "e" * 490 + "… 11 more"


# What holds where nobody says otherwise: a default that changes is a promise that is broken.


def test_an_action_that_tells_only_its_name_looks_at_any_number_of_targets_and_changes_nothing() -> None:
    plain = Action("task.look", "Look…", answered)
    told = {field.name: getattr(plain, field.name) for field in fields(plain)}
    assert told["risk"] is Risk.VIEW
    assert {name: told[name] for name in ("on", "scope", "help", "plugin", "many", "footer", "proved")} == {
        "on": "", "scope": "", "help": "", "plugin": "", "many": True, "footer": False, "proved": None,
    }  # fmt: skip
    assert plain.title == "Look"
    assert plain.available(snapshot(), []) is None
    assert plain.preview(snapshot(), []) == ()
    assert Go("tasks") == Go("tasks", "", "", "")
    assert Sent([]) == Sent([], "", None)
    assert Copy("text", "id").text == "text"


def test_risks_are_four_steps_from_looking_to_many() -> None:
    assert [(risk.name, risk.value) for risk in Risk] == [("VIEW", 0), ("REVERSIBLE", 1), ("TARGET", 2), ("MANY", 3)]


@pytest.mark.parametrize("level, badge", [(0, "PASSIVE"), (1, "READ-ONLY"), (2, "READ-WRITE")])
def test_the_badge_tells_the_level(level: int, badge: str) -> None:
    assert Policy(Level(level)).badge == badge


def test_without_a_word_nothing_may_be_written_and_everything_may_be_looked_at() -> None:
    view = Action("task.look", "Look", answered)
    assert (Policy().level, Policy().scopes) == (Level.READ_ONLY, frozenset())
    assert Policy().refusal(PURGE) == "needs --allow purge"
    for level in Level:
        assert Policy(level).refusal(view) is None
    assert Policy(Level.GRANTED, frozenset({"purge"})).refusal(PURGE) is None
    assert Policy(Level.PASSIVE, frozenset({"purge"})).refusal(PURGE) == "passive: nothing is ever sent"


def test_workers_are_asked_only_what_changes_nothing() -> None:
    assert sorted(INSPECT_COMMANDS) == [
        "active", "active_queues", "conf", "ping", "query_task", "registered", "reserved", "revoked", "scheduled",
        "stats",
    ]  # fmt: skip


@pytest.mark.parametrize("listeners, mute", [(None, 0), (0, 0), (1, 0), (2, 1), (5, 4)])
def test_a_mute_node_heard_the_question_and_gave_no_answer(listeners: int | None, mute: int) -> None:
    assert Replies([NodeReply("w1")], listeners).mute == mute
    assert Replies([], listeners).mute == (listeners or 0)


@dataclass
class Results:
    """Can read results, and counts what it asks."""

    asked: int = 3

    def results(self, task_ids: Sequence[str]) -> dict[str, bytes]:
        return {}


def test_an_ability_is_what_an_object_can_do() -> None:
    results = Results()
    control = Control((object(), results))
    assert control.get(StoresResults) is results
    assert control.get(Counts) is results
    assert control.get(Inspects) is None
    assert (commands_of(results), commands_of(object())) == (3, None)


def test_what_is_not_told_stays_empty() -> None:
    assert NodeReply("w1") == NodeReply("w1", None, "", None)
    assert Peek([], 0).note == ""
    finding = Finding("ping", ok=True)
    assert (finding.detail, finding.right, finding.hint) == ("", "", "")
    assert Preview(PURGE, [], [], Risk.TARGET).typed == ""
