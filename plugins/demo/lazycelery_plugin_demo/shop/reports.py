"""Figures for the morning: long runs, chords, a time limit now and then."""

import os
import signal
from typing import Any

from lazycelery_plugin_demo.shop.application import task
from lazycelery_plugin_demo.shop.pace import spend

Figures = dict[str, Any]


@task("reports.nightly", acks_late=True)
def nightly(day: str, shops: int) -> Figures:
    """The big one."""
    return {"day": day, "shops": shops, "seconds": spend(12.0, 40.0)}


@task("reports.sales_of_shop")
def sales_of_shop(shop: str, day: str) -> Figures:
    """One shop's day."""
    spend(0.2, 1.2)
    return {"shop": shop, "day": day, "orders": len(shop) * 37 % 211, "cents": len(shop) * 91_337}


@task("reports.total")
def total(figures: list[Figures], day: str) -> Figures:
    """All shops' day."""
    spend(0.1, 0.4)
    return {"day": day, "shops": len(figures), "cents": sum(each["cents"] for each in figures)}


@task("reports.export_pdf", soft_time_limit=4, time_limit=12)
def export_pdf(report: str, pages: int) -> str:
    """Thick reports run into the soft time limit, monstrous ones into the memory limit of the host."""
    if pages > 900:
        os.kill(os.getpid(), signal.SIGKILL)  # what the kernel does to a child that eats all memory
    _render(pages)
    return f"/reports/{report}.pdf"


def _render(pages: int) -> None:
    for _ in range(0, pages, 50):
        spend(0.3, 0.9)
