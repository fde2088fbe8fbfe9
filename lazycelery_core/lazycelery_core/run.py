"""How does the screen begin and end? The app in a terminal, signals heard, everything undone, the exit code."""

import ctypes
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from lazycelery_core.app import LazyCeleryApp
from lazycelery_core.config import Connection, Settings
from lazycelery_core.ending import ended_by_signals
from lazycelery_core.screens.contract import Running
from lazycelery_core.text import safe

ARENAS, MAPPED = -8, -3  # M_ARENA_MAX and M_MMAP_THRESHOLD of <malloc.h>


def run(load: Callable[[], Running], settings: Settings, connection: Connection, seconds: float | None = None) -> int:
    """Show the screen until the user quits (or `seconds` are over); the exit code. Raises what kept it from that."""
    environment = settings.environment
    app = LazyCeleryApp(load, settings.ui, connection.name, environment.state_path, environment.no_color)
    app.seconds = seconds
    sys.setswitchinterval(0.0005)  # s; so that ingest never holds up a key for long
    give_memory_back()
    with ended_by_signals(app.end):
        app.run()
        said = app.watched.stop() if app.watched is not None else []
    if app.failure is not None:
        raise app.failure
    if app.return_code and app.report is not None:
        said.append(f"LazyCelery stopped because of a bug of its own. The report is in {app.report}.")
    tell(said)
    return app.return_code or 0


def tell(said: Sequence[str]) -> None:
    """The last words, to whoever is still there: a terminal that was closed is no bug of ours."""
    with suppress(OSError):
        sys.stderr.write("".join(f"{safe(each)}\n" for each in said))


def give_memory_back() -> None:
    """What is freed goes back to the system, as far as glibc can: two arenas for all threads, columns mapped alone.

    Left to itself it keeps an arena for each thread and the gaps that dropped tasks leave: 30 to 100 MB at a million.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(ARENAS, 2)
        mallopt(MAPPED, 128 << 10)
