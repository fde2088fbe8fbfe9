"""From a key to its handler: sequences are collected, scopes asked, the command's handler called by name.

Controllers offer handlers as methods marked with `handles("cursor.down")`. A name that ends in `.*` takes all commands
of that beginning and gets the rest of the name.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from lazycelery_core.keys import Command, Keymap, Prefix

Handler = Callable[[str], Any]
Method = TypeVar("Method", bound=Callable[..., Any])
_MARK = "_handled_commands"


def handles(*names: str) -> Callable[[Method], Method]:
    """Mark a method as the handler of these commands; it is called with the last part of the command's name."""

    def mark(method: Method) -> Method:
        setattr(method, _MARK, names)
        return method

    return mark


class Surroundings(Protocol):
    """What a dispatcher must know of the screen it works on."""

    def scopes(self) -> Sequence[str]:
        """The scopes that are live, narrow first."""

    def run_plugin_action(self, command: Command) -> None:
        """Run a plugin's action."""

    def sequence_changed(self, begun: str) -> None:
        """The keys so far ("" when a sequence ended), for the key line and the which-key popup."""


class Dispatcher:
    """Finds and calls what a key or a command's name stands for."""

    def __init__(self, screen: Surroundings) -> None:
        self._screen = screen
        self.keys = Keymap(())
        self._handlers: dict[str, Handler] = {}
        self._pressed: list[str] = []

    def add(self, controller: object) -> None:
        """Take in all handlers of a controller."""
        for name in dir(type(controller)):
            for command in getattr(getattr(type(controller), name), _MARK, ()):
                self._handlers[command] = getattr(controller, name)

    @property
    def handled(self) -> frozenset[str]:
        """The names of all commands with a handler."""
        return frozenset(self._handlers)

    def press(self, key: str) -> bool:
        """Take a key; whether it meant something here."""
        begun = bool(self._pressed)
        if begun and key == "escape":
            self._end()
            return True
        self._pressed.append(key)
        found = self.keys.resolve(self._screen.scopes(), self._pressed)
        if found is Prefix.PREFIX:
            self._screen.sequence_changed(" ".join(self._pressed))
            return True
        self._end(begun)
        if isinstance(found, Command):
            self.run(found)
        return begun or found is not None

    def _end(self, told: bool = True) -> None:
        self._pressed.clear()
        if told:
            self._screen.sequence_changed("")

    def run_named(self, name: str) -> bool:
        """Run the command of that name; whether anything handles it."""
        command = self.keys.command(name)
        return self.run(command if command is not None else Command(name, name))

    def run(self, command: Command) -> bool:
        """Run a command; whether anything handles it."""
        if command.action is not None:
            self._screen.run_plugin_action(command)
            return True
        start, _, rest = command.name.rpartition(".")
        handler = self._handlers.get(command.name) or self._handlers.get(f"{start}.*")
        if handler is None:
            return False
        handler(rest)
        return True
