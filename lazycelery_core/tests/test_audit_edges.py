"""What does the disk see of a record, and what is said when it can't be kept?"""

import errno
import fcntl
import getpass
import hashlib
import io
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lazycelery_core.audit import Audit, verify
from lazycelery_core.errors import ActionError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some" / "where" / "audit.jsonl"


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_record_says_who_acted_when_and_where(path: Path) -> None:
    Audit(path).write("intent", 12.5, id="a")
    (record,) = records(path)
    assert record == {
        "stage": "intent", "at": 12.5, "id": "a", "previous": "0" * 64,
        "who": {"user": getpass.getuser(), "uid": os.getuid(), "host": socket.gethostname(), "pid": os.getpid()},
    }  # fmt: skip


def test_each_record_holds_the_digest_of_the_line_before(path: Path) -> None:
    for name in "abc":
        Audit(path).write("intent", 1.0, id=name)
    lines = path.read_bytes().splitlines(keepends=True)
    assert [record["previous"] for record in records(path)[1:]] == [
        hashlib.sha256(line).hexdigest() for line in lines[:-1]
    ]


def test_the_same_record_is_the_same_line_whatever_the_order_of_its_fields(path: Path) -> None:
    Audit(path).write("intent", 1.0, b=1, a=2)
    (line,) = path.read_text("utf-8").splitlines()
    assert line == json.dumps(json.loads(line), sort_keys=True)


def test_a_record_is_on_the_disk_and_its_file_locked_until_then(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []

    def fsync(descriptor: int) -> None:
        with path.open("rb") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        synced.append(path.read_bytes())

    monkeypatch.setattr(os, "fsync", fsync)
    Audit(path).write("intent", 1.0, id="a")
    assert synced == [path.read_bytes()]


def disk_error(descriptor: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


class HalfFull(io.FileIO):
    """A file on a disk with room for half a record."""

    def write(self, data: Any, /) -> int:
        return super().write(bytes(data)[: len(data) // 2])


def half_full(descriptor: int, *rest: Any, **more: Any) -> io.FileIO:
    return HalfFull(descriptor, "r+b")


@pytest.mark.parametrize(
    "function, fails, word", [("fsync", disk_error, errno.EIO), ("fdopen", half_full, errno.ENOSPC)]
)
def test_what_could_not_be_kept_is_taken_back_and_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, function: str, fails: Callable[..., Any], word: int
) -> None:
    Audit(path).write("intent", 1.0, id="a")
    whole = path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(os, function, fails)
        with pytest.raises(ActionError) as caught:
            Audit(path).write("outcome", 2.0, id="a")
    assert caught.value.message == f"The audit log {path} can't be written ({os.strerror(word)}), so nothing was sent."
    assert caught.value.hint == "Free space or fix its rights, then try again."
    assert path.read_bytes() == whole
    Audit(path).write("outcome", 2.0, id="a")
    assert verify(path).wrong is None


def test_the_file_may_lie_below_folders_that_do_not_exist_yet(path: Path) -> None:
    Audit(path).write("intent", 1.0, id="a")
    Audit(path).write("outcome", 1.0, id="a")
    assert (verify(path).records, verify(path).wrong, verify(path).unfinished) == (2, None, ())


def test_what_json_has_no_word_for_is_written_as_text(path: Path) -> None:
    Audit(path).write("intent", 1.0, id="a", targets=[Path("emails")])
    assert records(path)[0]["targets"] == ["emails"]


@pytest.mark.parametrize("targets", [0, 1, 6_000, 7_000, 100_000])
def test_a_record_of_very_many_targets_keeps_the_chain(path: Path, targets: int) -> None:
    for stage in ("intent", "outcome"):
        Audit(path).write(stage, 1.0, id="a", targets=[f"{number:036}" for number in range(targets)])
    Audit(path).write("intent", 1.0, id="b")
    assert (verify(path).records, verify(path).wrong, verify(path).unfinished) == (3, None, ("b",))


@pytest.mark.parametrize("harm", [b"[]\n", b"7\n", b"not json\n", b'{"previous": "x"}\n', b"\n"])
def test_a_line_that_is_no_record_is_the_first_wrong_one(path: Path, harm: bytes) -> None:
    Audit(path).write("intent", 1.0, id="a")
    path.write_bytes(path.read_bytes() + harm)
    assert (verify(path).records, verify(path).wrong, verify(path).unfinished) == (1, 2, ("a",))


def test_a_last_line_without_its_end_is_wrong(path: Path) -> None:
    Audit(path).write("intent", 1.0, id="a")
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert (verify(path).records, verify(path).wrong) == (0, 1)
