"""What can be done here and now, and if not, why not? One answer for footer, help, menu, palette and command line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from lazycelery_core.action import Risk
from lazycelery_core.keys import Command

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

NOT_HERE = {
    "follow.toggle": "not by arrival",
    "mark.toggle": "opens the actions here",
    "mark.range": "rows can't be marked here",
    "mark.all": "rows can't be marked here",
}
IN_TABLES = ("filter.open", "search.open", "search.next", "search.previous", "export.open")


class Offer(NamedTuple):
    """A command, and why it can't be run now; "" when it can."""

    command: Command
    reason: str = ""


def offers_here(screen: "MainScreen") -> list[Offer]:
    """The commands of the live scopes, narrow first."""
    targets, live = screen.targets(), screen.dispatcher.keys.live(screen.scopes())
    return [Offer(command, refusal(screen, command, targets)) for command in live]


def refusal(screen: "MainScreen", command: Command, targets: Sequence[Any]) -> str:
    """Why a command can't be run on these targets, "" when it can."""
    action, watch, snapshot = command.action, screen.watched, screen.latest
    if action is not None:
        if watch is None or snapshot is None:
            return "nothing is watched yet"
        if action.on and len(targets) > 1 and not action.many:
            return "one at a time"
        return watch.deployment.writes.refusal(action, snapshot, targets) or ""
    if not screen.applies(command.name):
        return NOT_HERE.get(command.name, "not in this pane")
    widget = screen.stage.focused()
    if command.name in IN_TABLES and (widget is None or widget.table is None):
        return "not a list"
    return ""


def is_write(command: Command) -> bool:
    """Whether it changes something at the broker."""
    return command.action is not None and command.action.risk is not Risk.VIEW
