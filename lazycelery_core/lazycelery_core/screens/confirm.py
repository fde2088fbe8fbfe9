"""Does the user really want that? A dialog in which Cancel has the focus; what can't be undone has to be typed."""

from dataclasses import replace
from typing import TYPE_CHECKING

from lazycelery_core.action import Risk
from lazycelery_core.screens.popup import Popup
from lazycelery_core.widgets.confirm_box import Answering, Confirmation, confirm_lines
from lazycelery_core.widgets.editor import Editor

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen


class ConfirmScreen(Popup[bool]):
    """The dialog; its answer is True when the user wants it."""

    scope = "dialog"

    def __init__(self, above: "MainScreen", asked: Confirmation) -> None:
        super().__init__(above)
        self._asked = asked
        self._answer = Answering()
        self._editor = Editor()
        self._buttons = ((0, 0), (0, 0))
        self._height = 0

    def draw(self) -> None:
        """Draw the dialog; in a small terminal it takes the whole width."""
        wide = self.size.width if self.size.width < 100 else self.size.width - 4
        drawn = confirm_lines(self._asked, self._answer, wide, self.size.height)
        self._buttons, self._height = drawn.buttons, len(drawn.lines)
        self.show(drawn.lines, drawn.columns)

    def press(self, key: str, character: str | None) -> None:
        """Answer; letters are typed where something has to be."""
        verb = self.verb(key)
        if self._asked.typed and character is not None and character.isprintable():
            self._type(key, character)
        elif verb == "close" or key in ("q", "n"):
            self.dismiss(None)
        elif verb == "next" or (not self._asked.typed and key in ("left", "right", "h", "l")):
            self._focus(1 - self._answer.focused)
        elif verb == "push":
            self._push(self._answer.focused)
        elif self._asked.typed:
            self._type(key, character)
        elif verb == "yes" and self._asked.risk is Risk.REVERSIBLE:
            self.dismiss(True)

    def _type(self, key: str, character: str | None) -> None:
        if self._editor.press(key, character):
            self._typed()

    def paste(self, text: str) -> None:
        """A name may be pasted, too."""
        if self._asked.typed:
            self._editor.insert(text)
            self._typed()

    def _typed(self) -> None:
        self._answer = replace(self._answer, text=self._editor.text, cursor=self._editor.cursor)
        self._focus(int(self._answer.ready(self._asked)))

    def _focus(self, button: int) -> None:
        """Give a button the focus; the one that does it only when it can be pressed."""
        self._answer = replace(self._answer, focused=button if self._answer.ready(self._asked) else 0)
        self.draw()

    def _push(self, button: int) -> None:
        self.dismiss(True if button and self._answer.ready(self._asked) else None)

    def click(self, x: int, y: int) -> None:
        """A click on a button pushes it."""
        for button, (start, end) in enumerate(self._buttons):
            if y == self._height - 3 and start <= x < end and (not button or self._answer.ready(self._asked)):
                self._push(button)
