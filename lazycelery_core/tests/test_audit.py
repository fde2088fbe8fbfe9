"""Does the audit file find what was done to it, and refuse when it can't be written?"""

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from lazycelery_core.audit import START, Audit, verify
from lazycelery_core.errors import ActionError
from lazycelery_core.testing.processes import wait_until


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    audit = Audit(tmp_path / "state" / "audit.jsonl")
    for number in range(3):
        audit.write("intent", 100.0 + number, id=str(number), action="worker.events", targets=["w1"])
        audit.write("outcome", 101.0 + number, id=str(number), action="worker.events", targets=["w1"])
    return audit


def test_a_written_file_is_whole_and_only_for_its_user(audit: Audit) -> None:
    assert verify(audit.path).wrong is None
    assert verify(audit.path).records == 6
    assert stat.S_IMODE(audit.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(audit.path.parent.stat().st_mode) == 0o700


def edited(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[1].replace(b"w1", b"w2"), *lines[2:]]


def deleted(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], *lines[3:]]


def swapped(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def cut_in_the_middle_of_a_line(lines: list[bytes]) -> list[bytes]:
    return [*lines[:4], lines[4][:20]]


def inserted(lines: list[bytes]) -> list[bytes]:
    forged = json.loads(lines[2]) | {"action": "queue.purge"}
    return [*lines[:3], json.dumps(forged, sort_keys=True).encode() + b"\n", *lines[3:]]


HARMS = [(edited, 3), (deleted, 3), (swapped, 2), (inserted, 4), (cut_in_the_middle_of_a_line, 5)]


@pytest.mark.parametrize("harm,line", HARMS)
def test_a_changed_file_is_found_at_the_right_line(
    audit: Audit, harm: Callable[[list[bytes]], list[bytes]], line: int
) -> None:
    audit.path.write_bytes(b"".join(harm(audit.path.read_bytes().splitlines(keepends=True))))
    found = verify(audit.path)
    assert (found.wrong, found.records) == (line, line - 1)
    assert found.torn is (harm is cut_in_the_middle_of_a_line)


def rewritten(lines: list[bytes]) -> list[bytes]:
    previous, made = START, []
    for line in lines:
        made.append(json.dumps(json.loads(line) | {"action": "other", "previous": previous}).encode() + b"\n")
        previous = hashlib.sha256(made[-1]).hexdigest()
    return made


def cut_tail(lines: list[bytes]) -> list[bytes]:
    return lines[:2]


@pytest.mark.parametrize("harm", [rewritten, cut_tail])
def test_only_a_seal_kept_elsewhere_tells_of_a_file_whose_chain_is_right(
    audit: Audit, harm: Callable[[list[bytes]], list[bytes]]
) -> None:
    seal = verify(audit.path).seal
    audit.write("intent", 110.0, id="later")
    assert verify(audit.path, seal).sealed
    audit.path.write_bytes(b"".join(harm(audit.path.read_bytes().splitlines(keepends=True))))
    found = verify(audit.path, seal)
    assert (found.wrong, found.sealed) == (None, False)


def grew(path: Path, before: int) -> bool:
    return path.stat().st_size > before + 1_000


def test_writers_that_are_killed_at_any_moment_leave_a_whole_chain(audit: Audit) -> None:
    code = (
        "import sys; from itertools import count; from pathlib import Path; from lazycelery_core.audit import Audit\n"
        "[Audit(Path(sys.argv[1])).write('intent', 1.0, id=str(n)) for n in count()]"
    )
    for _ in range(2):
        writers = [subprocess.Popen([sys.executable, "-c", code, str(audit.path)]) for _ in range(2)]
        before = audit.path.stat().st_size
        wait_until(partial(grew, audit.path, before), "they write", 60)
        for writer in writers:
            writer.kill()
            writer.wait()
    audit.write("intent", 2.0, id="after")
    assert verify(audit.path).wrong is None


def test_half_a_record_of_a_killed_writer_is_replaced_by_the_next_one(audit: Audit) -> None:
    with audit.path.open("ab") as file:
        file.write(b'{"stage": "intent", "id": "ha')
    assert verify(audit.path).torn
    audit.write("intent", 2.0, id="next")
    found = verify(audit.path)
    assert (found.wrong, found.records, found.unfinished) == (None, 7, ("next",))


def test_the_command_says_what_it_found(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(audit.path.parent.parent))
    audit.path.parent.rename(audit.path.parent.parent / "lazycelery")
    path = audit.path.parent.parent / "lazycelery" / "audit.jsonl"

    def said(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "lazycelery_core", "audit", "verify", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    seal = verify(path).seal
    assert said() == (0, f"✓ {path}: 6 records, the chain is whole.\n  seal {seal}\n")
    assert said("--seal", seal)[0] == 0
    assert said("--seal", "0" * 64) == (
        1,
        f"✗ {path}: no line has this seal: its end was cut off, or it was written anew.\n",
    )
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(edited(lines)))
    code, told = said()
    assert code == 1
    assert "line 3 does not follow from the one before" in told
    assert "▲ intent 0" not in told
    path.write_bytes(b"".join(cut_in_the_middle_of_a_line(lines)))
    code, told = said()
    assert (code, "line 5 has no end" in told) == (1, True)
    path.write_bytes(lines[0])
    assert "▲ intent 0 has no outcome" in said()[1]
    path.unlink()
    assert said() == (1, f"Nothing was written yet: there is no {path}.\n")


def test_an_intent_without_an_outcome_is_listed(audit: Audit) -> None:
    audit.write("intent", 110.0, id="open")
    assert verify(audit.path).unfinished == ("open",)


def test_a_full_disk_refuses_the_action_and_leaves_the_file_whole(audit: Audit) -> None:
    size = audit.path.stat().st_size
    code = (
        "import resource, signal, sys; from pathlib import Path; from lazycelery_core.audit import Audit\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size + 50}, {size + 50}))\n"
        f"Audit(Path({str(audit.path)!r})).write('intent', 1.0, id='x', targets=['w'] * 50)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "so nothing was sent" in done.stderr
    assert audit.path.stat().st_size == size
    assert verify(audit.path).wrong is None


def test_a_file_that_cannot_be_opened_refuses_the_action(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file where the folder should be")
    with pytest.raises(ActionError, match="nothing was sent"):
        Audit(tmp_path / "folder" / "audit.jsonl").write("intent", 1.0)


def test_several_writers_keep_one_chain(audit: Audit) -> None:
    code = (
        "import sys; from pathlib import Path; from lazycelery_core.audit import Audit\n"
        "[Audit(Path(sys.argv[1])).write('intent', 1.0, id=f'{sys.argv[2]}.{n}') for n in range(20)]"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(audit.path), str(n)], env=os.environ) for n in range(3)
    ]
    assert [writer.wait(30) for writer in writers] == [0, 0, 0]
    verdict = verify(audit.path)
    assert (verdict.records, verdict.wrong) == (66, None)
    assert json.loads(audit.path.read_text().splitlines()[-1])["who"]["uid"] == os.getuid()
