"""Money: the tasks that talk to the card gateway."""

from lazycelery_plugin_demo.shop.application import task
from lazycelery_plugin_demo.shop.pace import spend
from lazycelery_plugin_demo.shop.payments.gateway import Gateway


@task("payments.refund")
def refund(payment: str, cents: int, reason: str) -> dict[str, str | int]:
    """Give money back."""
    spend(0.2, 0.9)
    return {"refund": payment.replace("pay", "ref"), "cents": cents, "reason": reason}


@task("payments.settle")
def settle(batch: str, payments: int) -> dict[str, str | int]:
    """Close a batch with the acquirer."""
    spend(1.0, 4.0)
    Gateway().settle(batch)
    return {"batch": batch, "payments": payments, "state": "settled"}
