"""Does one get from a task to its relatives, worker and queue, and can it be copied, whatever it is called?"""

import json
from typing import Any

import pytest

from lazycelery_core.action import Copy, Go, Risk
from lazycelery_core.control import Control
from lazycelery_core.decode import Tally, events_of
from lazycelery_core.errors import ActionError
from lazycelery_core.model import Task
from lazycelery_core.query import parse
from lazycelery_core.snapshot import RowQuery, Snapshot, Totals
from lazycelery_core.store import Limits, Store
from lazycelery_plugin_tasks import actions

NOW = 1_795_357_927.0
BY_NAME = {action.name: action for action in actions.ACTIONS}
HOSTILE = ['a "b" c', "x y", "(z)", "a,b", "back\\slash", "-n", "état", "*", "a..b", "/x/", "\u202ex\x1b[31m"]


def snapshot_of(*events: dict[str, Any]) -> Snapshot:
    store = Store(Limits(), str, NOW - 60)
    for event in events:
        whole = {"type": "task-received", "timestamp": NOW - 1, "hostname": "w1@host", **event}
        store.apply(events_of(json.dumps(whole).encode(), NOW, Tally()), NOW)
    return Snapshot(1, NOW, NOW - 60, "t", "redis://", "READ-ONLY", frozenset(), store.tasks(NOW), (), (), Totals(), ())


FAMILY = snapshot_of(
    {"uuid": "root", "name": "a", "root_id": "root", "args": "(1,)", "kwargs": "{}"},
    {"uuid": "child", "name": "b", "root_id": "root", "parent_id": "root", "args": "('x',)", "kwargs": "{'y': 2}"},
    {"uuid": "sent", "type": "task-sent", "name": "c", "queue": "mail", "args": "(1, ..."},
)


def task(task_id: str, snapshot: Snapshot = FAMILY) -> Task:
    found = snapshot.tasks.get(task_id)
    assert found
    return found


def run(name: str, *ids: str, snapshot: Snapshot = FAMILY) -> Any:
    """What an action does as the host runs it: first it asks whether it may."""
    tasks = [task(each, snapshot) for each in ids]
    reason = BY_NAME[name].available(snapshot, tasks)
    return reason or BY_NAME[name].run(Control((snapshot.tasks,)), tasks)


def test_g_goes_to_what_belongs_to_a_task() -> None:
    assert run("task.worker", "child") == Go("workers", select="w1@host")
    assert run("task.queue", "sent") == Go("queues", select="mail")
    assert run("task.parent", "child") == Go("tasks", filter="id=root", select="root")
    assert run("task.root", "child") == Go("tasks", filter="root:root | id=root", select="root")
    assert run("task.children", "root") == Go("tasks", filter="parent:root")


def test_what_is_not_there_is_said_before_it_is_tried() -> None:
    assert run("task.queue", "child") == "its queue was not told: task-sent events and inspect tell it"
    assert run("task.parent", "root") == "no task sent it"
    assert run("task.root", "root") == "it is the root"
    assert run("task.root", "sent") == "its root was not told"
    assert run("task.children", "child") == "it sent no task that is held"
    assert BY_NAME["task.worker"].available(FAMILY, []) == "select a task first"


@pytest.mark.parametrize("name", HOSTILE)
def test_relatives_are_found_whatever_they_are_called(name: str) -> None:
    snapshot = snapshot_of(
        {"uuid": name, "name": "a", "root_id": name}, {"uuid": "k", "name": "b", "parent_id": name, "root_id": name}
    )

    def ids(filter_: str) -> set[str]:
        page = snapshot.tasks.select(RowQuery(parse(filter_, NOW, "task")))
        return {found.id for row in page.rows if (found := snapshot.tasks.row(row))}

    assert ids(run("task.children", name, snapshot=snapshot).filter) == {"k"}
    assert ids(run("task.parent", "k", snapshot=snapshot).filter) == {name}
    assert ids(run("task.root", "k", snapshot=snapshot).filter) == {name, "k"}


def test_ids_args_and_calls_are_copied() -> None:
    assert run("task.copy_id", "root", "child") == Copy("root\nchild", "2 task ids")
    assert run("task.copy_args", "child") == Copy("('x',) {'y': 2}", "args")
    assert run("task.copy_call", "child").text == "app.send_task('b', args=('x',), kwargs={'y': 2})"
    assert run("task.copy_call", "sent").text == (
        "app.send_task('c', args=(1, ..., kwargs={}, queue='mail')  # the arguments were cut or not told: complete them"
    )


def test_a_task_that_is_no_longer_held_can_not_be_copied_but_its_id() -> None:
    gone = task("child")
    empty = snapshot_of()
    assert BY_NAME["task.copy_args"].available(empty, [gone]) is None
    with pytest.raises(ActionError, match="no longer held"):
        BY_NAME["task.copy_args"].run(Control(), [gone])
    assert BY_NAME["task.copy_id"].run(Control(), [gone]) == Copy("child", "task id")


def test_every_action_only_looks_and_every_key_belongs_to_one() -> None:
    assert all(action.risk is Risk.VIEW and action.on == "task" for action in actions.ACTIONS)
    assert set(BY_NAME) == {
        "task.worker", "task.queue", "task.parent", "task.root", "task.children",
        "task.copy_id", "task.copy_args", "task.copy_call",
    }  # fmt: skip
    assert set(actions.KEYS) <= set(BY_NAME)
    assert sorted(actions.KEYS.values()) == ["g c", "g p", "g q", "g r", "g w"]
