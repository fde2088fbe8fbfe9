"""Does every key mean one thing, does every command have a handler, and is everything reachable without its key?

The rules are checked on the keymap that users get: the host's commands with those of all standard plugins.
"""

from string import ascii_uppercase

import pytest

from lazycelery_core.action import Action
from lazycelery_core.config import loads
from lazycelery_core.host_commands import HOST_COMMANDS
from lazycelery_core.keys import MODAL_SCOPES, TERMINAL_UNSAFE, Command, Keymap, Prefix, lint
from lazycelery_core.launcher import keymap
from lazycelery_core.plugins import Plugins
from lazycelery_core.screens import popups
from lazycelery_core.screens.commands import listed, spoken_words
from lazycelery_core.screens.main import MainScreen
from lazycelery_core.screens.menu import is_copy, is_journey, sections_of
from lazycelery_core.screens.offering import Offer
from lazycelery_core.screens.palette import MOVED_BY_HAND
from lazycelery_core.widgets.skin import Skin


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    """All standard plugins."""
    loaded = Plugins()
    loaded.load()
    return loaded


@pytest.fixture(scope="module")
def keys(plugins: Plugins) -> Keymap:
    """The keymap without any settings of a user."""
    return keymap(loads(""), plugins)


def typeable(keys: Keymap) -> list[Command]:
    """The commands that are not keys of a popup."""
    return [command for command in keys.commands if command.scope not in MODAL_SCOPES]


def test_no_two_commands_of_one_scope_want_one_key_and_overrides_are_declared(keys: Keymap) -> None:
    assert lint(keys) == []


def test_no_key_is_one_that_terminals_confuse_but_those_of_prompts(keys: Keymap) -> None:
    unsafe = {(command.name, key) for command in keys.commands for key in command.keys if key in TERMINAL_UNSAFE}
    assert unsafe == {("prompt.save", "ctrl+s")}
    assert not any(key.startswith("alt+") for command in keys.commands for key in command.keys)


def test_no_key_alone_is_also_the_beginning_of_a_sequence(keys: Keymap) -> None:
    begun = {key.split(" ")[0] for command in typeable(keys) for key in command.keys if " " in key}
    alone = {key for command in typeable(keys) for key in command.keys if " " not in key}
    assert begun & alone == set()


def test_some_capital_letters_are_left_to_users_and_other_plugins(keys: Keymap) -> None:
    taken = {key for command in typeable(keys) for key in command.keys}
    assert len(set(ascii_uppercase) - taken) >= 6


def test_every_command_is_reachable_by_typing_it(keys: Keymap) -> None:
    offered = {command.name: phrase for phrase, command in listed(typeable(keys))}
    assert offered.keys() == {command.name for command in typeable(keys)}
    words = spoken_words(typeable(keys))
    assert [name for name, phrase in offered.items() if words[phrase].name != name] == []
    assert [name for name in offered if words[name].name != name] == []


def test_every_action_is_reachable_through_the_menu_of_its_kind(keys: Keymap, plugins: Plugins) -> None:
    missing = []
    for kind in sorted({action.on for action in plugins.actions}):
        offers = [Offer(command) for command in keys.live([f"on:{kind}", "table", "global"])]
        named = {item.name for section in sections_of(offers) for item in section}
        journeys = {each.command.name for each in offers if is_journey(each)} if "menu.journeys" in named else set()
        copies = {each.command.name for each in offers if is_copy(each.command)} if "copy.open" in named else set()
        missing += [
            action.name
            for action in plugins.actions
            if action.on == kind and action.name not in named | journeys | copies
        ]
    assert missing == []


def test_every_other_command_is_in_the_palette_which_the_menu_ends_with(keys: Keymap) -> None:
    offers = [Offer(command) for command in keys.live(["table", "global"])]
    assert sections_of(offers)[-1][0].name == "palette.open"
    hidden = {command.name for command in typeable(keys) if command.name.startswith(MOVED_BY_HAND)}
    assert all(name.partition(".")[0] in ("cursor", "columns", "pane", "tab", "palette", "app") for name in hidden)


def test_every_command_of_the_host_has_a_handler() -> None:
    screen = MainScreen(Skin())
    popups.attach(screen)
    handled = screen.dispatcher.handled
    names = [command.name for command in HOST_COMMANDS if command.scope not in MODAL_SCOPES]
    assert [name for name in names if name not in handled and f"{name.rpartition('.')[0]}.*" not in handled] == []


@pytest.mark.parametrize("key", ["r", "a", "f", "j", "q"])
def test_a_plugin_gets_no_key_of_the_host_and_the_help_can_say_so(key: str, plugins: Plugins) -> None:
    greedy = Action("task.grab", "Grab", lambda control, targets: None, on="task", plugin="greedy")
    grabbed = Keymap(HOST_COMMANDS, [greedy], {"greedy": {"task.grab": key}})
    command = grabbed.command("task.grab")
    assert command is not None
    assert (command.keys, command.conflict.startswith(f"{key}: conflict with ")) == ((), True)
    found = grabbed.resolve(["on:task", "table", "global"], [key])
    assert isinstance(found, Command | Prefix)
    assert found is Prefix.PREFIX or found.action is None
