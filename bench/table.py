"""T8, T12: what does a long list cost to draw, to change and to move in, against Textual's DataTable?

Both in a 120x40 terminal that takes all bytes and draws nothing, in processes of their own. Ours is the list of the
Tasks view on the real screen over a real store; beside it a DataTable with the same columns. A tick changes five cells
of each of the 40 rows in view, ten times a second. CPU time of the whole process, less that of doing nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

from measure import Measure
from size import Size
from turns import Figures, median, serve, turn

SMALL, NOW = 10_000, 1_795_400_000.0
COLUMNS, ROWS, CHANGED = 120, 40, 40
TICKS, MOVES, PAGES = 40, 30, 15
SETTLE = 0.06  # s after a frame in which what follows from it is done
PATIENCE = 60.0  # s


def run(size: Size) -> list[Measure]:
    """A tick, a page, a step, the first picture."""
    sizes = sorted({SMALL, size.peer_tasks})
    turns: list[dict[int, Figures]] = []
    peer_turns: list[dict[int, Figures]] = []
    for number in range(size.rounds):
        turns.append({rows: turn("table.py", "ours", rows=rows) for rows in sorted({*sizes, size.tasks})})
        once = sizes if number == size.rounds // 2 else [SMALL]  # a DataTable with many rows takes a minute
        peer_turns.append({rows: turn("table.py", "datatable", rows=rows) for rows in once})
    ours, peers = _medians(turns), _medians(peer_turns)
    small, peer = ours[SMALL], peers[SMALL]
    ticks = [
        Measure(
            f"T8 tick of 200 cells, {rows:,} rows", ours[rows]["tick_ms"], peers[rows]["tick_ms"], "ms",
            "ratio <= 1/8" if rows == SMALL else "ratio <= 1/30", "CPU; Textual's DataTable",
        )
        for rows in sizes
    ]  # fmt: skip
    return [
        *ticks,
        Measure(
            f"T8 tick at {size.tasks:,} rows", ours[size.tasks]["tick_ms"], small["tick_ms"], "ms", "ratio <= 1.1",
            f"peer: ours at {SMALL:,} rows",
        ),
        Measure(
            "T8 page down", small["page_ms"], peer["page_ms"], "ms", "ratio <= 1/4",
            f"CPU; DataTable, {SMALL:,} rows; {small['page_bytes']:,.0f} against {peer['page_bytes']:,.0f} B",
        ),
        Measure(
            f"T8 first picture of {size.tasks:,} rows", ours[size.tasks]["first_ms"], small["first_ms"], "ms",
            "ratio <= 1.1",
            f"peer: ours at {SMALL:,} rows; DataTable takes {peers[sizes[-1]]['first_ms'] / 1e3:.1f} s for "
            f"{sizes[-1]:,}",
        ),
        Measure(
            "T12 bytes of a cursor step", small["step_bytes"], peer["step_bytes"], "B", "ratio <= 1/2",
            f"DataTable; CPU {small['step_ms']:.1f} against {peer['step_ms']:.1f} ms",
        ),
    ]  # fmt: skip


def _medians(turns: list[dict[int, Figures]]) -> dict[int, Figures]:
    """The median of each figure, over those turns that had that size."""
    found: dict[int, list[Figures]] = {}
    for each in turns:
        for rows, figures in each.items():
            found.setdefault(rows, []).append(figures)
    return {rows: {name: median(them, name) for name in them[0]} for rows, them in found.items()}


class Stage:
    """An app that runs in a terminal made for counting."""

    def __init__(self, app: Any) -> None:
        from textual.drivers.headless_driver import HeadlessDriver

        stage = self
        self.app, self.bytes, self.wrote = app, 0, asyncio.Event()

        class Counting(HeadlessDriver):
            """Has the whole frame made, and counts it."""

            @property
            def is_headless(self) -> bool:
                return False

            def write(self, data: str) -> None:
                stage.bytes += len(data.encode())
                stage.wrote.set()

        app.driver_class = Counting

    async def play(self, story: Callable[["Stage"], Awaitable[Figures]]) -> Figures:
        """What the story returns, told once the app is up."""
        running = asyncio.create_task(self.app.run_async(size=(COLUMNS, ROWS), mouse=False))
        try:
            return await story(self)
        finally:
            self.app.exit()
            await running

    async def cost(self, act: Callable[[], object]) -> tuple[float, int]:
        """(CPU ms, bytes) of what follows from an act, until a while after the first frame."""
        self.wrote.clear()
        began, before = time.process_time(), self.bytes
        act()
        await asyncio.wait_for(self.wrote.wait(), PATIENCE)
        await asyncio.sleep(SETTLE)
        return 1e3 * (time.process_time() - began), self.bytes - before

    async def costs(self, times: int, act: Callable[[int], object]) -> tuple[float, float]:
        """Medians of (CPU ms, bytes) of so many acts, less what doing nothing costs meanwhile."""
        found = [await self.cost(lambda number=number: act(number)) for number in range(times)]  # type: ignore[misc]
        idle = []
        for _ in range(5):
            began = time.process_time()
            await asyncio.sleep(SETTLE)
            idle.append(1e3 * (time.process_time() - began))
        spent = sorted(each[0] for each in found)[times // 2] - sorted(idle)[2]
        return spent, sorted(each[1] for each in found)[times // 2]

    def press(self, key: str) -> None:
        """Press a key."""
        from textual import events

        self.app.post_message(events.Key(key, None))

    async def moved(self, tick: Callable[[int], object], first_ms: float) -> Figures:
        """Ticks, steps and pages; all figures."""
        tick_ms, tick_bytes = await self.costs(TICKS, tick)
        step_ms, step_bytes = await self.costs(MOVES, lambda _: self.press("down"))
        page_ms, page_bytes = await self.costs(PAGES, lambda _: self.press("pagedown"))
        return {"first_ms": first_ms, "tick_ms": tick_ms, "tick_bytes": tick_bytes, "step_ms": step_ms,
                "step_bytes": step_bytes, "page_ms": page_ms, "page_bytes": page_bytes}  # fmt: skip


def ours(rows: int) -> Figures:
    """The Tasks view with so many tasks."""
    from lazycelery_core.testing.builders import a_snapshot
    from lazycelery_core.testing.screen import screen_of
    from lazycelery_plugin_tasks.pane import TaskList

    store, ids = _filled(rows)
    app = screen_of([TaskList()], replace(a_snapshot(now=NOW), tasks=store.tasks(NOW)))

    def tick(number: int) -> None:
        now = NOW + 10 + number / 10
        store.apply([event for task_id in ids for event in _changes(task_id, number, now)], now)
        app.watched.deployment.change(tasks=store.tasks(now), now=now)  # type: ignore[union-attr]
        app._pace.pressed(time.monotonic())  # noqa: SLF001 - ten pictures a second, as while keys are pressed

    async def story(stage: Stage) -> Figures:
        began = time.process_time()
        while app.watched is None or app.main.snapshot is None or _table(app).rows is None:
            await asyncio.sleep(0.005)
        first = 1e3 * (time.process_time() - began)
        await asyncio.sleep(1)
        return await stage.moved(tick, first)

    return asyncio.run(Stage(app).play(story))


def _table(app: Any) -> Any:
    return app.main.stage.focused().table


def _filled(rows: int) -> tuple[Any, list[str]]:
    """A store with so many tasks, and the ids of the newest."""
    from query import _events

    from lazycelery_core.store import Limits, Store

    store = Store(Limits(tasks=2 * rows), str, NOW - 1000)
    for batch in _events(rows):
        store.apply(batch, batch[-1].timestamp)
    view = store.tasks(NOW)
    return store, [view.row(view.held - 1 - number).id for number in range(CHANGED)]  # type: ignore[union-attr]


def _changes(task_id: str, number: int, now: float) -> Iterator[Any]:
    """The next attempt, at another worker: state, worker, time received, waiting time and exception become others."""
    from lazycelery_core.events import WireEvent

    before, host = (f"w{each % 64}@node-{each % 64:02}" for each in (number, number + 1))
    yield WireEvent("task-retried", now, before, task_id, exception=f"TimeoutError('{number}')")
    yield WireEvent("task-received", now + 0.01, host, task_id, name="shop.orders.again", retries=number + 1)
    if number % 2:
        yield WireEvent("task-started", now + 0.02, host, task_id)


def datatable(rows: int) -> Figures:
    """A DataTable with so many rows of the same kind."""
    from textual.app import App, ComposeResult
    from textual.widgets import DataTable

    store, _ = _filled(rows)
    view = store.tasks(NOW)
    columns = ("id", "task", "state", "worker", "received", "wait", "runtime", "exception")
    began = 0.0

    class Peer(App[None]):
        ENABLE_COMMAND_PALETTE = False

        def compose(self) -> ComposeResult:
            yield DataTable(cursor_type="row")

        def on_mount(self) -> None:
            table = self.query_one(DataTable)
            for name in columns:
                table.add_column(name, key=name)
            for task in view:
                table.add_row(
                    task.id[:6], task.name, task.state.name, task.worker, f"{task.received:.1f}", "0.0 s",
                    "" if task.runtime is None else f"{task.runtime:.2f} s", task.exception, key=task.id,
                )  # fmt: skip
            table.focus()

    app = Peer()
    del store

    def tick(number: int) -> None:
        table = app.query_one(DataTable)
        for row in [row.key for row in table.ordered_rows[:CHANGED]]:
            for column in ("state", "worker", "received", "wait", "runtime"):
                table.update_cell(row, column, f"{column} {number % 10}")

    async def story(stage: Stage) -> Figures:
        while not app.is_running or not app.query(DataTable) or not app.query_one(DataTable).row_count:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        await asyncio.wait_for(stage.wrote.wait(), PATIENCE)
        first = 1e3 * (time.process_time() - began)
        await asyncio.sleep(1)
        return await stage.moved(tick, first)

    began = time.process_time()
    return asyncio.run(Stage(app).play(story))


if __name__ == "__main__":
    serve({"ours": ours, "datatable": datatable})
