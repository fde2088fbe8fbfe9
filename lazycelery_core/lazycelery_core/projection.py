"""How does a plugin keep state of its own? A fold over the same batches the store sees."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from lazycelery_core.events import Event


class Projection(ABC):
    """Plugin-owned, bounded state derived from events. `name` keys its view in `Snapshot.views`."""

    name: str = "projection"
    plugin: str = ""  # set by the host

    @abstractmethod
    def apply(self, events: Sequence[Event], now: float) -> None:
        """Take a batch in; called on a source's thread under the deployment's lock, so it must be quick."""

    @abstractmethod
    def view(self) -> Any:
        """What panes get: an immutable value, or one that is never changed after it was handed out."""
