"""Which plugins of others may run? Those that the settings allow, and that still are what they were when locked.

A plugin runs with all rights of its user, so all this is asked before anything of it is imported. Files are hashed as
they are on the disk: a RECORD that was left as it was hides nothing.
"""

import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from lazycelery_core.errors import PluginError

VERSION = 1  # of the lock file
AGAIN = "look at what it is, then run `lazycelery plugins lock`"
# Written by installers, and different from one installation to the next.
_NOTES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})


@dataclass(frozen=True, slots=True)
class Locked:
    """A plugin as it was when it was locked. sha256: of all its files."""

    distribution: str
    version: str
    files: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Lock:
    """What was locked, by plugin name. problem: why the file can't be read; then nothing is."""

    path: Path
    plugins: Mapping[str, Locked] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Trust:
    """What may be loaded. The standard plugins are the host's own and always may.

    allow: names of others, None for all; allowed_at: where that is written. only: names of all that are loaded in this
    run, None for all; standard_only: none of others in this run.
    """

    allow: frozenset[str] | None = None
    allowed_at: str = ""
    lock: Lock | None = None
    only: frozenset[str] | None = None
    standard_only: bool = False

    def left_out(self, name: str, is_standard: bool) -> str:
        """Why this run does without a plugin, "" when it does not."""
        if self.only is not None and name not in self.only:
            return f"--only {','.join(sorted(self.only))}"
        return "--no-plugins" if self.standard_only and not is_standard else ""

    def refusal(self, name: str, point: EntryPoint) -> tuple[str, str] | None:
        """Why a plugin of somebody else may not be loaded, and what to do; None when it may."""
        if self.allow is not None and name not in self.allow:
            return f"[trust] allow does not name it, {self.allowed_at}", "add it there if you trust it"
        if self.lock is None:
            return None
        if self.lock.problem:
            return f"{self.lock.path} can't be read: {self.lock.problem}", "delete it, or run `lazycelery plugins lock`"
        locked = self.lock.plugins.get(name)
        if locked is None:
            return "it was not there when plugins were locked", AGAIN
        now = fingerprint(point)
        if now == locked:
            return None
        return f"it was {_named(locked)} when plugins were locked, it is {_named(now)} now", AGAIN


def _named(locked: Locked) -> str:
    return f"{locked.distribution} {locked.version} ({locked.sha256[:12]})"


def fingerprint(point: EntryPoint) -> Locked:
    """A plugin as it is now: every file of its distribution and of its package. Nothing of it is imported."""
    files = dict(_files(point))
    told = hashlib.sha256(f"{point.value}\n".encode(errors="backslashreplace"))
    for name in sorted(files):
        told.update(f"{name}\0{_hash(files[name])}\n".encode(errors="backslashreplace"))
    metadata: Any = point.dist.metadata if point.dist is not None else {}
    return Locked(str(metadata.get("Name") or "?"), str(metadata.get("Version") or "?"), len(files), told.hexdigest())


def _files(point: EntryPoint) -> Iterator[tuple[str, Path]]:
    """Those that the distribution lists; and its package, which an editable installation keeps elsewhere."""
    for each in (point.dist.files if point.dist is not None else None) or ():
        if each.name not in _NOTES and each.suffix != ".pyc":
            yield each.as_posix(), Path(str(each.locate()))
    top = point.module.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return
    for folder in (spec.submodule_search_locations if spec is not None else None) or ():
        inside = (path for path in Path(folder).rglob("*") if path.is_file() and path.suffix != ".pyc")
        yield from ((f"{top}/{path.relative_to(folder).as_posix()}", path) for path in inside)
    if spec is not None and spec.origin is not None and not spec.submodule_search_locations:
        yield Path(spec.origin).name, Path(spec.origin)


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"not readable: {error.strerror}"


def read_lock(path: Path) -> Lock | None:
    """The lock, None when nothing was ever locked."""
    try:
        told = json.loads(path.read_text("utf-8"))
        if told["version"] != VERSION:
            return Lock(path, problem=f"it is of version {told['version']}, this is {VERSION}")
        return Lock(path, {name: Locked(**each) for name, each in told["plugins"].items()})
    except FileNotFoundError:
        return None
    except OSError as error:
        return Lock(path, problem=str(error.strerror))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Lock(path, problem="it is no lock")


def write_lock(path: Path, plugins: Mapping[str, Locked]) -> None:
    """Keep the lock, whole or not at all. Raises PluginError."""
    told = {"version": VERSION, "plugins": {name: asdict(plugins[name]) for name in sorted(plugins)}}
    made = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(told, indent=1) + "\n")
        made.replace(path)
    except OSError as error:
        made.unlink(missing_ok=True)
        raise PluginError(f"{path} can't be written ({error.strerror}).", "Nothing was locked.") from None
