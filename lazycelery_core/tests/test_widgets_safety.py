"""What becomes of a pane that fails, is slow or hangs, and of a bug in the host?"""

import threading
from pathlib import Path
from time import monotonic

import pytest

from lazycelery_core.plugin_health import PluginHealth
from lazycelery_core.redact import Redactor
from lazycelery_core.screens.crash import report, write_report
from lazycelery_core.spans import plain
from lazycelery_core.testing.processes import wait_until
from lazycelery_core.widgets.guard import LIMIT, Guard
from lazycelery_core.widgets.pace import BURST, CELLS_A_SECOND, PRESSED_FOR, STREAMING, Pace
from lazycelery_core.widgets.reader import Reader
from lazycelery_core.widgets.watchdog import LONG, Watchdog


def raising() -> None:
    """What a broken plugin does."""
    password = "hunter2"  # noqa: F841 - a value that no report may show
    raise ValueError("no line to redis://user:swordfish@cache:6379/0 \x1b]0;title\x07")


def guard() -> Guard:
    """A guard around a plugin called chaos."""
    return Guard("chaos", "overview.chaos", PluginHealth())


def test_a_failure_is_kept_named_and_told_without_secrets_or_escapes() -> None:
    guarded = guard()
    assert guarded.attempt(raising) is None
    text = "\n".join(plain(each) for each in guarded.card())
    for part in ("This pane failed", "overview.chaos of plugin chaos", "ValueError", "in raising"):
        assert part in text
    for part in ("swordfish", "hunter2", "\x1b", "\x07"):
        assert part not in text


def test_three_failures_in_a_row_switch_a_pane_off_until_it_is_asked_for_again() -> None:
    guarded = guard()
    for _ in range(LIMIT):
        assert not guarded.off
        guarded.attempt(raising)
    assert guarded.off
    assert guarded.attempt(lambda: "fine") is None
    assert "r tries again" in plain(guarded.card()[-1])
    guarded.again()
    assert guarded.attempt(lambda: "fine") == "fine"


def test_a_success_in_between_starts_the_count_anew() -> None:
    guarded = guard()
    for _ in range(5):
        guarded.attempt(raising)
        guarded.recovered()
    assert not guarded.off


def test_failures_and_durations_are_written_down_with_the_plugin() -> None:
    health = PluginHealth()
    Guard("chaos", "overview.chaos", health).attempt(raising)
    assert health.counts == {"chaos": 1}
    assert ("chaos", "overview.chaos") in health.timings


# --- the reader -------------------------------------------------------------------------------------------------------


def test_a_newer_question_replaces_the_one_that_waits() -> None:
    reader, gate, done = Reader(), threading.Event(), list[str]()
    started = threading.Event()

    def first() -> None:
        started.set()
        gate.wait(10)
        done.append("first")

    reader.read("a", first)
    assert started.wait(10)
    reader.read("b", lambda: done.append("old"))
    reader.read("b", lambda: done.append("new"))
    gate.set()
    wait_until(lambda: len(done) == 2, "both jobs")
    reader.stop()
    assert done == ["first", "new"]


def test_rows_are_read_on_one_thread_that_is_not_the_callers() -> None:
    reader, threads = Reader(), list[int]()
    for name in "abc":
        reader.read(name, lambda: threads.append(threading.get_ident()))
    wait_until(lambda: len(threads) == 3, "three jobs")
    reader.stop()
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


def test_a_job_that_hangs_holds_up_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lazycelery_core.widgets.reader.PATIENCE", 0.05)
    reader, gate, done = Reader(), threading.Event(), list[str]()

    def hang() -> None:
        gate.wait(10)
        done.append("hung")

    reader.read("hung", hang)
    wait_until(lambda: reader.hangs("hung"), "the job to hang")
    reader.read("hung", lambda: done.append("again"))
    reader.read("other", lambda: done.append("other"))
    wait_until(lambda: done == ["other"], "the other job")
    gate.set()
    wait_until(lambda: not reader.hangs("hung"), "the end of the hanging job")
    reader.read("hung", lambda: done.append("once more"))
    wait_until(lambda: done == ["other", "hung", "once more"], "the pane's next question")
    reader.stop()


# --- the watchdog -----------------------------------------------------------------------------------------------------


def test_whoever_holds_up_the_screen_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    watchdog = Watchdog()
    watchdog.start()
    try:
        with watchdog.watching("overview.chaos of plugin chaos"):
            assert not watchdog.look(monotonic())
            assert watchdog.look(monotonic() + LONG)
            assert not watchdog.look(monotonic() + 2 * LONG)
        assert not watchdog.look(monotonic() + LONG)
    finally:
        watchdog.stop()
    assert "overview.chaos of plugin chaos has held up the screen for 1.0 s" in caplog.text
    assert "test_whoever_holds_up_the_screen" in caplog.text


def test_other_threads_may_take_their_time() -> None:
    watchdog = Watchdog()
    with watchdog.watching("reading"):
        assert not watchdog.look(monotonic() + 10)


# --- the pace ---------------------------------------------------------------------------------------------------------


def pictures(pace: Pace, seconds: float, cells: int = 0, pressed: bool = False, changing: bool = True) -> int:
    """How many pictures are drawn in that time, each costing so many cells; timers every 50 ms."""
    drawn = 0
    for step in range(int(seconds * 20)):
        now = 100 + step * 0.05
        if pressed:
            pace.pressed(now)
        if pace.due(now) and pace.news(now, step if changing else 1, int(now)):
            drawn += 1
            pace.spent(cells)
    return drawn


def test_streaming_is_drawn_four_times_a_second_and_ten_times_while_keys_are_pressed() -> None:
    assert pictures(Pace(), 10) == round(10 / STREAMING)
    assert pictures(Pace(10), 10, pressed=True) == 100
    assert PRESSED_FOR > STREAMING


def test_without_news_only_the_clock_is_drawn() -> None:
    assert pictures(Pace(), 10, changing=False) == 10


def test_what_streams_never_costs_more_than_a_slow_line_carries() -> None:
    drawn = pictures(Pace(), 20, cells=5_000)
    assert drawn * 5_000 <= 20 * CELLS_A_SECOND + BURST + 5_000
    assert drawn > 20


# --- bugs of the host -------------------------------------------------------------------------------------------------


def test_the_report_of_a_bug_is_the_users_own_and_holds_no_values(tmp_path: Path) -> None:
    try:
        raising()
    except ValueError as error:
        path = write_report(tmp_path / "state", error, 1_795_357_927.0)
        text = report(error, Redactor())
    assert path is not None
    assert path.stat().st_mode & 0o777 == 0o600
    written = path.read_text("utf-8")
    assert "raise ValueError" in written
    assert "Textual 8" in written
    assert "swordfish" not in written + text


def test_a_report_that_cannot_be_written_does_no_further_harm(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert write_report(blocked / "state", ValueError("x"), 1.0) is None
