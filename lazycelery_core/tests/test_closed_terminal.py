"""What becomes of the last words when the terminal is closed, as by a lost connection over SSH?"""

import os
import sys
from contextlib import suppress

import pytest

from lazycelery_core.run import tell


def test_a_terminal_that_was_closed_is_told_nothing_and_that_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    outside, inside = os.openpty()
    os.close(outside)
    gone = os.fdopen(inside, "w", buffering=1, closefd=False)
    monkeypatch.setattr(sys, "stderr", gone)
    tell(["goodbye"])
    with suppress(OSError):
        gone.close()  # it still has the words
    os.close(inside)


def test_a_terminal_that_is_there_is_told_without_its_own_codes(capsys: pytest.CaptureFixture[str]) -> None:
    tell(["w1: events off", "\x1b[31mred"])
    said = capsys.readouterr().err
    assert said.startswith("w1: events off\n")
    assert "\x1b" not in said
