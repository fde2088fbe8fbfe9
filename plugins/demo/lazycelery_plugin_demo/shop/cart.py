"""Reminders and offers: tasks with a time to start and a time to die."""

from lazycelery_plugin_demo.shop.application import task
from lazycelery_plugin_demo.shop.pace import spend


@task("cart.remind")
def remind(cart: str, customer: str, items: int) -> str:
    """A nudge for a forgotten basket; revoked when the customer comes back first."""
    spend(0.05, 0.3)
    return f"{customer} reminded of {items} items in {cart}"


@task("cart.flash_offer")
def flash_offer(customer: str, percent: int) -> str:
    """Useless when it is late, so it expires."""
    spend(0.05, 0.2)
    return f"{percent} % for {customer}"
