"""Is everything that can be used named where a reader or a test would miss it? Hooks, actions, settings, commands."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lazycelery_core import hookspecs
from lazycelery_core.cli import root
from lazycelery_core.config.checking import settings_of
from lazycelery_core.config.schema import ConnectionSettings, RedactSettings, TLSSettings, UISettings
from lazycelery_core.host_commands import HOST_COMMANDS
from lazycelery_core.plugins import Plugins

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__)
SCENARIOS = ROOT / "lazycelery_core" / "lazycelery_core" / "testing"  # tests that run on several brokers
FOLDERS = {"core": ROOT / "lazycelery_core" / "tests", "top": ROOT / "tests"}
HOOKS = [name for name in vars(hookspecs) if name.startswith("lazycelery_")]
SECTIONS = (ConnectionSettings, TLSSettings, UISettings, RedactSettings)


def words(*folders: Path) -> str:
    """The text of all test files in these folders, this one left out."""
    files = [file for folder in folders for file in folder.rglob("*.py") if file != HERE]
    return "\n".join(file.read_text("utf-8") for file in files)


def named(name: str, text: str) -> bool:
    """Whether the name stands there as a word of its own."""
    return re.search(rf"(?<![\w.]){re.escape(name)}(?![\w])", text) is not None


def document(name: str) -> str:
    """A page of docs/."""
    return (ROOT / "docs" / name).read_text("utf-8")


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    """The standard plugins, without any configuration."""
    plugins = Plugins()
    plugins.load()
    plugins.found = [plugin for plugin in plugins.found if plugin.bundled]
    return plugins


@pytest.fixture(scope="module")
def tests() -> str:
    """The text of all tests."""
    return words(*FOLDERS.values(), ROOT / "plugins")


def test_every_hook_is_tried_by_a_test_and_described_in_the_docs(tests: str) -> None:
    assert [hook for hook in HOOKS if not named(hook, tests)] == []
    assert [
        hook for hook in HOOKS if hook not in document("hooks.md") or hook not in document("write-a-plugin.md")
    ] == []


def test_every_action_is_named_in_a_test_of_its_plugin_or_in_one_on_a_real_broker(plugins: Plugins) -> None:
    texts = {
        each.name: words(ROOT / "plugins" / each.name / "tests", FOLDERS["top"], SCENARIOS) for each in plugins.found
    }
    missing = [
        f"{action.plugin}: {action.name}" for action in plugins.actions if not named(action.name, texts[action.plugin])
    ]
    assert missing == []


def test_every_setting_of_the_host_is_named_in_a_test_and_described_in_the_docs(tests: str) -> None:
    names = [setting.name for kind in SECTIONS for setting in settings_of(kind)]
    assert [name for name in names if not named(name, tests)] == []
    page = document("config.md")
    sections = re.findall(r"^# \[(?:\w+\.)*(\w+)\]$", page, re.MULTILINE)
    assert [name for name in names if f"\n# {name} = " not in page and name not in sections] == []


def settings_of_plugins(plugins: Plugins) -> Iterator[tuple[str, str]]:
    """(plugin, setting) of all."""
    for plugin in plugins.found:
        kind = type(plugin.settings)
        yield from ((plugin.name, each.name) for each in (settings_of(kind) if plugin.settings is not None else ()))


def test_every_setting_of_a_plugin_is_named_in_its_tests_and_described_in_the_docs(plugins: Plugins) -> None:
    found = list(settings_of_plugins(plugins))
    assert found
    untested = [each for each in found if not named(each[1], words(ROOT / "plugins" / each[0] / "tests"))]
    undocumented = [each for each in found if f"# {each[1]} = " not in document("config.md")]
    assert (untested, undocumented) == ([], [])


def test_every_key_of_the_host_and_of_the_plugins_is_in_the_cheat_sheet(plugins: Plugins) -> None:
    """That each command of the host has a handler is tried in lazycelery_core/tests/test_screen_state.py."""
    sheet = document("keys.md")
    names = [*(command.name for command in HOST_COMMANDS), *(action.name for action in plugins.actions)]
    assert [name for name in names if f"`{name}`" not in sheet] == []


def test_every_command_line_command_and_option_is_tried_by_a_test(tests: str) -> None:
    options = {option for parameter in root.params for option in parameter.opts if option.startswith("--")}
    assert [each for each in (*root.commands, *options) if not re.search(rf"\"{re.escape(each)}\b", tests)] == []
