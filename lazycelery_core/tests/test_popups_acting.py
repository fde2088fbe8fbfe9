"""Do menu, help, the list of next keys and the confirmation of writes do what they say? Driven by Textual's pilot.

Writes go the real road: policy, preview, audit file, effect, "requested".
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lazycelery_core.action import Action, Copy, Go, Outcome, Policy, Risk, Sent
from lazycelery_core.app import LazyCeleryApp
from lazycelery_core.control import Control, Controls, Level, NodeReply
from lazycelery_core.errors import ActionError
from lazycelery_core.model import Worker
from lazycelery_core.pane import WORKERS, Column, DetailTab, DrawContext, Line, Rows, Slot, TablePane, line
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.testing.builders import a_snapshot, a_worker
from lazycelery_core.testing.fakes import FakeWorkers
from lazycelery_core.testing.playing import Game, play
from lazycelery_core.testing.screen import screen_of

GRANTED = Policy(Level.GRANTED, frozenset({"events"}))
NAMES = ["w1@testing", "w2@testing", "w3@testing"]


class Workers(TablePane):
    """All workers."""

    id, view, title, on = "workers.list", WORKERS, "Workers", "worker"
    slot = Slot(main=True)
    columns = (
        Column("name", "name", lambda worker, _: line(worker.hostname), 20, value=lambda worker: worker.hostname),
        Column("active", "active", lambda worker, _: line(str(worker.active)), 6, value=lambda worker: worker.active),
    )

    def rows(self, snapshot: Snapshot, query: RowQuery, context: DrawContext) -> Rows:
        """All of them."""
        return Rows(list(snapshot.workers), len(snapshot.workers), len(snapshot.workers))

    def key(self, item: Any) -> str:
        """The hostname."""
        return str(item.hostname)


class About(DetailTab):
    """A tab."""

    on, id, title = "worker", "about", "about"

    def lines(self, item: Any, context: DrawContext) -> list[Line]:
        """Its name."""
        return [line(f"all about {item.hostname}")]


def send(control: Control, workers: Sequence[Worker]) -> Outcome:
    """Switch events on."""
    controls = control.get(Controls)
    assert controls is not None
    replies = controls.control("enable_events", {}, [worker.hostname for worker in workers])
    return Sent([NodeReply(node.hostname, "ok", node.error) for node in replies.nodes])


def fail(control: Control, workers: Sequence[Worker]) -> Outcome:
    """What a broker that is gone looks like."""
    raise ActionError("no worker answered in 2 s", "Are they busy?")


def crash(control: Control, workers: Sequence[Worker]) -> Outcome:
    """A bug."""
    raise ZeroDivisionError


def is_on(snapshot: Snapshot, worker: Worker) -> bool:
    """Whether events flow."""
    found = snapshot.worker(worker.hostname)
    return found is not None and found.task_events is True


def action(verb: str, label: str, run: Callable[[Control, Sequence[Any]], Outcome], **fields: Any) -> Action:
    """An action on workers."""
    return Action(f"worker.{verb}", label, run, on="worker", **fields)


def busy(snapshot: Snapshot, workers: Sequence[Worker]) -> Sequence[Line]:
    """How much runs there."""
    return [line(f"Stops  {sum(worker.active or 0 for worker in workers)} tasks")]


WRITES = {"scope": "events", "proved": is_on}
ACTIONS = [
    action("tasks", "Tasks of this worker", lambda control, workers: Go("workers", filter="state:online")),
    action(
        "twin", "Its twin", lambda control, workers: Go("workers"), available=lambda snapshot, workers: "it has none"
    ),
    action("copy_name", "Copy node name", lambda control, workers: Copy(workers[0].hostname, "node name")),
    action("broken", "Broken", crash, plugin="mine"),
    action("queues", "Its queues", lambda control, workers: Go("workers")),
    action("on", "Events on…", send, risk=Risk.REVERSIBLE, **WRITES),
    action("stop", "Stop…", send, risk=Risk.TARGET, preview=busy, **WRITES),
    action("kill", "Kill…", send, risk=Risk.MANY, preview=busy, **WRITES),
    action("fail", "Fail…", fail, risk=Risk.REVERSIBLE, scope="events"),
    action("admin", "Shut down…", send, risk=Risk.MANY),
]
KEYS = {"worker.on": "e", "worker.stop": "x", "worker.kill": "X", "worker.fail": "b", "worker.queues": "g q",
        "worker.tasks": "t"}  # fmt: skip


@pytest.fixture
def workers() -> FakeWorkers:
    """Workers that note what they are sent."""
    return FakeWorkers(hostnames=NAMES)


def app_of(workers: FakeWorkers, folder: Path, policy: Policy = GRANTED) -> LazyCeleryApp:
    """Three workers of which two run something, without task events."""
    known = [a_worker(name, task_events=False, active=index) for index, name in enumerate(NAMES)]
    shown = a_snapshot(workers=known, level=policy.badge)
    return screen_of(
        [Workers()], shown, [About()], ACTIONS, folder, keys=KEYS, control=Control((workers,)), policy=policy
    )


def sent_to(workers: FakeWorkers) -> list[Any]:
    """Whom commands were sent to."""
    return [asked.destination for asked in workers.sent]


# --- menu, help and the next key --------------------------------------------------------------------------------------


def test_the_menu_offers_what_can_be_done_and_says_why_not(workers: FakeWorkers, tmp_path: Path) -> None:
    async def story(game: Game) -> None:
        await game.see(*NAMES)
        await game.press("a")
        await game.see("Its twin")
        menu = game.popup()
        assert "w1@testing" in menu.splitlines()[1]
        assert "it has none" in menu
        assert "needs --allow admin" in menu
        assert "Copy node name · row…" in menu
        assert menu.index("Details") < menu.index("Events on") < menu.index("Copy") < menu.index("All commands")
        await game.press("enter")
        await game.see("all about w1@testing")

    play(app_of(workers, tmp_path), story)


def test_the_menu_counts_what_is_marked_and_runs_on_all_of_it(workers: FakeWorkers, tmp_path: Path) -> None:
    async def story(game: Game) -> None:
        await game.see(*NAMES)
        await game.press("space", "space", "a")
        await game.see("2 marked workers")
        await game.press("e")
        await game.see("Events on: 2 workers")
        await game.press("y")
        await game.until(lambda: workers.sent, "the command")
        assert sent_to(workers) == [("w1@testing", "w2@testing")]

    play(app_of(workers, tmp_path), story)


def test_a_right_click_opens_the_menu_at_the_pointer_and_a_click_outside_closes_it(
    workers: FakeWorkers, tmp_path: Path
) -> None:
    async def story(game: Game) -> None:
        await game.see(*NAMES)
        await game.pilot.hover(offset=(30, 5))
        await game.pilot.mouse_down(offset=(30, 5), button=3)
        await game.until(lambda: "w2@testing" in game.popup(), "the menu of the row that was clicked")
        assert game.app.screen.corner == (30, 5)
        await game.pilot.click(offset=(100, 30))
        await game.until(lambda: not game.popup(), "the menu's end")
        await game.press("a")
        await game.until(game.popup, "the menu again")
        row = next(y for y, text in enumerate(game.popup().splitlines()) if "Details" in text)
        x, y = game.app.screen.corner
        await game.pilot.click(offset=(x + 8, y + row))
        await game.see("all about w2@testing")

    play(app_of(workers, tmp_path), story)


def test_nothing_moves_below_a_popup(workers: FakeWorkers, tmp_path: Path) -> None:
    async def story(game: Game) -> None:
        await game.see(*NAMES)
        await game.press("a")
        await game.until(game.popup, "the menu")
        game.watch.deployment.change(workers=(a_worker("a0@testing"),))
        await game.until(lambda: game.app.main.latest.worker("a0@testing"), "the newer picture is known")
        assert "a0@testing" not in game.shown()
        await game.press("escape")
        await game.see("a0@testing")

    play(app_of(workers, tmp_path), story)


def test_the_help_is_searched_and_says_why_keys_are_off(workers: FakeWorkers, tmp_path: Path) -> None:
    async def story(game: Game) -> None:
        await game.see(*NAMES)
        await game.press("?")
        await game.see("THIS PANE", "MOVE", "EVERYWHERE", "STATES", "needs --allow events")
        await game.press("/", *"kill")
        await game.until(lambda: "sort column" not in game.popup(), "only what matches")
        assert "kill" in game.popup()
        await game.press("escape")
        await game.see("sort column")
        await game.press("q")
        await game.until(lambda: not game.popup(), "the help's end")

    play(app_of(workers, tmp_path, Policy()), story)


def test_a_sequence_that_waits_shows_the_keys_that_continue_it(workers: FakeWorkers, tmp_path: Path) -> None:
    async def story(game: Game) -> None:
        await game.see(*NAMES)
        await game.press("g")
        await game.see("g …", "q Its queues", "g Top")
        await game.press("escape")
        await game.see_no_more("q Its queues")
        await game.press("g")
        await game.see("q Its queues")
        listed = game.app.main.query_one("#which-key")
        row = next(y for y, text in enumerate(listed.lines) if "Its queues" in text.text)
        await game.pilot.click(offset=(listed.region.x + 4, listed.region.y + row))
        await game.until(lambda: game.app.main.state.crumbs() == ["Workers", "Workers"], "one step deeper")

    play(app_of(workers, tmp_path), story)


# --- writes -----------------------------------------------------------------------------------------------------------


def test_a_reversible_write_is_accepted_by_y_audited_and_requested_until_it_is_proved(
    workers: FakeWorkers, tmp_path: Path
) -> None:
    async def story(game: Game) -> None:
        await game.see(*NAMES)
        await game.press("e")
        await game.see(
            "Events on: w1@testing", "redis://testing:6379/0", "written to the audit log as", "can be undone"
        )
        assert workers.sent == []
        await game.press("y")
        await game.see("sent to w1@testing. Requested")
        writes = game.watch.deployment.writes
        assert list(writes.requests(game.watch.deployment.shown)) == ["worker:w1@testing"]
        game.watch.deployment.change(requests=writes.requests(game.watch.deployment.shown))
        await game.see("1 requested: what was sent is believed when the broker reports it")

    play(app_of(workers, tmp_path), story)
    records = [json.loads(text) for text in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [(record["stage"], record["action"]) for record in records] == [
        ("intent", "worker.on"),
        ("outcome", "worker.on"),
    ]


@pytest.mark.parametrize("keys", [("enter",), ("escape",), ("y",), ("tab", "tab", "enter"), ("q",)])
def test_a_write_to_one_target_is_not_accepted_by_accident(
    keys: tuple[str, ...], workers: FakeWorkers, tmp_path: Path
) -> None:
    async def story(game: Game) -> None:
        await game.see(*NAMES)
        await game.press("x")
        await game.see("Stop: w1@testing", "Stops  0 tasks")
        await game.press(*keys)
        await game.press("escape")
        await game.until(lambda: not game.popup(), "the dialog's end")

    play(app_of(workers, tmp_path), story)
    assert workers.sent == []


def test_a_write_to_one_target_takes_the_other_button(workers: FakeWorkers, tmp_path: Path) -> None:
    async def story(game: Game) -> None:
        await game.see(*NAMES)
        await game.press("x", "tab", "enter")
        await game.until(lambda: workers.sent, "the command")

    play(app_of(workers, tmp_path), story)


def test_what_cannot_be_undone_has_to_be_typed(workers: FakeWorkers, tmp_path: Path) -> None:
    async def story(game: Game) -> None:
        await game.see(*NAMES)
        await game.press("X")
        await game.see("Type the worker's name to go on: w1@testing", "cannot undo")
        await game.press(*"w1@testin", "tab", "enter")
        await game.until(lambda: not game.popup(), "cancelled: the word was not whole")
        assert workers.sent == []
        await game.press("X", *"w1@testing", "enter")
        await game.until(lambda: workers.sent, "the command")

    play(app_of(workers, tmp_path), story)


def test_a_write_that_would_do_more_by_now_is_asked_again(workers: FakeWorkers, tmp_path: Path) -> None:
    async def story(game: Game) -> None:
        await game.see(*NAMES)
        await game.press("j", "j", "x")
        await game.see("Stops  2 tasks")
        shown = game.watch.deployment.shown
        game.watch.deployment.change(workers=[replace(worker, active=9) for worker in shown.workers])
        await game.until(lambda: game.app.main.latest.version != shown.version, "the newer picture")
        await game.press("tab", "enter")
        await game.see("It would do more than a moment ago", "Stops  9 tasks")
        assert workers.sent == []
        await game.press("tab", "enter")
        await game.until(lambda: workers.sent, "the command")

    play(app_of(workers, tmp_path), story)


@pytest.mark.parametrize(
    "key,policy,says",
    [
        ("e", Policy(), "Events on: needs --allow events."),
        ("e", Policy(Level.PASSIVE), "Events on: passive: nothing is ever sent."),
        ("b", GRANTED, "Fail failed: no worker answered in 2 s Are they busy?"),
    ],
)
def test_a_write_that_may_not_or_does_not_work_says_so(
    key: str, policy: Policy, says: str, workers: FakeWorkers, tmp_path: Path
) -> None:
    async def story(game: Game) -> None:
        await game.see(*NAMES)
        await game.press(key)
        if policy is GRANTED:
            await game.see("Fail: w1@testing")
            await game.press("y")
        await game.see(says)
        assert game.popup() == ""

    play(app_of(workers, tmp_path, policy), story)
    assert workers.sent == []


def test_a_bug_in_an_action_costs_a_sentence(workers: FakeWorkers, tmp_path: Path) -> None:
    async def story(game: Game) -> None:
        await game.see(*NAMES)
        await game.press(":", *"broken", "enter")
        await game.see("Broken: it failed in plugin mine: ZeroDivisionError.")
        assert game.watch.plugins.health.counts == {"mine": 1}

    play(app_of(workers, tmp_path), story)


def test_an_action_is_typed_with_its_targets(workers: FakeWorkers, tmp_path: Path) -> None:
    async def story(game: Game) -> None:
        await game.see(*NAMES)
        await game.press(":")
        await game.write("events on w2 w3")
        await game.press("enter")
        await game.see("Events on: 2 workers")
        await game.press("y")
        await game.until(lambda: workers.sent, "the command")
        assert sent_to(workers) == [("w2@testing", "w3@testing")]

    play(app_of(workers, tmp_path), story)
