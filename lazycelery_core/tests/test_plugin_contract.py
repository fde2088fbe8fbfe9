"""Does the author's kit find what is wrong with a plugin, and nothing in one that is right?"""

import sys
import time
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import click
import pytest

from lazycelery_core.action import Action, Copy, Risk
from lazycelery_core.arranging import arranged
from lazycelery_core.canvas import Canvas
from lazycelery_core.events import Event
from lazycelery_core.hookspecs import hookimpl
from lazycelery_core.model import Queue
from lazycelery_core.pane import (
    QUEUES,
    CanvasPane,
    Column,
    DetailPane,
    DetailTab,
    DrawContext,
    Line,
    Pane,
    Rows,
    TablePane,
    View,
    line,
)
from lazycelery_core.projection import Projection
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.testing.kit import check_plugin, problems
from lazycelery_core.text import Safe, count
from lazycelery_core.tones import Span

VIEW = View("backlog", "Backlog", "B", 35)


class Backlog(TablePane):
    """A pane that keeps the contract; the wrong ones below change one thing each."""

    id, view, title, on = "backlog.list", VIEW, "Backlog", "queue"
    columns: ClassVar[Any] = (
        Column("name", "queue", lambda queue, _: line(queue.name), 20, sort=lambda queue: queue.name),
        Column("ready", "ready", lambda queue, _: line(count(queue.ready)), 8, sort=lambda queue: queue.ready),
    )

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        return arranged(snapshot.queues, self.columns, query, snapshot.now)

    def key(self, item: Queue) -> Any:
        return item.name


class Summed(Projection):
    name = "backlog.sum"

    def __init__(self) -> None:
        self.seen = 0

    def apply(self, events: Sequence[Event], now: float) -> None:
        self.seen += len(events)

    def view(self) -> int:
        return self.seen


class Depth(DetailTab):
    on, id, title = "queue", "depth", "depth"

    def lines(self, item: Queue, context: DrawContext) -> Sequence[Line]:
        return [line(item.name), line(count(item.ready)), line(str(context.snapshot.views.get("backlog.sum")))]


class Beside(DetailPane):
    id, view, title, on, of = "backlog.beside", VIEW, "Queue", "queue", "backlog.list"


def copy(control: Any, targets: Sequence[Queue]) -> Copy:
    return Copy("\n".join(queue.name for queue in targets), "names")


GOOD = Action("backlog.copy", "copy names", copy, on="queue")
WRITE = Action("backlog.purge", "Purge…", copy, on="queue", risk=Risk.MANY, scope="purge")
Install = Callable[..., types.ModuleType]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """install(panes=[...], actions=[...], keys={...}, ...) -> a module with hooks that answer so."""

    def make(**answers: Any) -> types.ModuleType:
        module = types.ModuleType("lazycelery_plugin_tried")
        for hook, answer in answers.items():
            setattr(module, f"lazycelery_{hook}", hookimpl(_hook(hook, answer)))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return module

    return make


def _hook(name: str, answer: Any) -> Any:
    if name == "settings":
        return lambda: answer
    return answer if callable(answer) else lambda settings: answer


def test_a_plugin_that_keeps_the_contract_passes(install: Install) -> None:
    @dataclass
    class Settings:
        limit: int = 5

    check_plugin(
        install(
            settings=Settings, panes=[Backlog(), Beside(), Depth()], actions=[GOOD, WRITE],
            keybindings={GOOD.name: "ctrl+x"}, projections=lambda settings: [Summed()],
            commands=[click.Command("backlog")],
        )
    )  # fmt: skip


def test_everything_that_is_wrong_is_said_at_once(install: Install) -> None:
    class Wrong(Backlog):
        id, title = "list", ""

    with pytest.raises(AssertionError) as raised:
        check_plugin(install(panes=[Wrong()]))
    assert "tried breaks the contract" in str(raised.value)
    assert "its id must be <view>.<name>" in str(raised.value)
    assert "its title is empty" in str(raised.value)


def changed(**members: Any) -> Pane:
    """A table like Backlog, but for these members."""
    return cast("Pane", type("Changed", (Backlog,), members)())


def column(*given: Any, **more: Any) -> Column:
    return Column(*(given or ("name", "queue", Backlog.columns[0].cell, 20)), **more)


WRONG_TABLES: list[tuple[dict[str, Any], str]] = [
    ({"id": "elsewhere.list"}, "its id must be <view>.<name>, and its view is backlog"),
    ({"title": "a\x1b[2J"}, "its title is empty or not drawable"),
    ({"columns": ()}, "it has no columns"),
    ({"columns": (column(), column())}, "two columns are called name"),
    ({"columns": (column(min_width=30),)}, "column name needs 0 < min_width <= width"),
    ({"default_sort": "age"}, "it sorts by age, which is no column with a `sort`"),
    ({"key": lambda self, item: 1}, "the keys of its records must be texts, all different"),
    ({"heading": lambda self, context: "\x1b[31m"}, "it draws text that did not go through `safe`"),
    ({"summary": lambda self, snapshot: (Span(Safe("\u202e")),)}, "its summary holds text that is not safe"),
    ({"info": lambda self, context: line(str(time.perf_counter_ns()))}, "two drawings of one snapshot differ"),
]


@pytest.mark.parametrize("members, told", WRONG_TABLES, ids=[told for _, told in WRONG_TABLES])
def test_a_table_that_breaks_the_contract_is_told_how(install: Install, members: dict[str, Any], told: str) -> None:
    assert any(told in each for each in problems(install(panes=[changed(**members)])))


def test_a_table_that_loses_records_when_it_is_sorted_is_named(install: Install) -> None:
    def forgetful(self: Backlog, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        rows = arranged(snapshot.queues, self.columns, query, snapshot.now)
        return Rows(rows.items[:1], rows.total, 1) if query.sort else rows

    found = problems(install(panes=[changed(rows=forgetful)]))
    assert "pane backlog.list with a small cluster: sorted by name it shows other records" in found


def test_a_pane_that_vouches_for_raw_text_is_found_on_a_hostile_cluster(install: Install) -> None:
    def raw(queue: Queue, context: DrawContext) -> Line:
        return (Span(Safe(queue.name)),)

    found = problems(install(panes=[changed(columns=(column("name", "queue", raw, 20),))]))
    assert found
    assert all("with a hostile cluster" in each for each in found)


class Broken(CanvasPane):
    id, view, title = "backlog.drawing", VIEW, "Drawing"

    def draw(self, canvas: Canvas, context: DrawContext) -> None:
        canvas.put(0, 0, context.snapshot.queues[0].name)


def test_a_pane_that_raises_is_reported_with_what_was_being_drawn(install: Install) -> None:
    with pytest.raises(IndexError) as raised:
        check_plugin(install(panes=[Broken()]))
    assert raised.value.__notes__ == ["(raised by pane backlog.drawing with an empty snapshot at 20x4)"]


def test_a_projection_that_raises_is_reported_by_name(install: Install) -> None:
    class Raising(Summed):
        def apply(self, events: Sequence[Event], now: float) -> None:
            raise KeyError("event")

    with pytest.raises(KeyError) as raised:
        check_plugin(install(projections=lambda settings: [Raising()]))
    assert "projection backlog.sum" in raised.value.__notes__[0]


WRONG_ACTIONS: list[tuple[Action, str]] = [
    (Action("copy", "copy", copy), "its name must be <kind>.<verb>"),
    (Action("a.b", "", copy, on="queue"), "its label is empty"),
    (Action("a.b", "b", copy, on="queue", risk=Risk.TARGET), "a write has to name the scope"),
    (Action("a.b", "b", copy, on="queue", scope="purge"), "its scope purge is never asked for"),
    (Action("a.b", "b", lambda control, targets: "done", on="queue"), "it returned a str"),  # type: ignore[arg-type, return-value]
    (Action("a.b", "b", copy, on="queue", available=lambda snapshot, targets: False), "has to return a reason or None"),  # type: ignore[arg-type, return-value]
    (
        Action("a.b", "b", copy, on="queue", preview=lambda snapshot, targets: [(Span(Safe("\x1b")),)]),
        "its preview holds text that is not safe",
    ),
]


@pytest.mark.parametrize("action, told", WRONG_ACTIONS, ids=[told for _, told in WRONG_ACTIONS])
def test_an_action_that_breaks_the_contract_is_told_how(install: Install, action: Action, told: str) -> None:
    assert any(told in each for each in problems(install(actions=[action])))


def test_writes_are_never_run_by_the_check(install: Install) -> None:
    ran: list[str] = []

    def run(control: Any, targets: Sequence[Any]) -> None:
        ran.append("ran")

    check_plugin(install(actions=[Action("a.b", "b", run, on="queue", risk=Risk.REVERSIBLE, scope="purge")]))
    assert ran == []


@pytest.mark.parametrize(
    "keys, told",
    [
        ({GOOD.name: "q"}, "backlog.copy wants q, which app.quit has"),
        ({GOOD.name: "ctrl+i"}, "backlog.copy: ctrl+i is not safe in terminals"),
        ({"backlog.nothing": "x"}, "a key is bound to backlog.nothing, which is no action of this plugin"),
    ],
)
def test_a_key_that_can_not_be_had_is_named(install: Install, keys: dict[str, str], told: str) -> None:
    assert told in problems(install(actions=[GOOD], keybindings=keys))


def test_a_view_on_a_key_of_the_host_is_named(install: Install) -> None:
    pane = changed(view=View("backlog", "Backlog", "G", 35))
    assert "view.backlog wants G, which cursor.bottom has" in problems(install(panes=[pane]))


def test_a_view_that_two_panes_describe_in_two_ways_is_named(install: Install) -> None:
    other = changed(id="queues.backlog", view=View("queues", "My queues", "Q", 20))
    same = changed(id="queues.other", view=QUEUES)
    assert "the view queues is described in 2 ways" in problems(install(panes=[other, same]))


def test_names_that_are_taken_twice_are_named(install: Install) -> None:
    found = problems(
        install(
            panes=[Backlog(), Backlog(), Depth(), Depth()], actions=[GOOD, GOOD],
            projections=lambda settings: [Summed(), Summed()],
        )
    )  # fmt: skip
    assert {each for each in found if each.startswith("two ")} == {
        "two panes are called backlog.list", "two tabs are called queue.depth", "two actions are called backlog.copy",
        "two projections are called backlog.sum",
    }  # fmt: skip


def test_a_command_with_the_name_of_a_host_command_is_named(install: Install) -> None:
    assert "the command config is the host's own" in problems(install(commands=[click.Command("config")]))


def test_a_setting_without_a_default_is_named_because_a_plugin_has_to_work_out_of_the_box(install: Install) -> None:
    @dataclass
    class Needy:
        token: str

    found = problems(install(settings=Needy))
    assert len(found) == 1
    assert "plugins.tried.token is missing" in found[0]


def test_the_setting_that_switches_a_plugin_off_is_the_hosts(install: Install) -> None:
    @dataclass
    class Settings:
        enabled: bool = True

    assert "the setting `enabled` is the host's own" in problems(install(settings=Settings))


def raising_half_way(settings: Any) -> Iterator[Action]:
    yield GOOD
    raise ValueError("no luck")


@pytest.mark.parametrize(
    "answers, told",
    [
        ({"actions": raising_half_way}, "ValueError: no luck"),
        ({"panes": [42]}, "returned a int"),
        ({"no_such_hook": []}, "unknown or wrong hook"),
    ],
)
def test_a_hook_that_is_unknown_raises_or_answers_wrongly_is_named(
    install: Install, answers: dict[str, Any], told: str
) -> None:
    assert any(told in each for each in problems(install(**answers)))
