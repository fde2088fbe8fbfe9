"""Is what a key changes drawn before anything else gets its turn, and never where a pane stood before?"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from textual import events
from textual.pilot import Pilot

from lazycelery_core.model import Worker, WorkerState
from lazycelery_core.pane import OVERVIEW, Column, DrawContext, Rows, TablePane, line
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.testing.builders import a_snapshot
from lazycelery_core.testing.screen import screen_of

PATIENCE = 20.0  # s
WORKERS = tuple(Worker(f"worker-{number}", WorkerState.ONLINE) for number in range(5))


class Workers(TablePane):
    """Five rows."""

    id = "overview.workers"
    view = OVERVIEW
    title = "Workers"
    on = "worker"
    columns = (Column("name", "name", lambda worker, _: line(worker.hostname), 12),)

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """All of them."""
        return Rows(WORKERS, len(WORKERS))

    def key(self, item: Any) -> str:
        """The name."""
        return str(item.hostname)


class Others(Workers):
    """Another table of the view."""

    id = "overview.others"
    title = "Others"


def play(story: Callable[[Pilot[None], list[int]], Awaitable[None]]) -> None:
    """Run the app headless; the story gets a list of the frames that were drawn."""
    app: Any = screen_of([Workers(), Others()], a_snapshot())

    async def told() -> None:
        async with app.run_test(size=(120, 36)) as pilot:
            end = asyncio.get_running_loop().time() + PATIENCE
            while app.watched is None or app.main.snapshot is None or not settled(app.main):
                assert asyncio.get_running_loop().time() < end
                await asyncio.sleep(0.02)
            drawn: list[int] = []
            draw = app.main._compositor_refresh

            def noted() -> None:
                drawn.append(len(app.main._compositor._dirty_regions))
                draw()

            app.main._compositor_refresh = noted
            await story(pilot, drawn)

    asyncio.run(told())


def settled(main: Any) -> bool:
    """Whether both tables have their rows, and stand in their boxes."""
    shown = main.stage.shown()
    has_rows = all(widget.table.rows is not None for widget in shown)
    waits = main._layout_required or main._repaint_required
    return len(shown) == 2 and has_rows and main.stage.stands(shown) and not waits


def press(pilot: Pilot[None], key: str) -> None:
    """Press a key, without a turn for anything else."""
    app: Any = pilot.app
    app._keyboard.press(events.Key(key, key))


def test_a_step_of_the_cursor_is_on_the_terminal_before_the_key_has_had_its_turn() -> None:
    async def story(pilot: Pilot[None], drawn: list[int]) -> None:
        press(pilot, "j")
        assert len(drawn) == 1
        assert drawn[0] > 0

    play(story)


def test_a_key_that_changes_nothing_draws_nothing() -> None:
    async def story(pilot: Pilot[None], drawn: list[int]) -> None:
        press(pilot, "k")
        press(pilot, "f12")
        assert drawn == []

    play(story)


def test_panes_that_get_other_boxes_wait_for_them() -> None:
    async def story(pilot: Pilot[None], drawn: list[int]) -> None:
        press(pilot, "z")
        assert drawn == []
        end = asyncio.get_running_loop().time() + PATIENCE
        while "Others" in shown(pilot):
            assert asyncio.get_running_loop().time() < end
            await asyncio.sleep(0.02)

    play(story)


def panes(pilot: Pilot[None]) -> Any:
    """The widgets of the panes on the screen."""
    app: Any = pilot.app
    return app.main.stage.shown()


def shown(pilot: Pilot[None]) -> str:
    """What the terminal shows, as text."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)
