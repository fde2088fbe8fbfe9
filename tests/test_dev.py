"""Does dev.py make a running LazyCelery out of a fresh copy, and does "alone" mean alone?"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))


@pytest.fixture(scope="module")
def dev() -> ModuleType:
    """dev.py as a module."""
    spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What a clone of this tree would hold: no environment, no caches."""
    leave_out = shutil.ignore_patterns(".*_cache", ".git", ".hypothesis", ".venv", "__pycache__")
    return Path(shutil.copytree(ROOT, tmp_path / "fresh copy", ignore=leave_out))


def call(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """One call of a copy's dev.py, from elsewhere."""
    argv = [sys.executable, str(folder / "dev.py"), *args]
    return subprocess.run(
        argv, cwd=folder.parent, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("args, code", [([], 2), (["nonsense"], 2), (["--help"], 0)])
def test_without_a_known_command_it_says_what_there_is_and_installs_nothing(
    copy: Path, args: list[str], code: int
) -> None:
    done = call(copy, *args)
    assert (done.returncode, done.stderr) == (code, "")
    assert all(f"\n  {command}" in done.stdout for command in ("demo", "test", "check", "bench", "setup"))
    assert not (copy / ".venv").exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_fresh_copy_sets_itself_up_once_and_runs_the_demo(copy: Path) -> None:
    first = call(copy, "demo", "--help")
    assert (first.returncode, "installing" in first.stdout, "--seconds" in first.stdout) == (0, True, True), first
    again = call(copy, "demo", "--help")
    assert (again.returncode, "installing" in again.stdout) == (0, False), again


def test_a_changed_or_added_distribution_is_installed_again(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, copy: Path
) -> None:
    monkeypatch.setattr(dev, "ROOT", copy)
    before = dev.fingerprint()
    assert dev.fingerprint() == before
    file = copy / "plugins" / PLUGINS[0] / "pyproject.toml"
    file.write_text(file.read_text("utf-8") + "\n", "utf-8")
    changed = dev.fingerprint()
    shutil.copytree(copy / "plugins" / PLUGINS[0], copy / "plugins" / "another")
    assert len({before, changed, dev.fingerprint()}) == 3


def test_an_old_python_is_refused_with_a_sentence(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer"):
        dev.main(["demo"])


def test_what_comes_from_outside_is_never_one_of_ours(dev: ModuleType) -> None:
    wanted = dev.requirements(dev=True)
    assert [each for each in wanted if "lazycelery" in each] == []
    assert {"pytest", "textual", "hatchling"} <= {each.split(">")[0] for each in wanted}


@pytest.mark.parametrize("name", ["lazycelery_core", *PLUGINS])
def test_alone_means_that_no_other_plugin_is_installed(dev: ModuleType, name: str, tmp_path: Path) -> None:
    python = dev.environment_with_only(name, tmp_path / "env")
    code = (
        "import importlib.metadata as m, importlib.util as u, json;"
        "print(json.dumps([[e.name for e in m.entry_points(group='lazycelery.plugins')],"
        f"[p for p in {PLUGINS} if u.find_spec('lazycelery_plugin_' + p)],"
        "sorted(d.name for d in m.distributions() if d.name.startswith('lazycelery'))]))"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    said = subprocess.check_output([python, "-c", code], cwd=tmp_path, env=environment)
    itself = [name] if name in PLUGINS else []
    assert json.loads(said) == [itself, itself, ["lazycelery-core", *(f"lazycelery-plugin-{each}" for each in itself)]]
