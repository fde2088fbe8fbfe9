"""Letters to customers."""

from typing import Any

from lazycelery_plugin_demo.shop.application import task
from lazycelery_plugin_demo.shop.pace import spend
from lazycelery_plugin_demo.shop.smtp import DisconnectedError, Relay


@task("mail.send_email", bind=True, max_retries=3)
def send_email(self: Any, to: str, template: str, slow: float = 0.0, **context: Any) -> dict[str, Any]:
    """Hand one letter to the relay; a dropped connection is tried again."""
    spend(0.08 + slow, 0.5 + slow)
    try:
        return {"to": to, "template": template, "fields": len(context), "queued_as": Relay().deliver(to, template)}
    except DisconnectedError as error:
        raise self.retry(exc=error, countdown=3) from error


@task("mail.send_receipt")
def send_receipt(order: dict[str, Any]) -> str:
    """The receipt after a payment."""
    spend(0.1, 0.6)
    return Relay().deliver(order["customer"], "receipt")


@task("mail.newsletter")
def newsletter(segment: str, letters: int) -> int:
    """One slice of the weekly letter; how many went out."""
    spend(0.4, 2.0)
    return letters - len(segment) % 3
