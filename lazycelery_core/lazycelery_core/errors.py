"""Which failures are the user's to read, and with which exit code does the command end?

An error here has a message (what failed, and on what) and a hint (what to do next). Anything else that is raised is a
bug and keeps its traceback in the log file. Messages may quote text from the broker: whoever prints them calls `safe`.
"""

from collections.abc import Sequence
from typing import ClassVar

FAILED = 1  # found nothing, a condition was false, an action had no effect
USAGE = 2  # the command line, the settings, a plugin or a filter is wrong
CONNECTION = 3  # the broker can't be reached, or refuses us


class LazyCeleryError(Exception):
    """A failure told to the user as a sentence, never as a traceback."""

    exit_code: ClassVar[int] = FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class ConfigError(LazyCeleryError):
    """The settings can't be used. `problems` has every one of them, a line each; empty when the message says it all."""

    exit_code = USAGE

    def __init__(self, message: str, hint: str = "", problems: Sequence[str] = ()) -> None:
        super().__init__(message, hint)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n  ".join([super().__str__(), *self.problems])


class SourceError(LazyCeleryError):
    """The connection failed in a way that may pass: the supervisor tries again."""

    exit_code = CONNECTION


class AccessRefused(LazyCeleryError):  # noqa: N818 - the AMQP reply of that name; "Error" would say less
    """The broker refused a right; trying again won't help. `right` names it as the broker does (`+psubscribe`)."""

    exit_code = CONNECTION

    def __init__(self, message: str, hint: str = "", right: str = "") -> None:
        super().__init__(message, hint)
        self.right = right


class PluginError(LazyCeleryError):
    """A plugin can't be found, loaded, asked or used. `plugin` is its entry point's name."""

    exit_code = USAGE

    def __init__(self, message: str, hint: str = "", plugin: str = "") -> None:
        super().__init__(message, hint)
        self.plugin = plugin


class FilterError(LazyCeleryError):
    """A filter can't be understood. `span` is the (start, end) of the wrong part, in characters."""

    exit_code = USAGE

    def __init__(self, message: str, hint: str = "", span: tuple[int, int] = (0, 0)) -> None:
        super().__init__(message, hint)
        self.span = span


class ActionError(LazyCeleryError):
    """An action was not allowed, was refused by its target, or did not take effect."""
