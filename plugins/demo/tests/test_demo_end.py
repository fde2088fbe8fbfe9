"""Does everything go when the demo ends, in whatever way it ends?"""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.servers import start_valkey
from lazycelery_plugin_demo import backstage
from lazycelery_plugin_demo.world import PREFIX, DemoWorld

PATIENCE = 60.0  # s; no promise, only the end of a test that fails

COMMAND = """
    import signal
    import time
    from types import SimpleNamespace
    from lazycelery_plugin_demo.command import demo

    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it would be ignored, and so would the test's

    def watch(url, *_):
        print(url, flush=True)
        time.sleep(60)

    demo.main(OPTIONS, obj=SimpleNamespace(run_screen=watch, observe=watch))
"""


def is_playing(world: DemoWorld) -> bool:
    processes = world.summary().processes
    return len(processes) == 6 and all(processes.values())


def stage_of(world: DemoWorld) -> psutil.Process:
    """The process behind the scene."""
    wait_until(lambda: is_playing(world), "all players", PATIENCE)
    stage = psutil.Process(world.summary().processes["driver"]).parent()
    assert stage is not None
    return stage


def family_of(stage: psutil.Process) -> list[psutil.Process]:
    """Everything from the process behind the scene down: server, driver, five workers, five children of their pools."""
    wait_until(lambda: len(stage.children(recursive=True)) == 12, "the whole family", PATIENCE)
    return [stage, *stage.children(recursive=True)]


def are_gone(family: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)


@contextmanager
def command(tmp_path: Path, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The demo's command in a process of its own, with its broker up."""
    script = textwrap.dedent(COMMAND).replace("OPTIONS", repr(list(options)))
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    environment.pop("LAZYCELERY_BROKER_URL", None)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"redis+socket://")
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def short_tmp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory whose path leaves room for a socket's."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="lc-") as name:
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


def test_after_stop_no_process_and_no_file_is_left(short_tmp: Path) -> None:
    with DemoWorld() as world:
        family = family_of(stage_of(world))
        assert list(short_tmp.glob(f"{PREFIX}*"))
    assert are_gone(family)
    assert not list(short_tmp.iterdir())
    assert not world.failure


def test_stop_may_come_twice_and_before_start() -> None:
    world = DemoWorld()
    world.stop()
    world.start()
    world.stop()
    world.stop()
    assert not world.summary().directory.exists()


def test_a_failure_inside_ends_the_demo_too() -> None:
    world = DemoWorld()
    with pytest.raises(ZeroDivisionError), world:
        raise ZeroDivisionError
    assert not world.summary().directory.exists()


@pytest.mark.parametrize(
    "how, options",
    [
        (signal.SIGKILL, []),
        (signal.SIGTERM, []),
        (signal.SIGTERM, ["--headless"]),
        (signal.SIGINT, ["--headless"]),
        (signal.SIGHUP, []),
    ],
)
def test_when_the_command_is_ended_everything_goes(how: signal.Signals, options: list[str], short_tmp: Path) -> None:
    with command(short_tmp, *options) as process:
        family = family_of(psutil.Process(process.pid).children()[0])
        process.send_signal(how)
        process.wait(10)
        wait_until(lambda: are_gone(family), "the end of the family", PATIENCE)
    wait_until(lambda: not list(short_tmp.iterdir()), "the end of the directory", PATIENCE)
    assert process.returncode == (128 + how if options else -how)


def test_when_the_process_behind_the_scene_is_killed_everything_goes_at_the_next_stop() -> None:
    with DemoWorld() as world:
        family = family_of(stage_of(world))
        family[0].kill()
        if sys.platform == "linux":
            wait_until(lambda: are_gone(family), "the end of the family", PATIENCE)
    wait_until(lambda: are_gone(family), "the end of the family", PATIENCE)
    assert not world.summary().directory.exists()
    assert world.failure


def test_when_the_server_dies_the_demo_ends() -> None:
    with DemoWorld() as world:
        family = family_of(stage_of(world))
        next(process for process in family if "server" in process.name()).kill()
        wait_until(lambda: are_gone(family), "the end of the family", PATIENCE)
    assert world.failure == "its broker ended by itself"


def test_what_a_violently_ended_demo_left_is_removed_by_the_next(short_tmp: Path) -> None:
    old = short_tmp / f"{PREFIX}old"
    old.mkdir()
    (old / "lock").touch()
    (old / "broker.log").touch()
    with start_valkey(old) as server:
        server.socket.rename(old / "broker.sock")
        os.utime(old, (0, 0))
        backstage._sweep(short_tmp)
        server.process.wait(5)
    assert not old.exists()


def test_demos_that_live_or_are_young_are_left_alone(short_tmp: Path) -> None:
    young = short_tmp / f"{PREFIX}young"
    young.mkdir()
    with DemoWorld() as world:
        os.utime(world.summary().directory, (0, 0))
        backstage._sweep(short_tmp)
        assert world.summary().directory.exists()
    assert young.exists()


def test_directories_of_others_and_links_are_left_alone(short_tmp: Path, tmp_path: Path) -> None:
    link = short_tmp / f"{PREFIX}link"
    link.symlink_to(tmp_path)
    os.utime(link, (0, 0), follow_symlinks=False)
    backstage._sweep(short_tmp)
    assert link.exists()
    assert tmp_path.exists()
