"""What is said when a command, or a thread of it, ends by a bug of ours? Where the report is; no values, no secrets."""

import logging
import sys
import threading
import time
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lazycelery_core.redact import Redactor

log = logging.getLogger("lazycelery")


def say_last_words(
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    redactor: "Redactor | None" = None,
) -> None:
    """For `sys.excepthook`: a report in the state folder, and one sentence. Who interrupts needs neither."""
    if issubclass(kind, KeyboardInterrupt):
        return
    from lazycelery_core.config import Environment
    from lazycelery_core.screens.crash import write_report

    folder = Environment.read().state_path
    report = write_report(folder, error.with_traceback(trace), time.time(), redactor=redactor)
    where = f"The report is in {report}." if report is not None else "No report could be written."
    sys.stderr.write(f"lazycelery: it stopped because of a bug of its own: {kind.__name__}. {where}\n")


def log_thread(ended: threading.ExceptHookArgs) -> None:
    """For `threading.excepthook`: nothing over the screen; the log hides secrets and shows no values."""
    if ended.exc_value is not None:
        name = ended.thread.name if ended.thread is not None else "?"
        log.error("thread %s ended by a bug", name, exc_info=ended.exc_value)


def prepare(redactor: "Redactor | None" = None) -> None:
    """Have both said from now on. redactor: what the settings hide too."""
    sys.excepthook = partial(say_last_words, redactor=redactor)
    threading.excepthook = log_thread
