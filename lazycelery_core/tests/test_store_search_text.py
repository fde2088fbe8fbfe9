"""Free text: what is found is what is shown, and secrets are only looked for where that can matter."""

import json

import pytest

from lazycelery_core.decode import Tally, events_of
from lazycelery_core.query import parse
from lazycelery_core.query.patterns import DOT
from lazycelery_core.redact import MASK, Redactor
from lazycelery_core.snapshot import RowQuery
from lazycelery_core.store import Limits, Store

NOW = 1_000_000.0
ARGS = ("('ada', {'password': 'hunter2', 'town': 'Uppsala'})", "('bob', {'password': 'tr0ub4dor', 'town': 'Umea'})", "")


class Counting(Redactor):
    """Counts the texts that are searched for secrets."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    def args(self, args: str, task: str = "") -> str:
        self.read += args != ""
        return super().args(args, task)


def store_with(redactor: Redactor) -> Store:
    """A task for each of ARGS."""
    store = Store(Limits(), redactor, NOW)
    for number, args in enumerate(ARGS):
        told = {"type": "task-received", "timestamp": NOW, "hostname": "w@h", "uuid": f"t{number}", "name": "a"}
        store.apply(events_of(json.dumps({**told, "args": args, "kwargs": "{}"}).encode(), NOW, Tally()), NOW)
    return store


def found(store: Store, text: str) -> list[int]:
    """The rows that a filter finds."""
    return list(store.tasks(NOW).select(RowQuery(parse(text, NOW, "task"))).rows)


@pytest.mark.parametrize(
    "text, rows",
    [
        ("args:UPPSALA", [0]), ("args:town", [1, 0]), ("args:hunter2", []), ("args:tr0ub", []), ("hunter2", []),
        (f"args:{MASK}", [1, 0]), (f"args:\"{DOT}', 'town': 'up\"", [0]), ("args:*ada*hunter*", []),
        ("args:*ada*uppsala*", [0]), (f"args:*ada*{DOT}*uppsala*", [0]), ("args~/hunter/", []),
        ("args~/ada.*Uppsala/", [0]), (f"args~/{DOT}+/", [1, 0]), ("-args:uppsala", [2, 1]),
        ("-args:hunter2", [2, 1, 0]), ("args:hunter2,bob", [1]), (f"args:{DOT},nobody", [1, 0]),
    ],
)  # fmt: skip
def test_text_is_found_as_it_is_shown(text: str, rows: list[int]) -> None:
    assert found(store_with(Redactor()), text) == rows


def test_a_text_that_does_not_fit_is_not_searched_for_secrets() -> None:
    redactor = Counting()
    store = store_with(redactor)
    assert (found(store, "args:uppsala"), redactor.read) == ([0], 1)
    assert (found(store, "args:*bob*"), redactor.read) == ([1], 2)
    assert (found(store, "args:ada,nobody"), redactor.read) == ([0], 3)


def test_what_hides_in_another_way_is_always_asked() -> None:
    store = Store(Limits(), lambda text: text.replace("hunter2", "nothing"), NOW)
    told = {"type": "task-received", "timestamp": NOW, "hostname": "w@h", "uuid": "t", "name": "a", "args": ARGS[0]}
    store.apply(events_of(json.dumps(told).encode(), NOW, Tally()), NOW)
    assert (found(store, "args:nothing"), found(store, "args:hunter2")) == ([0], [])


def test_dots_stand_for_secrets() -> None:
    assert set(MASK) == {DOT}
