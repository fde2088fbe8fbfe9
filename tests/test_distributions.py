"""Does the house follow its rule? Folder x = entry point x = lazycelery-plugin-x = package lazycelery_plugin_x."""

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOST = ROOT / "lazycelery_core"
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
DISTRIBUTIONS = [HOST, *PLUGINS]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *(folder / "README.md" for folder in DISTRIBUTIONS)]
TEST_LINE = "python3 dev.py test"

each_plugin = pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
each_distribution = pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)


def project(folder: Path) -> dict[str, Any]:
    """The pyproject.toml of a folder."""
    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))


def names_of_ours() -> list[str]:
    """The names of all distributions with code."""
    return [project(folder)["project"]["name"] for folder in DISTRIBUTIONS]


def declares(statement: ast.stmt) -> bool:
    """Whether a statement may stand in a plugin's `__init__.py`: a docstring, an import, a hook, `__all__`."""
    match statement:
        case ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=[]):
            return all(isinstance(each, ast.Import | ast.ImportFrom) for each in body)
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.FunctionDef(decorator_list=[ast.Name(id="hookimpl")], name=name):
            return name.startswith("lazycelery_")
    return False


def test_every_folder_in_plugins_is_a_distribution() -> None:
    folders = {path for path in (ROOT / "plugins").iterdir() if path.is_dir() and any(path.glob("*/*.py"))}
    assert folders == set(PLUGINS)


@each_plugin
def test_a_plugin_folder_names_its_distribution_package_and_entry_point(folder: Path) -> None:
    settings = project(folder)
    package = f"lazycelery_plugin_{folder.name}"
    assert settings["project"]["name"] == f"lazycelery-plugin-{folder.name}"
    assert settings["project"]["entry-points"] == {"lazycelery.plugins": {folder.name: package}}
    assert settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == [package]
    assert [path.parent.name for path in folder.glob("*/__init__.py")] == [package]


@each_distribution
def test_a_distribution_has_a_readme_that_names_it_tests_and_the_marker_of_typed_code(folder: Path) -> None:
    settings = project(folder)["project"]
    assert (folder / settings["readme"]).read_text("utf-8").startswith(f"# {settings['name']}\n")
    assert any((folder / "tests").glob("test_*.py"))
    assert any(folder.glob("*/py.typed"))


@each_distribution
def test_all_distributions_carry_one_version_licence_and_python(folder: Path) -> None:
    root, own = project(ROOT)["project"], project(folder)["project"]
    same = ("version", "license", "requires-python", "authors")
    assert {key: own[key] for key in same} == {key: root[key] for key in same}
    assert {c for c in own["classifiers"] if "Python" in c} == {c for c in root["classifiers"] if "Python" in c}


@pytest.mark.parametrize("folder", [ROOT, *DISTRIBUTIONS], ids=lambda folder: folder.name)
def test_distributions_depend_on_each_other_in_exactly_their_own_version(folder: Path) -> None:
    settings = project(folder)["project"]
    ours = [each for each in settings["dependencies"] if each.startswith("lazycelery")]
    assert [each for each in ours if not each.endswith(f"=={settings['version']}")] == []
    expected = {ROOT: names_of_ours(), HOST: []}.get(folder, ["lazycelery-core"])
    assert sorted(each.split("==")[0] for each in ours) == sorted(expected)


def test_the_workspace_the_type_checker_and_the_import_contracts_know_every_distribution() -> None:
    tool = project(ROOT)["tool"]
    packages = sorted(path.parent.name for folder in DISTRIBUTIONS for path in folder.glob("*/__init__.py"))
    assert sorted(tool["uv"]["sources"]) == sorted(names_of_ours())
    assert sorted(tool["mypy"]["mypy_path"]) == sorted(str(folder.relative_to(ROOT)) for folder in DISTRIBUTIONS)
    assert sorted(tool["importlinter"]["root_packages"]) == packages


@each_plugin
def test_the_init_file_of_a_plugin_holds_nothing_but_its_hooks(folder: Path) -> None:
    file = folder / f"lazycelery_plugin_{folder.name}" / "__init__.py"
    tree = ast.parse(file.read_text("utf-8"))
    strange = [f"line {each.lineno}: {ast.unparse(each).splitlines()[0]}" for each in tree.body if not declares(each)]
    assert strange == []
    assert any(isinstance(each, ast.FunctionDef) for each in tree.body), "a plugin without a hook adds nothing"


def test_no_file_beside_the_tests_changes_what_python_imports() -> None:
    shadowing = [*ROOT.glob("plugins/**/conftest.py"), *ROOT.glob("**/tests/**/__init__.py")]
    assert [path for path in shadowing if not set(path.relative_to(ROOT).parts) & {".venv", "data"}] == []


def test_the_names_of_test_files_are_unique() -> None:
    names = Counter(path.name for folder in (ROOT, *DISTRIBUTIONS) for path in folder.glob("tests/**/test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_the_readme_and_ci_run_the_same_test_line() -> None:
    assert re.search(rf"^ +{TEST_LINE}\b", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert re.search(rf"^exec {TEST_LINE}\b", (ROOT / ".ci/run").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_in_documents_lead_to_files_that_exist(file: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", file.read_text("utf-8"))
    assert [target for target in targets if not (file.parent / target).exists()] == []
