"""Was a plugin made for this host? Its metadata is asked before it is imported, its module right after."""

import importlib.metadata
import re
from collections.abc import Iterable
from typing import Any

from lazycelery_core.errors import PluginError
from lazycelery_core.hookspecs import API_VERSION

HOST = "lazycelery-core"
_ASKS_HOST = re.compile(r"lazycelery[-_.]core\b", re.IGNORECASE)  # how names compare in metadata
_HINT = "install a version of the plugin made for this LazyCelery"


def unfit(requires: Iterable[str]) -> tuple[str, str] | None:
    """Why this host is not the one that a distribution's `Requires-Dist` asks for, and what to do; None when it is."""
    host = importlib.metadata.version(HOST)
    asked = [each for each in requires if _ASKS_HOST.match(each) and each != f"{HOST}=={host}"]
    if not asked:
        return None  # the usual case, without the price of importing `packaging`
    from packaging.requirements import InvalidRequirement, Requirement

    for each in asked:
        try:
            wanted = Requirement(each)
        except InvalidRequirement:
            continue  # no installer could read it either
        applies = wanted.marker is None or wanted.marker.evaluate({"extra": ""})
        if applies and not wanted.specifier.contains(host, prereleases=True):
            return f"it asks for {HOST} {wanted.specifier}, this is {host}", _HINT
    return None


def check_api(module: Any) -> None:
    """Raise PluginError unless the module speaks the host's plugin API."""
    asked = getattr(module, "LAZYCELERY_API", API_VERSION)
    if asked != API_VERSION:
        raise PluginError(f"it asks for host API {asked}, this host speaks {API_VERSION}", _HINT)
