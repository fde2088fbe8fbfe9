"""How is an order paid?"""

from typing import Any

from lazycelery_plugin_demo.shop.payments.gateway import DeclinedError, Gateway, PaymentError


class CheckoutError(PaymentError):
    """The order stays open, the customer must act."""


def collect(order: dict[str, Any]) -> str:
    """The payment's id. Raises CheckoutError; GatewayError passes through."""
    try:
        return _charge(order)
    except DeclinedError as error:
        raise CheckoutError(f"order {order['number']}: {order['customer']} must choose another card") from error


def _charge(order: dict[str, Any]) -> str:
    return Gateway().charge(order["number"], order["cents"], order["card"])
