"""How many bytes does the terminal get? A driver that counts them: over ssh they are what the screen costs."""

from collections.abc import Callable
from typing import Any

from textual.driver import Driver


def metered(driver: type[Driver], count: Callable[[int], None]) -> type[Driver]:
    """The same driver, telling `count` the bytes of each write."""

    class Metered(driver):  # type: ignore[valid-type, misc]  # which driver it is depends on the system
        def write(self, data: str) -> Any:
            count(len(data.encode(errors="replace")))
            return super().write(data)

    return Metered
