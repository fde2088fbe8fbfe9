"""How is Flower run as a peer? In an environment of its own, made once beside the product's; never a dependency."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from lazycelery_core.testing.processes import die_with_parent, stop_group, wait_until
from lazycelery_core.testing.servers import free_port

PLACE = Path(__file__).parents[1] / ".venv" / "bench-flower"
VERSION = "2.2.0"
_COUNTED = re.compile(r"^flower_events_total\{.*\} ([\d.e+]+)$", re.MULTILINE)


def python() -> Path:
    """The interpreter of an environment with Flower, and the Celery that we use too."""
    path = PLACE / "bin" / "python"
    wanted = [f"flower=={VERSION}", f"celery[redis]=={version('celery')}", f"redis=={version('redis')}"]
    stamp = PLACE / "stamp"
    if not stamp.exists() or stamp.read_text() != repr(wanted):
        print(f"bench: installing Flower {VERSION} into {PLACE} (once)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--clear", str(PLACE)], check=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq", "--python", str(path), "install"]
        subprocess.run([*pip, *wanted], check=True)
        stamp.write_text(repr(wanted))
    return path


class Flower:
    """A running Flower."""

    def __init__(self, pid: int, port: int) -> None:
        self._pid, self._port = pid, port

    @property
    def cpu(self) -> float:
        """Seconds of processor time so far; Linux only."""
        return time.clock_gettime((~self._pid << 3) | 2)

    @property
    def events(self) -> int:
        """Events that it has taken in."""
        return round(sum(float(each) for each in _COUNTED.findall(self.get("/metrics"))))

    def get(self, path: str) -> str:
        """A page."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=60) as answer:
            return str(answer.read().decode())

    def answers(self) -> bool:
        """Whether it is up."""
        try:
            return bool(self.get("/metrics"))
        except OSError:
            return False


@contextmanager
def flower(url: str, home: Path, most: int) -> Iterator[Flower]:
    """Flower on a broker, with room for so many tasks."""
    port = free_port()
    command = [str(python()), "-m", "celery", "-b", url, "flower", f"--port={port}", "--address=127.0.0.1",
               f"--max_tasks={most}", "--logging=error"]  # fmt: skip
    variables = {**os.environ, "FLOWER_UNAUTHENTICATED_API": "true", "HOME": str(home)}
    with (home / "flower.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=variables, cwd=home, start_new_session=True,
            preexec_fn=die_with_parent,
        )  # fmt: skip
    try:
        found = Flower(process.pid, port)
        wait_until(found.answers, "Flower", 30)
        yield found
    finally:
        stop_group(process, signal.SIGTERM, 3)
