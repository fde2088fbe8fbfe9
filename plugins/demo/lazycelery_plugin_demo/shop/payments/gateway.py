"""How does the shop talk to the card gateway? Test cards decide what comes back, as with real gateways."""

from dataclasses import dataclass
from typing import Any

from lazycelery_plugin_demo.shop.payments.wire import Connection


class PaymentError(Exception):
    """Something went wrong between the shop and the money."""


class GatewayError(PaymentError, ConnectionError):
    """Worth another attempt."""


class DeclinedError(PaymentError):
    """Final: the bank said no."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code

    def __str__(self) -> str:
        return f"{self.args[1]} ({self.code})"


@dataclass
class Gateway:
    """A client of the gateway's HTTP interface."""

    host: str = "api.gateway.example"
    timeout: float = 0.4  # s

    def charge(self, order: str, cents: int, card: str) -> str:
        """The id of the payment. Raises DeclinedError or GatewayError."""
        answer = self._call("POST", "/v1/charges", {"order": order, "amount": cents, "source": card})
        if answer["status"] == 402:
            raise DeclinedError(answer["code"], answer["message"])
        return str(answer["id"])

    def settle(self, batch: str) -> None:
        """Close a batch."""
        self._call("POST", f"/v1/batches/{batch}/close", {"source": "tok_4242"})

    def _call(self, method: str, path: str, payload: dict[str, Any]) -> dict[str, Any]:
        connection = Connection(self.host, self.timeout)
        try:
            return connection.exchange(method, path, payload)
        except OSError as error:
            raise GatewayError(f"Payment gateway timeout after {self.timeout} s: {method} {path}") from error
