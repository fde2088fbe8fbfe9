"""What can be done to a thing, and may it be? Actions, their risk, and the policy that allows them.

An action is data: the key, the footer, the menu, the palette, the command line and the help are all made from it. The
road of a write stands in `writes.py`; an action of risk VIEW changes nothing and runs at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from lazycelery_core.control import Control, Level, NodeReply
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.tones import Line


class Risk(IntEnum):
    """How much harm an action can do; it decides how it is confirmed."""

    VIEW = 0  # changes nothing
    REVERSIBLE = 1  # small dialog, `y` accepts
    TARGET = 2  # one target, Cancel has the focus
    MANY = 3  # many targets or unrecoverable: type the name or the count


@dataclass(frozen=True, slots=True)
class Go:
    """Result of a VIEW action: open a view, optionally filtered, with the cursor on a key or a pane focused."""

    view: str
    filter: str = ""
    select: str = ""
    pane: str = ""


@dataclass(frozen=True, slots=True)
class Open:
    """Result of a VIEW action: show the detail tabs of a record of kind `on`."""

    on: str
    item: Any


@dataclass(frozen=True, slots=True)
class Copy:
    """Result of a VIEW action: put text on the clipboard. `what` names it in the toast."""

    text: str
    what: str


@dataclass(frozen=True, slots=True)
class Sent:
    """Result of a write: what each node or target answered.

    undo: name of the action that takes it back. changed: keys of the targets that it really changed (those are undone
    on exit), None for all that did not refuse.
    """

    replies: Sequence[NodeReply]
    undo: str = ""
    changed: frozenset[str] | None = None


Outcome = Go | Open | Copy | Sent | None


def always(snapshot: Snapshot, targets: Sequence[Any]) -> str | None:
    """Available whatever the targets."""
    return None


def no_preview(snapshot: Snapshot, targets: Sequence[Any]) -> Sequence[Line]:
    """Nothing to add to the confirmation."""
    return ()


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done. `name` is `<kind>.<verb>` and unique.

    run(control, targets) -> Outcome; for writes on a thread of its own, raising LazyCeleryError on failure.
    on: the kind of target (`task`, `worker`, `queue` ...), "" for none. risk, scope: a write names the permission scope
    that `--allow` must grant. available(snapshot, targets) -> the reason why not, or None. preview: lines of the
    confirmation: what exactly, how many, what it would break. proved(snapshot, target) -> whether the broker has
    reported the effect; None when nothing can prove it. many: whether it takes more than one target.
    """

    name: str
    label: str
    run: Callable[[Control, Sequence[Any]], Outcome]
    on: str = ""
    risk: Risk = Risk.VIEW
    scope: str = ""
    available: Callable[[Snapshot, Sequence[Any]], str | None] = always
    preview: Callable[[Snapshot, Sequence[Any]], Sequence[Line]] = no_preview
    proved: Callable[[Snapshot, Any], bool | None] | None = None
    many: bool = True
    help: str = ""
    footer: bool = False  # worth a place in the key line
    plugin: str = ""  # set by the host

    @property
    def title(self) -> str:
        """The label without its dots: the beginning of a sentence."""
        return self.label.rstrip("…")


@dataclass(frozen=True, slots=True)
class Policy:
    """What this session may do: its level and the granted scopes."""

    level: Level = Level.READ_ONLY
    scopes: frozenset[str] = field(default_factory=frozenset)

    @property
    def badge(self) -> str:
        """PASSIVE, READ-ONLY or READ-WRITE."""
        return {Level.PASSIVE: "PASSIVE", Level.READ_ONLY: "READ-ONLY"}.get(self.level, "READ-WRITE")

    def refusal(self, action: Action) -> str | None:
        """Why the action may not run, None when it may. A write without a scope of its own needs `admin`."""
        if action.risk is Risk.VIEW:
            return None
        scope = action.scope or "admin"
        if self.level is Level.PASSIVE:
            return "passive: nothing is ever sent"
        if self.level is not Level.GRANTED or scope not in self.scopes:
            return f"needs --allow {scope}"
        return None
