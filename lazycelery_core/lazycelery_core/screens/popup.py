"""How does a box stand above the main screen? It takes all keys and clicks, and everything beneath stands still."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen

from lazycelery_core.frame import Painted
from lazycelery_core.keys import Command
from lazycelery_core.widgets.lines import LinesWidget

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

Answer = TypeVar("Answer")


class PopupBox(LinesWidget):
    """The box itself."""

    surface = "popup"


class Popup(ModalScreen[Answer], Generic[Answer]):
    """A popup; `draw` shows it, `press` takes keys, `dismiss` closes it. Clicks outside close it without an answer."""

    AUTO_FOCUS = ""

    scope: ClassVar[str] = "page"  # of its keys

    def __init__(self, above: "MainScreen") -> None:
        super().__init__()
        self._keys = above.dispatcher.keys
        self.box = PopupBox(above.skin, classes="popup")
        self.corner = (0, 0)

    def compose(self) -> ComposeResult:
        """The box alone."""
        yield self.box

    def on_mount(self) -> None:
        """Show it as soon as the size is known."""
        self.draw()

    def on_resize(self) -> None:
        """Fit into the new size."""
        self.draw()

    def draw(self) -> None:
        """Draw everything with `show`."""

    def show(self, lines: Sequence[Painted], columns: int, corner: tuple[int, int] | None = None) -> None:
        """Show the box, in the middle of the screen or with its upper left corner there, as far as it fits."""
        width, height = self.size
        x, y = corner or ((width - columns) // 2, max(1, (height - len(lines)) // 2))
        self.corner = (max(0, min(x, width - columns)), max(0, min(y, height - len(lines))))
        self.box.styles.width, self.box.styles.height = columns, len(lines)
        self.box.styles.offset = self.corner
        self.box.show(lines)

    def press(self, key: str, character: str | None) -> None:
        """A key was pressed."""
        if self.verb(key) == "close":
            self.dismiss(None)

    def verb(self, key: str) -> str:
        """What a key means in popups like this one: the last part of a command's name, "" for nothing."""
        found = self._keys.resolve((self.scope,), [key])
        return found.name.rpartition(".")[2] if isinstance(found, Command) else ""

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A click outside closes; one inside is `click`."""
        event.stop()
        x, y = event.screen_x - self.corner[0], event.screen_y - self.corner[1]
        if 0 <= x < self.box.size.width and 0 <= y < self.box.size.height:
            self.click(x, y)
        else:
            self.dismiss(None)

    def on_paste(self, event: events.Paste) -> None:
        """Pasted text is typed text, where there is something to type into; it is never taken for keys."""
        event.stop()
        self.paste(event.text)

    def paste(self, text: str) -> None:
        """Text was pasted."""

    def click(self, x: int, y: int) -> None:
        """A click on cell (x, y) of the box."""

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        event.stop()
        self.wheel(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel, the other way."""
        event.stop()
        self.wheel(-1)

    def wheel(self, lines: int) -> None:
        """Scroll."""
