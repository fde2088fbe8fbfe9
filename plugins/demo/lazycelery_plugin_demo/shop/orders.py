"""From basket to parcel: validate, reserve, charge, ship."""

import zlib
from typing import Any

from celery.exceptions import Reject

from lazycelery_plugin_demo.shop.application import task
from lazycelery_plugin_demo.shop.checkout import collect
from lazycelery_plugin_demo.shop.pace import spend
from lazycelery_plugin_demo.shop.payments.gateway import GatewayError
from lazycelery_plugin_demo.shop.stock import Shelf

Order = dict[str, Any]


@task("orders.validate_order")
def validate_order(order: Order) -> Order:
    """Checked and priced."""
    spend(0.05, 0.3)
    if not order["items"]:
        raise ValueError(f"order {order['number']} has no items")
    return {**order, "cents": sum(cents * n for _, n, cents in order["items"])}


@task("orders.reserve_stock")
def reserve_stock(order: Order) -> Order:
    """Every item taken from the shelf."""
    spend(0.05, 0.25)
    shelf = Shelf()
    return {**order, "reserved": [shelf.take(sku, n) for sku, n, _ in order["items"]]}


@task("orders.charge_card", bind=True, max_retries=3)
def charge_card(self: Any, order: Order) -> Order:
    """Paid. A silent gateway is tried again, a refusal is final."""
    try:
        return {**order, "payment": collect(order)}
    except GatewayError as error:
        raise self.retry(exc=error, countdown=2 + self.request.retries) from error


@task("orders.ship")
def ship(order: Order) -> str:
    """The tracking number of the parcel."""
    spend(0.2, 1.5)
    return f"1Z{zlib.crc32(order['number'].encode()) % 10**9:09d}"


@task("orders.fraud_check")
def fraud_check(number: str, country: str, cents: int) -> dict[str, Any]:
    """A score from 0 (fine) to 100."""
    spend(0.1, 0.6)
    return {"order": number, "country": country, "score": min(99, cents // 1000)}


@task("orders.import_feed", acks_late=True)
def import_feed(partner: str, lines: int) -> None:
    """Orders of a marketplace; a feed that was seen before is thrown away."""
    spend(0.3, 1.0)
    raise Reject(f"feed of {partner} with {lines} lines was imported before", requeue=False)
