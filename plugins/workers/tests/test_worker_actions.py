"""Does one get from a worker to its tasks and queues, whatever it is called?"""

from dataclasses import replace
from typing import Any, cast

import pytest

from lazycelery_core.action import Copy, Go
from lazycelery_core.control import Control
from lazycelery_core.model import Queue, Worker, WorkerState
from lazycelery_core.query import parse
from lazycelery_plugin_workers import actions

W1 = Worker("worker-1@web-7", WorkerState.ONLINE, queues=("default", "mail"))
SNAPSHOT = cast("Any", None)  # these actions don't look at it
HOSTILE = ['a "b" c', "x y", "(z)", "a,b", "back\\slash", "-n", "état@höst", "*", "\u202ex\x1b[31m"]


def go(outcome: object) -> Go:
    assert isinstance(outcome, Go)
    return outcome


def test_t_shows_the_tasks_of_the_worker() -> None:
    assert go(actions.show_tasks(Control(), [W1])) == Go("tasks", filter="worker=worker-1@web-7")


def test_marked_workers_are_shown_together() -> None:
    both = [W1, replace(W1, hostname="worker-2@web-8")]
    assert go(actions.show_tasks(Control(), both)).filter == "worker=worker-1@web-7,worker-2@web-8"


@pytest.mark.parametrize("name", HOSTILE)
def test_the_filter_finds_a_worker_of_any_name_and_no_other(name: str) -> None:
    worker, other = replace(W1, hostname=name), replace(W1, hostname=name + "x")
    found = parse(go(actions.show_tasks(Control(), [worker])).filter, now=0.0)
    assert found.matches(worker, 0.0)
    assert not found.matches(other, 0.0)


@pytest.mark.parametrize("name", HOSTILE)
def test_its_queues_are_found_whatever_they_are_called(name: str) -> None:
    outcome = go(actions.show_queues(Control(), [replace(W1, queues=(name, "zzz"))]))
    assert parse(outcome.filter, now=0.0).matches(Queue(name), 0.0)
    assert not parse(outcome.filter, now=0.0).matches(Queue(name + "y"), 0.0)


def test_a_worker_with_unknown_queues_says_why_it_can_not_show_them() -> None:
    assert actions.with_queues(SNAPSHOT, [W1]) is None
    assert actions.with_queues(SNAPSHOT, [replace(W1, queues=())]) == "its queues are not known: it has not been asked"
    assert actions.some(SNAPSHOT, []) == "select a worker first"


def test_names_are_copied_one_a_line() -> None:
    assert actions.copy_names(Control(), [W1, W1]) == Copy("worker-1@web-7\nworker-1@web-7", "node names")


def test_every_key_belongs_to_an_action() -> None:
    names = {action.name for action in actions.ACTIONS}
    assert names == {"worker.tasks", "worker.queues", "worker.copy_name"}
    assert set(actions.KEYS) <= names
