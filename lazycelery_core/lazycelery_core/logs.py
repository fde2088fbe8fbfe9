"""What happened, for those who look later? One log file, 0600, bounded, without secrets; never the screen.

Tracebacks are kept (they are for us), but without local variables, and every line passes the redactor.
"""

import logging
import logging.handlers
import os
from collections.abc import Callable
from pathlib import Path

SIZE, KEPT = 1_000_000, 3  # bytes a file, files: enough for a night of one error a second
LINE = "%(asctime)s %(levelname)s %(name)s [%(threadName)s] %(message)s"


class Redacting(logging.Formatter):
    """A formatter whose whole output, tracebacks included, has passed `redact`: it hides secrets and controls."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__(LINE)
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))


def log_to(folder: Path, redact: Callable[[str], str]) -> str:
    """Write the log of this process to `folder`/lazycelery.log; a sentence when that can't be done, else ""."""
    root = logging.getLogger("lazycelery")
    root.setLevel(logging.INFO)
    root.propagate = False
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = _handler(folder / "lazycelery.log")
    except OSError as error:
        root.addHandler(logging.NullHandler())
        return f"No log is kept: {folder} can't be written ({error.strerror})."
    handler.setFormatter(Redacting(redact))
    root.addHandler(handler)
    return ""


def _handler(path: Path) -> logging.Handler:
    os.close(os.open(path, os.O_CREAT | os.O_APPEND, 0o600))
    path.chmod(0o600)
    return logging.handlers.RotatingFileHandler(
        path, maxBytes=SIZE, backupCount=KEPT, delay=True, encoding="utf-8", errors="backslashreplace"
    )
