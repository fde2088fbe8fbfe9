"""What is left of a bug in the host? A report in a file of the user's own, without values of variables or secrets.

Its text is safe to print: the message of an exception may hold what came over the wire.
"""

import os
import platform
import sys
import traceback
from importlib.metadata import version
from pathlib import Path

from lazycelery_core.redact import Redactor
from lazycelery_core.screens.contract import Watch
from lazycelery_core.text import safe_lines


def write_report(
    folder: Path, error: BaseException, now: float, watch: Watch | None = None, redactor: Redactor | None = None
) -> Path | None:
    """The file (mode 0600) that tells what happened where; None when it can't be written.

    watch: whose settings tell what else is secret, where no redactor is given.
    """
    path = folder / f"crash-{int(now)}-{os.getpid()}.txt"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            known = redactor or (watch.settings.redactor() if watch is not None else Redactor())
            file.write(report(error, known))
    except OSError:
        return None
    return path


def report(error: BaseException, redactor: Redactor) -> str:
    """The traceback with lines of code, but no values; secrets in the message are hidden."""
    system = f"Python {sys.version.split()[0]}, Textual {version('textual')}, {platform.system()}"
    told = "".join(traceback.TracebackException.from_exception(_raised(error), capture_locals=False).format())
    shown = "\n".join(safe_lines(redactor.text(told)))
    return f"LazyCelery {version('lazycelery-core')}, {system}\n\n{shown}"


def failed_beside(error: BaseException, now: float, watch: Watch) -> str:
    """A sentence on what failed beside the screen by a bug, and where its report is: it costs only itself."""
    path = write_report(watch.settings.environment.state_path, error, now, watch)
    where = f"The report is in {path}." if path is not None else "No report could be written."
    return f"That failed because of a bug of LazyCelery's own: {type(_raised(error)).__name__}. {where}"


def _raised(error: BaseException) -> BaseException:
    """What was raised first: Textual wraps the exceptions of its workers, and keeps their tracebacks in there only."""
    wrapped = getattr(error, "error", None)
    return wrapped if isinstance(wrapped, BaseException) else error
