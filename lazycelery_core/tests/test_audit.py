"""Does the audit file find what was done to it, and refuse when it can't be written?"""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lazycelery_core.audit import Audit, verify
from lazycelery_core.errors import ActionError


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


@pytest.mark.parametrize("harm,line", [(edited, 3), (deleted, 3), (swapped, 2), (cut_in_the_middle_of_a_line, 5)])
def test_a_changed_file_is_found_at_the_right_line(
    audit: Audit, harm: Callable[[list[bytes]], list[bytes]], line: int
) -> None:
    audit.path.write_bytes(b"".join(harm(audit.path.read_bytes().splitlines(keepends=True))))
    assert verify(audit.path).wrong == line


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
