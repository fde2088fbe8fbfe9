"""What can be asked of a Celery on Redis, at which level?"""

from collections.abc import Iterable

from lazycelery_core.control import Level
from lazycelery_plugin_redis.address import Address
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.pidbox import Commander, Inspector


class Abilities:
    """The objects for `control.py`'s protocols; below a level its objects do not exist."""

    def __init__(self, address: Address, layout: Layout) -> None:
        self._address, self._layout = address, layout

    def up_to(self, level: Level) -> Iterable[object]:
        """Those that this level allows."""
        if level >= Level.READ_ONLY:
            yield Inspector(self._address, self._layout)
        if level >= Level.GRANTED:
            yield Commander(self._address, self._layout)
