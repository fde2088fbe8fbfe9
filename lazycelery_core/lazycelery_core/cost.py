"""What does this program cost the machine, the line and the terminal, and how do its plugins fare? Told once a second.

Nothing is needed for it but the kernel's own counts; what a system does not count stays unknown.
"""

import os
import resource
import sys
import threading
import time
from collections import deque
from pathlib import Path

from lazycelery_core.model import Host
from lazycelery_core.plugin_health import PluginHealth

PERIOD = 1.0  # s between two looks
WINDOW = 5  # looks that a rate is taken over: one second's CPU jumps
STATM = Path("/proc/self/statm")
DESCRIPTORS = (Path("/proc/self/fd"), Path("/dev/fd"))


class Cost:
    """`host()` is the last look. `sent` are bytes written to the terminal so far, None without one; the app counts."""

    def __init__(self, health: PluginHealth) -> None:
        self._health = health
        self.sent: int | None = None
        self._looks: deque[tuple[float, float, int]] = deque(maxlen=WINDOW + 1)
        self._host = Host()
        self._lock = threading.Lock()

    def host(self) -> Host:
        """What it costs now; a new record once a second."""
        now = time.monotonic()
        with self._lock:
            if not self._looks or now - self._looks[-1][0] >= PERIOD:
                self._looks.append((now, time.process_time(), self.sent or 0))
                self._host = self._look()
            return self._host

    def _look(self) -> Host:
        (start, cpu_before, sent_before), (end, cpu, sent) = self._looks[0], self._looks[-1]
        seconds = end - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return Host(
            cpu=(cpu - cpu_before) / seconds if seconds else None, rss=_resident(), peak=peak,
            threads=threading.active_count(), descriptors=_descriptors(),
            sent=(sent - sent_before) / seconds if seconds and self.sent is not None else None,
            times=self._health.times(), incidents=tuple(self._health.incidents), failures=dict(self._health.counts),
        )  # fmt: skip


def _resident() -> int | None:
    """Bytes of memory in use; Linux only."""
    try:
        return int(STATM.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _descriptors() -> int | None:
    """Open files and connections, the one for this look left out."""
    for folder in DESCRIPTORS:
        try:
            return len(list(folder.iterdir())) - 1
        except OSError:
            continue
    return None
