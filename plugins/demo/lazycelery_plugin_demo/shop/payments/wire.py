"""What does the far end of the card gateway answer?"""

import errno
import zlib
from dataclasses import dataclass
from typing import Any

from lazycelery_plugin_demo.shop.pace import spend

REFUSALS = {
    "tok_0002": ("card_declined", "Your card was declined"),
    "tok_9995": ("insufficient_funds", "Your card has insufficient funds"),
}
SILENT = "tok_0119"  # the card whose bank never answers in time


@dataclass
class Connection:
    """One connection to the gateway."""

    host: str
    timeout: float

    def exchange(self, method: str, path: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The answer as a dict with `status`."""
        self._send(method, path, payload)
        return self._receive(payload)

    def _send(self, method: str, path: str, payload: dict[str, Any]) -> None:
        spend(0.02, 0.1)
        if "\n" in f"{method} {path}":
            raise OSError(errno.EINVAL, f"bad request line for {len(payload)} fields")

    def _receive(self, payload: dict[str, Any]) -> dict[str, Any]:
        card = payload["source"]
        if card == SILENT:
            self._wait_for_bytes()
        if card in REFUSALS:
            code, message = REFUSALS[card]
            return {"status": 402, "code": code, "message": message}
        spend(0.1, 0.5)
        return {"status": 200, "id": f"pay_{zlib.crc32(repr(payload).encode()):08x}"}

    def _wait_for_bytes(self) -> None:
        spend(self.timeout, self.timeout)
        raise TimeoutError(errno.ETIMEDOUT, f"no bytes from {self.host}:443")
