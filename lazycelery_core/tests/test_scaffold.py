"""Is what `lazycelery plugins new` writes complete and clean, and does it refuse what can't become a plugin?"""

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from lazycelery_core.cli import root
from lazycelery_core.errors import PluginError
from lazycelery_core.host_commands import HOST_COMMANDS
from lazycelery_core.plugins import BUNDLED
from lazycelery_core.scaffold import write_plugin


def test_a_new_plugin_is_a_whole_distribution(tmp_path: Path) -> None:
    folder = write_plugin("dead_letters", tmp_path)
    assert folder == tmp_path / "lazycelery-plugin-dead-letters"
    package = "lazycelery_plugin_dead_letters"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    modules = ("__init__.py", "actions.py", "pane.py", "py.typed", "settings.py", "tab.py")
    own = ("README.md", "pyproject.toml", "tests/test_dead_letters.py")
    assert files == {*own, *(f"{package}/{module}" for module in modules)}
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["name"] == "lazycelery-plugin-dead-letters"
    assert project["entry-points"] == {"lazycelery.plugins": {"dead_letters": package}}


def test_no_word_of_the_template_is_left(tmp_path: Path) -> None:
    folder = write_plugin("dead_letters", tmp_path)
    assert [path for path in folder.rglob("*") if "@name@" in str(path)] == []
    texts = "".join(path.read_text("utf-8") for path in folder.rglob("*") if path.is_file())
    words = ("@name@", "@package@", "@title@", "@key@", "@host@", "@distribution@")
    assert [word for word in words if word in texts] == []


@pytest.mark.parametrize("name", ["x", "quiet", "dead_letters", "a2", "qwot", "x_"])
def test_its_view_is_on_a_key_that_neither_the_host_nor_a_standard_view_uses(tmp_path: Path, name: str) -> None:
    folder = write_plugin(name, tmp_path)
    code = (folder / f"lazycelery_plugin_{name}" / "pane.py").read_text("utf-8")
    key = code.partition("VIEW = View(")[2].split(",")[2].strip(' "')
    assert key not in {key for command in HOST_COMMANDS for key in command.keys} | set("OWQT")
    assert key.isupper()


@pytest.mark.parametrize(
    "name", ["", "2fast", "Upper", "two words", "dash-ed", "class", "../up", "a/b", "é", "x" * 41, "_x", "a\x1b[2J"]
)
def test_a_name_that_can_not_be_a_package_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PluginError, match=r"can't be the name of a plugin\. It becomes a Python package") as raised:
        write_plugin(name, tmp_path)
    assert "\x1b" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [*BUNDLED, "overview", "worker", "config"])
def test_a_name_of_the_hosts_own_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PluginError, match=f"{name} is a name of LazyCelery's own"):
        write_plugin(name, tmp_path)


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "lazycelery-plugin-mine"
    folder.mkdir()
    with pytest.raises(PluginError, match=r"is there already\. Choose another name, or --into another folder\."):
        write_plugin("mine", tmp_path)
    assert list(folder.iterdir()) == []


def test_a_folder_that_can_not_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(PluginError, match="can't be written: Not a directory"):
        write_plugin("mine", tmp_path / "file")


def test_the_command_says_what_to_do_next(tmp_path: Path) -> None:
    said = CliRunner().invoke(root, ["plugins", "new", "mine", "--into", str(tmp_path)], standalone_mode=False)
    folder = tmp_path / "lazycelery-plugin-mine"
    assert said.exception is None, said.output
    assert f"pip install -e '{folder}[test]'" in said.output
    assert "lazycelery plugins mine" in said.output
    assert folder.is_dir()
