"""Does a plugin that misbehaves on the screen or behind it cost only its own part, and is it named?

The app on a real broker with all standard plugins and one that is installed to break; what fails when it is loaded is
tried in test_hostile_plugins.py. Names of cases are those of data/hostile_plugins.jsonl where one stands for them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from lazycelery_core.app import LazyCeleryApp
from lazycelery_core.config import loads
from lazycelery_core.launcher import Launcher, Options, Watch
from lazycelery_core.model import LinkState
from lazycelery_core.plugins import LOAD_PATIENCE
from lazycelery_core.testing.site import Site

PATIENCE = 60.0  # s; plugins and a broker are started in it, on a busy machine too


PANES = """
import threading
from lazycelery_core.action import Action
from lazycelery_core.arranging import arranged
from lazycelery_core.hookspecs import hookimpl
from lazycelery_core.pane import CanvasPane, Column, DetailPane, DetailTab, Rows, Slot, TablePane, View, line
VIEW = View("bad", "Bad", "X", 60)
def fail(*args):
    raise ValueError("no luck")
class Good(CanvasPane):
    id, view, title, slot = "bad.good", VIEW, "Good", Slot(row=0, height=5)
    def draw(self, canvas, context):
        canvas.put(0, 0, "all is well")
class Bad(TablePane):
    id, view, title, on, slot = "bad.list", VIEW, "Bad", "queue", Slot(row=1, main=True)
    columns = (Column("name", "name", lambda item, context: line(item), 20),)
    def rows(self, snapshot, query, context):
        return Rows(["a", "b"], 2, 2)
    def key(self, item):
        return item
class Canvas(CanvasPane):
    id, view, title, slot = "bad.list", VIEW, "Bad", Slot(row=1, main=True)
    def draw(self, canvas, context):
        fail()
class Detail(DetailPane):
    id, view, title, on, of, slot = "bad.detail", VIEW, "Detail", "queue", "bad.list", Slot(row=2)
class Tab(DetailTab):
    on, id, title = "queue", "tab", "tab"
    def lines(self, item, context):
        fail()
@hookimpl
def lazycelery_panes(settings):
    return [Good(), *BAD]
"""
# What a widget's compose, mount, timer, render and worker are elsewhere, a pane's own functions are here.
DRAWN = {
    "compose-raises": "BAD = [Canvas()]",
    "mount-raises": "Bad.heading = fail; BAD = [Bad()]",
    "timer-raises": "Bad.rows = fail; BAD = [Bad()]",
    "render-raises": "Bad.columns = (Column('name', 'name', fail, 20),); BAD = [Bad()]",
    "a record's key": "Bad.key = fail; BAD = [Bad()]",
    "the summary and the info": "Bad.summary = fail; Bad.info = fail; BAD = [Bad()]",
    "no rows at all": "Bad.rows = lambda self, *rest: None; BAD = [Bad()]",
    "no lines but a number": "Bad.columns = (Column('name', 'name', lambda item, _: 7, 20),); BAD = [Bad()]",
    "a tab": "BAD = [Bad(), Detail(), Tab()]",
    "whether a tab applies": "Tab.applies = fail; BAD = [Bad(), Detail(), Tab()]",
}
Story = Callable[["Running"], Awaitable[None]]


class Running:
    """The app with a pilot."""

    def __init__(self, app: LazyCeleryApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    def shown(self) -> str:
        """What the terminal shows."""
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until the condition holds; never by `pilot.pause`, which hangs on a widget that has died."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while not condition():
            assert self.app.report is None, self.app.report.read_text()
            assert asyncio.get_running_loop().time() < end, f"{what}\n{self.shown()}"
            await asyncio.sleep(0.02)

    async def see(self, text: str) -> None:
        """Wait until that text is on the screen."""
        await self.until(lambda: text in self.shown(), f"{text!r} is not on the screen")


def play(url: str, reports: Path, story: Story) -> LazyCeleryApp:
    """Run the app on a real broker with everything that is installed until the story is told."""
    launcher = Launcher(loads(""), Options())
    connection = launcher.connect(url)
    app = LazyCeleryApp(
        lambda: launcher.watch(connection, LOAD_PATIENCE), launcher.settings.ui, connection.name, reports
    )

    async def told() -> None:
        async with app.run_test(size=(120, 36)) as pilot:
            running = Running(app, pilot)
            await running.until(lambda: app.watched is not None and app.main.snapshot is not None, "a first picture")
            await story(running)

    try:
        asyncio.run(told())
    finally:
        if app.watched is not None:
            app.watched.stop()
    return app


@contextmanager
def blocking(folder: Path) -> Iterator[Path]:
    """A file that blocked plugins wait for, made at the end in any case: their threads must not outlive the test."""
    gate = folder / "gate"
    try:
        yield gate
    finally:
        gate.touch()


@pytest.mark.parametrize("case", DRAWN)
def test_a_broken_pane_is_a_card_in_its_own_box_and_the_rest_works(
    site: Site, case: str, broker_url: str, tmp_path: Path
) -> None:
    site.install("bad", PANES + DRAWN[case])

    async def story(running: Running) -> None:
        await running.pilot.press("X")
        await running.see("all is well")
        await running.see("This pane failed to draw." if case != "the summary and the info" else "Bad")
        await running.see("of plugin bad")
        await running.pilot.press("O")
        await running.see("Workers")

    app = play(broker_url, tmp_path, story)
    assert (app.report, app.return_code) == (None, None)


def test_a_pane_that_goes_on_failing_is_switched_off_until_it_is_asked_for_again(
    site: Site, broker_url: str, tmp_path: Path
) -> None:
    site.install("bad", PANES + DRAWN["timer-raises"])

    async def story(running: Running) -> None:
        await running.pilot.press("X")
        await running.see("It is switched off; r tries again.")
        assert isinstance(running.app.watched, Watch)
        counts = running.app.watched.plugins.health.counts
        before = counts["bad"]
        await running.pilot.press("r")
        await running.until(lambda: counts["bad"] == before + 3, "three more failures")

    play(broker_url, tmp_path, story)


def test_a_slow_import_does_not_hold_up_the_screen_and_its_view_appears_when_it_is_there(
    site: Site, broker_url: str, tmp_path: Path
) -> None:
    with blocking(tmp_path) as gate:
        wait = f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists():\n    time.sleep(0.02)\n"
        site.install("bad", wait + PANES + "BAD = []")

        async def story(running: Running) -> None:
            await running.see("Queues")
            assert "Bad" not in running.shown()
            gate.touch()
            await running.see("Bad")
            await running.pilot.press("X")
            await running.see("all is well")

        play(broker_url, tmp_path, story)


def test_a_pane_that_blocks_is_named_while_it_blocks_and_holds_up_nobody(
    site: Site, broker_url: str, tmp_path: Path
) -> None:
    """handler-blocks: nothing of a plugin handles messages; reading rows is what may take long."""
    with blocking(tmp_path) as gate:
        site.install(
            "bad",
            PANES
            + f"""
import pathlib
def block(*args):
    while not pathlib.Path({str(gate)!r}).exists():
        threading.Event().wait(0.02)
Bad.rows = block
BAD = [Bad()]
""",
        )

        async def story(running: Running) -> None:
            await running.pilot.press("X")
            await running.see("plugin bad has been reading for")
            await running.see("all is well")
            await running.pilot.press("W")
            await running.see("No worker seen since")

        play(broker_url, tmp_path, story)


SOURCE = """
from lazycelery_core.hookspecs import hookimpl
from lazycelery_core.projection import Projection
from lazycelery_core.source import Source
def fail(*args):
    raise ValueError("no luck")
class Bad(Source):
    name = "bad"
    def open(self): pass
    def read(self, timeout):
        import threading
        threading.Event().wait(timeout)
        return []
    def close(self): pass
class Sum(Projection):
    name = "bad.sum"
    def apply(self, events, now): pass
    def view(self): return 1
@hookimpl
def lazycelery_sources(connection, settings):
    return [Bad()]
@hookimpl
def lazycelery_projections(settings):
    return [Sum()]
"""
BEHIND = {
    "worker-raises": "Bad.read = fail",
    "opening raises": "Bad.open = fail",
    "closing raises too": "Bad.read = fail; Bad.close = fail",
    "what it can do raises": "Bad.abilities = fail",
    "its latency raises": "Bad.latency = fail",
    "what it rejected raises": "Bad.rejected = fail",
    "its silence raises": "Bad.silence = fail; Bad.read = fail",
    "being told what is shown raises": "Bad.focus = fail",
    "being asked for fresh numbers raises": "Bad.refresh = fail",
    "being bound raises": "Bad.bind = fail",
    "it delivers what is no event": "Bad.read = lambda self, timeout: [42, None]",
    "a projection raises": "Sum.apply = fail",
    "the view of a projection raises": "Sum.view = fail",
}


def heard(watched: Watch) -> bool:
    """Whether the standard plugins' stream of events is alive."""
    links = [link for link in watched.deployment.links() if link.plugin == "redis"]
    return any(link.state in (LinkState.LIVE, LinkState.SLOW) for link in links)


@pytest.mark.parametrize("case", BEHIND)
def test_what_a_plugin_does_behind_the_screen_costs_only_its_own_part(
    site: Site, case: str, broker_url: str, tmp_path: Path
) -> None:
    site.install("bad", SOURCE + BEHIND[case])

    async def story(running: Running) -> None:
        await running.pilot.press("W", "f5")
        await running.see("No worker seen since")
        watched = running.app.watched
        assert watched is not None
        assert isinstance(watched, Watch)
        await running.until(lambda: heard(watched), "events of the standard plugins")
        if case != "it delivers what is no event":
            await running.until(lambda: watched.plugins.health.counts.get("bad"), "an incident of the plugin")

    app = play(broker_url, tmp_path, story)
    assert (app.report, app.return_code) == (None, None)


DOING = """
from lazycelery_core.action import Action, Go
from lazycelery_core.errors import LazyCeleryError
from lazycelery_core.hookspecs import hookimpl
def fail(*args):
    raise ValueError("no luck")
def fine(control, targets): return None
@hookimpl
def lazycelery_actions(settings):
    return [ACTION]
@hookimpl
def lazycelery_keybindings(settings):
    return {"bad.verb": "X"}
"""


@pytest.mark.parametrize(
    "action, told",
    [
        ('Action("bad.verb", "do it", fail)', "it failed in plugin bad: ValueError."),
        ('Action("bad.verb", "do it", fine, available=fail)', "plugin bad failed"),
        ('Action("bad.verb", "do it", lambda control, targets: Go("nowhere"))', "nowhere"),
    ],
)
def test_an_action_that_fails_says_so_and_nothing_else_happens(
    site: Site, action: str, told: str, broker_url: str, tmp_path: Path
) -> None:
    site.install("bad", DOING + f"ACTION = {action}")

    async def story(running: Running) -> None:
        await running.pilot.press("X")
        await running.see(told)

    app = play(broker_url, tmp_path, story)
    assert (app.report, app.return_code) == (None, None)
