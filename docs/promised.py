"""What is promised, how well is each promise kept, and what proves it? The words of docs/performance.md.

Figures come from bench/results.json and bench/soak.json; each other promise names the tests that fail when it is not
kept.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
BENCH = ROOT / "bench"
PAGE = """\
# What we promise

<!-- Made by `python docs/generate.py` from bench/results.json, bench/soak.json and docs/promised.py. -->

Every figure here was measured by `python3 dev.py bench`, every other promise is kept by the tests named beside it.
Times are those of one machine, so read the ratios: product and peer take turns within one run. Peers: Celery's Receiver
and State, Flower 2.2.0, Textual's DataTable. A target that is missed says so, and why.

{about}

## Speed and memory

{figures}

{missed}
## For as long as it runs

`python3 dev.py soak`: {soak_about}. 500 events a second, ten hostile ones a second, clocks that jump by hours, a line
that is cut every minute, a real worker, another view every 10 seconds; 16,384 tasks kept. At the end Ctrl+Z for a
minute while events go on.

{soak}

## What else is promised

A limit in the tests is doubled where the machine is busy with other things.

{promises}
"""


class Promise(NamedTuple):
    """One sentence, its figure, and the tests that prove it: `file::name`."""

    what: str
    figure: str
    tests: tuple[str, ...]


RABBIT, STOPPED = "plugins/amqp/tests/test_amqp_", "tests/test_stopped_on_amqp.py"
FAULTS, HARM, INPUT = "tests/test_faults.py", "tests/test_do_no_harm.py", "tests/test_hostile_input.py"
PANES, TEXTS, SECRETS = "tests/test_hostile_panes.py", "tests/test_hostile_text.py", "tests/test_hostile_secrets.py"
PLUGINS, TRUST, BAD = "tests/test_hostile_plugins.py", "tests/test_plugin_trust.py", "tests/test_bad_input.py"
REDIS, CORE = "plugins/redis/tests/test_redis_", "lazycelery_core/tests/test_"

CHAPTERS: dict[str, tuple[Promise, ...]] = {
    "Never lies": (
        Promise("a line that swallows everything is on the screen", "3 s", (
            f"{FAULTS}::test_a_line_that_swallows_everything",)),
        Promise("a frozen broker is on the screen", "2 s", (f"{FAULTS}::test_a_broker_that_freezes_and_wakes",)),
        Promise("a killed broker is on the screen; live again after its return", "1 s; 2 s", (
            f"{FAULTS}::test_a_broker_that_is_killed_and_started_again",)),
        Promise("events lost outside a declared gap", "0", (
            f"{FAULTS}::test_a_line_that_is_reset_again_and_again_loses_nothing_outside_its_gaps",
            f"{FAULTS}::test_a_line_that_is_reset")),
        Promise("the bounds of a gap are right to", "0.5 s", (
            f"{FAULTS}::test_a_subscriber_that_is_kicked", f"{FAULTS}::test_a_program_that_was_stopped_says_so")),
        Promise("tasks missed in a gap are counted by name, states repaired", "exact", (
            f"{FAULTS}::test_tasks_missed_in_a_gap_are_counted_exactly_and_states_are_repaired",)),
        Promise("where nobody may be asked, the number is said to be unknown", "", (
            f"{FAULTS}::test_in_passive_mode_the_number_is_said_to_be_unknown",)),
        Promise("being too slow for the broker's buffer is told as such", "", (
            f"{FAULTS}::test_a_subscriber_that_was_too_slow_is_told_so",)),
        Promise("a question with a limit of 1 s ends on a dead, frozen or half-open broker", "1.5 s", (
            f"{FAULTS}::test_a_question_to_a_dead_broker_ends_in_time",
            f"{FAULTS}::test_a_question_to_a_frozen_broker_ends_in_time",
            f"{FAULTS}::test_a_question_into_a_hole_ends_in_time")),
        Promise("a right that is taken away is named", "", (
            f"{FAULTS}::test_a_right_that_is_taken_away_while_we_listen_is_named_and_missed_until_it_is_back",)),
        Promise("streams cut, doubled and out of order end as in Celery's State", "", (
            f"{CORE}store_oracle.py::test_a_whole_stream_cut_doubled_and_out_of_order_ends_as_in_state",
            f"{CORE}store_oracle.py::test_disturbed_streams_without_retries_end_as_in_state")),
        Promise("a wrong URL, password, right, database or certificate is one sentence and a next step", "", (
            f"{BAD}::test_a_wrong_password_is_told", f"{BAD}::test_a_missing_right_is_told_by_its_name",
            f"{BAD}::test_tls_that_does_not_fit_is_told_before_a_password_is_sent")),
    ),
    "Never harms": (
        Promise("only commands of [the written list](broker-commands.md) are sent, by every view and command", "", (
            f"{HARM}::test_every_view_sends_only_what_is_written_seldom_and_leaves_all_as_it_was",
            f"{HARM}::test_a_command_sends_only_what_is_written")),
        Promise("commands a second on any view, beside one pipelined count of the queues", "20", (
            f"{HARM}::test_every_view_sends_only_what_is_written_seldom_and_leaves_all_as_it_was",)),
        Promise("commands that hold up other clients of the broker for more than 10 ms", "0", (
            f"{REDIS}harmless.py::test_other_clients_wait_less_than_a_slow_command_would_cost",)),
        Promise("times that looking makes a task run", "0", (
            f"{REDIS}harmless.py::test_a_task_held_for_two_hours_runs_once_however_we_look",)),
        Promise("keys left behind, also by a kill -9, when passive", "0", (
            f"{HARM}::test_killed_while_it_looks_it_leaves_nothing_behind",)),
        Promise("left behind by a kill -9 in the middle of a question", "1 announcement", (
            f"{HARM}::test_killed_while_it_asks_it_leaves_one_announcement_at_most",)),
        Promise("a user of the broker who may only look sees everything", "", (
            f"{HARM}::test_who_may_only_look_sees_everything_when_passive",)),
        Promise("suspended with Ctrl+Z, it has left the broker", "", (
            "tests/test_suspending.py::test_ctrl_z_leaves_the_broker_and_coming_back_declares_the_gap",)),
        Promise("below its scope nothing is sent; without a record nothing is sent", "", (
            f"{CORE}writes.py::test_below_its_scope_nothing_is_sent_nor_recorded",
            f"{CORE}writes.py::test_without_a_record_nothing_is_sent")),
        Promise("a full broker still shows its events", "", (
            f"{FAULTS}::test_a_broker_that_is_full_still_shows_events_and_says_why_nobody_is_asked",)),
    ),
    "The same on RabbitMQ": (
        Promise("each fault of a real server is told, over when it is back, and leaves nothing behind", "", (
            f"{RABBIT}faults.py::test_a_fault_is_told_and_over_when_the_broker_is_back_and_leaves_nothing",)),
        Promise("methods sent beside [the written list](broker-commands.md), by every view", "0", (
            "tests/test_do_no_harm_on_amqp.py::test_every_view_calls_only_what_is_written_and_leaves_all_as_it_was",)),
        Promise("queues, bindings and connections left behind, also by a kill -9", "0", (
            "tests/test_do_no_harm_on_amqp.py::test_killed_while_it_looks_it_leaves_nothing_behind",)),
        Promise("a program that is stopped grows nothing at the broker and declares the gap", "", (
            f"{STOPPED}::test_nothing_grows_at_the_broker_while_the_program_is_stopped_and_the_gap_is_shown_afterwards",)),
    ),
    "Bears hostile input": (
        Promise("good events shown with a bad one every 0.1 s", "100 %", (
            f"{INPUT}::test_with_a_bad_event_every_tenth_of_a_second_every_good_one_is_shown",)),
        Promise("every hostile event, envelope and result is a count, never a stop", "", (
            f"{INPUT}::test_after_a_hostile_event_the_next_one_is_shown",
            f"{INPUT}::test_after_a_hostile_envelope_the_next_event_is_shown",
            f"{INPUT}::test_after_a_hostile_result_the_next_event_is_shown")),
        Promise("a decompression bomb of 300 MiB grows memory by at most", "64 MiB", (
            f"{INPUT}::test_an_event_that_is_a_bomb_of_300_mib_is_not_unpacked",)),
        Promise("100,000 invented names or hosts take at most", "10 s, 150 MiB", (
            f"{INPUT}::test_a_hundred_thousand_names_or_hosts_are_bounded",)),
        Promise("what is too much is dropped in whole segments and counted", "", (
            f"{CORE}store_limits.py::test_retention_drops_whole_segments_and_counts_them",)),
        Promise("no text becomes a control sequence, a click, a formula or a broken row", "", (
            f"{TEXTS}::test_every_other_view_shows_them_all_too",
            f"{TEXTS}::test_a_click_on_a_text_that_looks_like_an_action_does_nothing_of_its_own",
            f"{TEXTS}::test_an_exported_cell_never_starts_a_formula")),
        Promise("planted secrets found on screens, in files, in listings, after a crash", "0", (
            f"{SECRETS}::test_no_screen_shows_a_secret", f"{SECRETS}::test_no_file_that_it_wrote_holds_a_secret",
            f"{SECRETS}::test_no_listing_prints_a_secret",
            f"{SECRETS}::test_a_crash_shows_neither_variables_nor_secrets")),
    ),
    "Outlives its plugins": (
        Promise("a plugin that fails costs its own part only, and is named", "", (
            f"{PANES}::test_a_broken_pane_is_a_card_in_its_own_box_and_the_rest_works",
            f"{PLUGINS}::test_it_is_named_with_its_fault_and_every_other_plugin_loads")),
        Promise("one that blocks is named while it blocks", "1 s", (
            f"{PANES}::test_a_pane_that_blocks_is_named_while_it_blocks_and_holds_up_nobody",)),
        Promise("an allow-list and a lock of file hashes decide which are loaded", "", (
            f"{TRUST}::test_an_allow_list_lets_in_whom_it_names_and_the_standard_plugins",
            f"{TRUST}::test_a_change_is_refused_until_it_is_locked_again")),
    ),
}  # fmt: skip

# Why a target is missed, by the beginning of its name; shown only where it is.
REASONS: dict[str, str] = {
    "T1": "Runs of one day on shared processors gave 1/12.4, 1/12.3, 1/11.9, 1/10.6 and 1/10.3; the last one counts. "
    "Every body is searched for tagged values, which costs 0.2 us and finds what Celery could not read.",
    "T4 longest stop": "State was measured with 300,000 tasks, because a million take it 6 GB.",
    "T5 memory of the whole program": "A held task takes about 280 B of columns, id and index, and the program itself "
    "takes 100 MB; the rest is what the allocator keeps while tasks come and go.",
    "T5 bytes a task": "Of them about 280 B are columns, id and index.",
    "T6": "The page that the screen asks for has 10,000 rows to scroll through, Flower's has 40.",
    "T8": "The whole real screen is drawn, with header, chart and status line, and compared with the last picture to "
    "send less; DataTable stands alone on its screen.",
    "T9": "Sender of the events, broker and program share two processors; a key waits for one of them at times. With "
    "the priority of a quiet machine it was 4.4 ms (p50) and 11 ms (p95).",
    "T10": "Frames hold the loop up, and more so while the thread that takes events in has the interpreter's lock.",
    "T13 commands beside": "4.7 in another run of the same day: a second more or less has its pings and questions.",
    "T13 broker CPU": "It is one pipelined trip, as promised, but Valkey answers LLEN one by one for less than the "
    "Redis that the target was set with.",
}


def page() -> str:
    """docs/performance.md."""
    told, soak = _read("results.json"), _read("soak.json")
    return PAGE.format(
        about=_about(told["about"]), figures=_figures(told["measures"]), missed=_missed(told["measures"]),
        soak_about=_measured(soak["about"]), soak=_figures(soak["measures"]),
        promises="\n\n".join(f"### {title}\n\n{_promised(kept)}" for title, kept in CHAPTERS.items()),
    )  # fmt: skip


def _read(name: str) -> dict[str, Any]:
    return dict(json.loads((BENCH / name).read_text("utf-8")))


def _about(about: dict[str, Any]) -> str:
    return f"Last run: {_measured(about)}."


def _measured(about: dict[str, Any]) -> str:
    size = "full size" if about["size"] == "full" else about["size"]
    return (
        f"{size}, {about['day']}, Python {about['python']}, {about['cores']} cores with a load of {about['load']} "
        f"({about['system']})"
    )


def _figures(measures: list[dict[str, Any]]) -> str:
    head = ["| measure | ours | peer | ratio | promised | kept |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *map(_row, measures)])


def _row(each: dict[str, Any]) -> str:
    kept = {True: "yes", False: "**no**", None: "not comparable"}[each["passed"]]
    note = f"<br><sub>{each['note']}</sub>" if each["note"] else ""
    return (
        f"| {each['name']}{note} | {_number(each['ours'])} {each['unit']} | {_number(each['peer'])} | "
        f"{_ratio(each['ratio'])} | {_target(each['target'])} | {kept} |"
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.10g}"


def _ratio(ratio: float | None) -> str:
    if not ratio:
        return ""
    return f"{ratio:.3g}" if ratio > 0.5 else f"1/{1 / ratio:,.3g}"


def _target(target: str) -> str:
    return target.replace("<=", "≤").replace(">=", "≥")


def _missed(measures: list[dict[str, Any]]) -> str:
    missed = [each for each in measures if each["passed"] is False]
    if not missed:
        return ""
    lines = [
        f"- **{each['name']}**: {_number(each['ours'])} {each['unit']}. {_reason(each['name'])}" for each in missed
    ]
    return "\n".join(["### Missed, and why", "", *lines, ""]) + "\n"


def _reason(name: str) -> str:
    words = f"{name} "
    return next((reason for start, reason in REASONS.items() if words.startswith(f"{start} ")), "Not explained yet.")


def _promised(promises: tuple[Promise, ...]) -> str:
    head = ["| promise | figure | proved by |", "|---|---|---|"]
    return "\n".join([*head, *(f"| {each.what} | {each.figure} | {_proofs(each.tests)} |" for each in promises)])


def _proofs(tests: tuple[str, ...]) -> str:
    return "<br>".join(f"[`{name}`](../{file})" for file, name in (each.split("::") for each in tests))
