"""Do typed words mean what they should, and is everything else explained? Commands, names, times, texts to paste."""

from typing import Any

import pytest

from lazycelery_core.action import Action, Risk, Sent
from lazycelery_core.control import NodeReply
from lazycelery_core.errors import FilterError
from lazycelery_core.host_commands import HOST_COMMANDS, view_commands
from lazycelery_core.keys import MODAL_SCOPES, Keymap
from lazycelery_core.model import TaskState
from lazycelery_core.pane import TASKS, WORKERS
from lazycelery_core.query import parse
from lazycelery_core.screens.acting import confirmation, grew, told, warning
from lazycelery_core.screens.commands import listed, phrases, spoken_words, understand
from lazycelery_core.screens.targeting import records_named
from lazycelery_core.screens.time_range import term, with_range
from lazycelery_core.testing.builders import NOW, a_queue, a_snapshot, a_task, a_worker
from lazycelery_core.tones import Tone, line
from lazycelery_core.widgets.editor import LIMIT, Editor
from lazycelery_core.writes import Preview


def action(name: str, label: str, **fields: Any) -> Action:
    """An action that does nothing."""
    return Action(name, label, lambda control, targets: None, on=fields.pop("on", name.partition(".")[0]), **fields)


ACTIONS = [
    action("worker.events", "Events on/off…"), action("worker.enable_events", "Events on…"),
    action("worker.tasks", "Tasks of this worker"), action("task.copy_id", "Copy id"), action("queue.purge", "Purge…"),
]  # fmt: skip
KEYMAP = Keymap([*HOST_COMMANDS, *view_commands([TASKS, WORKERS])], ACTIONS)
COMMANDS = [command for command in KEYMAP.commands if command.scope not in MODAL_SCOPES]
SNAPSHOT = a_snapshot(
    tasks=[a_task("shop.charge", TaskState.FAILURE, id="aaaa-1111"), a_task("shop.ship", id="aabb-2222")],
    workers=[a_worker("worker-1@web-7"), a_worker("worker-2@web-8"), a_worker("batch@web-9")],
    queues=[a_queue("media"), a_queue("default")],
)


# --- commands ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text,name,argument",
    [
        ("tasks", "view.tasks", ""),
        ("tasks state:failed name:a", "view.tasks", "state:failed name:a"),
        ("view.tasks", "view.tasks", ""),
        ("quit", "app.quit", ""),
        ("q", "app.quit", ""),
        ("help", "help.open", ""),
        ("?", "help.open", ""),
        ("  theme   light ", "theme.choose", "light"),
        ("mark all", "mark.all", ""),
        ("worker worker-1", "go.worker", "worker-1"),
        ("events", "worker.events", ""),
        ("events on worker-3", "worker.enable_events", "worker-3"),
        ("enable events worker-3", "worker.enable_events", "worker-3"),
        ("worker.tasks marked", "worker.tasks", "marked"),
        ("purge media", "queue.purge", "media"),
        ("range 13:00..14:00", "range.open", "13:00..14:00"),
        ("Columns +retries -queue", "columns.choose", "+retries -queue"),
        ("filter save slow", "filter.open", "save slow"),
    ],
)
def test_the_longest_beginning_that_is_a_command_is_taken(text: str, name: str, argument: str) -> None:
    spoken = understand(text, spoken_words(COMMANDS, "worker"))
    assert (spoken.command.name, spoken.argument) == (name, argument)
    assert text[spoken.start :].strip() == argument


def test_a_view_is_meant_before_an_action_of_the_same_word() -> None:
    assert spoken_words(COMMANDS, "worker")["tasks"].name == "view.tasks"


def test_the_action_on_what_is_focused_is_meant_before_others() -> None:
    both = [*COMMANDS, *Keymap((), [action("message.purge", "Purge…")]).commands]
    assert spoken_words(both, "message")["purge"].name == "message.purge"
    assert spoken_words(both, "queue")["purge"].name == "queue.purge"


@pytest.mark.parametrize(
    "text,span,hint", [("taks x", (0, 4), "tasks"), ("  qiut", (2, 6), "quit"), ("xyzzy", (0, 5), "Tab")]
)
def test_a_word_that_is_no_command_is_explained(text: str, span: tuple[int, int], hint: str) -> None:
    with pytest.raises(FilterError) as caught:
        understand(text, spoken_words(COMMANDS))
    assert caught.value.span == span
    assert hint in caught.value.hint


def test_every_command_can_be_typed_and_is_offered_by_a_phrase_that_means_it() -> None:
    offered = {command.name: phrase for phrase, command in listed(COMMANDS)}
    assert offered.keys() == {command.name for command in COMMANDS}
    words = spoken_words(COMMANDS)
    assert [name for name, phrase in offered.items() if words[phrase].name != name] == []


def test_phrases_are_short_and_end_with_the_name() -> None:
    def of(name: str) -> list[str]:
        command = KEYMAP.command(name)
        assert command is not None
        return phrases(command)

    assert of("pause.toggle") == ["pause", "pause.toggle"]
    assert of("sort.next") == ["sort next", "sort.next"]
    assert of("worker.enable_events") == ["enable events", "events on", "worker.enable_events"]


# --- names of records -------------------------------------------------------------------------------------------------


def hostnames(text: str) -> list[str]:
    """The workers that a text names."""
    return [worker.hostname for worker in records_named("worker", text, SNAPSHOT)]


def test_records_are_named_by_name_by_beginning_and_by_pattern() -> None:
    assert hostnames("batch@web-9") == ["batch@web-9"]
    assert hostnames("bat, worker-2") == ["batch@web-9", "worker-2@web-8"]
    assert hostnames("worker-*") == ["worker-1@web-7", "worker-2@web-8"]
    assert [queue.name for queue in records_named("queue", "med med media", SNAPSHOT)] == ["media"]
    assert [task.name for task in records_named("task", "aaaa", SNAPSHOT)] == ["shop.charge"]


@pytest.mark.parametrize(
    "kind,text,span,says",
    [
        ("worker", "batch wrker-1", (6, 13), "no such worker"),
        ("worker", "worker", (0, 6), "2 workers begin like that"),
        ("queue", "medai", (0, 5), "Did you mean media?"),
        ("task", "aa", (0, 2), "more than one id"),
        ("task", '"x', (0, 2), "no task here"),
    ],
)
def test_a_name_of_nothing_or_of_several_is_explained(kind: str, text: str, span: tuple[int, int], says: str) -> None:
    with pytest.raises(FilterError) as caught:
        records_named(kind, text, SNAPSHOT)
    assert caught.value.span == span
    assert says in str(caught.value)


# --- times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text,stretch,result",
    [
        ("", "15m", "since:15m"),
        ("state:failed", "13:00..14:00", "state:failed time:13:00..14:00"),
        ("since:1h state:failed time:today", "15m", "state:failed since:15m"),
        ("state:failed since:1h name:a", "", "state:failed name:a"),
        ("state:failed", "", "state:failed"),
        ("since>1h a", "-2h..-1h", "a time:-2h..-1h"),
    ],
)
def test_a_time_range_takes_the_place_of_the_times_in_a_filter(text: str, stretch: str, result: str) -> None:
    assert with_range(text, stretch) == result
    if result:
        parse(result, NOW, "task")


def test_a_stretch_is_since_or_between() -> None:
    assert (term("15m"), term("-15m"), term("1h .. 2h")) == ("since:15m", "since:15m", "time:1h..2h")


# --- typing -----------------------------------------------------------------------------------------------------------


def pressed(editor: Editor, *keys: str) -> tuple[str, int]:
    """The text and the cursor after these keys."""
    for key in keys:
        editor.press(key, key if len(key) == 1 else None)
    return editor.text, editor.cursor


def test_keys_edit_the_line() -> None:
    assert pressed(Editor("state:fail"), "home", "x", "right", "delete") == ("xsate:fail", 2)
    assert pressed(Editor("one two  three"), "ctrl+w") == ("one two  ", 9)
    assert pressed(Editor("one two"), "ctrl+left", "ctrl+k") == ("one ", 4)
    assert pressed(Editor("one two"), "ctrl+left", "ctrl+left", "left", "ctrl+right") == ("one two", 3)
    assert pressed(Editor("one"), "backspace", "backspace", "backspace", "backspace") == ("", 0)
    assert pressed(Editor("one"), "ctrl+u") == ("", 0)
    assert Editor("").press("f5", None) is False


def test_what_is_pasted_becomes_one_line_of_visible_characters_and_is_bounded() -> None:
    editor = Editor("ab")
    editor.press("left", None)
    editor.insert("1\n2\t\x1b[31m3\u202e")
    assert editor.text == "a1 2 [31m3b"
    editor.insert("x" * 10_000)
    assert len(editor.text) == LIMIT


# --- writes -----------------------------------------------------------------------------------------------------------


def preview(risk: Risk, targets: int, own: Risk = Risk.REVERSIBLE) -> Preview:
    """What would be confirmed."""
    workers = [a_worker(f"w{number}") for number in range(targets)]
    return Preview(action("worker.events", "Events on…", risk=own), workers, [line("x")], risk, "")


@pytest.mark.parametrize(
    "before,after,expected",
    [
        ("3,041 messages", "3,041 messages", False),
        ("3,041 messages", "3,300 messages", False),
        ("3,041 messages", "3,400 messages", True),
        ("3,041 messages", "12 messages", False),
        ("0 chords break", "1 chords break", True),
        ("3,041 messages", "3,041 letters", True),
        ("waits 1.5s", "waits 1.6s", False),
    ],
)
def test_a_preview_that_grew_or_says_something_else_is_confirmed_again(before: str, after: str, expected: bool) -> None:
    assert grew([line("On", (before, Tone.TEXT))], [line("On", (after, Tone.TEXT))]) is expected


def test_a_confirmation_names_its_target_or_counts_them() -> None:
    one = confirmation(preview(Risk.REVERSIBLE, 1), "prod", "eve@laptop")
    many = confirmation(preview(Risk.MANY, 30), "prod", "eve@laptop")
    assert (one.title, one.button) == ("Events on: w0", "Events on")
    assert (many.title, many.button) == ("Events on: 30 workers", "Events on 30")


def test_the_border_says_why_it_is_confirmed_more_strictly() -> None:
    assert warning(preview(Risk.REVERSIBLE, 1)) == "can be undone"
    assert warning(preview(Risk.MANY, 30)) == "30 targets · can be undone"
    assert warning(preview(Risk.TARGET, 1)) == "production · can be undone"
    assert warning(preview(Risk.MANY, 1, own=Risk.MANY)) == "cannot undo"


@pytest.mark.parametrize(
    "replies,tone,says",
    [
        ([NodeReply("w0", "ok")], Tone.SUCCESS, "Events on: sent to w0."),
        ([NodeReply("w0", error="busy")], Tone.ERROR, "1 refused. w0: busy"),
        ([NodeReply("w0", "ok"), NodeReply("w1", error="busy")], Tone.WARN, "1 accepted, 1 refused."),
        ([NodeReply(f"w{n}", "ok") for n in range(5)], Tone.SUCCESS, "w0, w1, w2, 2 more"),
        ([], Tone.SUCCESS, "sent to w0"),
    ],
)
def test_what_became_of_a_write_is_told(replies: list[NodeReply], tone: Tone, says: str) -> None:
    text, shown_tone = told(action("worker.events", "Events on…"), [a_worker("w0")], Sent(replies))
    assert says in text
    assert shown_tone is tone
