"""How does a write reach the broker? One road for the screen and the command line.

available -> allowed -> preview -> confirmed -> audit "intent" -> effect -> audit "outcome" -> "requested" until the
broker reports the effect, "not confirmed" after 10 s. The store is never written: what an action did is believed when
an event or an inspect reply says so.
"""

import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lazycelery_core.action import Action, Policy, Risk, Sent
from lazycelery_core.audit import Audit
from lazycelery_core.control import Control
from lazycelery_core.errors import ActionError, LazyCeleryError
from lazycelery_core.plugin_health import PluginHealth
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.text import safe
from lazycelery_core.tones import Line

CONFIRMED_WITHIN = 10.0  # s from the effect to an event that proves it
SHOWN_FOR = 60.0  # s a "not confirmed" stays on its row
BULK = 20  # targets from which a reversible or single-target action is confirmed like an unrecoverable one


@dataclass(frozen=True, slots=True)
class Preview:
    """What the confirmation shows. `typed` is the text to type, "" where a key is enough."""

    action: Action
    targets: Sequence[Any]
    lines: Sequence[Line]
    risk: Risk
    typed: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A write that was sent to one target, until it is proved."""

    action: Action
    target: Any
    key: str
    sent_at: float

    def status(self, now: float) -> str:
        """ "requested", then "not confirmed"."""
        return "requested" if now - self.sent_at < CONFIRMED_WITHIN else "not confirmed"


class Writes:
    """The road of one deployment. `key_of(target)` names a target within its kind (hostname, task id, queue name)."""

    def __init__(
        self,
        control: Control,
        policy: Policy,
        audit: Audit,
        broker: str,
        clock: Callable[[], float],
        health: PluginHealth,
    ) -> None:
        self._control, self.policy, self._audit = control, policy, audit
        self._broker, self._clock, self._health = broker, clock, health
        self._requests: dict[str, Request] = {}
        self._undo: dict[tuple[str, str], Any] = {}  # (undoing action's name, target's key) -> target
        self._lock = threading.Lock()

    def refusal(self, action: Action, snapshot: Snapshot, targets: Sequence[Any]) -> str | None:
        """Why the action can't run now, None when it can: first what it says itself, then the policy."""
        return self._asked(action, "available", action.available, snapshot, targets) or self.policy.refusal(action)

    def preview(self, action: Action, snapshot: Snapshot, targets: Sequence[Any], production: bool = False) -> Preview:
        """What to confirm; in production one step more strictly. Raises ActionError when the action is refused."""
        reason = self.refusal(action, snapshot, targets)
        if reason is not None:
            raise ActionError(f"{action.title}: {reason}.")
        risk = Risk.MANY if len(targets) > BULK else Risk(min(Risk.MANY, action.risk + production))
        typed = "" if risk < Risk.MANY else str(len(targets)) if len(targets) > 1 else target_key(targets[0])
        lines = self._asked(action, "preview", action.preview, snapshot, targets) or ()
        return Preview(action, targets, lines, risk, typed)

    def run(self, action: Action, targets: Sequence[Any], reason: str = "") -> Sent:
        """Audit, send, audit. Blocks; call it on a thread. Raises ActionError; then nothing is marked as requested."""
        refused = self.policy.refusal(action)
        if refused is not None:
            raise ActionError(f"{action.title}: {refused}.")
        record = {"id": uuid.uuid4().hex, "action": action.name, "targets": [target_key(each) for each in targets],
                  "broker": self._broker, "scope": action.scope, "reason": reason}  # fmt: skip
        self._audit.write("intent", self._clock(), **record)
        try:
            sent = self._effect(action, targets)
        except ActionError as error:
            self._audit.write("outcome", self._clock(), error=error.message, **record)
            raise
        replies = {reply.hostname: reply.error or reply.value for reply in sent.replies}
        self._audit.write("outcome", self._clock(), replies=replies, **record)
        self._remember(action, targets, sent)
        return sent

    def _effect(self, action: Action, targets: Sequence[Any]) -> Sent:
        try:
            outcome = action.run(self._control, targets)
        except LazyCeleryError as error:
            raise ActionError(f"{action.title} failed: {error.message}", error.hint) from error
        except Exception as error:
            self._health.report(action.plugin, action.name, error)
            raise ActionError(f"{action.title} failed in plugin {action.plugin}: {type(error).__name__}.") from error
        return outcome if isinstance(outcome, Sent) else Sent(())

    def _remember(self, action: Action, targets: Sequence[Any], sent: Sent) -> None:
        refused = {reply.hostname for reply in sent.replies if reply.error}
        now = self._clock()
        with self._lock:
            for target, key in ((target, target_key(target)) for target in targets):
                if key not in refused:
                    self._remember_undo(action, target, key, sent)
                    if action.proved is not None:
                        self._requests[f"{action.on}:{key}"] = Request(action, target, key, now)

    def _remember_undo(self, action: Action, target: Any, key: str, sent: Sent) -> None:
        """What was switched on is to be switched off on exit; what was switched off by hand is not any more."""
        self._undo.pop((action.name, key), None)
        if sent.undo and (sent.changed is None or key in sent.changed):
            self._undo[sent.undo, key] = target

    def requests(self, snapshot: Snapshot) -> dict[str, str]:
        """`<kind>:<key>` -> status of every write that is not proved yet; forgets those that are."""
        with self._lock:
            self._requests = {
                name: request
                for name, request in self._requests.items()
                if snapshot.now - request.sent_at < SHOWN_FOR and not self._proved(request, snapshot)
            }
            return {name: request.status(snapshot.now) for name, request in self._requests.items()}

    def _proved(self, request: Request, snapshot: Snapshot) -> bool:
        proved = request.action.proved
        return bool(proved and self._asked(request.action, "proved", proved, snapshot, request.target))

    def undo_all(self, actions: Sequence[Action]) -> list[str]:
        """Take back on exit what this session switched on and did not switch off; sentences on what failed."""
        with self._lock:
            open_undos, self._undo = self._undo, {}
        named = {action.name: action for action in actions}
        problems = []
        for name in dict.fromkeys(name for name, _ in open_undos):
            targets = [target for (undo, _), target in open_undos.items() if undo == name]
            try:
                self.run(named[name], targets, reason="undone on exit")
            except LazyCeleryError as error:
                problems.append(str(error))
        return problems

    def _asked(self, action: Action, where: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """A plugin's answer about its action; a raising one counts as a refusal that names the plugin."""
        try:
            return function(*arguments)
        except Exception as error:  # noqa: BLE001 - guard "action run"
            self._health.report(action.plugin, f"{action.name}.{where}", error)
            return f"plugin {action.plugin} failed" if where == "available" else None


def target_key(target: Any) -> str:
    """The name of a target: a worker's hostname, a task's id, a queue's name, or the text itself."""
    for attribute in ("hostname", "id", "name"):
        value = getattr(target, attribute, None)
        if isinstance(value, str):
            return safe(value, 500)
    return safe(str(target), 500)
