"""How are long names shortened without becoming ambiguous, and how does an exception read?"""

import ast
import re

from lazycelery_core.snapshot import Snapshot
from lazycelery_core.text import UNKNOWN, Safe, safe

ID = 6  # characters of a task id in a list; enough to tell the tasks of a screen apart
_RAISED = re.compile(r"""([\w.]{1,100})\((['"].{0,2000}['"]),?\)\Z""", re.DOTALL)
_RETRY = re.compile(r"Retry\(Retry\(\.\.\.\), (.{1,2000}), [^,()]{1,40}\)\Z", re.DOTALL)


def short_id(task_id: str) -> Safe:
    """The beginning of a task id."""
    return safe(task_id[:ID])


def short_worker(hostname: str, snapshot: Snapshot) -> Safe:
    """`worker-1` of `worker-1@web-7`; the whole name where another worker has the same beginning."""
    if not hostname:
        return Safe(UNKNOWN)
    name = hostname.partition("@")[0]
    same = [each for each in snapshot.workers if each.hostname.partition("@")[0] == name]
    return safe(name if name and len(same) < 2 else hostname)


def host_of(hostname: str) -> Safe:
    """`web-7` of `worker-1@web-7`."""
    return safe(hostname.partition("@")[2] or UNKNOWN)


def last_part(name: str) -> str:
    """`charge_card` of `orders.tasks.charge_card`."""
    return name.rpartition(".")[2] or name


def plain_exception(printed: str) -> str:
    """`ValueError: no stock` of `ValueError('no stock')`, also within Celery's `Retry(...)`; others as they are."""
    retry = _RETRY.match(printed)
    printed = retry[1] if retry else printed
    found = _RAISED.match(printed)
    if not found:
        return printed
    try:
        message = ast.literal_eval(found[2])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return printed
    return f"{found[1]}: {message}" if isinstance(message, str) else printed
