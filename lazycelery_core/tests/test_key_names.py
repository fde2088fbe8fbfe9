"""Is a key that no keyboard has told before it is waited for?"""

import string

import pytest
from textual.keys import _character_to_key

from lazycelery_core.config import loads
from lazycelery_core.config.key_names import strange_key
from lazycelery_core.errors import ConfigError
from lazycelery_core.host_commands import HOST_COMMANDS


def test_every_key_of_the_host_is_a_key() -> None:
    assert [keys for command in HOST_COMMANDS for keys in command.keys if strange_key(keys)] == []


@pytest.mark.parametrize("sign", string.punctuation + string.ascii_letters + string.digits)
def test_every_printable_sign_is_known_by_the_name_that_the_screen_gets(sign: str) -> None:
    assert strange_key(_character_to_key(sign)) is None


@pytest.mark.parametrize(
    "given, key, meant",
    [
        ("entr", "entr", "enter"),
        ("q, Ctrl+D", "Ctrl+D", "ctrl+d"),
        ("ctrl+/, ?, +", "", ""),
        ("g ctlr+x", "ctlr+x", "ctrl+x"),
        ("F5", "F5", "f5"),
        ("ctrl+hyper", "ctrl+hyper", ""),
        ("", "", ""),
        ("shift+tab", "", ""),
    ],
)
def test_a_strange_key_is_found_with_what_may_have_been_meant(given: str, key: str, meant: str) -> None:
    assert strange_key(given) == ((key, meant) if key else None)


def test_signs_may_be_written_as_they_are_printed_on_the_keys() -> None:
    text = "[keybindings]\n'search.open' = '/, ctrl+/'\n'help.open' = ['f1', '?']\n'app.quit' = 'g +'\n'x.y' = ''\n"
    assert loads(text).keybindings == {
        "search.open": "slash,ctrl+slash", "help.open": "f1,question_mark", "app.quit": "g plus", "x.y": ""
    }  # fmt: skip


@pytest.mark.parametrize("value", ['"entr"', '["q", "entr"]'])
def test_a_strange_key_in_the_configuration_is_told_with_its_line(value: str) -> None:
    with pytest.raises(ConfigError) as raised:
        loads(f"[keybindings]\n'app.quit' = {value}\n")
    assert raised.value.problems == ('line 2: keybindings.app.quit: there is no key "entr"; did you mean enter?',)


def test_a_value_of_another_type_is_told_as_such_only() -> None:
    with pytest.raises(ConfigError, match="1 mistake"):
        loads("[keybindings]\n'app.quit' = 7\n")
