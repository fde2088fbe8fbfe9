"""Which key may come next? A sequence that waits longer than a moment shows what continues it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.timer import Timer

from lazycelery_core.frame import Painted, Row
from lazycelery_core.host_commands import shown_key
from lazycelery_core.keys import Command
from lazycelery_core.screens.offering import refusal
from lazycelery_core.tones import line
from lazycelery_core.widgets.box import draw_box
from lazycelery_core.widgets.lines import LinesWidget
from lazycelery_core.widgets.menu_box import Item, inside_width, menu_rows

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

PATIENCE = 0.4  # s; who knows the sequence has typed it by then


class WhichKey:
    """Shows the list, and takes it away when the sequence ends."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen
        self._timer: Timer | None = None
        self._list: KeyList | None = None

    def begun(self, keys: str) -> None:
        """These keys wait for the next one; "" when none do any more."""
        if self._timer is not None:
            self._timer.stop()
        self._hide()
        if keys:
            self._timer = self._screen.set_timer(PATIENCE, lambda: self._show(keys))

    def _hide(self) -> None:
        if self._list is not None:
            self._list.remove()
            self._list = None

    def _show(self, keys: str) -> None:
        screen = self._screen
        targets = screen.targets()
        continued = screen.dispatcher.keys.continuations(screen.scopes(), keys.split())
        items = [item(key, command, refusal(screen, command, targets)) for key, command in continued]
        if items:
            self._list = KeyList(self, keys, items)
            screen.mount(self._list)

    def pick(self, key: str) -> None:
        """A key of the list was clicked; pressed by the screen, since a dialog answers to whoever opened it."""
        self._screen.call_later(self._screen.dispatcher.press, key)


def item(key: str, command: Command, reason: str) -> Item:
    """A line of the list."""
    label = command.label[:1].upper() + command.label[1:]
    return Item(key, shown_key(key), label, reason=reason)


class KeyList(LinesWidget):
    """The list, above the key line."""

    surface: ClassVar[str] = "popup"

    def __init__(self, owner: WhichKey, begun: str, items: Sequence[Item]) -> None:
        super().__init__(owner._screen.skin, id="which-key")  # noqa: SLF001 - a part of it
        self._owner, self._begun, self._items = owner, begun, items

    def on_mount(self) -> None:
        """Draw, and stand above the key line at the left."""
        lines, columns = key_list(self._begun, self._items, self.screen.size.width)
        self.styles.width, self.styles.height = columns, len(lines)
        self.styles.offset = (0, max(0, self.screen.size.height - 2 - len(lines)))
        self.show(lines)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A click presses the key of its line."""
        event.stop()
        if 2 <= event.y < 2 + len(self._items):
            self._owner.pick(self._items[event.y - 2].name)


def key_list(begun: str, items: Sequence[Item], cells: int) -> tuple[list[Painted], int]:
    """The drawn list and its width."""
    title = f"{shown_key(begun)} …"
    inside = inside_width(title, [items], cells - 2)
    rows: list[Row] = menu_rows(title, [items], -1, inside)
    return draw_box((), line("Esc ends it") if inside > 40 else (), rows, inside + 2), inside + 2
