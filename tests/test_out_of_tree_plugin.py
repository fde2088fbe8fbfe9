"""Does a plugin that somebody else wrote work as soon as it is installed, and go when it is told to?

Three of them, each built as a wheel and installed beside the host's wheel into an environment that has nothing else of
ours: a sample with a layout of its own, the one of docs/write-a-plugin.md, and a freshly written `plugins new`.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lazycelery_core.scaffold import write_plugin
from lazycelery_core.testing.celery_worker import Worker
from lazycelery_core.testing.terminal import Terminal

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "write-a-plugin.md").read_text("utf-8")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Installed:
    """An environment of its own. `home` holds its configuration and state."""

    programs: Path
    home: Path

    def run(self, program: str, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """One call of a program there, away from the source tree, with nothing but these variables."""
        variables = {"PATH": os.environ["PATH"], "HOME": str(self.home), "COLUMNS": "120", **environment}
        return subprocess.run(
            [self.programs / program, *args], cwd=self.home, env=variables, capture_output=True, text=True, check=False
        )

    def lazycelery(self, *args: str, **environment: str) -> str:
        """What `lazycelery` prints; it has to succeed."""
        done = self.run("lazycelery", *args, **environment)
        assert done.returncode == 0, done
        return done.stdout

    def configured(self, text: str) -> Path:
        """A configuration file of this text."""
        path = self.home / "config.toml"
        path.write_text(text, "utf-8")
        return path


def guide_plugin(folder: Path) -> Path:
    """The folder with the files of docs/write-a-plugin.md."""
    files = {
        "lazycelery_plugin_slow.py": r"^```python\n((?:.*\n)*?.*def lazycelery_panes(?:.*\n)*?)^```$",
        "pyproject.toml": r"^```toml\n((?:.*\n)*?)^```$",
    }
    for name, block in files.items():
        found = re.search(block, GUIDE, re.MULTILINE)
        assert found is not None
        (folder / name).write_text(found[1], "utf-8")
    return folder


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plugin as `lazycelery plugins new queue_watch` writes it."""
    return write_plugin("queue_watch", tmp_path_factory.mktemp("written"))


@pytest.fixture(scope="module")
def installed(
    wheel_of: Callable[[Path], Path],
    environment_of: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
    written: Path,
) -> Installed:
    """The host, and the three plugins."""
    theirs = [ROOT / "tests" / "sample_plugin", guide_plugin(tmp_path_factory.mktemp("guide")), written]
    programs = environment_of(*map(wheel_of, (ROOT / "lazycelery_core", *theirs)))
    return Installed(programs, tmp_path_factory.mktemp("home"))


def test_it_appears_without_any_configuration_with_all_that_it_brings(installed: Installed) -> None:
    listing = installed.lazycelery("plugins")
    assert re.findall(r"^✓ (\w+) +([\d.]+) +loaded", listing, re.MULTILINE) == [
        ("hosts", "3.2.1"), ("queue_watch", "0.1.0"), ("slow", "1.0")
    ]  # fmt: skip
    told = installed.lazycelery("plugins", "hosts")
    brought = [line.split(None, 1) for line in told.splitlines()[2:]]
    assert re.fullmatch(r"\d files, sha256 [0-9a-f]{12}", brought[0][1])  # what a lock would write down
    assert brought[1:] == [
        ["panes", "hosts.list"], ["tabs", "worker: neighbours"], ["actions", "host.workers"], ["keys", "t"]
    ]  # fmt: skip
    assert "celery-hosts" in told
    assert str(installed.programs.parent) in told


def test_the_guide_shows_what_lazycelery_says_about_its_plugin(installed: Installed) -> None:
    said = re.sub(r" +\d+ ms", "        2 ms", installed.lazycelery("plugins", "slow"))
    said = re.sub(r"from .*/", "from ", said)
    said = re.sub(r"\d files, sha256 [0-9a-f]{12}", "4 files, sha256 8adfe1f7ab8e", said)
    assert f"```text\n{said}```" in GUIDE


def test_its_view_and_its_key_are_in_the_list_of_keys(installed: Installed) -> None:
    keys = installed.run("lazycelery", "keys")
    assert (keys.returncode, keys.stderr) == (0, "")
    assert re.search(r"^  H +view\.hosts +Hosts$", keys.stdout, re.MULTILINE)
    assert re.search(r"On a host\n  t +host\.workers +Its workers", keys.stdout)


@pytest.fixture(scope="module")
def live(environment_of: Callable[..., Path], wheel_of: Callable[[Path], Path]) -> Path:
    """The programs of an environment with the sample, what watches Redis, and the workers' view."""
    ours = [ROOT / "lazycelery_core", ROOT / "plugins" / "redis", ROOT / "plugins" / "workers"]
    return environment_of(*map(wheel_of, (*ours, ROOT / "tests" / "sample_plugin")))


def test_its_listing_is_a_command_that_shows_a_real_cluster(
    live: Path, tmp_path: Path, celery_worker_factory: Callable[..., Worker]
) -> None:
    worker = celery_worker_factory(name="w1@web-7")
    listing = subprocess.Popen(
        [live / "lazycelery", "hosts", "--ndjson", "--watch", "--seconds", "0.1"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LAZYCELERY_BROKER_URL": worker.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with listing:
        assert listing.stdout is not None
        first = json.loads(listing.stdout.readline())
        listing.kill()
    assert first == {"name": "web-7", "workers": 1}


def test_its_view_its_key_and_its_tab_are_on_the_screen(
    live: Path, tmp_path: Path, celery_worker_factory: Callable[..., Worker]
) -> None:
    worker = celery_worker_factory(name="w1@web-7")
    celery_worker_factory(url=worker.url, name="w2@web-7")
    variables = {"HOME": str(tmp_path), "LAZYCELERY_BROKER_URL": worker.url}
    with Terminal([str(live / "lazycelery")], environment=variables) as terminal:
        terminal.wait_for("[H]osts")
        terminal.type("H")
        terminal.wait_for("web-7")
        terminal.type("t")
        terminal.wait_for("filter name:*@web-7")
        terminal.wait_for("● w2")
        terminal.wait_for("registered │ neighbours")
        terminal.type("2", "[")
        terminal.wait_for(lambda text: "│ w2@web-7" in text or "┃ w2@web-7" in text)


def test_it_is_left_out_by_the_configuration_and_by_the_command_line(installed: Installed) -> None:
    off = installed.configured("[plugins.hosts]\nenabled = false\n")
    for left_out, why in ((("--config", str(off)), "enabled = false, line 2"), (("--without", "hosts"), "--without")):
        listing = installed.lazycelery(*left_out, "plugins")
        assert re.search(rf"^○ hosts +3\.2\.1 +disabled .*\n    {re.escape(why)}", listing, re.MULTILINE)
        assert "✓ slow" in listing
        assert "not imported" in installed.lazycelery(*left_out, "plugins", "hosts")
        assert "host.workers" not in installed.lazycelery(*left_out, "keys")


def test_its_settings_are_checked_with_the_line_and_a_suggestion(installed: Installed) -> None:
    wrong = installed.configured("[plugins.hosts]\nofline = true\n")
    done = installed.run("lazycelery", "--config", str(wrong), "config", "check")
    assert done.returncode == 2
    assert "line 2: plugins.hosts.ofline is no setting; did you mean offline?" in done.stderr
    right = installed.configured("[plugins.hosts]\nfew = 2\n")
    assert "no mistakes" in installed.lazycelery("--config", str(right), "config", "check")


def test_wrong_settings_leave_only_it_out_and_say_so(installed: Installed) -> None:
    wrong = installed.configured('[plugins.hosts]\nfew = "two"\n')
    done = installed.run("lazycelery", "--config", str(wrong), "plugins")
    assert done.returncode == 1
    assert re.search(r"✗ hosts +3\.2\.1 +failed", done.stdout)
    assert "plugins.hosts.few must be a whole number of at least 0, not text" in done.stdout
    assert "✓ slow" in done.stdout


def test_its_settings_are_explained_in_the_example(installed: Installed) -> None:
    example = installed.lazycelery("config", "example")
    assert "## workers below which a host is drawn as a warning; a whole number of at least 0\n# few = 1" in example


def test_each_keeps_the_contract_where_only_the_host_is_installed(installed: Installed) -> None:
    code = "from lazycelery_core.testing.kit import check_plugin; check_plugin('{}')"
    for module in ("celery_hosts", "lazycelery_plugin_slow", "lazycelery_plugin_queue_watch"):
        done = installed.run("python", "-c", code.format(module))
        assert done.returncode == 0, done.stderr


def test_a_written_plugin_passes_its_own_tests_against_what_is_installed(installed: Installed, written: Path) -> None:
    done = installed.run("python", "-m", "pytest", "-p", "no:cacheprovider", "-q", str(written))
    assert done.returncode == 0, done.stdout
    assert "8 passed" in done.stdout
    code = "import lazycelery_plugin_queue_watch as p, json; print(json.dumps(p.__file__))"
    assert json.loads(installed.run("python", "-c", code).stdout).startswith(str(installed.programs.parent))


@pytest.mark.parametrize("name", ["dead_letters", "x", "n" * 40])
def test_what_is_written_passes_linter_formatter_and_strict_type_checker(tmp_path: Path, name: str) -> None:
    folder = write_plugin(name, tmp_path)
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy", "--strict", "--cache-dir", "cache"]):
        target = [f"lazycelery_plugin_{name}", "tests"]
        done = subprocess.run(
            [sys.executable, "-m", *command, *target], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
