"""How does a test get distributions of its own: in a clean environment, or beside what is installed?"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from lazycelery_core.testing.site import Site

ROOT = Path(__file__).resolve().parents[1]
NOTHING_OF_OURS = "-"  # no plugin is called so: only third-party packages and the host are linked


@pytest.fixture(scope="session")
def dev() -> ModuleType:
    """dev.py as a module."""
    spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def quiet(*command: str | Path, cwd: Path) -> str:
    """What a command prints; all of it is in the failure if it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LAZYCELERY"))}
    argv = [str(part) for part in command]
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def wheel_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """wheel_of(folder) -> the wheel of the distribution in that folder, built once."""
    built: dict[Path, Path] = {}

    def build(folder: Path) -> Path:
        if folder not in built:
            place = tmp_path_factory.mktemp("wheel")
            quiet(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", place, folder, cwd=place)
            (built[folder],) = place.glob("*.whl")
        return built[folder]

    return build


@pytest.fixture(scope="session")
def environment_of(dev: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """environment_of(wheel, ...) -> the bin folder of a new environment with these wheels and third-party packages."""

    def make(*wheels: Path) -> Path:
        place = tmp_path_factory.mktemp("environment")
        python: Path = dev.environment_with_only(NOTHING_OF_OURS, place)
        for link in dev.site_packages(python).glob("*lazycelery*"):
            link.unlink()
        pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
        quiet(*pip, "install", "--quiet", "--no-deps", "--no-index", *wheels, cwd=place)
        return python.parent

    return make


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A folder on the path in which a test installs distributions of its own."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    site = Site(folder)
    yield site
    site.forget()
