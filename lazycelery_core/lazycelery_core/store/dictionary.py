"""How does a text that repeats a million times become a small number? A bounded dictionary of texts."""

from collections.abc import Callable

OTHER = "(other)"
UNKNOWN = -1  # the code of no text


class Dictionary:
    """Text <-> code, codes counting from 0. Beyond `limit` texts, new ones share the code of `(other)`.

    `codes` may be read directly (one lookup an event); a text that is missing there is given to `add`. `values` is only
    ever appended to, so that readers need no lock. `left_out` counts adds that ended in `(other)`.
    """

    __slots__ = ("_cut", "_limit", "_other", "codes", "left_out", "values")

    def __init__(self, limit: int, cut: int = 255) -> None:
        self._limit, self._cut = limit, cut
        self._other = UNKNOWN
        self.codes: dict[str | None, int] = {None: UNKNOWN, "": UNKNOWN}
        self.values: list[str] = []
        self.left_out = 0

    def add(self, text: str | None) -> int:
        """The code of a text that may be new."""
        text = self.kept(text) if text else text
        code = self.codes.get(text)
        if code is None:
            code = self._append(text, text or "") if len(self.values) < self._limit else self._left_out()
        return code

    def kept(self, text: str) -> str:
        """The text as it is kept: cut where it is too long."""
        return text if len(text) <= self._cut else text[: self._cut - 1] + "…"

    def text(self, code: int) -> str:
        """The text of a code; UNKNOWN is empty."""
        return self.values[code] if code >= 0 else ""

    def _append(self, key: str | None, text: str) -> int:
        code = self.codes[key] = len(self.values)
        self.values.append(text)
        return code

    def _left_out(self) -> int:
        self.left_out += 1
        if self._other == UNKNOWN:
            self._other = self._append(OTHER, OTHER)
        return self._other


class Exceptions(Dictionary):
    """Exceptions as Celery prints them, redacted before they are kept; the unredacted text is only known by its hash.

    Beyond the limit the message is left out, `ValueError(…)`, for up to HEADS types.
    """

    HEADS = 1_000

    __slots__ = ("_redact", "_room", "_seen")

    def __init__(self, limit: int, redact: Callable[[str], str]) -> None:
        super().__init__(limit + self.HEADS, cut=400)
        self._redact, self._room = redact, limit
        self._seen: dict[int, int] = {}

    def add(self, text: str | None) -> int:
        """The code of an exception; looked up by hash, so that each is redacted once."""
        if not text:
            return UNKNOWN
        code = self._seen.get(hash(text))
        if code is not None:
            return code
        if len(self.values) >= self._room:
            return super().add(headless(text))
        code = self._seen[hash(text)] = super().add(self._redact(text))
        return code


def headless(exception: str) -> str:
    """`ValueError('no stock')` -> `ValueError(…)`."""
    head, bracket, _ = exception.partition("(")
    return f"{head}(…)" if bracket else head
