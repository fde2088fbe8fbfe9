"""How does the store hide secrets? With the host's redactor, or with any function from text to text."""

from collections.abc import Callable

from lazycelery_core.redact import Redactor


class TextOnly(Redactor):
    """A redactor that is one function, applied to every text. For tests and for `str` (nothing is hidden)."""

    only_hides = False

    def __init__(self, hide: Callable[[str], str]) -> None:
        super().__init__()
        self._hide = hide

    def text(self, text: str) -> str:
        return self._hide(text)

    def args(self, args: str, task: str = "") -> str:
        return self._hide(args)

    def kwargs(self, kwargs: str, task: str = "") -> str:
        return self._hide(kwargs)

    def result(self, result: str, task: str = "") -> str:
        return self._hide(result)

    def is_secret(self, key: str) -> bool:
        return False


def as_redactor(redactor: Redactor | Callable[[str], str]) -> Redactor:
    """The redactor itself, or the function as one."""
    return redactor if isinstance(redactor, Redactor) else TextOnly(redactor)
