"""The old system: its worker sends no events."""

from lazycelery_plugin_demo.shop.application import task
from lazycelery_plugin_demo.shop.pace import spend


@task("erp.sync_stock")
def sync_stock(sku: str, warehouse: str) -> dict[str, str | int]:
    """The old system's count of an article."""
    spend(0.3, 1.5)
    if warehouse == "ROT-9":
        raise ConnectionRefusedError(f"AS/400 gateway of {warehouse} refused the session")
    return {"sku": sku, "warehouse": warehouse, "count": len(sku) * 13}
