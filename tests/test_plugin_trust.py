"""Which plugins of others run? All that are installed, fewer by an allow list, a lock or the command line."""

import json
import re
import sys
from pathlib import Path

import pytest

from lazycelery_core.testing.site import Site
from lazycelery_core.testing.terminal import Terminal

STANDARD = {"amqp", "cluster", "demo", "doctor", "queues", "redis", "tasks", "workers"}
PLUGIN = """
import pathlib
pathlib.Path(__file__).with_name("ran-{name}").touch()
from lazycelery_core.action import Action
from lazycelery_core.hookspecs import hookimpl
@hookimpl
def lazycelery_actions(settings):
    return [Action("{name}.verb", "do it", lambda control, targets: None)]
"""
AGAIN = "look at what it is, then run `lazycelery plugins lock`"


@pytest.fixture
def two(site: Site) -> Site:
    """Two plugins of others; each leaves a file behind when it runs."""
    for name in ("one", "two"):
        site.install(name, PLUGIN.format(name=name))
    return site


def states(site: Site, *arguments: str) -> dict[str, str]:
    """The state of each plugin; the reason of one that is not loaded."""
    done = site.lazycelery(*arguments, "plugins")
    assert "Traceback" not in done.stdout + done.stderr
    found = re.findall(r"^\S (\w+) +\S+ +(\w+) .*(?:\n    (.*))?", done.stdout, re.MULTILINE)
    return {name: state if state == "loaded" else f"{state}: {why}" for name, state, why in found}


def ran(site: Site) -> set[str]:
    """The plugins whose code ran since this was asked last."""
    marks = list(site.folder.glob("ran-*"))
    for mark in marks:
        mark.unlink()
    return {mark.name.removeprefix("ran-") for mark in marks}


def configured(site: Site, text: str) -> None:
    """The user's configuration file."""
    (site.folder / "lazycelery").mkdir(exist_ok=True)
    (site.folder / "lazycelery" / "config.toml").write_text(text, "utf-8")


def lock_of(site: Site) -> Path:
    """Where the lock is kept."""
    return site.folder / "lazycelery" / "plugins.lock"


def test_without_configuration_everything_that_is_installed_is_loaded(two: Site) -> None:
    found = states(two)
    assert set(found) == {*STANDARD, "one", "two"}
    assert set(found.values()) == {"loaded"}
    assert ran(two) == {"one", "two"}


def test_an_allow_list_lets_in_whom_it_names_and_the_standard_plugins(two: Site) -> None:
    configured(two, '[trust]\nallow = ["two"]\n')
    found = states(two)
    why = "[trust] allow does not name it, line 2 add it there if you trust it"
    assert found == {**dict.fromkeys({*STANDARD, "two"}, "loaded"), "one": f"refused: {why}"}
    assert ran(two) == {"two"}
    configured(two, "[trust]\nallow = []\n")
    assert {name for name, state in states(two).items() if state == "loaded"} == STANDARD
    assert ran(two) == set()


def test_a_name_in_the_allow_list_that_nobody_has_is_told(two: Site) -> None:
    configured(two, '[trust]\nallow = ["tow"]\n')
    told = two.lazycelery("config", "check")
    assert "[trust] has tow, which nothing here is called; did you mean two?" in told.stdout + told.stderr


def test_a_run_may_do_without_plugins_of_others_or_with_some_only(two: Site) -> None:
    found = states(two, "--no-plugins")
    assert found == {
        **dict.fromkeys(STANDARD, "loaded"),
        "one": "disabled: --no-plugins",
        "two": "disabled: --no-plugins",
    }
    assert ran(two) == set()
    found = states(two, "--only", "redis,two", "--only", "tasks")
    assert {name for name, state in found.items() if state == "loaded"} == {"redis", "tasks", "two"}
    assert found["one"] == found["queues"] == "disabled: --only redis,tasks,two"
    assert ran(two) == {"two"}


def test_only_a_name_that_there_is(two: Site) -> None:
    done = two.lazycelery("--only", "tow", "plugins")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--only tow: there is no such plugin." in done.stderr


def test_the_lock_keeps_what_is_there_without_running_it(two: Site) -> None:
    done = two.lazycelery("plugins", "lock")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"one +6\.6\.6 +1 file, sha256 [0-9a-f]{12}  lc-one  new", lines[0])
    assert lines[-1] == f"2 of others may be loaded as they are now: {lock_of(two)}"
    assert ran(two) == set()
    assert lock_of(two).stat().st_mode & 0o777 == 0o600
    assert set(states(two).values()) == {"loaded"}
    assert re.search(r"one .* as before$", two.lazycelery("plugins", "lock").stdout, re.MULTILINE)


@pytest.mark.parametrize("change", ["code", "added to the code", "metadata", "gone"])
def test_a_change_is_refused_until_it_is_locked_again(two: Site, change: str) -> None:
    two.lazycelery("plugins", "lock")
    code, metadata = two.folder / "lc_one_module.py", two.folder / "lc_one-6.6.6.dist-info" / "METADATA"
    if change == "code":
        code.write_text(code.read_text().replace("do it", "do evil"))
    elif change == "added to the code":
        with code.open("a") as file:
            file.write("import os\n")
    elif change == "metadata":
        metadata.write_text(metadata.read_text().replace("6.6.6", "6.6.7"))
    else:
        code.unlink()
    found = states(two)
    assert re.match(r"refused: it was lc-one 6\.6\.6 \(.{12}\) when plugins were locked, it is lc-one 6", found["one"])
    assert found["one"].endswith(AGAIN)
    assert found["two"] == "loaded"
    assert ran(two) == {"two"}
    if change != "gone":
        assert re.search(r"one .* changed$", two.lazycelery("plugins", "lock", "one").stdout, re.MULTILINE)
        assert states(two)["one"] == "loaded"


def test_what_comes_after_the_lock_is_refused_until_it_is_locked_too(two: Site) -> None:
    two.lazycelery("plugins", "lock", "one")
    assert states(two)["two"] == f"refused: it was not there when plugins were locked {AGAIN}"
    assert ran(two) == {"one"}
    two.lazycelery("plugins", "lock", "two")
    assert states(two)["one"] == states(two)["two"] == "loaded"
    two.lazycelery("plugins", "lock", "two")  # the others stay as they were locked
    assert states(two)["one"] == "loaded"


def test_a_package_is_hashed_with_all_that_is_in_it_also_where_its_distribution_only_points_to_it(site: Site) -> None:
    package = site.folder / "lc_deep"
    package.mkdir()
    (package / "__init__.py").write_text(PLUGIN.format(name="deep"))
    (package / "further.py").write_text("LIMIT = 1\n")
    info = site.folder / "lc_deep-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lc-deep\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lazycelery.plugins]\ndeep = lc_deep\n")
    (info / "RECORD").write_text("lc_deep.pth,,\n")
    assert "deep" in site.lazycelery("plugins", "lock").stdout
    assert states(site)["deep"] == "loaded"
    (package / "further.py").write_text("LIMIT = 2\n")
    assert states(site)["deep"].startswith("refused")


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", '{"version": 9, "plugins": {}}', '{"version": 1, "plugins": 3}']
)
def test_a_lock_that_can_not_be_read_lets_no_plugin_of_others_in(two: Site, text: str) -> None:
    two.lazycelery("plugins", "lock")
    lock_of(two).write_text(text)
    found = states(two)
    assert {name for name, state in found.items() if state == "loaded"} == STANDARD
    assert f"{lock_of(two)} can't be read: it is " in found["one"]
    assert ran(two) == set()
    assert two.lazycelery("plugins", "lock").returncode == 0
    assert states(two)["one"] == "loaded"


def test_only_what_is_there_and_allowed_can_be_locked(two: Site) -> None:
    configured(two, '[trust]\nallow = ["two"]\n')
    done = two.lazycelery("plugins", "lock", "one")
    assert done.returncode == 2
    assert "There is no plugin one of others that may be loaded. There are: two." in done.stderr.replace("\n", " ")
    assert two.lazycelery("plugins", "lock", "redis").returncode == 2
    two.lazycelery("plugins", "lock")
    assert set(json.loads(lock_of(two).read_text())["plugins"]) == {"two"}


def test_a_lock_that_can_not_be_written_says_so(two: Site) -> None:
    lock_of(two).mkdir(parents=True)
    done = two.lazycelery("plugins", "lock")
    assert done.returncode == 2
    assert "Nothing was locked." in done.stderr
    assert "Traceback" not in done.stderr
    assert list(lock_of(two).parent.glob("plugins.*")) == [lock_of(two)]


def test_a_standard_plugin_is_known_by_its_distribution_not_by_its_name(site: Site) -> None:
    """A stranger that calls itself like a standard plugin is refused; it does not get in as one."""
    site.install("queues", PLUGIN.format(name="queues"), dist="evil")
    listing = site.lazycelery("--no-plugins", "plugins").stdout
    assert re.search(r"^✓ queues +\S+ +loaded .* lazycelery-plugin-queues$", listing, re.MULTILINE)
    assert ran(site) == set()


def test_what_is_known_about_a_plugin_of_others_tells_its_files(two: Site) -> None:
    assert re.search(r"^  files    1 file, sha256 [0-9a-f]{12}$", two.lazycelery("plugins", "one").stdout, re.MULTILINE)
    assert "files" not in two.lazycelery("plugins", "tasks").stdout


def test_who_is_not_let_in_is_named_by_commands_and_on_the_screen(two: Site, broker_url: str) -> None:
    two.lazycelery("plugins", "lock", "one")
    done = two.lazycelery("--broker", broker_url, "workers", "--seconds", "0.2")
    why = "it was not there when plugins were locked"
    assert f"lazycelery: Plugin two of lc-two is not used: {why}; {AGAIN}.\n" in done.stderr
    argv = [sys.executable, "-m", "lazycelery_core", "--broker", broker_url]
    with Terminal(argv, 160, 50, two.variables()) as terminal:
        terminal.wait_for("Plugin two of lc-two is not used")
        terminal.type("H")
        terminal.wait_for(f"✗ two: not used: {why}")
        terminal.type("q")
        assert terminal.wait() == 0
    assert ran(two) == {"one"}
    quiet = two.lazycelery("--no-plugins", "--broker", broker_url, "workers", "--seconds", "0.2")
    assert "Plugin" not in quiet.stderr  # who is left out on purpose is no news
