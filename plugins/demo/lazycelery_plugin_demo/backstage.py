"""The process behind the demo: who starts broker, workers and driver, and who makes sure that all of them go?

Its argument is an empty directory, its stdin one line: the URL of a broker as JSON, or null for one of our own. It
starts that, answers one line on stdout (`{"url": ...}` or `{"error": ..., "hint": ...}`), loads Celery once and forks
workers and driver from itself. Stdin stays open as a life line: at its end, however the other side ended, everything
goes, the directory too. On Linux the kernel kills the children if this process dies first; elsewhere they look for
their parent themselves.
"""

import fcntl
import gc
import json
import math
import os
import selectors
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from lazycelery_core.errors import LazyCeleryError
from lazycelery_plugin_demo.roles import ROLES
from lazycelery_plugin_demo.server import SOCKET, die_with_parent, shut_down, start_server
from lazycelery_plugin_demo.world import CAST, PREFIX

LOCK = "lock"  # in the directory: held as long as any process of this demo lives
YOUNG = 60.0  # s; a directory of another demo that may not have locked it yet
TURN = 0.2  # s between two looks at who died and who is due
AHEAD = (
    "celery.apps.worker",
    "celery.backends.redis",
    "celery.bin.worker",
    "celery.concurrency.prefork",
    "celery.concurrency.thread",
    "celery.worker.consumer",
    "kombu.transport.pyamqp",
    "kombu.transport.redis",
)
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
REST = 2.0  # s until something that ended by itself is started again


@dataclass
class Player:
    """A forked process that is started again whenever it ended. `next_at` is the time of its next entrance or death."""

    name: str
    play: Callable[[], None]
    lives: tuple[float, float] | None = None
    absent: float = REST
    pid: int = 0
    next_at: float | None = None
    entrances: int = 0

    def enter(self, now: float) -> None:
        """Fork."""
        self.pid = _fork(self.play)
        self.next_at = now + self.lives[min(self.entrances, 1)] if self.lives else None
        self.entrances += 1

    def leave(self, back_at: float) -> None:
        """It ended, or was ended: nothing of its group stays."""
        _kill_group(self.pid)
        self.pid, self.next_at = 0, back_at

    def take_turn(self, now: float) -> bool:
        """Whether it came or went."""
        if self.pid and _has_ended(self.pid):
            self.leave(now + REST)
        elif self.next_at is None or now < self.next_at:
            return False
        elif self.pid:
            self.leave(now + self.absent)
        else:
            self.enter(now)
        return True


def main() -> None:
    """One demo from its order to its end."""
    directory = Path(sys.argv[1])
    lock = (directory / LOCK).open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        if order := sys.stdin.buffer.readline():
            _obey(directory, json.loads(order))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _obey(directory: Path, broker: str | None) -> None:
    ending = _listen_for_the_end()
    if broker is None:
        _play_at_home(directory, ending)
        return
    from lazycelery_plugin_demo.foreign import checked, clean

    _answer(url=broker)
    _play(checked(broker), directory, lambda: bool(ending.select(TURN)))
    clean(broker)


def _play_at_home(directory: Path, ending: selectors.BaseSelector) -> None:
    """Until the life line ends, or the server does."""
    try:
        server = start_server(directory)
    except LazyCeleryError as error:
        _answer(error=error.message, hint=error.hint)
        return
    url = f"redis+socket://{directory / SOCKET}"
    _answer(url=url)
    try:
        _play(url, directory, lambda: bool(ending.select(TURN)) or server.poll() is not None)
        if server.poll() is not None:
            sys.exit("its broker ended by itself")
    finally:
        server.kill()
        server.wait()


def _play(url: str, directory: Path, is_over: Callable[[], bool]) -> None:
    players = _cast(url, directory)
    try:
        for player in players:
            player.enter(time.monotonic())
        _write_cast(players, directory)
        _sweep(directory.parent)
        while not is_over():
            turns = [player.take_turn(time.monotonic()) for player in players]
            if any(turns):
                _write_cast(players, directory)
    finally:
        for player in players:
            if player.pid:
                player.leave(math.inf)


def _cast(url: str, directory: Path) -> list[Player]:
    """Celery is loaded here, once for all of them."""
    from celery.signals import worker_process_init

    from lazycelery_plugin_demo.driver import open_for_business
    from lazycelery_plugin_demo.shop.application import open_shop

    app = open_shop(url)
    app.finalize()
    _load_ahead()
    worker_process_init.connect(_child_of_a_pool, weak=False)

    def worker(role_argv: list[str]) -> Callable[[], None]:
        return lambda: app.worker_main(role_argv)

    driver = Player("driver", lambda: open_for_business(app))
    return [driver] + [
        Player(role.name, worker(role.argv(str(directory / f"{role.name}.log"))), role.lives, role.absent)
        for role in ROLES
    ]


def _load_ahead() -> None:
    """What a worker would import after the fork, each for itself."""
    for name in AHEAD:
        import_module(name)
    gc.freeze()  # shared pages stay shared


def _fork(play: Callable[[], None]) -> int:
    """The id of a new process that plays and never returns; it leads a group of its own."""
    stage = os.getpid()
    pid = os.fork()
    if pid == 0:
        _be_a_child(play, stage)
    with suppress(OSError):
        os.setpgid(pid, pid)  # both sides do it: whoever comes first
    return pid


def _be_a_child(play: Callable[[], None], stage: int) -> NoReturn:
    try:
        os.setpgid(0, 0)
        _stay_with(stage)
        signal.set_wakeup_fd(-1)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # the life line is the parent's alone
        play()
    finally:  # never back into the parent's code
        if sys.exception() is not None:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _child_of_a_pool(**_: object) -> None:
    _stay_with(os.getpgrp())  # the leader of its group; os.getppid() may have become somebody else by now


def _stay_with(parent: int) -> None:
    """Never outlive it. Where the kernel doesn't help, look every second whether it is still there."""
    helped = die_with_parent()
    if os.getppid() != parent:
        os._exit(1)
    if not helped:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os.killpg(0, signal.SIGKILL)


def _listen_for_the_end() -> selectors.BaseSelector:
    """Readable when the demo must end: stdin at its end, or SIGTERM, SIGINT, SIGHUP."""
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    for number in SIGNALS:
        signal.signal(number, lambda *_: None)
    ending = selectors.DefaultSelector()
    ending.register(sys.stdin.buffer, selectors.EVENT_READ)
    ending.register(woken, selectors.EVENT_READ)
    return ending


def _answer(**fields: str) -> None:
    """The only line on stdout; what is printed later goes to the log."""
    with suppress(BrokenPipeError):
        os.write(1, json.dumps(fields).encode() + b"\n")
    os.dup2(2, 1)


def _write_cast(players: list[Player], directory: Path) -> None:
    draft = directory / f"{CAST}.new"
    draft.write_text(json.dumps({player.name: player.pid for player in players}))
    draft.replace(directory / CAST)


def _has_ended(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG) != (0, 0)


def _kill_group(pgid: int) -> None:
    """All of it; the leader is reaped."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pgid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pgid, 0)


def _sweep(parent: Path) -> None:
    """Remove what demos left behind whose every process was killed at once."""
    for directory in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if _is_stale(directory):
                shut_down(directory / SOCKET)
                shutil.rmtree(directory, ignore_errors=True)


def _is_stale(directory: Path) -> bool:
    facts = directory.lstat()
    if facts.st_uid != os.getuid() or directory.is_symlink() or time.time() - facts.st_mtime < YOUNG:
        return False
    lock = directory / LOCK
    if not lock.exists():
        return True
    with lock.open() as held, suppress(BlockingIOError):
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


if __name__ == "__main__":
    main()
