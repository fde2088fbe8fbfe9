"""How does a test start a process, wait for it and be sure that it is gone afterwards?"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

POLL = 0.01  # s; short against every start-up that is waited for
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


T = TypeVar("T")


def wait_until(condition: Callable[[], T | None], what: str, seconds: float = 60.0) -> T:
    """What `condition` returned as soon as it is true; TimeoutError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(POLL)
    return answer


def freeze(process: subprocess.Popen[bytes]) -> None:
    """Let a child of ours stand still; it does when this returns. SIGCONT lets it go on."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


def die_with_parent() -> None:
    """Let the kernel kill the calling process when its parent ends in whatever way. Linux only, elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def stop_group(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM, seconds: float = 5.0) -> None:
    """End a process that leads its own session: politely first, after `seconds` by SIGKILL, children included."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    kill_group(process.pid)


def kill_group(pgid: int) -> None:
    """SIGKILL to everything that is left of a process group."""
    try:
        os.killpg(pgid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS says "not permitted" for a group of zombies
        return


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file, for messages of failed starts."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
