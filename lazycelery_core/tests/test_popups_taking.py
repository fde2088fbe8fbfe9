"""Is what leaves the screen, is kept or picked right? Copies, exports, columns, named filters, palette, help, audit."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from lazycelery_core import clipboard
from lazycelery_core.action import Action, Copy
from lazycelery_core.app import LazyCeleryApp
from lazycelery_core.errors import FilterError
from lazycelery_core.keys import Command
from lazycelery_core.model import TaskState
from lazycelery_core.pane import TASKS, Column, DrawContext, Rows, TablePane
from lazycelery_core.screens.arguments import chosen_columns
from lazycelery_core.screens.copying import pasteable, texts_of
from lazycelery_core.screens.exporting import Order, write
from lazycelery_core.screens.help import page_of
from lazycelery_core.screens.named_filters import NamedFilters
from lazycelery_core.screens.offering import Offer
from lazycelery_core.screens.pages import audit_line
from lazycelery_core.screens.palette import ranked
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.spans import plain
from lazycelery_core.testing.builders import a_snapshot, a_task
from lazycelery_core.testing.playing import Game, play
from lazycelery_core.testing.screen import screen_of
from lazycelery_core.tones import line
from lazycelery_core.widgets.palette_box import Entry
from lazycelery_core.widgets.table_view import TableView

SNAPSHOT = a_snapshot(
    tasks=[a_task("shop.charge", id="0-a"), a_task("shop.ship", id="1-b"), a_task("mail.send", id="2-c")]
)
# --- copies, exports, columns -----------------------------------------------------------------------------------------

COLUMNS = (
    Column("name", "task", lambda task, _: line(task.name), 10, value=lambda task: task.name),
    Column("runtime", "runtime", lambda task, _: line("7.00s"), 7, value=lambda task: task.runtime),
    Column("bar", "bar", lambda task, _: line("███"), 3),
)


class Tasks(TablePane):
    """All tasks."""

    id, view, title, on, columns = "tasks.list", TASKS, "Tasks", "task", COLUMNS

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """All of them."""
        return Rows(sorted(snapshot.tasks, key=lambda task: task.id), snapshot.tasks.held)

    def key(self, item: Any) -> str:
        """The id."""
        return str(item.id)


def test_a_row_is_copied_whole_as_json_and_cell_by_cell() -> None:
    task = a_task("shop.charge", TaskState.SUCCESS)
    texts = {label: text() for label, _, text in texts_of([task], COLUMNS, DrawContext(SNAPSHOT))}
    assert json.loads(texts["The row as JSON"])["name"] == "shop.charge"
    assert texts["Task"] == "shop.charge"
    assert texts["Runtime"] == "7.00s"
    assert "Bar" not in texts, "a drawing is no text"


def test_several_rows_are_copied_a_line_each() -> None:
    tasks = [a_task("a"), a_task("b")]
    texts = {label: text() for label, _, text in texts_of(tasks, COLUMNS, DrawContext(SNAPSHOT))}
    assert texts["Task"] == "a\nb"
    assert len(json.loads(texts["The 2 rows as JSON"])) == 2


def test_what_a_paste_could_obey_is_made_visible() -> None:
    assert pasteable("name\x1b]52;c;x\x07\rrm -rf ~") == "name␛]52;c;x␇␍rm -rf ~"
    assert pasteable("line 1\n\n  line 2") == "line 1\n\n  line 2"


def test_an_export_is_for_its_owner_alone_and_replaces_nothing_unasked(tmp_path: Path) -> None:
    path, rows = tmp_path / "new" / "tasks.csv", [a_task("a"), None, a_task("b")]
    order = Order("csv", False, path, False)
    assert write(order, Tasks(), rows, DrawContext(SNAPSHOT)) == 2
    assert path.read_text().splitlines()[0] == "name,runtime,bar"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write(order, Tasks(), rows, DrawContext(SNAPSHOT))
    assert write(order._replace(form="json", replaces=True), Tasks(), rows[:1], DrawContext(SNAPSHOT)) == 1
    assert len(json.loads(path.read_text())) == 1


def test_an_export_does_not_follow_a_link(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("mine")
    (tmp_path / "tasks.csv").symlink_to(target)
    with pytest.raises(OSError, match="Too many levels"):
        write(Order("csv", False, tmp_path / "tasks.csv", True), Tasks(), [], DrawContext(SNAPSHOT))
    assert target.read_text() == "mine"


def test_columns_are_hidden_shown_and_brought_back() -> None:
    table = TableView(Tasks())
    table.columns = chosen_columns("-bar -name", table)
    assert [column.id for column in table.columns] == ["runtime"]
    table.columns = chosen_columns("+bar", table)
    assert [(column.id, column.priority) for column in table.columns] == [("runtime", 0), ("bar", -1)]
    assert chosen_columns("all", table) == list(COLUMNS)
    with pytest.raises(FilterError, match="Did you mean runtime") as caught:
        chosen_columns("+bar +runtme", table)
    assert caught.value.span == (5, 12)
    with pytest.raises(FilterError, match="One column has to stay"):
        chosen_columns("-bar -runtime", table)


# --- filters by name, palette, help, audit ----------------------------------------------------------------------------


def test_named_filters_are_kept_by_kind_for_their_owner_alone(tmp_path: Path) -> None:
    named = NamedFilters(lambda: tmp_path / "state")
    named.save("task", "slow", "runtime>5s")
    named.save("worker", "slow", "state:late")
    again = NamedFilters(lambda: tmp_path / "state")
    assert again.of("task") == {"slow": "runtime>5s"}
    assert again.drop("task", "slow") and not again.drop("task", "slow")  # noqa: PT018 - one story
    assert NamedFilters(lambda: tmp_path / "state").of("task") == {}
    assert stat.S_IMODE(again.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", '{"task": 3}', '{"task": {"a": 1}}'])
def test_a_broken_file_of_named_filters_counts_as_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / "filters.json").write_text(text)
    assert NamedFilters(lambda: tmp_path).of("task") == {}


def test_the_palette_finds_by_some_letters_and_puts_what_cannot_be_run_last() -> None:
    from textual.fuzzy import FuzzySearch

    entries = [
        Entry("purge", "Purge", reason="needs --allow purge"),
        Entry("pause", "Pause screen"),
        Entry("tasks", "View: Tasks"),
    ]
    found = [each.entry.text for each in ranked("pu", entries, FuzzySearch())]
    assert found == ["pause", "purge"]
    assert ranked("tasks", entries, FuzzySearch())[0].entry.text == "tasks"
    assert len(ranked(" ", entries, FuzzySearch())) == 3


def test_the_help_joins_what_belongs_together_unless_a_key_is_off_or_gone() -> None:
    def moves(*offers: Offer) -> dict[str, str]:
        return {entry.label: entry.keys for entry in page_of(offers, [1, 2, 3], (), ()).columns[1].entries}

    down, up = Command("cursor.down", "down", ("j",), group="move"), Command("cursor.up", "up", ("k",), group="move")
    assert moves(Offer(down), Offer(up)) == {"down, up": "j k", "pane by number": "1-3"}
    assert moves(Offer(down)) == {"down": "j", "pane by number": "1-3"}
    assert moves(Offer(down, "not here"), Offer(up))["up"] == "k"


def test_a_key_that_was_not_given_says_who_has_it() -> None:
    lost = Command("worker.sing", "Sing", (), "on:worker", conflict="s: conflict with sort.next", plugin="mine")
    [entry] = page_of([Offer(lost)], [], (), ()).columns[0].entries
    assert entry.reason == "unbound: s: conflict with sort.next"


@pytest.mark.parametrize(
    "record", [{}, {"who": 3, "targets": "x", "stage": 1}, {"replies": ["a"], "error": "no\x1b[31m"}]
)
def test_a_strange_record_of_the_audit_log_is_still_a_line(record: dict[str, Any]) -> None:
    assert plain(audit_line(record, "14:32:07")).isprintable()


# --- on the screen ----------------------------------------------------------------------------------------------------

COPY_ID = Action("task.copy_id", "Copy id", lambda control, tasks: Copy(tasks[0].id, "task id"), on="task")


@pytest.fixture
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the screen keeps things."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "lazycelery"


def app_of() -> LazyCeleryApp:
    """Three tasks, one of which can be marked, copied, exported."""
    return screen_of([Tasks()], SNAPSHOT, actions=[COPY_ID])


def test_y_offers_actions_rows_and_cells_and_copies_into_a_file_too(state_folder: Path) -> None:
    async def story(game: Game) -> None:
        await game.see("shop.ship")
        await game.press("y")
        await game.see("Id", "The row as JSON", "4 Task", "5 Runtime")
        await game.press("2")
        await game.see("Copied the row as json")
        assert json.loads(game.app.clipboard)["name"] == "shop.charge"
        await game.press("y", "1")
        await game.until(lambda: game.app.clipboard == "0-a", "the id")

    play(app_of(), story)
    assert (state_folder / "clipboard.txt").read_text() == "0-a"


def test_what_fails_beside_the_screen_by_a_bug_is_told_and_costs_only_itself(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(text: str, path: Path) -> None:
        raise RuntimeError("no luck with redis://u:pw-in-url@h/0")

    monkeypatch.setattr(clipboard, "to_file", fail)

    async def story(game: Game) -> None:
        await game.see("shop.ship")
        await game.press("y", "2")
        await game.see("That failed because of a bug of")
        await game.press("?")
        await game.see("Keys here")

    play(app_of(), story)
    (report,) = state_folder.glob("crash-*")
    assert "in fail" in report.read_text()
    assert "pw-in-url" not in report.read_text()


def test_an_export_writes_marked_rows_and_asks_before_it_replaces_a_file(state_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.json"

    async def story(game: Game) -> None:
        await game.see("shop.ship")
        await game.press("space", "Y")
        await game.see("3 shown", "1 marked", "exports/tasks-20261122-143207.csv")
        await game.press("tab")
        await game.see("143207.json")
        await game.press("ctrl+u", *str(path), "enter")
        await game.see("Wrote 1 row to")
        await game.press("Y", "down", "tab", "ctrl+u", *str(path), "enter")
        await game.see("This file is there already")
        assert len(json.loads(path.read_text())) == 1
        await game.press("enter")
        await game.see("Wrote 3 rows to")

    play(app_of(), story)
    assert len(json.loads(path.read_text())) == 3


def test_the_audit_log_and_the_plugins_are_pages_to_read(state_folder: Path) -> None:
    async def story(game: Game) -> None:
        await game.see("shop.ship")
        await game.press(":", *"audit", "enter")
        await game.see("Audit log:", "Nothing was changed yet")
        await game.press("q", ":", *"plugins", "enter")
        await game.until(lambda: "Plugins" in game.popup(), "the page of plugins")

    play(app_of(), story)


def test_columns_and_themes_are_picked_from_menus(state_folder: Path) -> None:
    async def story(game: Game) -> None:
        await game.see("runtime")
        await game.press(":", *"columns", "enter")
        await game.see("● runtime")
        await game.press("down", "enter")
        await game.see("○ runtime")
        await game.press("escape")
        await game.see_no_more("runtime")
        await game.press(":", *"theme", "enter")
        await game.see("● dark")
        await game.press("down", "enter")
        await game.until(lambda: game.app.skin.theme.name == "light", "the theme")

    play(app_of(), story)


def test_a_right_click_on_the_titles_offers_columns(state_folder: Path) -> None:
    async def story(game: Game) -> None:
        await game.see("shop.ship")
        await game.pilot.mouse_down(offset=(30, 3), button=3)
        await game.until(lambda: "● runtime" in game.popup(), "the menu of columns")

    play(app_of(), story)
