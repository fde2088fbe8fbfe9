"""Are the things that a plugin author tests with what they say they are?"""

from typing import Any

import pytest

from lazycelery_core.arranging import arranged
from lazycelery_core.control import Control, Controls, Inspects, Peeks, StoresResults
from lazycelery_core.model import TaskState, WorkerState
from lazycelery_core.pane import Column, DetailTab, DrawContext, Rows, TablePane, View, line
from lazycelery_core.query import parse
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.testing import kit
from lazycelery_core.testing.hostile import TEXTS
from lazycelery_core.testing.kit import (
    NOW,
    Asked,
    FakeQueues,
    FakeResults,
    FakeWorkers,
    a_message,
    a_queue,
    a_snapshot,
    a_task,
    a_worker,
    draw,
    draw_tab,
    events,
    hostile_snapshot,
    load_plugin,
    plugin_name,
    records,
    task_events,
)


class Workers(TablePane):
    id, view, title, on, default_sort = "few.list", View("few", "Few", "F", 1), "Few", "worker", "active"
    columns = (
        Column("name", "name", lambda worker, _: line(worker.hostname), 12),
        Column("active", "active", lambda worker, _: line(str(worker.active)), 6, sort=lambda worker: worker.active),
    )

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        return arranged(snapshot.workers, self.columns, query, snapshot.now)

    def key(self, item: Any) -> str:
        return str(item.hostname)


class Name(DetailTab):
    on, id, title = "worker", "name", "name"

    def lines(self, item: Any, context: DrawContext) -> Any:
        return [line(f"its name is {item.hostname}")]


@pytest.mark.parametrize("state", TaskState)
def test_a_task_of_any_state_is_folded_into_that_state_by_the_store(state: TaskState) -> None:
    task = a_task("shop.charge", state)
    kept = a_snapshot(tasks=[task]).tasks.get(task.id)
    assert kept is not None
    assert (kept.name, kept.state, kept.runtime, kept.exception) == (
        task.name, state, task.runtime, task.exception
    )  # fmt: skip


def test_the_same_call_makes_the_same_task_and_another_one_another() -> None:
    assert a_task("a.b") == a_task("a.b")
    assert len({a_task("a.b").id, a_task("a.c").id, a_task("a.b", TaskState.SUCCESS).id}) == 3


def test_what_only_messages_hold_is_told_beside_the_task() -> None:
    task = a_task(state=TaskState.FAILURE)
    snapshot = a_snapshot(reported=task_events(task, args="(1,)", traceback="Traceback: here", parent_id="p"))
    story = snapshot.tasks.story(task.id)
    assert story is not None
    assert story.args is not None
    assert story.traceback is not None
    assert (story.args.text, story.traceback.text, story.parent_id) == ("(1,)", "Traceback: here", "p")


def test_a_snapshot_has_the_given_records_and_those_that_its_events_made() -> None:
    beat = events({"type": "worker-heartbeat", "hostname": "w2@testing", "timestamp": NOW, "freq": 2.0, "active": 3})
    snapshot = a_snapshot(workers=[a_worker(active=2)], queues=[a_queue("mail", 7)], reported=beat, level="PASSIVE")
    assert [worker.hostname for worker in snapshot.workers] == ["w1@testing", "w2@testing"]
    assert snapshot.queue("mail") == a_queue("mail", 7)
    assert (snapshot.level, snapshot.now, snapshot.totals.events) == ("PASSIVE", NOW, 1)


def test_a_snapshot_takes_more_events_than_a_store_takes_at_once() -> None:
    tasks = [a_task("a.b", id=str(number)) for number in range(200)]
    assert a_snapshot(tasks=tasks).tasks.held == 200


def test_a_filter_matches_the_tasks_of_a_snapshot_as_on_the_screen() -> None:
    snapshot = a_snapshot(tasks=[a_task("a.b", state) for state in TaskState])
    page = snapshot.tasks.select(RowQuery(parse("state:failed", NOW, "task")))
    assert page.matched == 1


def test_the_hostile_snapshot_holds_every_hostile_text_in_tasks_workers_and_queues() -> None:
    snapshot = hostile_snapshot()
    assert {queue.name for queue in snapshot.queues} >= set(TEXTS)
    assert len(snapshot.workers) >= len(TEXTS)
    assert snapshot.tasks.held >= len(TEXTS)
    assert any("\x1b" in task.name for task in snapshot.tasks)
    assert {worker.state for worker in snapshot.workers} == set(WorkerState)


def test_a_pane_is_drawn_as_text_with_its_frame() -> None:
    snapshot = a_snapshot(workers=[a_worker("b", active=2), a_worker("a", active=1)])
    picture = draw(Workers(), snapshot, (40, 6))
    lines = picture.split("\n")
    assert (len(lines), max(map(len, lines))) == (6, 40)
    assert lines[0].startswith("╭─ Few ")
    assert [name for each in lines if (name := each.strip("│▸ ")[:1]) in {"a", "b"}] == ["a", "b"]
    assert [each.hostname for each in records(Workers(), snapshot)] == ["a", "b"]


def test_a_tab_is_drawn_about_a_record() -> None:
    assert "its name is w1@testing" in draw_tab(Name(), a_worker(), a_snapshot(), (40, 5))


def test_fake_workers_note_what_they_were_asked_and_answer_as_told() -> None:
    workers = FakeWorkers({"stats": {"total": {}}}, hostnames=("w1", "w2"))
    control = Control((workers, FakeQueues(), FakeResults()))
    assert [control.get(each) for each in (Inspects, Controls)] == [workers, workers]
    replies = workers.inspect("stats", destination=["w2"])
    assert [(node.hostname, node.value) for node in replies.nodes] == [("w2", {"total": {}})]
    assert (replies.listeners, replies.mute) == (2, 1)
    workers.control("enable_events", {"x": 1})
    assert workers.asked == [Asked("stats", {}, ("w2",))]
    assert workers.sent == [Asked("enable_events", {"x": 1})]


def test_fake_workers_fail_as_told_and_refuse_what_is_no_question() -> None:
    workers = FakeWorkers({"ping": OSError("gone")})
    with pytest.raises(OSError, match="gone"):
        workers.inspect("ping")
    with pytest.raises(ValueError, match="shutdown is no question"):
        workers.inspect("shutdown")


def test_fake_queues_are_peeked_by_page_and_fake_results_read_by_id() -> None:
    control = Control((FakeQueues([a_message("q", at) for at in range(3)]), FakeResults({"a": b"{}"})))
    queues, results = control.get(Peeks), control.get(StoresResults)
    assert queues is not None
    assert results is not None
    assert [(each.position, queues.peek("q", 1, 1).total) for each in queues.peek("q", 1, 1).messages] == [(1, 3)]
    assert results.results(["a", "b"]) == {"a": b"{}"}


def test_a_module_that_no_distribution_brings_is_loaded_under_its_own_name() -> None:
    name = plugin_name("lazycelery_plugin_nobody")
    assert name == "nobody"
    assert load_plugin("lazycelery_core.testing.fakes").named("fakes") is not None


def test_everything_the_kit_names_is_there() -> None:
    assert [name for name in kit.__all__ if not hasattr(kit, name)] == []
    assert [name for name in kit.__all__ if name != "NOW" and not getattr(kit, name).__doc__] == []
