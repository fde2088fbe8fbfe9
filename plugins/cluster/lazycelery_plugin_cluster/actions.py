"""How are task events switched on and off? The first writes of the road: reversible, and undone on exit.

Celery keeps the switch in the worker's memory: it lasts until the worker restarts, and `disable_events` can't stop a
worker that was started with `-E` (it answers "already disabled" and goes on sending).
Source: celery/worker/control.py, enable_events and disable_events; answers as seen with Celery 5.7.
"""

from collections.abc import Sequence

from lazycelery_core.action import Action, Outcome, Risk, Sent
from lazycelery_core.control import Control, Controls, NodeReply
from lazycelery_core.errors import ActionError
from lazycelery_core.model import Worker, WorkerState
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.tones import Line, Tone, line

CHANGED = {"enable_events": "task events enabled", "disable_events": "task events disabled"}
TIMEOUT = 2.0  # s; a write waits longer for its answer than a look


def enable(control: Control, workers: Sequence[Worker]) -> Outcome:
    """Switch task events on; the workers that were off before are switched off again on exit."""
    return _send(control, "enable_events", workers, undo="worker.disable_events")


def disable(control: Control, workers: Sequence[Worker]) -> Outcome:
    """Switch task events off."""
    return _send(control, "disable_events", workers)


def toggle(control: Control, workers: Sequence[Worker]) -> Outcome:
    """Off where they are on everywhere, on otherwise."""
    return disable(control, workers) if _all_on(workers) else enable(control, workers)


def _send(control: Control, command: str, workers: Sequence[Worker], undo: str = "") -> Sent:
    controls = control.get(Controls)
    if controls is None:
        raise ActionError("this broker plugin can't send control commands")
    replies = controls.control(command, {}, [worker.hostname for worker in workers], TIMEOUT)
    answered = {node.hostname for node in replies.nodes}
    silent = [NodeReply(each.hostname, error="no answer") for each in workers if each.hostname not in answered]
    nodes = [_told_apart(_judged(node), command, workers) for node in replies.nodes]
    if not nodes:
        raise ActionError(
            f"{command}: no worker answered in {TIMEOUT:g} s", "Are they busy (solo pool) or gone? F5 asks."
        )
    changed = frozenset(node.hostname for node in nodes if node.value == CHANGED[command])
    return Sent((*nodes, *silent), undo, changed)


def _judged(node: NodeReply) -> NodeReply:
    """The node's own words as value, or its error ("event dispatcher unavailable") as error."""
    if node.error or not isinstance(node.value, dict):
        return node
    if "error" in node.value:
        return NodeReply(node.hostname, error=str(node.value["error"]), latency=node.latency)
    return NodeReply(node.hostname, value=str(node.value.get("ok", "")), latency=node.latency)


def _told_apart(node: NodeReply, command: str, workers: Sequence[Worker]) -> NodeReply:
    """A worker that was started with `-E` says that its events are off already, and goes on sending them."""
    flowing = any(worker.hostname == node.hostname and worker.task_events is True for worker in workers)
    if command == "disable_events" and node.value == "task events already disabled" and flowing:
        return NodeReply(node.hostname, error="started with -E: only a restart switches them off", latency=node.latency)
    return node


def _all_on(workers: Sequence[Worker]) -> bool:
    return all(worker.task_events is True for worker in workers)


def _reachable(snapshot: Snapshot, workers: Sequence[Worker]) -> str | None:
    if not workers:
        return "select a worker first"
    offline = [worker.hostname for worker in workers if worker.state is WorkerState.OFFLINE]
    return f"{offline[0]} is offline" if offline else None


def can_enable(snapshot: Snapshot, workers: Sequence[Worker]) -> str | None:
    """Not when they are on already."""
    return _reachable(snapshot, workers) or ("already on" if _all_on(workers) else None)


def can_disable(snapshot: Snapshot, workers: Sequence[Worker]) -> str | None:
    """Not when they are off already, nor where `-E` keeps them on."""
    reason = _reachable(snapshot, workers)
    if reason is None and all(worker.task_events is False for worker in workers):
        return "already off"
    return reason or (_kept_on(workers))


def _kept_on(workers: Sequence[Worker]) -> str | None:
    """`-E` shows as worker_send_task_events in the worker's settings only when set there; then it can't be undone."""
    for worker in workers:
        conf = worker.reads.get("conf")
        if conf is not None and isinstance(conf.value, dict) and conf.value.get("worker_send_task_events") is True:
            return f"{worker.hostname} was started with -E: only a restart switches them off"
    return None


def can_toggle(snapshot: Snapshot, workers: Sequence[Worker]) -> str | None:
    """Whichever of the two it would do."""
    return can_disable(snapshot, workers) if workers and _all_on(workers) else can_enable(snapshot, workers)


def preview(snapshot: Snapshot, workers: Sequence[Worker]) -> Sequence[Line]:
    """What is sent to whom, and what it costs."""
    command = "disable_events" if _all_on(workers) else "enable_events"
    return _preview(command, workers)


def _preview(command: str, workers: Sequence[Worker]) -> Sequence[Line]:
    names = ", ".join(worker.hostname for worker in workers[:5]) + (" …" if len(workers) > 5 else "")
    lines = [
        line(("Workers  ", Tone.DIM), f"{len(workers)}: {names}"),
        line(("Sends    ", Tone.DIM), f"{command} to these workers by remote control"),
    ]
    if command == "enable_events":
        lines += [
            line(("Costs    ", Tone.DIM), "up to 40 % more CPU on workers that run very small tasks"),
            line(("Lasts    ", Tone.DIM), "until they restart; switched off again when LazyCelery ends"),
        ]
    return lines


def is_on(snapshot: Snapshot, worker: Worker) -> bool | None:
    """Task events of that worker flow."""
    return _events_of(snapshot, worker) is True


def is_off(snapshot: Snapshot, worker: Worker) -> bool | None:
    """Task events of that worker have stopped."""
    return _events_of(snapshot, worker) is False


def is_changed(snapshot: Snapshot, worker: Worker) -> bool | None:
    """The switch is in the other position than when it was pressed."""
    return _events_of(snapshot, worker) is (not worker.task_events)


def _events_of(snapshot: Snapshot, worker: Worker) -> bool | None:
    now = snapshot.worker(worker.hostname)
    return None if now is None else now.task_events


ACTIONS = (
    Action(
        "worker.events", "Events on/off…", toggle, on="worker", risk=Risk.REVERSIBLE, scope="events",
        available=can_toggle, preview=preview, proved=is_changed, footer=True,
        help="task events of this worker, until it restarts",
    ),
    Action(
        "worker.enable_events", "Events on…", enable, on="worker", risk=Risk.REVERSIBLE, scope="events",
        available=can_enable, preview=lambda _, workers: _preview("enable_events", workers), proved=is_on,
    ),
    Action(
        "worker.disable_events", "Events off…", disable, on="worker", risk=Risk.REVERSIBLE, scope="events",
        available=can_disable, preview=lambda _, workers: _preview("disable_events", workers), proved=is_off,
    ),
)  # fmt: skip
KEYS = {"worker.events": "e"}
