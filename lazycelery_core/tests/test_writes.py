"""Does every write take the whole road, and nothing else?"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lazycelery_core.action import Action, Outcome, Policy, Risk, Sent
from lazycelery_core.audit import Audit
from lazycelery_core.control import Control, Level, NodeReply
from lazycelery_core.errors import ActionError
from lazycelery_core.model import Worker, WorkerState
from lazycelery_core.plugin_health import PluginHealth
from lazycelery_core.snapshot import Snapshot, Totals
from lazycelery_core.store import Limits, Store
from lazycelery_core.writes import Writes

GRANTED = Policy(Level.GRANTED, frozenset({"events"}))
WORKER = Worker("worker-1@web-7", WorkerState.ONLINE, task_events=False)


def snapshot(now: float = 100.0, workers: Sequence[Worker] = (WORKER,)) -> Snapshot:
    return Snapshot(
        version=1, now=now, since=0.0, name="prod", broker="redis://h/0", level="READ-WRITE", scopes=frozenset(),
        tasks=Store(Limits(), str, 0.0).tasks(now), workers=workers, queues=(), totals=Totals(), links=(),
    )  # fmt: skip


class Road:
    """A road with its audit file and what was sent on it."""

    def __init__(self, home: Path, policy: Policy = GRANTED) -> None:
        self.sent: list[tuple[str, Sequence[Any]]] = []
        self.now = 100.0
        self.health = PluginHealth()
        self.audit = Audit(home / "audit.jsonl")
        self.writes = Writes(Control(), policy, self.audit, "redis://h/0", lambda: self.now, self.health)
        self.on = self.action("worker.on", undo="worker.off")
        self.off = self.action("worker.off")

    def action(self, name: str, undo: str = "", **more: Any) -> Action:
        def run(control: Control, targets: Sequence[Any]) -> Outcome:
            self.sent.append((name, targets))
            return Sent([NodeReply(each.hostname, "ok") for each in targets], undo)

        def proved(snapshot: Snapshot, target: Worker) -> bool:
            worker = snapshot.worker(target.hostname)
            return worker is not None and worker.task_events is True

        return Action(name, name, run, on="worker", risk=Risk.REVERSIBLE, scope="events", proved=proved, **more)

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.audit.path.read_text().splitlines()]


@pytest.fixture
def road(tmp_path: Path) -> Road:
    return Road(tmp_path)


@pytest.mark.parametrize(
    "policy,reason",
    [
        (Policy(Level.PASSIVE), "passive: nothing is ever sent"),
        (Policy(Level.READ_ONLY), "needs --allow events"),
        (Policy(Level.READ_ONLY, frozenset({"events"})), "needs --allow events"),
        (Policy(Level.GRANTED, frozenset({"revoke"})), "needs --allow events"),
    ],
)
def test_below_its_scope_nothing_is_sent_nor_recorded(tmp_path: Path, policy: Policy, reason: str) -> None:
    road = Road(tmp_path, policy)
    assert road.writes.refusal(road.on, snapshot(), [WORKER]) == reason
    with pytest.raises(ActionError, match=reason):
        road.writes.preview(road.on, snapshot(), [WORKER])
    with pytest.raises(ActionError, match=reason):
        road.writes.run(road.on, [WORKER])
    assert road.sent == []
    assert not road.audit.path.exists()


def test_a_write_that_names_no_scope_needs_admin(tmp_path: Path) -> None:
    road = Road(tmp_path)
    undeclared = replace(road.on, scope="")
    assert road.writes.refusal(undeclared, snapshot(), [WORKER]) == "needs --allow admin"


def test_the_intent_is_on_disk_before_the_effect_and_the_outcome_after_it(road: Road) -> None:
    seen_before: list[int] = []
    inner = road.on.run

    def run(control: Control, targets: Sequence[Any]) -> Outcome:
        seen_before.append(len(road.records()))
        return inner(control, targets)

    road.writes.run(replace(road.on, run=run), [WORKER], reason="why not")
    assert seen_before == [1]
    intent, outcome = road.records()
    assert (intent["stage"], intent["targets"], intent["reason"]) == ("intent", ["worker-1@web-7"], "why not")
    assert (outcome["stage"], outcome["replies"]) == ("outcome", {"worker-1@web-7": "ok"})
    assert intent["id"] == outcome["id"]


def test_without_a_record_nothing_is_sent(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    road = Road(tmp_path / "home")
    with pytest.raises(ActionError, match="nothing was sent"):
        road.writes.run(road.on, [WORKER])
    assert road.sent == []


def test_a_target_says_requested_then_not_confirmed_then_nothing(road: Road) -> None:
    road.writes.run(road.on, [WORKER])
    assert road.writes.requests(snapshot(101.0)) == {"worker:worker-1@web-7": "requested"}
    assert road.writes.requests(snapshot(111.0)) == {"worker:worker-1@web-7": "not confirmed"}
    assert road.writes.requests(snapshot(161.0)) == {}


def test_what_the_broker_reports_ends_the_request(road: Road) -> None:
    road.writes.run(road.on, [WORKER])
    assert road.writes.requests(snapshot(101.0, [replace(WORKER, task_events=True)])) == {}


def test_a_target_that_refused_is_not_marked_as_requested(road: Road) -> None:
    def run(control: Control, targets: Sequence[Any]) -> Outcome:
        return Sent([NodeReply(WORKER.hostname, error="event dispatcher unavailable")], "worker.off")

    road.writes.run(replace(road.on, run=run), [WORKER])
    assert road.writes.requests(snapshot(101.0)) == {}
    assert road.writes.undo_all([road.on, road.off]) == []
    assert road.sent == []


def test_on_exit_only_what_was_switched_here_is_undone(road: Road) -> None:
    other = replace(WORKER, hostname="worker-2@web-8")

    def run(control: Control, targets: Sequence[Any]) -> Outcome:
        replies = [NodeReply(each.hostname, "ok") for each in targets]
        return Sent(replies, "worker.off", changed=frozenset({other.hostname}))

    road.writes.run(replace(road.on, run=run), [WORKER, other])
    assert road.writes.undo_all([road.on, road.off]) == []
    assert road.sent == [("worker.off", [other])]


def test_what_was_taken_back_by_hand_is_not_undone_again(road: Road) -> None:
    road.writes.run(road.on, [WORKER])
    road.writes.run(road.off, [WORKER])
    road.sent.clear()
    assert road.writes.undo_all([road.on, road.off]) == []
    assert road.sent == []


def test_an_undo_that_fails_is_said(road: Road) -> None:
    road.writes.run(road.on, [WORKER])
    broken = replace(road.off, run=_raising(ActionError("no worker answered")))
    assert road.writes.undo_all([road.on, broken]) == ["worker.off failed: no worker answered"]


def test_a_bug_in_an_action_names_its_plugin_and_is_recorded(road: Road) -> None:
    broken = replace(road.on, plugin="mine", run=_raising(ZeroDivisionError()))
    with pytest.raises(ActionError, match="plugin mine"):
        road.writes.run(broken, [WORKER])
    assert road.health.counts == {"mine": 1}
    assert road.records()[-1]["error"]


def test_a_raising_available_counts_as_a_refusal(road: Road) -> None:
    broken = replace(road.on, plugin="mine", available=_raising(ZeroDivisionError()))
    assert road.writes.refusal(broken, snapshot(), [WORKER]) == "plugin mine failed"


@pytest.mark.parametrize(
    "targets,risk,typed",
    [(1, Risk.REVERSIBLE, ""), (20, Risk.REVERSIBLE, ""), (21, Risk.MANY, "21"), (1, Risk.MANY, "worker-0@web")],
)
def test_many_targets_and_unrecoverable_actions_are_confirmed_by_typing(
    road: Road, targets: int, risk: Risk, typed: str
) -> None:
    workers = [replace(WORKER, hostname=f"worker-{number}@web") for number in range(targets)]
    action = replace(road.on, risk=risk if targets == 1 else Risk.REVERSIBLE)
    preview = road.writes.preview(action, snapshot(), workers)
    assert (preview.risk, preview.typed) == (risk, typed)


def _raising(error: Exception) -> Callable[..., Any]:
    def run(*arguments: Any) -> Any:
        raise error

    return run


@pytest.mark.parametrize(
    "own,confirmed", [(Risk.REVERSIBLE, Risk.TARGET), (Risk.TARGET, Risk.MANY), (Risk.MANY, Risk.MANY)]
)
def test_in_production_every_write_is_confirmed_one_step_more_strictly(road: Road, own: Risk, confirmed: Risk) -> None:
    preview = road.writes.preview(replace(road.on, risk=own), snapshot(), [WORKER], production=True)
    assert preview.risk is confirmed
    assert preview.typed == (WORKER.hostname if confirmed is Risk.MANY else "")
