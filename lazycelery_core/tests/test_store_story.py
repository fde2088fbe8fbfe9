"""What is read back about one task: from memory, from spilled files, after retention, and with secrets hidden."""

import json
import os
import random
from dataclasses import replace
from typing import Any

import pytest

from lazycelery_core.decode import Tally, events_of
from lazycelery_core.events import ResultMeta, TaskSeen, WireEvent
from lazycelery_core.model import TaskStory
from lazycelery_core.redact import Redactor, TaskRule
from lazycelery_core.store import Limits, Store
from lazycelery_core.store import cold as cold_module

NOW = 1_000_000.0
SMALL = Limits(tasks=4_096, segment_rows=2_048)


def told(kind: str, at: float = 0.0, task_id: str = "T", **fields: Any) -> dict[str, Any]:
    """A task event as it is on the wire."""
    return {"type": f"task-{kind}", "timestamp": NOW + at, "hostname": "w1@a", "uuid": task_id, **fields}


def wire(*events: dict[str, Any]) -> list[WireEvent]:
    """The events of one message."""
    return events_of(json.dumps(list(events) if len(events) > 1 else events[0]).encode(), NOW, Tally())


def story_of(store: Store, task_id: str = "T") -> TaskStory:
    """The story of a task that is held."""
    story = store.tasks().story(task_id)
    assert story is not None
    return story


def noise(store: Store, tasks: int, seed: int = 1) -> None:
    """Other tasks with text that can't be compressed."""
    chance = random.Random(seed)
    for number in range(tasks):
        text = chance.randbytes(400).hex()
        store.apply(wire(told("received", task_id=f"noise-{seed}-{number}", name="noise", args=text)), NOW)


def test_a_story_holds_every_report_of_all_attempts_in_order_of_time() -> None:
    store = Store(SMALL, str, NOW)
    store.apply(wire(told("received", 1, retries=0, name="a", args="(1,)"), told("started", 2)), NOW)
    store.apply(wire(told("received", 4, retries=1, name="a", args="(1,)")), NOW)
    store.apply(wire(told("retried", 3, exception="E('x')", traceback="tb")), NOW)
    store.apply(wire(told("progress", 5, percent=40), told("succeeded", 6, runtime=1.5, result="'done'")), NOW)
    moments = story_of(store).moments
    assert [(moment.kind, moment.attempt) for moment in moments] == [
        ("task-received", 0), ("task-started", 0), ("task-retried", 0), ("task-received", 1), ("task-progress", 1),
        ("task-succeeded", 1),
    ]  # fmt: skip
    assert moments[4].fields["percent"] == 40
    assert moments[0].worker == "w1@a"


def test_args_and_result_say_who_told_them_and_whether_they_are_cut() -> None:
    store = Store(SMALL, str, NOW)
    store.apply(wire(told("sent", 0, name="a", args="(1, ...)", kwargs="{}", parent_id="P", root_id="R")), NOW)
    store.apply(wire(told("succeeded", 1, runtime=0.1, result="'ok'")), NOW)
    story = story_of(store)
    assert story.args is not None
    assert story.result is not None
    assert (story.args.text, story.args.source, story.args.cut) == ("(1, ...)", "task-sent event", True)
    assert (story.result.text, story.result.source, story.result.cut) == ("'ok'", "task-succeeded event", False)
    assert (story.parent_id, story.root_id, story.exception, story.traceback) == ("P", "R", None, None)


def test_a_stored_result_is_preferred_because_it_is_whole() -> None:
    store = Store(SMALL, str, NOW)
    store.apply(wire(told("received", name="a", args="('x...',)")), NOW)
    meta = {
        "task_id": "T",
        "status": "SUCCESS",
        "result": {"n": 1},
        "args": ["xyz"],
        "date_done": "2026-11-22T15:41:57",
    }
    store.apply([ResultMeta("T", "SUCCESS", NOW + 1, body=json.dumps(meta).encode())], NOW)
    story = story_of(store)
    assert story.args is not None
    assert story.result is not None
    assert (story.args.text, story.args.source) == ('["xyz"]', "result backend")
    assert (story.result.text, story.result.source) == ('{"n": 1}', "result backend")
    assert story.moments[-1].kind == "result"


def test_an_inspect_reply_is_part_of_the_story() -> None:
    store = Store(SMALL, str, NOW)
    body = json.dumps({"id": "T", "name": "a", "args": [1], "hostname": "w1@a", "time_start": NOW}).encode()
    store.apply([TaskSeen("T", "active", NOW + 1, "w1@a", "STARTED", name="a", started=NOW, body=body)], NOW)
    story = story_of(store)
    assert story.args is not None
    assert (story.args.text, story.args.source, story.moments[0].kind) == ("[1]", "inspect", "inspect")


def test_a_failure_has_its_exception_and_traceback() -> None:
    store = Store(SMALL, str, NOW)
    store.apply(wire(told("failed", exception="KeyError('x')", traceback="Traceback ...")), NOW)
    story = story_of(store)
    assert story.exception is not None
    assert story.traceback is not None
    assert (story.exception.text, story.traceback.text) == ("KeyError('x')", "Traceback ...")


def test_secrets_are_hidden_when_text_is_read_out() -> None:
    store = Store(SMALL, Redactor(task_rules={"auth.*": TaskRule(args=(0,))}), NOW)
    kwargs = "{'password': 'hunter2', 'page': 3}"
    store.apply(wire(told("received", name="auth.login", args="('hunter3', 5)", kwargs=kwargs)), NOW)
    meta = {"task_id": "T", "status": "SUCCESS", "result": {"api_key": "hunter4"}, "kwargs": {"token": "hunter5"}}
    store.apply([ResultMeta("T", "SUCCESS", NOW + 1, body=json.dumps(meta).encode())], NOW)
    shown = repr(story_of(store))
    assert "hunter" not in shown
    assert "'page': 3" in shown


def test_a_message_of_many_events_is_stored_once() -> None:
    store = Store(SMALL, str, NOW)
    args = random.Random(1).randbytes(1_000).hex()
    events = wire(*(told("received", task_id=str(number), name="a", args=args) for number in range(24)))
    store.apply(events, NOW)
    assert store._table.cold.end < len(events[0].body) + 24 * 20
    assert story_of(store, "23").args is not None
    assert {story_of(store, str(number)).moments[0].fields["uuid"] for number in range(24)} == set(map(str, range(24)))


def test_stories_survive_spilling_to_a_file_that_has_no_name() -> None:
    store = Store(replace(SMALL, cold_ram=0), str, NOW)
    store.apply(wire(told("received", name="a", args="first")), NOW)
    noise(store, 800)
    store.apply(wire(told("succeeded", 1, runtime=1.0, result="last")), NOW)
    assert store._table.cold.disk > 0
    assert store._table.cold.ram == 0
    story = story_of(store)
    assert story.args is not None
    assert story.result is not None
    assert (story.args.text, story.result.text, story.missing) == ("first", "last", "")


def test_blocks_are_given_up_when_the_disk_budget_is_used() -> None:
    store = Store(replace(SMALL, cold_ram=0, cold_disk=300_000), str, NOW)
    store.apply(wire(told("received", name="a", args="first")), NOW)
    noise(store, 1_500)
    store.apply(wire(told("succeeded", 1, runtime=1.0)), NOW)
    story = story_of(store)
    assert story.missing == "earlier reports are no longer kept"
    assert [moment.kind for moment in story.moments] == ["task-succeeded"]
    assert store._table.cold.disk <= 300_000
    assert store.totals(NOW).dropped > 0


def test_without_room_for_temporary_files_the_oldest_text_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("lazycelery_core.store.spill.os.pwrite", full)
    store = Store(replace(SMALL, cold_ram=200_000), str, NOW)
    store.apply(wire(told("received", name="a", args="first")), NOW)
    noise(store, 1_500)
    assert story_of(store).missing == "earlier reports are no longer kept"
    assert story_of(store, "noise-1-1499").missing == ""
    assert store._table.cold.ram <= 200_000


def test_blocks_go_with_the_segments_that_need_them() -> None:
    store = Store(Limits(tasks=512, segment_rows=256), str, NOW)
    for seed in range(6):
        noise(store, 700, seed)
    kept = sum(block.size for block in store._table.cold._blocks)
    assert kept < 4 * cold_module.BLOCK
    assert story_of(store, "noise-5-699").missing == ""


def test_a_task_repeated_without_end_is_shown_in_part() -> None:
    store = Store(SMALL, str, NOW)
    for number in range(20):
        store.apply(wire(*(told("progress", number + part / 1e6) for part in range(5_000))), NOW)
    story = story_of(store)
    assert len(story.moments) == SMALL.chain
    assert story.missing == "only the last 1,000 reports are shown"


def test_a_message_above_the_limit_is_left_out_of_its_story() -> None:
    store = Store(replace(SMALL, body=1_000), str, NOW)
    store.apply(wire(told("received", name="a", args="x" * 2_000)), NOW)
    store.apply(wire(told("started", 1)), NOW)
    story = story_of(store)
    assert (story.missing, story.task.name) == ("a report was too large to keep", "a")


def test_a_task_without_bodies_has_an_empty_story() -> None:
    store = Store(SMALL, str, NOW)
    store.apply([WireEvent("task-received", NOW, "w1@a", "T", name="a")], NOW)
    assert story_of(store).moments == ()
    assert store.tasks().story("nobody") is None
