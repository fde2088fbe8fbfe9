"""How does one type something in the second line of the screen? Editing, history, completion; what it means is asked.

A `Question` knows what is being typed: a filter, a search, a command, a time range. The panes below go on living.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import events

from lazycelery_core.keys import Command
from lazycelery_core.query import Completion, Token
from lazycelery_core.spans import line_width
from lazycelery_core.text import safe, width
from lazycelery_core.tones import Line, Tone, line
from lazycelery_core.widgets.box import BLANK
from lazycelery_core.widgets.editor import Editor
from lazycelery_core.widgets.lines import LinesWidget
from lazycelery_core.widgets.offered import Offered
from lazycelery_core.widgets.typed import inks_of, typed_line

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

SAID_AGAIN = 0.1  # s between two looks at what is to be said: rows are counted on another thread
KEPT = 50  # texts of a history
BELOW = 2  # line of the screen where the offers begin


class Said(NamedTuple):
    """What is said about a text, and which stretch of it is wrong."""

    line: Line = ()
    wrong: tuple[int, int] | None = None


class Question(ABC):
    """What is asked for in the prompt. `history` holds earlier answers, the newest last."""

    label: str = ""
    hint: Line = ()

    def __init__(self, history: list[str]) -> None:
        self.history = history

    def tokens(self, text: str) -> Sequence[Token]:
        """The coloured stretches of the text."""
        return ()

    def offers(self, text: str, cursor: int) -> Sequence[Completion]:
        """What could stand at the cursor, best first."""
        return ()

    def changed(self, text: str) -> None:
        """The text is another one now."""

    def said(self, text: str) -> Said:
        """What to say about the text, at the right end of the line."""
        return Said()

    def verb(self, verb: str, text: str) -> bool:
        """A key that means something to some questions only: `switch`, `save`; whether it does to this one."""
        return False

    @abstractmethod
    def accept(self, text: str) -> bool:
        """Enter: take the text; False when it can't be taken and is to be mended."""

    def over(self) -> bool:
        """Whether what is asked about is no longer on the screen."""
        return False

    def leave(self) -> bool:
        """Escape: all is as it was before; False when there is something left to leave."""
        return True


class Prompt(LinesWidget):
    """The second line of the screen while something is typed there."""

    can_focus = True
    surface: ClassVar[str] = "background"

    def __init__(self, above: "MainScreen", question: Question, text: str = "") -> None:
        skin = above.skin
        super().__init__(skin, id="prompt")
        self._keys, self._done = above.dispatcher.keys, above.give_line_back
        self.question = question
        self.editor = Editor(text)
        self.offered = Offered(skin, id="offered")
        self.offered.picked = self.take
        self._offers: Sequence[Completion] = ()
        self._chosen = 0
        self._past: int | None = None  # index into the history while it is looked through
        self._typed = text  # what was typed before the history was looked through

    def on_mount(self) -> None:
        """Begin."""
        self.screen.mount(self.offered)
        self.set_interval(SAID_AGAIN, self._tick)
        self.call_after_refresh(self.renew)

    def _tick(self) -> None:
        if self.question.over():
            self._done(self)
        else:
            self.draw()

    def on_unmount(self) -> None:
        """The offers go with the prompt."""
        if self.offered.is_attached:
            self.offered.remove()

    def on_resize(self) -> None:
        """Draw in the new width."""
        self.draw()

    def take_key(self, event: events.Key) -> None:
        """Edit, move, complete, accept or leave."""
        found = self._keys.resolve(("prompt",), [event.key])
        verb = found.name.rpartition(".")[2] if isinstance(found, Command) else ""
        if verb in _OWN:
            _OWN[verb](self)
        elif verb == "clear":
            self.say_instead("")
        elif verb and self.question.verb(verb, self.editor.text):
            self.renew()
        elif self.editor.press(event.key, event.character):
            self._past = None
            self._changed()

    def on_paste(self, event: events.Paste) -> None:
        """Pasted text is typed text."""
        event.stop()
        self.paste(event.text)

    def paste(self, text: str) -> None:
        """Put text in at the cursor."""
        self.editor.insert(text)
        self._changed()

    def say_instead(self, text: str) -> None:
        """Have another text."""
        self.editor.set(text)
        self._changed()

    def _changed(self) -> None:
        self.question.changed(self.editor.text)
        self.renew()

    def renew(self, forced: bool = False) -> None:
        """Offer what could come next, and draw."""
        text, cursor = self.editor.text, self.editor.cursor
        wanted = forced or (self._past is None and _wants_offers(text, cursor))
        offers = self.question.offers(text, cursor) if wanted else ()
        self._offers = [each for each in offers if text[each.start : each.end] != each.text]
        self._chosen = 0
        self.draw()

    def draw(self) -> None:
        """Draw the line and the offers below its cursor."""
        text, cursor = self.editor.text, self.editor.cursor
        said = self.question.said(text)
        incomplete = said.wrong is not None and bool(self._offers) and cursor == len(text) <= said.wrong[1]
        inks = inks_of(text, self.question.tokens(text), None if incomplete else said.wrong)
        label = (BLANK, *line((f"{self.question.label} ", Tone.DIM)))
        self.show([typed_line(label, text, cursor, inks, said.line, self.size.width, self.question.hint)])
        if self.offered.is_attached:
            start = self._offers[self._chosen].start if self._offers else cursor
            x = line_width(label) + width(safe(text[:start])) - 1
            self.offered.offer(self._offers, self._chosen, x, BELOW)

    # --- keys ---------------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        text = self.editor.text.strip()
        if self.question.accept(text):
            history = self.question.history
            if text:
                history[:] = [*(each for each in history if each != text), text][-KEPT:]
            self._done(self)
        else:
            self.draw()

    def _leave(self) -> None:
        if self.question.leave():
            self._done(self)

    def _complete(self) -> None:
        if self._offers:
            self.take(self._chosen)
        else:
            self.renew(forced=True)

    def take(self, index: int) -> None:
        """Put an offer into the text."""
        if index < len(self._offers):
            offer = self._offers[index]
            self.editor.replace(offer.start, offer.end, offer.text)
            self._past = None
            self._changed()

    def _up(self) -> None:
        if self._chosen > 0:
            self._chosen -= 1
            self.draw()
        else:
            self._recall(-1)

    def _down(self) -> None:
        if self._past is not None:
            self._recall(1)
        elif not self._offers:
            self.renew(forced=True)
        elif self._chosen < len(self._offers) - 1:
            self._chosen += 1
            self.draw()

    def _recall(self, step: int) -> None:
        """An earlier text, or a later one; after the last one what was being typed."""
        history = self.question.history
        if self._past is None:
            self._typed, self._past = self.editor.text, len(history)
        self._past = max(0, min(len(history), self._past + step))
        text = self._typed if self._past == len(history) else history[self._past]
        self._past = None if self._past == len(history) else self._past
        self.editor.set(text)
        self._changed()


_OWN: Mapping[str, Callable[[Prompt], None]] = {
    "accept": Prompt._accept,  # noqa: SLF001 - the prompt's own table
    "leave": Prompt._leave,  # noqa: SLF001
    "complete": Prompt._complete,  # noqa: SLF001
    "up": Prompt._up,  # noqa: SLF001
    "down": Prompt._down,  # noqa: SLF001
}


def _wants_offers(text: str, cursor: int) -> bool:
    """Not unasked between two words: there the list would only cover the rows."""
    return not text.strip() or not text[:cursor].endswith((" ", ")"))
