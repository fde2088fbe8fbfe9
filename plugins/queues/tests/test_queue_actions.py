"""Does one get from a queue or a message to its tasks, whatever they are called?"""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lazycelery_core.action import Copy, Go, Policy, Sent
from lazycelery_core.control import Control, Level, PeekPrice
from lazycelery_core.errors import ActionError
from lazycelery_core.model import Message, Queue, Task, TaskState, Worker, WorkerState
from lazycelery_core.query import parse
from lazycelery_core.spans import plain
from lazycelery_core.testing.fakes import FakeQueues
from lazycelery_plugin_queues import actions
from lazycelery_plugin_queues.projection import VIEW, Peeked
from lazycelery_plugin_queues.source import Looks

HOSTILE = ['a "b" c', "x y", "(z)", "a,b", "back\\slash", "-n", "état", "*", "\u202ex\x1b[31m", "celery:1"]
MESSAGE = Message("media", 0, "abc", "img.resize", "", "", None)


def snapshot(held: Sequence[str] = ()) -> Any:
    """As much of a snapshot as these actions look at."""
    return SimpleNamespace(tasks=SimpleNamespace(get=lambda task_id: task_id if task_id in held else None))


def a_task(**known: Any) -> Task:
    fixed: dict[str, Any] = dict.fromkeys(("sent", "received", "started", "eta", "runtime"))
    fixed |= {"row": 0, "id": "t", "name": "n", "state": TaskState.SUCCESS, "worker": "w", "queue": "q", "retries": 0}
    return Task(**{**fixed, "updated": 1.0, "exception": "", "parent_key": 0, "root_key": 0, "version": 0, **known})


def filter_of(outcome: object, view: str) -> Any:
    assert isinstance(outcome, Go)
    assert outcome.view == view
    return parse(outcome.filter, now=0.0)


@pytest.mark.parametrize("name", HOSTILE)
def test_t_shows_the_tasks_of_a_queue_of_any_name_and_no_others(name: str) -> None:
    found = filter_of(actions.show_tasks(Control(), [Queue(name), Queue("second")]), "tasks")
    assert found.matches(a_task(queue=name), 0.0)
    assert found.matches(a_task(queue="second"), 0.0)
    assert not found.matches(a_task(queue=name + "x"), 0.0)


@pytest.mark.parametrize("name", HOSTILE)
def test_c_shows_the_workers_that_consume_a_queue(name: str) -> None:
    found = filter_of(actions.show_consumers(Control(), [Queue(name)]), "workers")
    assert found.matches(Worker("w1", WorkerState.ONLINE, queues=("first", name)), 0.0)
    assert not found.matches(Worker("w2", WorkerState.ONLINE, queues=("first",)), 0.0)


@pytest.mark.parametrize("name", HOSTILE)
def test_t_on_a_message_shows_the_tasks_of_its_name(name: str) -> None:
    found = filter_of(actions.show_same_tasks(Control(), [replace(MESSAGE, task=name)]), "tasks")
    assert found.matches(a_task(name=name), 0.0)
    assert not found.matches(a_task(name=name + "x"), 0.0)


def test_the_task_of_a_message_can_be_opened_once_an_event_told_of_it() -> None:
    assert actions.show_task(Control(), [MESSAGE]) == Go("tasks", select="abc")
    assert actions.seen_task(snapshot(["abc"]), [MESSAGE]) is None
    assert actions.seen_task(snapshot(), [MESSAGE]) == "no event about this task was seen yet"
    assert actions.seen_task(snapshot(), []) == "select a message first"


def test_a_queue_says_why_its_consumers_can_not_be_shown() -> None:
    assert actions.with_consumers(snapshot(), [Queue("q", consumers=("w",))]) is None
    assert actions.with_consumers(snapshot(), [Queue("q", consumers=())]) == "nobody consumes it"
    assert actions.with_consumers(snapshot(), [Queue("q")]) == "not known: no worker could be asked"
    assert actions.some_queue(snapshot(), []) == "select a queue first"


def test_a_message_without_a_name_has_no_tasks_of_that_name() -> None:
    assert actions.named_task(snapshot(), [replace(MESSAGE, task="")]) == "the message names no task"
    assert actions.named_task(snapshot(), [MESSAGE]) is None
    assert actions.some_message(snapshot(), []) == "select a message first"


def test_names_and_ids_are_copied_one_a_line() -> None:
    assert actions.copy_names(Control(), [Queue("a")]) == Copy("a", "queue name")
    assert actions.copy_ids(Control(), [MESSAGE, MESSAGE]) == Copy("abc\nabc", "task ids")


def test_every_key_belongs_to_an_action() -> None:
    names = {action.name for action in actions.ACTIONS}
    assert names == {
        "queue.tasks", "queue.consumers", "queue.look", "queue.peek", "queue.copy_name", "message.task",
        "message.tasks", "message.copy_id",
    }  # fmt: skip
    assert set(actions.KEYS) <= names
    assert cast("Any", actions.KEYS)["queue.consumers"] == "c"


# --- looking, where it has its price ----------------------------------------------------------------------------------

MARK = PeekPrice("Marks them.", limit=20)
MOVES = PeekPrice("Moves them.", limit=5, needs_confirmation=True, remaining=3)


def looked(price: PeekPrice | None, error: str = "") -> Any:
    return SimpleNamespace(views={VIEW: {"media": Peeked(None, error, 1.0, price)}}, scopes=frozenset())


@pytest.mark.parametrize(
    "price, by_key, confirmed",
    [
        (None, "shown by themselves", "shown by themselves"),
        (MARK, None, "nothing to confirm"),
        (MOVES, "has to be confirmed", None),
        (PeekPrice("", refusal="a stream"), "a stream", "a stream"),
    ],
)
def test_which_key_looks_depends_on_the_price(
    price: PeekPrice | None, by_key: str | None, confirmed: str | None
) -> None:
    for check, expected in ((actions.can_look, by_key), (actions.can_look_for_certain, confirmed)):
        reason = check(looked(price), [Queue("media")])
        assert (reason is None) == (expected is None)
        assert expected is None or expected in str(reason)


def test_nobody_looks_before_the_price_is_known() -> None:
    for check in (actions.can_look, actions.can_look_for_certain):
        assert check(looked(None, "refused"), [Queue("media")]) == "not known yet whether its messages can be read"
        assert check(looked(MARK), [Queue("other")]) == "not known yet whether its messages can be read"
        assert check(looked(MARK), []) == "select a queue first"


def test_m_lets_the_source_look_and_a_confirmed_look_says_what_it_took() -> None:
    looks, queues = Looks(50), FakeQueues([replace(MESSAGE, position=n) for n in range(9)], cost=MOVES)
    control = Control((looks, queues))
    actions.look(control, [Queue("media")])
    assert list(looks.wanted) == ["media"]
    sent = actions.look_for_certain(control, [Queue("media")])
    assert isinstance(sent, Sent)
    assert [reply.value for reply in sent.replies] == ["5 messages looked at and put back"]
    with pytest.raises(ActionError):
        actions.look_for_certain(Control((looks,)), [Queue("media")])


def test_the_confirmation_says_how_many_are_taken_and_how_many_looks_are_left() -> None:
    text = "\n".join(map(plain, actions.look_preview(looked(MOVES), [Queue("media", ready=1200)])))
    assert "first 5 of 1,200 messages" in text
    assert "\n         Looks left until messages are lost: 3." in text, "the blanks before it stay blank"
    peek = next(each for each in actions.ACTIONS if each.name == "queue.peek")
    assert Policy(Level.READ_ONLY).refusal(peek) == "needs --allow peek"
