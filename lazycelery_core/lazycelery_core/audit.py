"""Who changed what, and did it work? An append-only, hash-chained file of every write: no record, no action.

One JSON object a line: an `intent` before the effect (written and synced, else the action is refused) and an `outcome`
after it. Each holds the SHA-256 of the line before, so that an edited, deleted or swapped line is found. A cut tail or
a wholly rewritten file is not found by a chain alone, but by a seal that was kept elsewhere: the hash of a line.
"""

import errno
import fcntl
import getpass
import hashlib
import io
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lazycelery_core.errors import ActionError

START = "0" * 64
TAIL = 1 << 16  # bytes read at first to find the last record; a bulk action's is longer


class Audit:
    """The audit file at `path` (0600, its folder 0700), shared safely by several processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, stage: str, now: float, **record: Any) -> None:
        """Append one record and wait until it is on the disk. Raises ActionError if that can't be done."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                self._append(file, {"stage": stage, "at": now, "who": who(), **record})
        except OSError as error:
            raise ActionError(
                f"The audit log {self.path} can't be written ({error.strerror}), so nothing was sent.",
                "Free space or fix its rights, then try again.",
            ) from None

    def _append(self, file: io.FileIO, record: Mapping[str, Any]) -> None:
        whole = file.seek(0, os.SEEK_END)
        last = _last_line(file, whole)
        if last and not last.endswith(b"\n"):  # its writer was killed half-way: nothing was sent after it
            whole -= len(last)
            os.ftruncate(file.fileno(), whole)
            last = _last_line(file, whole)
        record = {**record, "previous": _digest(last)}
        line = json.dumps(record, sort_keys=True, default=str) + "\n"
        try:
            if file.write(line.encode()) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), whole)  # half a record would break the chain for the next one
            raise


def who() -> dict[str, Any]:
    """The user and the host that act."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = ""
    return {"user": user, "uid": os.getuid(), "host": socket.gethostname(), "pid": os.getpid()}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the file found: `records` good lines; `wrong` is the first bad line's number, None if none.

    torn: that line has no end, as when a disk was full or the power was cut. unfinished: ids of intents without an
    outcome. seal: the hash of the last good line. sealed: whether a good line has the hash that was asked for.
    """

    records: int
    wrong: int | None = None
    torn: bool = False
    unfinished: tuple[str, ...] = ()
    seal: str = START
    sealed: bool = True


def verify(path: Path, seal: str = "") -> Verdict:
    """Check the chain of a file from its first line. seal: the hash of a line that it must have."""
    previous, open_intents, records, sealed = START, dict[str, None](), 0, not seal
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            record = _parsed(line)
            if record is None or record.get("previous") != previous:
                torn = not line.endswith(b"\n")
                return Verdict(records, number, torn, tuple(open_intents), previous, sealed)
            previous, records = _digest(line), number
            sealed = sealed or previous == seal
            if record.get("stage") == "intent":
                open_intents[str(record.get("id"))] = None
            else:
                open_intents.pop(str(record.get("id")), None)
    return Verdict(records, None, False, tuple(open_intents), previous, sealed)


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if line.endswith(b"\n") and isinstance(record, dict) else None


def _last_line(file: io.FileIO, size: int, tail: int = TAIL) -> bytes:
    file.seek(max(0, size - tail))
    lines = file.read().splitlines(keepends=True)
    if len(lines) == 1 and tail < size:  # perhaps only its end
        return _last_line(file, size, 4 * tail)
    return lines[-1] if lines else b""


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest() if line else START
