"""Which filters did the user keep under a name? One small file in the state folder, for him alone to read."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

FILE = "filters.json"
LIMIT = 1 << 20  # bytes; a file that is longer is not ours


class NamedFilters:
    """Filters by kind of record and name. A file that can't be read counts as empty; the next save replaces it."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder  # known only once there is something to watch
        self._kept: dict[str, dict[str, str]] | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return self._folder() / FILE

    @property
    def _filters(self) -> dict[str, dict[str, str]]:
        if self._kept is None:
            self._kept = _read(self.path)
        return self._kept

    def of(self, kind: str) -> Mapping[str, str]:
        """Name -> text of the filters for records of that kind."""
        return dict(sorted(self._filters.get(kind, {}).items()))

    def save(self, kind: str, name: str, text: str) -> None:
        """Keep a filter; one of that name is replaced. Raises OSError."""
        self._filters.setdefault(kind, {})[name] = text
        self._write()

    def drop(self, kind: str, name: str) -> bool:
        """Forget a filter; whether there was one. Raises OSError."""
        if self._filters.get(kind, {}).pop(name, None) is None:
            return False
        self._write()
        return True

    def _write(self) -> None:
        """Replace the file as a whole: a full disk leaves the old one."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self.path.with_suffix(".new")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(self._filters, file, indent=1, sort_keys=True)
        beside.replace(self.path)


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        found = json.loads(path.read_bytes()[:LIMIT])
    except (OSError, ValueError):
        return {}
    kinds = found.items() if isinstance(found, dict) else ()
    return {
        kind: {name: text for name, text in each.items() if isinstance(text, str)}
        for kind, each in kinds
        if isinstance(each, dict)
    }
