"""Is the page of promises true to the bench's figures, complete, and is every proof that it names there?"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "performance.md").read_text("utf-8")
TARGETS = ("T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "T13")


def measures(name: str) -> list[dict[str, Any]]:
    return list(json.loads((ROOT / "bench" / name).read_text("utf-8"))["measures"])


MEASURED, SOAKED = measures("results.json"), measures("soak.json")
ROWS = re.findall(r"^\| ([^|<]+?)(?:<br><sub>.*?</sub>)? \| ([^|]*) \| ([^|]*) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$",
                  PAGE, re.MULTILINE)  # fmt: skip
PROOFS = re.findall(r"\[`(test_\w+)`\]\(\.\./([\w/.]+)\)", PAGE)


def shown(value: float | None) -> str:
    return "" if value is None else f"{value:,.10g}"


def test_the_page_has_the_figures_of_the_bench_and_no_others() -> None:
    told = [(name, ours.split(" ")[0], peer) for name, ours, peer, *_ in ROWS if name != "measure"]
    assert told == [(each["name"], shown(each["ours"]), shown(each["peer"])) for each in (*MEASURED, *SOAKED)]


def test_each_row_says_whether_the_promise_is_kept() -> None:
    kept = {name: last for name, *_, last in ROWS}
    assert [kept[each["name"]] for each in (*MEASURED, *SOAKED)] == [
        {True: "yes", False: "**no**", None: "not comparable"}[each["passed"]] for each in (*MEASURED, *SOAKED)
    ]


def test_whether_a_promise_is_kept_follows_from_its_figures() -> None:
    for each in (*MEASURED, *SOAKED):
        what, how, limit = each["target"].split(" ")
        above, _, below = limit.partition("/")
        value, bound = each[what], float(above) / float(below or 1)
        assert value is not None
        rounding = 0.006 * bound  # of the figures that are kept
        assert each["passed"] == (value <= bound if how == "<=" else value >= bound) or abs(value - bound) <= rounding


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_measured(target: str) -> None:
    assert [each["name"] for each in MEASURED if each["name"].startswith(f"{target} ")]


def test_what_is_missed_is_listed_with_its_reason() -> None:
    for each in MEASURED:
        line = re.search(rf"^- \*\*{re.escape(each['name'])}\*\*: .*\. (.+)$", PAGE, re.MULTILINE)
        assert bool(line) == (each["passed"] is False)
        assert line is None or line[1] != "Not explained yet."


def test_many_promises_are_proved_by_tests() -> None:
    assert len(PROOFS) > 40


@pytest.mark.parametrize("name,file", sorted(set(PROOFS)))
def test_a_test_that_is_named_as_a_proof_is_there(name: str, file: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)
