"""Which command does a key reach, and are clashes found?"""

from lazycelery_core.action import Action
from lazycelery_core.keys import Command, Keymap, Prefix, lint

HOST = (
    Command("screen.quit", "quit", ("q",)),
    Command("screen.refresh", "refresh", ("r", "f5")),
    Command("go.top", "top", ("g g",)),
    Command("table.sort", "sort", ("s",), scope="table"),
    Command("canvas.left", "left", ("h",), scope="canvas"),
)


def action(name: str, on: str = "worker", plugin: str = "mine") -> Action:
    return Action(name, name, lambda control, targets: None, on=on, plugin=plugin)


def test_the_narrowest_scope_wins() -> None:
    keymap = Keymap([*HOST, Command("table.again", "again", ("r",), scope="table", overrides=("screen.refresh",))])
    in_table = keymap.resolve(("table", "global"), ["r"])
    elsewhere = keymap.resolve(("global",), ["r"])
    assert isinstance(in_table, Command)
    assert in_table.name == "table.again"
    assert isinstance(elsewhere, Command)
    assert elsewhere.name == "screen.refresh"


def test_an_override_that_is_not_declared_is_a_clash_and_stays_unbound() -> None:
    keymap = Keymap([*HOST, Command("table.again", "again", ("r",), scope="table")])
    command = keymap.command("table.again")
    assert command is not None
    assert command.keys == ()
    assert "screen.refresh" in command.conflict
    assert lint(keymap) == ["table.again wants r, which screen.refresh has"]


def test_a_plugin_key_never_takes_a_host_key_of_any_pane() -> None:
    keymap = Keymap(HOST, [action("worker.sing")], {"mine": {"worker.sing": "s"}})
    command = keymap.command("worker.sing")
    assert command is not None
    assert "conflict with table.sort" in command.conflict
    found = keymap.resolve(("on:worker", "table", "global"), ["s"])
    assert isinstance(found, Command)
    assert found.name == "table.sort"


def test_the_same_key_may_serve_two_kinds_of_things() -> None:
    actions = [action("worker.tasks"), action("queue.tasks", on="queue")]
    keymap = Keymap(HOST, actions, {"mine": {"worker.tasks": "t", "queue.tasks": "t"}})
    assert lint(keymap) == []
    found = keymap.resolve(("on:queue", "table", "global"), ["t"])
    assert isinstance(found, Command)
    assert found.name == "queue.tasks"


def test_of_two_plugins_on_one_key_the_first_keeps_it_and_the_other_says_so() -> None:
    actions = [action("worker.one", plugin="a"), action("worker.two", plugin="b")]
    keymap = Keymap(HOST, actions, {"a": {"worker.one": "e"}, "b": {"worker.two": "e"}})
    second = keymap.command("worker.two")
    assert second is not None
    assert second.conflict == "e: conflict with worker.one"


def test_a_sequence_is_a_prefix_until_it_is_complete() -> None:
    keymap = Keymap(HOST, [action("worker.queue")], {"mine": {"worker.queue": "g q"}})
    scopes = ("on:worker", "table", "global")
    assert keymap.resolve(scopes, ["g"]) is Prefix.PREFIX
    found = keymap.resolve(scopes, ["g", "q"])
    assert isinstance(found, Command)
    assert found.name == "worker.queue"
    assert keymap.resolve(scopes, ["g", "x"]) is None
    assert {key for key, _ in keymap.continuations(scopes, ["g"])} == {"g", "q"}


def test_the_user_moves_and_removes_keys_and_misspelt_names_are_known() -> None:
    keymap = Keymap(HOST, user={"screen.quit": "ctrl+q, Q", "table.sort": "", "screen.qit": "x"})
    assert keymap.resolve(("global",), ["q"]) is None
    assert isinstance(keymap.resolve(("global",), ["Q"]), Command)
    assert keymap.resolve(("table", "global"), ["s"]) is None
    assert keymap.unknown() == ["screen.qit"]
    assert keymap.changed() == 2


def test_keys_that_terminals_confuse_are_found() -> None:
    keymap = Keymap([Command("a", "a", ("ctrl+i",)), Command("b", "b", ("alt+x",))])
    assert lint(keymap) == ["a: ctrl+i is not safe in terminals", "b: alt+x is not safe in terminals"]


def test_live_commands_leave_out_keys_that_a_narrower_scope_took() -> None:
    keymap = Keymap([*HOST, Command("table.again", "again", ("r",), scope="table", overrides=("screen.refresh",))])
    live = {command.name: command.keys for command in keymap.live(("table", "global"))}
    assert live["table.again"] == ("r",)
    assert live["screen.refresh"] == ("f5",)
