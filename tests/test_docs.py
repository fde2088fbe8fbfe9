"""Do the documents say what the code does? Pages made from the code are current, examples in them run."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
GUIDE = (DOCS / "write-a-plugin.md").read_text("utf-8")


def blocks(page: str, kind: str) -> list[str]:
    """The code blocks of a kind in a page."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def block(kind: str, holding: str) -> str:
    """The one block of the guide that has these words."""
    (found,) = [each for each in blocks(GUIDE, kind) if holding in each]
    return found


PLUGIN = block("python", "def lazycelery_panes")
TESTS = block("python", "check_plugin(")


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the guide's plugin and its tests."""
    (tmp_path / "lazycelery_plugin_slow.py").write_text(PLUGIN, "utf-8")
    (tmp_path / "test_slow.py").write_text(TESTS, "utf-8")
    return tmp_path


def test_pages_made_from_the_code_are_current(generate: ModuleType) -> None:
    assert generate.stale() == [], "run: python docs/generate.py"


def test_the_page_of_hooks_has_every_hook_and_what_it_returns() -> None:
    page = (DOCS / "hooks.md").read_text("utf-8")
    titles = set(re.findall(r"^##+ `(\w+)`$", page, re.MULTILINE))
    returned = {"Source", "Projection", "Pane", "TablePane", "CanvasPane", "DetailPane", "DetailTab", "Action"}
    hooks = ("settings", "sources", "projections", "panes", "actions", "keybindings", "commands")
    assert titles >= {*returned, *(f"lazycelery_{hook}" for hook in hooks)}


def test_the_smallest_plugin_has_about_25_lines() -> None:
    assert len([line for line in PLUGIN.splitlines() if line.strip()]) <= 26


def test_the_smallest_plugin_passes_the_tests_that_the_guide_writes_for_it(folder: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "test_slow.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_the_smallest_plugin_is_drawn_as_the_guide_shows(folder: Path) -> None:
    code = "from test_slow import *; print(draw(Slow(), SNAPSHOT, (60, 7)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout == block("text", "Slow tasks")


def test_settings_as_the_guide_writes_them_are_read_and_explained() -> None:
    from lazycelery_core.config import config_example, loads

    scope: dict[str, type] = {}
    exec(block("python", "class SlowSettings"), scope)
    kind = scope["SlowSettings"]
    assert loads("plugins.slow.at_least = 2").plugin_settings("slow", kind) == kind(2.0)
    assert "seconds below which a task is not listed" in config_example({"slow": kind})


def test_the_guide_names_every_hook_and_everything_that_the_kit_offers() -> None:
    from lazycelery_core import hookspecs
    from lazycelery_core.testing import fixtures

    hooks = [name for name in vars(hookspecs) if name.startswith("lazycelery_")]
    public = [name for name in vars(fixtures) if name.endswith("_factory") or name == "broker_url"]
    assert [name for name in (*hooks, *public) if name not in GUIDE] == []


def test_every_test_that_the_page_of_tests_names_is_there() -> None:
    page = (DOCS / "testing.md").read_text("utf-8")
    files = [
        path for folder in ("tests", "lazycelery_core/tests", "plugins") for path in ROOT.glob(f"{folder}/**/test_*.py")
    ]
    there = {path.name for path in files}
    for path in files:
        there.update(re.findall(r"^ *def (test_\w+)", path.read_text("utf-8"), re.MULTILINE))
    named = re.findall(r"`(?:[\w/]*/)?(test_\w+(?:\.py)?)(?:\[\w+\])?`", page)
    assert len(named) > 100
    assert [name for name in named if name not in there] == []
