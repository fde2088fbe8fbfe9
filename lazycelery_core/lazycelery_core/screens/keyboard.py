"""Which key goes where, and when? One after the other to whatever is on top then, as if typed slowly.

A key waits while what it is meant for is still coming: the popup that the key before opened, the rows of a filter that
was just accepted. So nothing typed ahead is lost, or lands on a row that is about to go.
"""

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, cast

from textual import events

if TYPE_CHECKING:
    from lazycelery_core.app import LazyCeleryApp
    from lazycelery_core.screens.popup import Popup
    from lazycelery_core.screens.starting import Starting

PATIENCE = 2.0  # s a key waits at most; whoever hangs must not take the keyboard with it
LOOK = 0.01  # s between two looks


class Waiting(NamedTuple):
    """A key and until when it waits, on the monotonic clock."""

    event: events.Key
    until: float


class Keyboard:
    """Takes every key of the app, also while the screens are still loaded: those keys wait for them."""

    def __init__(self, app: "LazyCeleryApp") -> None:
        self._app = app
        self._waiting: deque[Waiting] = deque()

    def press(self, event: events.Key) -> None:
        """Give a key to what is on top, now or as soon as it is ready."""
        self._waiting.append(Waiting(event, monotonic() + PATIENCE))
        if len(self._waiting) == 1:
            self._take_one()

    def _take_one(self) -> None:
        """One key at a time: what it causes comes before the next one."""
        if self._waiting and (self._ready() or monotonic() > self._waiting[0].until):
            self._give(self._waiting.popleft().event)
        if self._waiting:
            self._app.set_timer(LOOK, self._take_one)

    def _ready(self) -> bool:
        top = self._app.screen
        if self._app.watched is None:
            return False
        return self._app.main.takes_keys() if top is self._app.main else top.is_mounted and top.size.width > 0

    def _give(self, event: events.Key) -> None:
        top = self._app.screen
        if self._app.watched is not None and top is self._app.main:
            self._app.main.press(event)
            self._app.main.draw_now()
        else:  # every other screen takes keys itself
            cast("Popup[object] | Starting", top).press(event.key, event.character)
