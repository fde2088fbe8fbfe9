"""Can a stranger install it? All distributions are built, and `lazycelery` is installed from them into empty places."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))
FOLDERS = [ROOT, ROOT / "lazycelery_core", *(ROOT / "plugins" / name for name in PLUGINS)]
OLDEST = 11
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints; its whole output is in the failure if it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LAZYCELERY"))}
    argv = [str(part) for part in command]
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def pythons() -> dict[int, Path]:
    """The interpreters of this machine by minor version: those on PATH, and pyenv's."""
    places = [Path(folder) / f"python3.{minor}" for folder in os.get_exec_path() for minor in range(OLDEST, 20)]
    places += (Path.home() / ".pyenv" / "versions").glob("3.*/bin/python3")
    found: dict[int, Path] = {}
    for place in (Path(sys.executable), *places):
        if shutil.which(place) and (minor := minor_version(place)) >= OLDEST:
            found.setdefault(minor, place)
    return found


def minor_version(python: Path) -> int:
    """The 12 of Python 3.12; 0 if it does not run (pyenv puts names on PATH that refuse to)."""
    done = subprocess.run([python, "-c", "import sys; print(sys.version_info[1])"], capture_output=True, check=False)
    return int(done.stdout) if done.returncode == 0 else 0


AVAILABLE = pythons()
TRIED = sorted({OLDEST, max(AVAILABLE)})


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an sdist and a wheel of every distribution, each wheel made from its sdist."""
    place = tmp_path_factory.mktemp("dist")

    def build(folder: Path) -> str:
        return run(sys.executable, "-m", "build", "--no-isolation", "--outdir", place, folder, cwd=place)

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(build, FOLDERS))
    return place


@pytest.fixture(scope="module", params=TRIED, ids=lambda minor: f"python3.{minor}")
def installed(request: pytest.FixtureRequest, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The bin folder of an empty environment into which only `lazycelery` was asked for."""
    if request.param not in AVAILABLE:
        pytest.skip(f"there is no Python 3.{request.param} on this machine, only 3.{sorted(AVAILABLE)}: not tested")
    place = tmp_path_factory.mktemp(f"python3.{request.param}")
    run(AVAILABLE[request.param], "-m", "venv", "--without-pip", place / "env", cwd=place)
    # Ours come from the built files only, by name and never from an index; third-party packages from where pip looks.
    wheels = {wheel.name.split("-")[0].replace("_", "-"): wheel for wheel in built.glob("*.whl")}
    constraints = place / "constraints.txt"
    constraints.write_text("".join(f"{name} @ {wheel.as_uri()}\n" for name, wheel in wheels.items()), "utf-8")
    pip = (sys.executable, "-m", "pip", "--python", place / "env/bin/python", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--constraint", constraints, "lazycelery", cwd=place)
    run(*pip, "check", cwd=place)
    yield place / "env/bin"
    shutil.rmtree(place)


def lazycelery(bin_folder: Path, *args: str) -> str:
    """What the installed command prints, away from the source tree and from any configuration."""
    return run(bin_folder / "lazycelery", *args, cwd=bin_folder)


def test_every_distribution_is_built_in_one_version(built: Path) -> None:
    names = {"lazycelery", "lazycelery_core", *(f"lazycelery_plugin_{name}" for name in PLUGINS)}
    assert {path.name for path in built.glob("*.whl")} == {f"{name}-0.1.0-py3-none-any.whl" for name in names}
    assert {path.name for path in built.glob("*.tar.gz")} == {f"{name}-0.1.0.tar.gz" for name in names}


def test_wheels_hold_their_package_and_nothing_else(built: Path) -> None:
    for wheel in built.glob("*.whl"):
        name = wheel.name.split("-")[0]
        folders = {Path(entry).parts[0] for entry in zipfile.ZipFile(wheel).namelist()}
        info = f"{name}-0.1.0.dist-info"
        assert folders == ({info} if name == "lazycelery" else {name, info}), wheel.name


def test_wheels_hold_every_file_of_their_package(built: Path) -> None:
    for folder in FOLDERS[1:]:
        package = next(folder.glob("lazycelery_*/__init__.py")).parent
        files = {path.relative_to(folder).as_posix() for path in package.rglob("*") if path.is_file()}
        wheel = next(built.glob(f"{package.name}-*.whl"))
        missing = {name for name in files if "__pycache__" not in name} - set(zipfile.ZipFile(wheel).namelist())
        assert missing == set(), wheel.name


def test_sdists_of_the_distributions_with_code_bring_their_tests(built: Path) -> None:
    for folder in FOLDERS[1:]:
        package = next(folder.glob("lazycelery_*/__init__.py")).parent.name
        with tarfile.open(next(built.glob(f"{package}-*.tar.gz"))) as archive:
            assert any("/tests/test_" in name for name in archive.getnames()), package


def test_an_installed_lazycelery_says_its_version(installed: Path) -> None:
    assert "0.1.0" in lazycelery(installed, "--version")
    assert "0.1.0" in run(installed / "python", "-m", "lazycelery_core", "--version", cwd=installed)


def test_an_installed_lazycelery_has_every_standard_plugin_loaded(installed: Path) -> None:
    listing = lazycelery(installed, "plugins")
    assert sorted(re.findall(r"^\S+ (\w+) +0\.1\.0 +loaded\b", listing, re.MULTILINE)) == PLUGINS, listing


def test_an_installed_lazycelery_lists_its_keys(installed: Path) -> None:
    assert lazycelery(installed, "keys").strip()


def test_an_installed_lazycelery_brings_no_test_tools(installed: Path) -> None:
    code = "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"
    names = {name.lower() for name in json.loads(run(installed / "python", "-c", code, cwd=installed))}
    assert names & {"pytest", "hypothesis", "pyte", "mypy", "ruff"} == set()
