"""Which key does what, here? Host commands and plugin actions in one keymap; footer, help, menu and palette read it.

Scopes, from narrow to wide: `on:<kind>` (the focused pane shows records of that kind), `table`, `detail`, `canvas` (the
kind of the focused pane), `global`. What stands above the panes has a scope of its own that hides all others: `dialog`,
`prompt`, `menu`, `page`. A key is written as Textual names it (`ctrl+d`, `f5`, `G`, `slash`); a blank makes a sequence
(`g w`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from lazycelery_core.action import Action

MODAL_SCOPES = ("dialog", "prompt", "menu", "page")
WIDE_SCOPES = ("global", "table", "detail", "canvas")  # the host's own: a plugin key may not be taken from these
TERMINAL_UNSAFE = frozenset(f"ctrl+{letter}" for letter in "imhjzscv")  # another key, or the terminal's own


class Prefix(Enum):
    """The keys so far begin a sequence."""

    PREFIX = "prefix"


@dataclass(frozen=True, slots=True)
class Command:
    """Anything that can be pressed, picked or typed. `name` is what `[keybindings]` and `:` call it.

    overrides: names of wider commands whose key it takes on purpose. footer: place in the key line, 0 for none.
    action: set for plugin actions. conflict: why its default key is not bound.
    """

    name: str
    label: str
    keys: tuple[str, ...] = ()
    scope: str = "global"
    help: str = ""
    group: str = ""
    footer: int = 0
    overrides: tuple[str, ...] = ()
    action: Action | None = None
    plugin: str = ""
    conflict: str = ""


@dataclass(frozen=True, slots=True)
class Clash:
    """A finding of the lint: which key, between which commands, and what came of it."""

    key: str
    scope: str
    winner: str
    loser: str


class Keymap:
    """All commands with the keys that are live. Immutable; made anew when plugins or settings change.

    host: the host's commands with their default keys. actions: those of the plugins. defaults: plugin -> {action name:
    key}. user: `[keybindings]`, command name -> key (several keys separated by commas; "" unbinds).
    """

    def __init__(
        self,
        host: Iterable[Command],
        actions: Iterable[Action] = (),
        defaults: Mapping[str, Mapping[str, str]] | None = None,
        user: Mapping[str, str] | None = None,
    ) -> None:
        self._user = dict(user or {})
        self.clashes: list[Clash] = []
        self._bound: dict[tuple[str, str], Command] = {}
        self._commands: dict[str, Command] = {}
        for command in sorted(host, key=lambda each: each.scope != "global"):
            self._add(self._personal(command))
        for command in _action_commands(actions, defaults or {}):
            self._add(self._personal(command))

    @property
    def commands(self) -> Sequence[Command]:
        """Every command, the host's first."""
        return tuple(self._commands.values())

    def unknown(self) -> list[str]:
        """Names in `[keybindings]` that no command has."""
        return sorted(set(self._user) - set(self._commands))

    def changed(self) -> int:
        """How many commands have keys of the user's choice."""
        return len(set(self._user) & set(self._commands))

    def command(self, name: str) -> Command | None:
        """The command of that name."""
        return self._commands.get(name)

    def resolve(self, scopes: Sequence[str], pressed: Sequence[str]) -> Command | Prefix | None:
        """What the keys pressed so far mean in these scopes (narrow first): a command, a begun sequence, or nothing."""
        keys = " ".join(pressed)
        for scope in scopes:
            command = self._bound.get((scope, keys))
            if command is not None:
                return command
        begun = any(scope in scopes and bound.startswith(keys + " ") for scope, bound in self._bound)
        return Prefix.PREFIX if begun else None

    def live(self, scopes: Sequence[str]) -> Iterator[Command]:
        """Commands that these scopes offer, narrow first; keys that a narrower scope took are left out."""
        taken: set[str] = set()
        for scope in scopes:
            for command in self._commands.values():
                if command.scope == scope:
                    keys = tuple(key for key in command.keys if key not in taken)
                    yield replace(command, keys=keys)
            taken.update(keys for bound_scope, keys in self._bound if bound_scope == scope)

    def continuations(self, scopes: Sequence[str], pressed: Sequence[str]) -> list[tuple[str, Command]]:
        """(next key, command) for a begun sequence: the which-key popup."""
        start = " ".join(pressed) + " "
        return [
            (keys.removeprefix(start), command)
            for (scope, keys), command in self._bound.items()
            if scope in scopes and keys.startswith(start)
        ]

    def _personal(self, command: Command) -> Command:
        wish = self._user.get(command.name)
        if wish is None:
            return command
        return replace(command, keys=tuple(key.strip() for key in wish.split(",") if key.strip()))

    def _add(self, command: Command) -> None:
        free = []
        conflicts = []
        for key in command.keys:
            other = self._holder(command, key)
            if other is None:
                free.append(key)
            else:
                conflicts.append(f"{key}: conflict with {other.name}")
                self.clashes.append(Clash(key, command.scope, other.name, command.name))
        command = replace(command, keys=tuple(free), conflict="; ".join(conflicts))
        self._commands[command.name] = command
        self._bound.update({(command.scope, key): command for key in free})

    def _holder(self, command: Command, key: str) -> Command | None:
        """Who keeps the command from this key: its own scope or, unless it declares the override, a wider one."""
        same = self._bound.get((command.scope, key))
        if same is not None or command.scope in MODAL_SCOPES:
            return same
        for scope in ("global",) if command.scope in WIDE_SCOPES else WIDE_SCOPES:
            other = self._bound.get((scope, key))
            if other is not None and other.name not in command.overrides:
                return other
        return None


def _action_commands(actions: Iterable[Action], defaults: Mapping[str, Mapping[str, str]]) -> Iterator[Command]:
    for action in actions:
        key = defaults.get(action.plugin, {}).get(action.name, "")
        yield Command(
            name=action.name,
            label=action.label,
            keys=(key,) if key else (),
            scope=f"on:{action.on}" if action.on else "global",
            help=action.help,
            footer=50 if action.footer else 0,
            action=action,
            plugin=action.plugin,
        )


def lint(keymap: Keymap) -> list[str]:
    """What is wrong with a keymap: undeclared clashes and keys that terminals can't tell apart."""
    problems = [f"{clash.loser} wants {clash.key}, which {clash.winner} has" for clash in keymap.clashes]
    for command in keymap.commands:
        unsafe = [key for key in command.keys if key in TERMINAL_UNSAFE or key.startswith("alt+")]
        if command.scope != "prompt":
            problems += [f"{command.name}: {key} is not safe in terminals" for key in unsafe]
    return problems
