"""Do filters, searches, commands and the palette do on the screen what is typed? The app, driven by Textual's pilot."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from lazycelery_core.action import Action, Go
from lazycelery_core.app import LazyCeleryApp
from lazycelery_core.model import TaskState
from lazycelery_core.pane import TASKS, WORKERS, Column, DetailTab, DrawContext, Line, Rows, Slot, TablePane, line
from lazycelery_core.query import bind
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.testing.builders import NOW, a_snapshot, a_task, a_worker
from lazycelery_core.testing.playing import Game, play
from lazycelery_core.testing.screen import screen_of
from lazycelery_core.theme import THEMES

NAMES = ["shop.charge", "shop.ship", "mail.send", "shop.charge", "img.resize", "mail.send"]
STATES = [
    TaskState.FAILURE,
    TaskState.SUCCESS,
    TaskState.FAILURE,
    TaskState.STARTED,
    TaskState.SUCCESS,
    TaskState.RETRY,
]


class Tasks(TablePane):
    """All tasks, by name."""

    id, view, title, on = "tasks.list", TASKS, "Tasks", "task"
    slot = Slot(main=True)
    columns = (
        Column("name", "task", lambda task, _: line(task.name), 20, value=lambda task: task.name),
        Column("state", "state", lambda task, _: line(task.state.name), 12, value=lambda task: task.state.name),
        Column("worker", "worker", lambda task, _: line(task.worker), 12, value=lambda task: task.worker),
    )

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """Those that match."""
        tasks = sorted(snapshot.tasks, key=lambda task: task.id)
        chosen = bind(query.filter, snapshot, query.marked)
        found = [task for task in tasks if chosen is None or chosen.matches(task, snapshot.now)]
        return Rows(found, len(tasks), len(found))

    def key(self, item: Any) -> str:
        """The id."""
        return str(item.id)


class Workers(TablePane):
    """All workers; none can be marked."""

    id, view, title, on, markable = "workers.list", WORKERS, "Workers", "worker", False
    slot = Slot(main=True)
    columns = (Column("name", "name", lambda worker, _: line(worker.hostname), 20),)

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """Those that match."""
        found = [each for each in snapshot.workers if query.filter is None or query.filter.matches(each, snapshot.now)]
        return Rows(found, len(snapshot.workers), len(found))

    def key(self, item: Any) -> str:
        """The hostname."""
        return str(item.hostname)


class About(DetailTab):
    """A tab on tasks."""

    on, id, title = "task", "about", "about"

    def lines(self, item: Any, context: DrawContext) -> list[Line]:
        """Its name."""
        return [line(f"all about {item.name}")]


GO_WORKER = Action(
    "task.worker", "Go to its worker", lambda control, tasks: Go("workers", select=tasks[0].worker), on="task"
)


def app_of(**fields: Any) -> LazyCeleryApp:
    """Six tasks and two workers."""
    tasks = [
        a_task(name, state, id=f"{number}-{name}")
        for number, (name, state) in enumerate(zip(NAMES, STATES, strict=True))
    ]
    shown = a_snapshot(tasks=tasks, workers=[a_worker("w1@testing"), a_worker("w2@testing")], **fields)
    return screen_of([Tasks(), Workers()], shown, [About()], [GO_WORKER], keys={"task.worker": "g w"})


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the screen keeps things."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("TMUX", raising=False)
    return tmp_path / "lazycelery"


def rows(game: Game) -> int:
    """How many rows the table of tasks shows."""
    widget = game.app.main.stage.made("tasks.list")
    return -1 if widget is None or widget.table.rows is None else len(widget.table.rows.items)


def cursor(game: Game) -> str:
    """The id under the cursor."""
    item = game.app.main.stage.focused().table.item()
    return "" if item is None else str(item.id)


async def open_tasks(game: Game) -> None:
    """Open the view of tasks."""
    await game.press("T")
    await game.see("img.resize")


# --- filter and search ------------------------------------------------------------------------------------------------


def test_a_filter_works_while_it_is_typed_is_kept_by_enter_and_cleared_by_escape() -> None:
    async def story(game: Game) -> None:
        await open_tasks(game)
        await game.press("f")
        await game.write("state:fai")
        await game.see("6 → 2 shown")
        await game.until(lambda: rows(game) == 2, "two failures")
        await game.press("enter")
        await game.see("filter state:fai")
        await game.press("escape")
        await game.until(lambda: rows(game) == 6, "all tasks")

    play(app_of(), story)


@pytest.mark.parametrize("asked", [("/",), (":", "search ")])
def test_a_search_means_the_times_of_day_that_are_shown(asked: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its times are local ones as soon as local ones are shown."""
    monkeypatch.setenv("TZ", "EAST-03")
    time.tzset()
    here = datetime.fromtimestamp(NOW - 2, timezone(timedelta(hours=3)))  # when the tasks changed last
    wanted = f"time:{here - timedelta(minutes=2):%H:%M}..{here:%H:%M}"

    async def story(game: Game) -> None:
        await open_tasks(game)
        await game.press("u", *asked[:1])
        await game.write("".join(asked[1:]) + wanted)
        await game.press("enter")
        await game.see(f"{wanted} 1 of 6")

    try:
        play(app_of(), story)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_escape_leaves_the_prompt_with_the_filter_as_it_was() -> None:
    async def story(game: Game) -> None:
        await open_tasks(game)
        await game.press("f", *"charge", "enter")
        await game.until(lambda: rows(game) == 2, "two charges")
        await game.press("f", "ctrl+u")
        await game.until(lambda: rows(game) == 6, "an empty filter shows all")
        await game.write("ship")
        await game.until(lambda: rows(game) == 1, "one ship")
        await game.press("escape")
        await game.until(lambda: rows(game) == 2, "the charges again")
        await game.see("filter charge")

    play(app_of(), story)


def test_a_wrong_filter_is_explained_and_the_last_good_one_stays() -> None:
    async def story(game: Game) -> None:
        await open_tasks(game)
        await game.press("f")
        await game.write("charge runtme:5")
        await game.see("runtme: unknown field. Did you mean runtime?")
        await game.until(lambda: rows(game) == 2, "the charges, whatever the mistake")
        await game.press("enter")
        await game.see("runtme: unknown field")
        assert game.app.main.focused.id == "prompt", "a wrong filter can't be kept"

    play(app_of(), story)


def test_tab_completes_fields_and_values_that_were_seen() -> None:
    async def story(game: Game) -> None:
        await open_tasks(game)
        await game.press("f", *"na")
        await game.see("name:")
        await game.press("tab")
        await game.see("shop.charge   ", "mail.send   ")
        await game.press(*"mai", "tab")
        await game.see("filter name:mail.send")
        await game.until(lambda: rows(game) == 2, "two mails")

    play(app_of(), story)


def test_the_arrows_walk_through_offers_and_earlier_filters() -> None:
    async def story(game: Game) -> None:
        await open_tasks(game)
        for text in ("charge", "ship"):
            await game.press("f", "ctrl+u", *text, "enter")
            await game.see(f"filter {text}")
        await game.press("f", "ctrl+u")
        await game.press("up")
        await game.see("filter ship ")
        await game.press("up")
        await game.see("filter charge ")
        await game.press("down", "down")
        await game.until(lambda: rows(game) == 6, "what was typed before: nothing")
        await game.press(*"state:", "down", "tab")
        await game.see("filter state:received")

    play(app_of(), story)


def test_each_pane_has_its_own_filter() -> None:
    async def story(game: Game) -> None:
        await open_tasks(game)
        await game.press("f", *"charge", "enter")
        await game.until(lambda: rows(game) == 2, "two charges")
        await game.press("W")
        await game.see("w1@testing", "w2@testing")
        await game.press("f", *"w1", "enter")
        await game.see("2 → 1 shown")
        await game.press("T")
        await game.see("filter charge")

    play(app_of(), story)


def test_a_filter_is_kept_under_a_name_and_used_again(state_folder: Path) -> None:
    async def story(game: Game) -> None:
        await open_tasks(game)
        await game.press("f", *"charge", "ctrl+s", *"money", "enter")
        await game.see("saved: :filter use money")
        await game.press("ctrl+u")
        await game.see("your filter money")
        await game.press("escape", ":")
        await game.write("filter use money")
        await game.press("enter")
        await game.until(lambda: rows(game) == 2, "the charges")
        await game.press(":")
        await game.write("filter use mony")
        await game.press("enter")
        await game.see("Did you mean money?")

    play(app_of(), story)
    assert (state_folder / "filters.json").exists()


def test_a_search_hides_nothing_and_n_walks_round() -> None:
    async def story(game: Game) -> None:
        await open_tasks(game)
        await game.press("/", *"mail")
        await game.see("1 of 2 match")
        assert (rows(game), cursor(game)) == (6, "2-mail.send")
        await game.press("enter")
        await game.see("/mail 1 of 2", "•")
        await game.press("n")
        await game.until(lambda: cursor(game) == "5-mail.send", "the next match")
        await game.press("n")
        await game.until(lambda: cursor(game) == "2-mail.send", "the first match again")
        await game.press("N")
        await game.until(lambda: cursor(game) == "5-mail.send", "the match before")

    play(app_of(), story)


def test_a_search_that_is_left_brings_the_cursor_back() -> None:
    async def story(game: Game) -> None:
        await open_tasks(game)
        await game.press("j")
        await game.press("/", *"img")
        await game.until(lambda: cursor(game) == "4-img.resize", "the match")
        await game.press("escape")
        await game.until(lambda: cursor(game) == "1-shop.ship", "where it was")
        await game.see_no_more("/img")

    play(app_of(), story)


def test_ctrl_f_turns_a_filter_into_a_search_and_back() -> None:
    async def story(game: Game) -> None:
        await open_tasks(game)
        await game.press("f", *"mail")
        await game.until(lambda: rows(game) == 2, "filtered")
        await game.press("ctrl+f")
        await game.see("search mail", "1 of 2 match")
        await game.until(lambda: rows(game) == 6, "nothing hidden")
        await game.press("ctrl+f")
        await game.until(lambda: rows(game) == 2, "filtered again")

    play(app_of(), story)


def test_ctrl_t_makes_a_stretch_of_time_a_part_of_the_filter() -> None:
    async def story(game: Game) -> None:
        await open_tasks(game)
        await game.press("f", *"charge", "enter")
        await game.press("ctrl+t", *"1h", "enter")
        await game.see("filter charge since:1h")
        await game.press("ctrl+t", *"xyz")
        await game.see("▲ xyz is not a time")
        await game.press("escape", "W", "ctrl+t")
        await game.see("Only lists of tasks have times")

    play(app_of(), story)


# --- the command line and the palette ---------------------------------------------------------------------------------


def test_commands_are_typed_with_what_they_work_on() -> None:
    async def story(game: Game) -> None:
        await game.press(":")
        await game.write("tasks state:failed")
        await game.press("enter")
        await game.see("filter state:failed", "shop.charge")
        await game.press(":")
        await game.write("worker w2")
        await game.press("enter")
        await game.until(lambda: game.app.main.state.view == "workers", "the view of workers")
        await game.press(":")
        await game.write("theme light")
        await game.press("enter")
        await game.until(lambda: game.app.skin.theme is THEMES["light"], "the theme")

    play(app_of(), story)


@pytest.mark.parametrize(
    "text,says",
    [
        ("taks", "Did you mean tasks?"), ("tasks runtme>5s", "unknown field. Did you mean runtime?"),
        ("theme lihgt", "Did you mean light?"), ("quit now", "takes nothing more"), ("worker w9", "no such worker"),
        ("set glyphs x", "unicode, ascii, nerd"),
    ],
)  # fmt: skip
def test_a_command_that_is_not_understood_stays_and_is_explained(text: str, says: str) -> None:
    async def story(game: Game) -> None:
        await game.press(":")
        await game.write(text)
        await game.press("enter")
        await game.see(says)
        assert game.app.main.focused.id == "prompt"

    play(app_of(), story)


def test_the_palette_finds_a_command_by_some_letters() -> None:
    async def story(game: Game) -> None:
        await game.press("ctrl+p")
        await game.write("viewtask")
        await game.see("View: Tasks")
        await game.press("enter")
        await game.see("img.resize")
        assert game.app.main.state.view == "tasks"

    play(app_of(), story)
