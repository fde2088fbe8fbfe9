"""What does `:` do? Every command by name, with what it is to work on; completed and explained while it is typed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lazycelery_core.errors import FilterError
from lazycelery_core.host_commands import shown_key
from lazycelery_core.keys import MODAL_SCOPES, Command
from lazycelery_core.query import Completion, Token, complete, tokens
from lazycelery_core.screens.arguments import KEPT, SETTINGS, Arguments
from lazycelery_core.screens.commands import Spoken, listed, spoken_words, understand
from lazycelery_core.screens.dispatcher import handles
from lazycelery_core.screens.filtering import vocabulary
from lazycelery_core.screens.named_filters import NamedFilters
from lazycelery_core.screens.offering import refusal
from lazycelery_core.screens.prompt import Prompt, Question, Said
from lazycelery_core.screens.targeting import MARKED, names_of
from lazycelery_core.screens.time_range import OFTEN
from lazycelery_core.theme import THEMES
from lazycelery_core.tones import Tone, line

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen

HINT = line(("tasks state:failed   theme light   events on worker-3   Tab completes · Esc leaves", Tone.DIM))
FILTERS = ("filter.open", "search.open")


class CommandLine:
    """The handler of `:`; `run` is how everything that is typed or picked gets done."""

    def __init__(self, screen: "MainScreen", arguments: Arguments, named: NamedFilters) -> None:
        self.screen, self.arguments, self.named = screen, arguments, named
        self._history: list[str] = []

    @handles("command.open")
    def open(self, _: str) -> None:
        """Ask for a command."""
        self.ask("")

    @handles("go.*", "set.value")
    def ask_for(self, rest: str) -> None:
        """Ask for a command that needs words behind it."""
        self.ask("set " if rest == "value" else f"{rest} ")

    def ask(self, text: str) -> None:
        """Ask for a command that begins like this."""
        question = CommandQuestion(self, self._history)
        self.screen.take_line(Prompt(self.screen, question, text))

    @property
    def commands(self) -> Sequence[Command]:
        """Everything that can be typed."""
        return [command for command in self.screen.dispatcher.keys.commands if command.scope not in MODAL_SCOPES]

    def words(self) -> Mapping[str, Command]:
        """Phrase -> command, for where the user is."""
        return spoken_words(self.commands, self.screen.kind_here())

    def run(self, text: str) -> None:
        """Do what the text says. Raises FilterError with the span of what is not understood."""
        spoken = understand(text, self.words())
        command, takes = spoken.command, self.arguments.taker(spoken.command)
        if spoken.argument and takes is None:
            raise FilterError(f"{command.label} takes nothing more.", span=(spoken.start, len(text)))
        if not spoken.argument or takes is None:
            self.screen.call_later(self.screen.dispatcher.run, command)
            return
        try:
            takes(spoken.argument)
        except FilterError as error:
            start, end = error.span
            raise FilterError(error.message, error.hint, (spoken.start + start, spoken.start + end)) from error


class CommandQuestion(Question):
    """Which command?"""

    label, hint = ":", HINT

    def __init__(self, line_: CommandLine, history: list[str]) -> None:
        super().__init__(history)
        self._line = line_
        self._refused: FilterError | None = None

    def _spoken(self, text: str) -> Spoken | None:
        try:
            return understand(text, self._line.words())
        except FilterError:
            return None

    def tokens(self, text: str) -> list[Token]:
        """The command, then its words; a filter in the colours of filters."""
        spoken = self._spoken(text)
        if spoken is None:
            return []
        head = Token(0, spoken.start, Tone.ACCENT)
        if not self._filters(spoken.command):
            return [head]
        at = spoken.start
        return [head, *(Token(at + start, at + end, tone) for start, end, tone in tokens(text[at:]))]

    def _filters(self, command: Command) -> bool:
        return command.name in FILTERS or command.name.startswith("view.")

    def offers(self, text: str, cursor: int) -> list[Completion]:
        """Commands, then whatever can follow the one that is typed."""
        spoken = self._spoken(text[:cursor])
        offers: list[Completion] = []
        if (spoken is not None and text[:cursor].endswith((" ", *"+-.:,=<>~"))) or (
            spoken is not None and spoken.argument
        ):
            offers = self._behind(spoken, text, cursor)
        typed = text[:cursor].lower()
        return [*offers, *self._named(typed, cursor)]

    def _named(self, typed: str, cursor: int) -> list[Completion]:
        """The commands that begin like what is typed, then those in which it stands."""
        found = listed(self._line.commands, self._line.screen.kind_here())
        begun = [pair for pair in found if pair[0].startswith(typed)]
        inside = [pair for pair in found if typed and typed in pair[0] and pair not in begun]
        return [
            Completion(self._whole(phrase, command), help_of(command), 0, cursor) for phrase, command in begun + inside
        ]

    def _whole(self, phrase: str, command: Command) -> str:
        return f"{phrase} " if self._line.arguments.needed(command) else phrase

    def _behind(self, spoken: Spoken, text: str, cursor: int) -> list[Completion]:
        """What can follow a command."""
        command, argument = spoken.command, text[spoken.start : cursor]
        if self._filters(command) and not argument.startswith(tuple(f"{verb} " for verb in KEPT)):
            view = command.name.removeprefix("view.")
            screen = self._line.screen
            kind = screen.kind_here() if command.name in FILTERS else self._line.arguments.kind_of(view)
            offers = complete(argument, cursor - spoken.start, vocabulary(screen.latest), kind)
            offers = [each._replace(start=each.start + spoken.start, end=each.end + spoken.start) for each in offers]
            kept = [(f"{verb} ", "a filter by name") for verb in KEPT] if command.name == "filter.open" else []
            return [*offers, *_matching(kept, argument, spoken.start, cursor)]
        words = argument.rpartition(" ")[2]
        return _matching(self._choices(command, argument), words, cursor - len(words), cursor)

    def _choices(self, command: Command, argument: str) -> list[tuple[str, str]]:
        """(word, what it is) of everything that can be chosen behind a command."""
        screen = self._line.screen
        if command.name == "theme.choose":
            return [(name, "theme") for name in THEMES]
        if command.name == "range.open":
            return list(OFTEN)
        if command.name == "set.value":
            name, blank, _ = argument.partition(" ")
            return (
                [(each, name) for each in SETTINGS.get(name, ())]
                if blank
                else [(f"{each} ", "setting") for each in SETTINGS]
            )
        if command.name == "columns.choose":
            widget = screen.stage.focused()
            columns = widget.table.pane.columns if widget is not None and widget.table is not None else ()
            return [(f"{sign}{column.id}", column.title) for sign in "+-" for column in columns]
        if command.name == "filter.open":
            return [(name, text) for name, text in self._line.named.of(screen.kind_here()).items()]
        kind = command.action.on if command.action is not None else command.name.removeprefix("go.")
        marked = [(MARKED[0], "what a key would work on")] if command.action is not None and kind else []
        return [
            *marked,
            *((name, kind) for name in (names_of(kind, screen.latest) if screen.latest is not None else ())),
        ]

    def changed(self, text: str) -> None:
        """What was refused is another text now."""
        self._refused = None

    def said(self, text: str) -> Said:
        """What Enter would do, and why it would not."""
        if self._refused is not None:
            return Said(line((f"▲ {self._refused}", Tone.WARN)), self._refused.span)
        if not text.strip():
            return Said()
        try:
            spoken = understand(text, self._line.words())
        except FilterError as error:
            return Said(line((f"▲ {error}", Tone.WARN)), error.span)
        screen = self._line.screen
        reason = refusal(screen, spoken.command, screen.targets()) if not spoken.argument else ""
        keys = " ".join(map(shown_key, spoken.command.keys[:1]))
        return Said(line((f"{keys} " if keys else "", Tone.ACCENT), (help_of(spoken.command), Tone.DIM),
                         (f"  {reason}" if reason else "", Tone.WARN)))  # fmt: skip

    def accept(self, text: str) -> bool:
        """Do it; where it is not understood, say why and stay."""
        if not text:
            return True
        try:
            self._line.run(text)
        except FilterError as error:
            self._refused = error
            return False
        return True


def help_of(command: Command) -> str:
    """What a command does, in a few words."""
    return command.help or command.label.rstrip("…").lower()


def _matching(choices: Sequence[tuple[str, str]], typed: str, start: int, end: int) -> list[Completion]:
    begun = [choice for choice in choices if choice[0].startswith(typed)]
    inside = [choice for choice in choices if typed and typed in choice[0] and choice not in begun]
    return [Completion(text, help_, start, end) for text, help_ in begun + inside]
