"""The fold: events in, state out. `Store(limits, redactor, started_at)`."""

from lazycelery_core.store.limits import Limits
from lazycelery_core.store.store import Store

__all__ = ["Limits", "Store"]
