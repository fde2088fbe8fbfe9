"""What do the lines of the frame say, and what makes room first? Header, breadcrumbs, status, banner, keys."""

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from lazycelery_core.frame import Painted
from lazycelery_core.host_commands import HOST_COMMANDS, shown_key, view_commands
from lazycelery_core.keys import Keymap
from lazycelery_core.model import Gap, Link, LinkState, Worker, WorkerState
from lazycelery_core.pane import OVERVIEW, QUEUES, TASKS, WORKERS, View
from lazycelery_core.snapshot import Totals
from lazycelery_core.testing.builders import NOW, a_snapshot
from lazycelery_core.text import TimeMode, width
from lazycelery_core.theme import Part
from lazycelery_core.tones import Tone, line
from lazycelery_core.widgets.header import crumb_words, header_words, pane_digits, view_name
from lazycelery_core.widgets.key_line import footer, key_line
from lazycelery_core.widgets.status import banner_line, status_line

VIEWS = [OVERVIEW, WORKERS, QUEUES, TASKS]
STATES = [WorkerState.ONLINE] * 3 + [WorkerState.LATE, WorkerState.OFFLINE]
REDIS = Link("events", "redis", LinkState.LIVE, NOW - 60, latency=0.003, lag=0.4, events=10, streams=True)


def busy(**fields: Any) -> Any:
    """The snapshot of the drawings."""
    known: dict[str, Any] = {
        "workers": [Worker(f"w{index}", state) for index, state in enumerate(STATES)],
        "totals": Totals(events=500, event_rate=142, lag=0.4, dropped=12),
        "links": [REDIS],
        "tasks": SimpleNamespace(held=10_000, evicted=3_100),
    }
    return replace(a_snapshot(), **(known | fields))


def status(cells: int = 120, mode: TimeMode = TimeMode.UTC, paused: int | None = None, **fields: Any) -> str:
    """The status line as text."""
    drawn = status_line(busy(**fields), cells, mode, paused)
    assert width(drawn.text) <= cells
    return drawn.text.strip()


# --- status -----------------------------------------------------------------------------------------------------------


def test_the_status_line_of_the_drawing() -> None:
    left = "● redis 3ms │ ev 142/s lag 0.40s │ ●3 ◐1 ○1 │ 10,000 tasks (3.1k evicted) │ ▲ 12 dropped"
    assert status() == f"{left}       READ-ONLY  14:32:07 UTC"


def test_in_a_small_terminal_the_tasks_make_room_and_badge_and_clock_are_short() -> None:
    assert status(80) == "● redis 3ms │ ev 142/s lag 0.40s │ ●3 ◐1 ○1 │ ▲ 12 dropped           RO  14:32"


def test_connection_drops_and_pause_never_make_room() -> None:
    shown = status(60, paused=231)
    for part in ("● redis 3ms", "▲ 12 dropped", "‖ PAUSED +231", "RO"):
        assert part in shown
    assert "tasks" not in shown


def test_gaps_of_sources_are_told_with_the_drops() -> None:
    link = replace(REDIS, gaps=(Gap(1, 2, "gone"), Gap(3, 4, "gone")))
    assert "▲ 12 dropped, 2 gaps" in status(links=[link])
    assert "▲ 1 gap " in status(links=[replace(REDIS, gaps=(Gap(1, 2, "gone"),))], totals=Totals())


def test_each_plugin_has_one_word_about_its_lines() -> None:
    lost = replace(REDIS, state=LinkState.RETRYING)
    assert status(links=[replace(lost, source="queues", streams=False), lost]).startswith("✗ redis lost │ ev")


def test_one_late_poller_is_no_lost_broker() -> None:
    poller = Link("queues", "redis", LinkState.RETRYING, NOW, "no answer in 1 s")
    assert banner_line(a_snapshot(links=(REDIS, poller)), TimeMode.UTC, 100) is None
    assert banner_line(a_snapshot(links=(poller,)), TimeMode.UTC, 100) is not None


def test_the_line_that_events_come_through_comes_first_and_others_only_when_ill() -> None:
    poller = Link("inspect", "cluster", LinkState.LIVE, NOW)
    assert status(links=[poller, REDIS]).startswith("● redis 3ms │ ev")
    refused = replace(poller, state=LinkState.REFUSED)
    assert status(links=[refused, REDIS]).startswith("● redis 3ms │ ▲ cluster refused │ ev")
    assert status(links=[refused, refused, REDIS]).count("cluster") == 1


def test_before_anything_is_known_nothing_is_claimed() -> None:
    shown = status(links=[], workers=[], totals=Totals(), tasks=SimpleNamespace(held=0, evicted=0))
    assert shown.startswith("ev 0/s lag – │ 0 tasks ")


@pytest.mark.parametrize("mode, ending", [(TimeMode.UTC, "14:32:07 UTC"), (TimeMode.AGO, "14:32:07 UTC, ago")])
def test_the_clock_says_which_time_it_shows(mode: TimeMode, ending: str) -> None:
    assert status(160, mode).endswith(ending)


def test_permission_to_write_is_a_danger() -> None:
    pieces = status_line(busy(level="READ-WRITE"), 120, TimeMode.UTC).before
    assert (" READ-WRITE ", Tone.DANGER) in pieces


def test_the_banner_says_since_when_why_how_old_and_what_next() -> None:
    lost = Link("events", "redis", LinkState.RETRYING, NOW - 9, "connection refused", next_try=NOW + 4, streams=True)
    drawn = banner_line(busy(links=[lost]), TimeMode.UTC, 120)
    assert drawn is not None
    assert drawn.text.startswith(
        " Broker lost 14:31:58 (connection refused). Picture is 9s old. · Next try in 4s · F5 now"
    )
    assert width(drawn.text) == 120
    assert banner_line(busy(), TimeMode.UTC, 120) is None


# --- header and breadcrumbs -------------------------------------------------------------------------------------------


def test_the_header_spells_views_out_where_all_fit() -> None:
    words = header_words("prod", VIEWS, "overview", 120)
    assert words.line.text.startswith(" LazyCelery prod ")
    assert words.line.text.rstrip().endswith("[O]verview  [W]orkers  [Q]ueues  [T]asks  [?]")
    assert (" [O]verview ", Part.CURRENT) in words.line.before
    many = [View(f"v{index}", f"View {index}", str(index), index) for index in range(9)]
    assert (
        header_words("prod", many, "v1", 100)
        .line.text.rstrip()
        .endswith("[0]  [1]  [2]  [3]  [4]  [5]  [6]  [7]  [8]  [?]")
    )


def test_clicks_on_words_of_the_header_find_their_views() -> None:
    words = header_words("prod", VIEWS, "overview", 120)
    text = words.line.text
    for start, end, command in words.spots:
        title = next((view.title for view in VIEWS if command == f"view.{view.id}"), "[?]")
        assert title.replace(title[0], "", 1) in text[start:end] or command == "help.open"


def test_a_view_whose_title_does_not_begin_with_its_key_is_named_in_full() -> None:
    assert view_name(View("x", "Logs", "V", 1), short=False) == "[V] Logs"


def test_breadcrumbs_lead_back_and_the_last_word_is_where_we_are() -> None:
    words = crumb_words(["Queues", "media", "a3f9c1"], line("right"), 60)
    assert re.match(r" Queues . media . a3f9c1 ", words.line.text)
    assert words.line.text.rstrip().endswith("right")
    assert [command for _, _, command in words.spots] == ["crumb.0", "crumb.1"]
    start, end, _ = words.spots[1]
    assert words.line.text[start:end] == "media"


def test_the_shown_pane_is_set_off_among_the_digits() -> None:
    pieces = pane_digits([1, 2, 3], 2)
    assert "".join(text for text, _ in pieces) == "panes 1 2 3"
    assert ("2", Part.CURRENT) in pieces


# --- keys -------------------------------------------------------------------------------------------------------------


def keymap() -> Keymap:
    """The host's own keys."""
    return Keymap([*HOST_COMMANDS, *view_commands(VIEWS)])


def drawn(cells: int, begun: str = "") -> str:
    """The key line as text."""
    found: Painted = key_line(footer(keymap(), ["table", "global"]), cells, begun)
    assert width(found.text) <= cells
    return found.text


def test_the_key_line_is_printed_from_live_keys_with_help_at_the_right() -> None:
    assert drawn(100).startswith(" Enter details  Space mark  a actions  / search  f filter")
    assert drawn(100).rstrip().endswith("? help")
    assert drawn(40).rstrip().endswith("? help")


def test_keys_of_a_begun_sequence_are_shown() -> None:
    assert drawn(80, "g").startswith(" g …  ")


def test_no_two_commands_of_the_host_share_a_key_in_one_scope_and_none_is_unsafe() -> None:
    from lazycelery_core.keys import lint

    assert lint(keymap()) == []


def test_keys_are_written_as_people_read_them() -> None:
    keys = ["ctrl+d", "g w", "question_mark", "f5", "G", "shift+tab", "ctrl+space", "left_square_bracket"]
    assert [shown_key(key) for key in keys] == ["Ctrl+D", "g w", "?", "F5", "G", "Shift+Tab", "Ctrl+Space", "["]
