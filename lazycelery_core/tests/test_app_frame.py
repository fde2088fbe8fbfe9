"""Does the whole screen do what keys and mouse ask? The app with panes made by hand, driven by Textual's pilot.

Long because all stories are told on one set of panes.
"""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from lazycelery_core.action import Action, Go
from lazycelery_core.app import LazyCeleryApp
from lazycelery_core.canvas import Canvas
from lazycelery_core.config import UISettings
from lazycelery_core.errors import SourceError
from lazycelery_core.model import Link, LinkState, Worker, WorkerState
from lazycelery_core.pane import (
    OVERVIEW,
    TASKS,
    WORKERS,
    CanvasPane,
    Column,
    DetailPane,
    DetailTab,
    DrawContext,
    Line,
    Rows,
    Slot,
    TablePane,
    line,
)
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.testing.builders import NOW, a_snapshot
from lazycelery_core.testing.screen import StillWatch, screen_of
from lazycelery_core.tones import Tone

PATIENCE = 10.0  # s
CRUMBS = "{} \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} {}"
Story = Callable[[Pilot[None]], Awaitable[None]]
NAMES = [f"worker-{number}" for number in range(1, 6)]


def workers(names: Sequence[str] = NAMES) -> list[Worker]:
    """Workers that are online."""
    return [Worker(name, WorkerState.ONLINE) for name in names]


class Workers(TablePane):
    """Left, at the top."""

    id = "overview.workers"
    view = OVERVIEW
    title = "Workers"
    slot = Slot("left", order=1, height=10)
    on = "worker"
    columns = (
        Column("name", "name", lambda worker, _: line(worker.hostname), 12, sort=lambda worker: worker.hostname),
    )

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """All of them, sorted where asked."""
        found = sorted(snapshot.workers, key=lambda worker: worker.hostname, reverse=query.reverse)
        matching = [worker for worker in found if query.filter is None or query.filter.matches(worker, snapshot.now)]
        return Rows(matching, len(found), len(matching))

    def key(self, item: Any) -> str:
        """The hostname."""
        return str(item.hostname)

    def summary(self, snapshot: Snapshot) -> Line:
        """The count."""
        return line((f"●{len(snapshot.workers)}", Tone.SUCCESS))


class Details(DetailPane):
    """Beside the table."""

    id = "overview.details"
    view = OVERVIEW
    title = "Details"
    slot = Slot("centre", row=0, height=10)
    on = "worker"
    of = "overview.workers"


class About(DetailTab):
    """The first tab."""

    on = "worker"
    id = "about"
    title = "about"
    order = 1

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """The name, and enough lines to scroll."""
        return [line(f"this is {item.hostname}"), *(line(f"line {number}") for number in range(40))]


class Config(DetailTab):
    """The second tab."""

    on = "worker"
    id = "config"
    title = "config"
    order = 2

    def lines(self, item: Any, context: DrawContext) -> Sequence[Line]:
        """A line."""
        return [line(f"config of {item.hostname}")]


@dataclass
class Happening:
    """A record of a feed."""

    id: int


class Events(TablePane):
    """The main pane: newest first."""

    id = "overview.events"
    view = OVERVIEW
    title = "Events"
    slot = Slot("centre", row=1, main=True)
    on = "event"
    follows = True
    columns = (Column("id", "id", lambda event, _: line(f"event {event.id}"), 12),)

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """As many as the snapshot's version says."""
        return Rows([Happening(number) for number in range(snapshot.version, 0, -1)], snapshot.version)

    def key(self, item: Any) -> str:
        """The number."""
        return str(item.id)


class List(Workers):
    """A view of its own."""

    id = "workers.list"
    view = WORKERS
    title = "All workers"
    slot = Slot(main=True)
    markable = False


class Chaos(CanvasPane):
    """Fails until told otherwise."""

    id = "tasks.chaos"
    view = TASKS
    title = "Chaos"
    plugin = "chaos"
    broken = True
    draws = 0

    def draw(self, canvas: Canvas, context: DrawContext) -> None:
        """Raise, or say that all is well."""
        Chaos.draws += 1
        if Chaos.broken:
            raise ZeroDivisionError("of my own making")
        canvas.put(0, 0, "all is well")


PANES = [Workers(), Details(), Events(), List(), Chaos()]
TABS = [Config(), About()]


def app_of(**fields: Any) -> LazyCeleryApp:
    """The app with all of the above."""
    shown = replace(a_snapshot(name="prod", version=3), workers=tuple(workers()))
    return screen_of(PANES, replace(shown, **fields), TABS)


def play(app: LazyCeleryApp, story: Story, size: tuple[int, int] = (120, 36)) -> None:
    """Run the app headless until the story is told."""

    async def told() -> None:
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.watched is not None and app.main.snapshot is not None, "a first picture")
            await story(pilot)

    asyncio.run(told())


async def until(pilot: Pilot[None], condition: Callable[[], object], what: str) -> None:
    """Let the app work until the condition holds."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"{what}\n{shown(pilot)}"
        await asyncio.sleep(0.02)  # and not pilot.pause, which waits for ever for a widget that has died


def shown(pilot: Pilot[None]) -> str:
    """What the terminal shows, as text."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)


async def see(pilot: Pilot[None], text: str) -> None:
    """Wait until that text is on the screen."""
    await until(pilot, lambda: text in shown(pilot), f"{text!r} is not on the screen")


def watch(pilot: Pilot[None]) -> StillWatch:
    """What the app watches."""
    app = pilot.app
    assert isinstance(app, LazyCeleryApp)
    assert isinstance(app.watched, StillWatch)
    return app.watched


def frame(pilot: Pilot[None]) -> Any:
    """The main screen."""
    assert isinstance(pilot.app, LazyCeleryApp)
    return pilot.app.main


def failures_of(pilot: Pilot[None]) -> int:
    """How often the broken plugin has failed."""
    return watch(pilot).plugins.health.counts["chaos"]


def fails(pilot: Pilot[None], times: int) -> bool:
    """Whether the broken plugin has failed that often."""
    return failures_of(pilot) >= times


# --- the picture ------------------------------------------------------------------------------------------------------


def test_panes_stand_in_their_boxes_with_header_status_and_keys() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await see(pilot, "this is worker-1")
        lines = shown(pilot).splitlines()
        assert lines[0].startswith(" LazyCelery prod")
        assert lines[0].endswith("[T]asks  [?]")
        assert lines[2].startswith("╭─ 1 Workers ──")
        assert lines[2].find("╭─ 2 Details ──") == 36
        assert lines[2].endswith(" about │ config ─╮")
        assert lines[12].find("┏━ 3 Events ━") == 36
        assert "READ-ONLY" in lines[34]
        assert lines[35].endswith("? help")
        assert len(lines) == 36

    play(app_of(), story)


def test_the_first_frame_needs_no_plugin_and_says_what_it_waits_for() -> None:
    gate = threading.Event()
    inner = screen_of(PANES, a_snapshot(name="prod"))

    def slow() -> Any:
        gate.wait(PATIENCE)
        return inner._load()

    app = LazyCeleryApp(slow, UISettings(), "prod", Path("/nonexistent"))

    async def told() -> None:
        async with app.run_test(size=(120, 36)) as pilot:
            await see(pilot, "Starting prod")
            assert "LazyCelery prod" in shown(pilot)
            gate.set()
            await see(pilot, "1 Workers")

    asyncio.run(told())


def test_nothing_heavy_is_loaded_for_the_first_frame() -> None:
    code = "import lazycelery_core.app, sys; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"numpy", "celery", "kombu", "redis", "amqp", "zstandard"} & set(loaded) == set()


def test_what_keeps_the_app_from_starting_ends_it_with_its_exit_code() -> None:
    def refused() -> Any:
        raise SourceError("No broker at redis://cache:6379/0.", "Is it running?")

    app = LazyCeleryApp(refused, UISettings(), "prod", Path("/nonexistent"))

    async def told() -> None:
        async with app.run_test() as pilot:
            await until(pilot, lambda: app.failure is not None, "the failure")

    asyncio.run(told())
    assert app.return_code == SourceError.exit_code


def test_new_data_is_drawn_without_being_asked_for() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await see(pilot, "worker-5")
        watch(pilot).deployment.change(workers=workers([*NAMES, "worker-9"]))
        await see(pilot, "worker-9")

    play(app_of(), story)


def test_empty_tables_do_not_keep_each_other_busy() -> None:
    asked = list[str]()

    class Counting(Workers):
        """A table that counts how often it is asked."""

        def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
            """Nothing."""
            asked.append(self.id)
            return Rows((), 0)

    class Other(Counting):
        """Another one."""

        id = "overview.other"

    async def story(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(asked) >= 2, "both tables asked")
        watch(pilot).deployment.change()
        await asyncio.sleep(1.0)  # of idling: nothing to wait for can be named
        assert len(asked) < 20

    play(screen_of([Counting(), Other()], a_snapshot()), story)


# --- moving about -----------------------------------------------------------------------------------------------------


def test_digits_tab_and_letters_move_the_focus() -> None:
    async def story(pilot: Pilot[None]) -> None:
        seen = []
        for key in ("1", "tab", "tab", "tab", "l", "h", "2", "shift+tab"):
            await pilot.press(key)
            seen.append(frame(pilot).state.focused.removeprefix("overview."))
        assert seen == ["workers", "details", "events", "workers", "details", "workers", "details", "workers"]
        await see(pilot, "┏━ 1 Workers ━")

    play(app_of(), story)


def test_the_details_follow_the_cursor_of_their_table() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await pilot.press("1", "j", "j")
        await see(pilot, "this is worker-3")
        await pilot.press("G")
        await see(pilot, "this is worker-5")
        await pilot.press("g", "g")
        await see(pilot, "this is worker-1")

    play(app_of(), story)


def test_keys_of_a_sequence_are_shown_and_escape_forgets_them() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await pilot.press("g")
        await see(pilot, "g …")
        await pilot.press("escape")
        await until(pilot, lambda: "g …" not in shown(pilot), "the end of the sequence")

    play(app_of(), story)


def test_enter_focuses_the_details_beside_and_brackets_turn_tabs() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await see(pilot, "this is worker-1")
        await pilot.press("1", "enter")
        await see(pilot, "┏━ 2 Details ━")
        await pilot.press("right_square_bracket")
        await see(pilot, "config of worker-1")
        await pilot.press("left_square_bracket", "j")
        await until(pilot, lambda: "this is worker-1" not in shown(pilot), "scrolled details")

    play(app_of(), story)


def test_enter_fills_the_screen_with_details_where_none_are_beside_and_escape_comes_back() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await pilot.press("W")
        await see(pilot, "All workers")
        await until(pilot, lambda: frame(pilot).targets(), "a row under the cursor")
        await pilot.press("j", "enter")
        await see(pilot, CRUMBS.format("Workers", "worker-2"))
        await see(pilot, "this is worker-2")
        watch(pilot).deployment.change(workers=[replace(worker, pid=1) for worker in workers()])
        await pilot.press("escape")
        await see(pilot, "All workers")
        assert frame(pilot).state.crumbs() == ["Workers"]

    play(app_of(), story)


def test_view_keys_open_views_and_the_accent_goes_back_to_the_last_one() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await pilot.press("W")
        await see(pilot, "1 All workers")
        await pilot.press("grave_accent")
        await see(pilot, "3 Events")
        await pilot.press("grave_accent")
        await see(pilot, "1 All workers")

    play(app_of(), story)


def test_zoom_fills_the_screen_and_escape_gives_it_back() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await pilot.press("1", "z")
        await until(pilot, lambda: "Events" not in shown(pilot), "only the zoomed pane")
        assert shown(pilot).splitlines()[2].startswith("┏━ 1 Workers ━")
        await pilot.press("escape")
        await see(pilot, "3 Events")

    play(app_of(), story)


def test_an_actions_outcome_opens_a_view_with_filter_and_cursor() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await see(pilot, "this is worker-1")
        frame(pilot).going.follow(Go("workers", select="worker-4"))
        await see(pilot, CRUMBS.format("Overview", "worker-4"))
        await until(pilot, lambda: [each.hostname for each in frame(pilot).targets()] == ["worker-4"], "the cursor")
        frame(pilot).going.follow(Go("workers", filter="worker-2"))
        await see(pilot, "5 → 1 shown")
        await pilot.press("escape")
        await until(pilot, lambda: "→" not in shown(pilot), "no filter")
        await pilot.press("escape")
        await pilot.press("escape")
        await see(pilot, "this is worker-1")

    play(app_of(), story)


# --- tables -----------------------------------------------------------------------------------------------------------


def test_space_marks_and_goes_on_and_escape_clears_the_marks() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await see(pilot, "worker-1")
        await pilot.press("1", "space", "space")
        await see(pilot, "2 marked")
        assert [worker.hostname for worker in frame(pilot).targets()] == ["worker-1", "worker-2"]
        await pilot.press("escape")
        await until(pilot, lambda: "marked" not in shown(pilot), "no marks")

    play(app_of(), story)


def test_sorting_asks_for_another_order() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await pilot.press("1", "s")
        await see(pilot, "name▲")
        await pilot.press("o")
        await see(pilot, "name▼")
        lines = shown(pilot).splitlines()
        await until(pilot, lambda: "worker-5" in shown(pilot).splitlines()[4], f"reversed rows {lines[3:9]}")

    play(app_of(), story)


def test_a_feed_holds_still_under_the_cursor_and_counts_what_came() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await see(pilot, "F following")
        await pilot.press("j")
        await see(pilot, "not following (F)")
        watch(pilot).deployment.change()
        watch(pilot).deployment.change()
        await see(pilot, "2 new")
        assert "event 5" not in shown(pilot)
        await pilot.press("F")
        await see(pilot, "event 5")

    play(app_of(), story)


def test_pause_freezes_the_picture_and_counts_events() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await see(pilot, "worker-5")
        await pilot.press("p")
        await see(pilot, "‖ PAUSED +0")
        deployment = watch(pilot).deployment
        deployment.change(workers=workers(["late"]), totals=replace(deployment.shown.totals, events=231))
        await see(pilot, "PAUSED +231")
        assert "late" not in shown(pilot)
        await pilot.press("p")
        await see(pilot, "late")

    play(app_of(), story)


def test_the_clock_cycles_through_utc_local_and_ago() -> None:
    async def story(pilot: Pilot[None]) -> None:
        for ending in ("local", "UTC, ago", "UTC"):
            await pilot.press("u")
            await see(pilot, ending)

    play(app_of(), story)


# --- sizes ------------------------------------------------------------------------------------------------------------


def test_a_small_terminal_shows_one_pane_and_a_line_for_the_others() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await see(pilot, "┏━ 3 Events ━")
        await see(pilot, "1 Workers ●5")
        lines = shown(pilot).splitlines()
        assert "panes 1 2 3" in lines[1]
        assert lines[3].startswith("┏━ 3 Events ━")
        await pilot.press("1")
        await see(pilot, "┏━ 1 Workers ━")
        await pilot.press("enter")
        await see(pilot, "this is worker-1")

    play(app_of(), story, size=(80, 24))


def test_a_terminal_that_is_too_small_says_so_and_recovers() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await pilot.resize_terminal(48, 12)
        await see(pilot, "Needs 60x16, have 48x12.")
        await pilot.resize_terminal(120, 36)
        await see(pilot, "1 Workers")
        await until(pilot, lambda: "Needs" not in shown(pilot), "no message")

    play(app_of(), story)


# --- the mouse --------------------------------------------------------------------------------------------------------


def test_a_click_focuses_a_pane_and_selects_its_row() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await see(pilot, "worker-4")
        await pilot.click(offset=(8, 6))
        await see(pilot, "┏━ 1 Workers ━")
        await see(pilot, "this is worker-3")

    play(app_of(), story)


def test_clicks_on_view_names_titles_and_tabs_do_what_keys_do() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await see(pilot, "this is worker-1")
        line_of_tabs = shown(pilot).splitlines()[2]
        await pilot.click(offset=(line_of_tabs.index("config") + 1, 2))
        await see(pilot, "config of worker-1")
        await pilot.click(offset=(7, 3))
        await see(pilot, "name▲")
        header = shown(pilot).splitlines()[0]
        await pilot.click(offset=(header.index("[W]orkers") + 3, 0))
        await see(pilot, "1 All workers")

    play(app_of(), story)


def test_a_double_click_opens_what_it_hits() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await pilot.press("W")
        await see(pilot, "worker-3")
        await pilot.click(offset=(8, 5), times=2)
        await see(pilot, CRUMBS.format("Workers", "worker-2"))

    play(app_of(), story)


# --- failures ---------------------------------------------------------------------------------------------------------


def test_a_broken_pane_tells_so_in_its_own_box_and_the_rest_lives() -> None:
    async def story(pilot: Pilot[None]) -> None:
        Chaos.broken, Chaos.draws = True, 0
        await pilot.press("T")
        await see(pilot, "ZeroDivisionError: of my own making")
        deployment = watch(pilot).deployment
        for failures in (2, 3):
            deployment.change()
            await until(pilot, partial(fails, pilot, failures), "a failure")
        await see(pilot, "switched off; r tries again")
        assert failures_of(pilot) == 3
        Chaos.broken = False
        await pilot.press("r")
        await see(pilot, "all is well")
        assert deployment.refreshes == 1
        await pilot.press("O")
        await see(pilot, "this is worker-1")

    play(app_of(), story)


def test_a_lost_broker_is_told_across_the_screen_and_the_picture_stays() -> None:
    lost = Link("events", "redis", LinkState.RETRYING, NOW - 9, "connection refused", next_try=NOW + 4)

    async def story(pilot: Pilot[None]) -> None:
        await see(pilot, "worker-5")
        watch(pilot).deployment.change(links=[lost])
        await see(pilot, "Broker lost 14:31:58 (connection refused).")
        assert shown(pilot).splitlines()[3].startswith("╭─ 1 Workers")
        assert "worker-5" in shown(pilot)
        watch(pilot).deployment.change(links=[replace(lost, state=LinkState.LIVE)])
        await until(pilot, lambda: shown(pilot).splitlines()[2].startswith("╭─ 1 Workers"), "the banner's end")

    play(app_of(), story)


def test_a_bug_in_a_widget_hides_it_and_is_reported(tmp_path: Path) -> None:
    async def story(pilot: Pilot[None]) -> None:
        await see(pilot, "worker-5")

        def fail() -> None:
            raise RuntimeError("redis://user:swordfish@cache/0")

        frame(pilot).keys.call_later(fail)
        await see(pilot, "A part of the screen failed")
        assert frame(pilot).is_running

    play(screen_of(PANES, a_snapshot(workers=workers()), TABS, folder=tmp_path), story)
    [report] = tmp_path.iterdir()
    assert "swordfish" not in report.read_text("utf-8")


def test_a_bug_in_the_screen_ends_the_app_with_a_report_and_no_traceback(tmp_path: Path) -> None:
    app = screen_of(PANES, a_snapshot(workers=workers()), TABS, folder=tmp_path)

    async def story(pilot: Pilot[None]) -> None:
        def fail() -> None:
            raise RuntimeError("a bug")

        app.main.call_later(fail)
        await until(pilot, lambda: app._exit or app.report is not None, "the report")

    with pytest.raises(RuntimeError, match="a bug"):
        play(app, story)
    assert app.report is not None
    assert app.return_code == 1


# --- what plugins and sources are told --------------------------------------------------------------------------------


def test_sources_are_told_which_view_and_records_are_looked_at() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await see(pilot, "this is worker-1")
        assert {"view:overview", "worker:worker-1"} <= watch(pilot).deployment.topics
        await pilot.press("1", "j")
        await until(pilot, lambda: "worker:worker-2" in watch(pilot).deployment.topics, "the topic of the row")

    play(app_of(), story)


def test_a_plugins_key_runs_its_action_on_the_targets() -> None:
    action = Action("worker.shout", "Shout", lambda control, targets: None, on="worker")
    app = screen_of(PANES, a_snapshot(workers=workers()), TABS, [action], keys={"worker.shout": "J"})
    ran: list[tuple[str, list[str]]] = []

    async def story(pilot: Pilot[None]) -> None:
        app.main.act = lambda command, targets: ran.append((command.name, [each.hostname for each in targets]))
        await see(pilot, "this is worker-1")
        await pilot.press("1", "j", "J")
        assert ran == [("worker.shout", ["worker-2"])]

    play(app, story)


def typed(pilot: Pilot[None]) -> str:
    prompt = frame(pilot).typing
    return prompt.editor.text if prompt is not None else ""


def test_every_key_after_the_one_that_opens_a_prompt_is_typed_into_it() -> None:
    async def story(pilot: Pilot[None]) -> None:
        await see(pilot, "worker-1")
        for key in ("f", "W", "q"):  # at once: nothing waits for anything
            pilot.app.post_message(events.Key(key, key))
        await until(pilot, lambda: typed(pilot) == "Wq", "what was typed")
        await pilot.press("escape")
        await see(pilot, "Overview")

    play(app_of(), story)
