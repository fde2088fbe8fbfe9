"""What is left when something ends by a bug: where, and neither values nor secrets?"""

import logging
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.worker import WorkerFailed

from lazycelery_core.cli import last_words
from lazycelery_core.config import loads
from lazycelery_core.logs import log_to
from lazycelery_core.screens.crash import write_report

SECRET = "br0ker-p4ss"


def fail() -> None:
    """Raise, with a secret in the message and in a variable."""
    password = SECRET
    raise ValueError(f"no luck with redis://u:{password}@h/0")


def failure() -> ValueError:
    """What `fail` raises, with its traceback."""
    try:
        fail()
    except ValueError as error:
        return error
    raise AssertionError


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Hooks and loggers are put back afterwards; the state folder."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    ours = logging.getLogger("lazycelery")
    before = (ours.handlers[:], ours.level, ours.propagate)
    yield tmp_path / "lazycelery"
    for handler in [each for each in ours.handlers if each not in before[0]]:
        ours.removeHandler(handler)
        handler.close()
    ours.level, ours.propagate = before[1:]


def test_a_failed_worker_of_the_screen_is_reported_with_what_it_raised(tmp_path: Path) -> None:
    path = write_report(tmp_path / "state", WorkerFailed(failure()), 1.0)
    assert path is not None
    told = path.read_text("utf-8")
    assert "in fail" in told
    assert "ValueError: no luck with redis://u:" in told
    assert SECRET not in told
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_report_hides_what_the_settings_hide(hooks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    last_words.prepare(loads('[redact]\npatterns = ["no l.ck"]\n').redactor())
    error = failure()
    sys.excepthook(type(error), error, error.__traceback__)
    (path,) = hooks.glob("crash-*")
    said = f"lazycelery: it stopped because of a bug of its own: ValueError. The report is in {path}.\n"
    assert capsys.readouterr() == ("", said)
    assert "no luck" not in path.read_text("utf-8")


def test_who_interrupts_gets_no_report(hooks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    last_words.prepare()
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert capsys.readouterr() == ("", "")
    assert not hooks.exists()


def test_a_thread_that_fails_writes_to_the_log_and_not_over_the_screen(
    hooks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert log_to(hooks, loads("").redactor().text) == ""
    last_words.prepare()
    thread = threading.Thread(target=fail, name="poller")
    thread.start()
    thread.join()
    assert capsys.readouterr() == ("", "")
    told = (hooks / "lazycelery.log").read_text("utf-8")
    assert "thread poller ended by a bug" in told
    assert "in fail" in told
    assert SECRET not in told
