"""What does a program that is suspended with Ctrl+Z leave at the broker, and what does it say when it is back?"""

import signal
import sys
from typing import Any

import psutil
import pytest

from lazycelery_core.testing.numbered import numbers_to
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.testing.servers import Server
from lazycelery_core.testing.terminal import Terminal
from lazycelery_core.testing.watching import wait

pytestmark = pytest.mark.slow


def test_ctrl_z_leaves_the_broker_and_coming_back_declares_the_gap(valkey: Server) -> None:
    argv = [sys.executable, "-m", "lazycelery_core", "--broker", valkey.url, "--without", "demo"]
    with numbers_to(valkey), Terminal(argv) as terminal, valkey.client() as client:
        terminal.wait_for(lambda text: "ev 0/s" not in text and " ev " in text, 60)
        wait_until(lambda: heard_by(client), "somebody listens", 60)
        terminal.type("ctrl+z")
        wait_until(lambda: stopped(terminal.pid), "the program is stopped", 60)
        wait_until(lambda: not heard_by(client), "nothing is kept for it", 60)
        wait(3.0)
        terminal.signal(signal.SIGCONT)
        wait_until(lambda: heard_by(client), "somebody listens again", 60)
        terminal.type("H")
        terminal.wait_for("this screen stood still", 60)
        terminal.type("q")
        assert terminal.wait() == 0


def heard_by(client: Any) -> int:
    return int(client.pubsub_numpat())


def stopped(pid: int) -> bool:
    return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
