"""What is said when a command ends by a bug of ours? Where the report is; no values, nothing from the wire."""

import sys
import time
from types import TracebackType


def say_last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """For `sys.excepthook`: a report in the state folder, and one sentence."""
    from lazycelery_core.config import Environment
    from lazycelery_core.screens.crash import write_report

    report = write_report(Environment.read().state_path, error.with_traceback(trace), time.time())
    where = f"The report is in {report}." if report is not None else "No report could be written."
    sys.stderr.write(f"lazycelery: it stopped because of a bug of its own: {kind.__name__}. {where}\n")
