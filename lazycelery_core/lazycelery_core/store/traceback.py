"""Which exception was it really? Celery's main process hides the type of what killed a child."""

from lazycelery_core.decode import fields_of

HIDDEN = "ExceptionWithTraceback()"  # what billiard puts there; the type is only at the end of the traceback
SEARCHED = 20_000  # characters at the end of a traceback


def real_exception(exception: str | None, body: bytes, part: int) -> str | None:
    """The exception as reported, or `TimeLimitExceeded(5,)` from the traceback where the report hides it."""
    if exception != HIDDEN or not body:
        return exception
    return raised(fields_of(body, part).get("traceback")) or exception


def raised(traceback: object) -> str:
    """What a traceback ends with, `module.Error: message`, as `Error('message')`; empty when there is no such line."""
    if not isinstance(traceback, str):
        return ""
    line = ""
    for above in reversed(traceback[-SEARCHED:].split("\n")):
        if above.startswith(" "):  # the last frame: the line under it names the exception
            break
        line = above if above.strip('" ') else line
    path, _, message = line.partition(": ")
    kind = path.strip().rpartition(".")[2]
    if not kind.isidentifier():
        return ""
    if message.startswith(f"{kind}("):
        return message
    if message.startswith("(") and message.endswith(")"):
        return kind + message
    return f"{kind}({message!r})" if message else f"{kind}()"
