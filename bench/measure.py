"""What is a measure, when does it pass, and how is it shown and kept?"""

import json
import os
import platform
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"
_TARGET = re.compile(r"(ours|ratio) (<=|>=) ([\d./]+)")


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of ours beside a peer's. target: `ours <= 460` or `ratio <= 1/12`, ratio being ours / peer."""

    name: str
    ours: float
    peer: float | None
    unit: str
    target: str
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """ours / peer, None where there is no peer."""
        return None if self.peer is None or not self.peer else self.ours / self.peer

    @property
    def passed(self) -> bool | None:
        """Whether the target is met; None where it can't be told."""
        found = _TARGET.fullmatch(self.target)
        assert found is not None, self.target
        value = self.ours if found[1] == "ours" else self.ratio
        if value is None:
            return None
        limit = float(Fraction(found[3]))
        return value <= limit if found[2] == "<=" else value >= limit

    def as_json(self) -> dict[str, Any]:
        """The object in results.json."""
        ratio = self.ratio
        return {
            "name": self.name, "ours": rounded(self.ours), "peer": None if self.peer is None else rounded(self.peer),
            "ratio": None if ratio is None else rounded(ratio), "target": self.target, "unit": self.unit,
            "note": self.note, "passed": self.passed,
        }  # fmt: skip

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Measure":
        """The measure of an object in results.json."""
        return cls(**{field: told[field] for field in ("name", "ours", "peer", "unit", "target", "note")})


def rounded(value: float) -> float:
    """Three significant digits: more would be noise."""
    return float(f"{value:.3g}") if abs(value) < 1000 else round(value)


def table(measures: Sequence[Measure]) -> str:
    """All measures as text, one a line, the note below it."""
    width = max((len(each.name) for each in measures), default=0)
    lines = [f"{'':{width}}  {'ours':>10} {'peer':>10} {'unit':8} {'ratio':>8}  target"]
    for each in measures:
        verdict = {True: "pass", False: "MISS", None: "-"}[each.passed]
        lines.append(
            f"{each.name:{width}}  {_shown(each.ours):>10} {_shown(each.peer):>10} {each.unit:8} "
            f"{_shown_ratio(each.ratio):>8}  {each.target:16} {verdict}"
        )
        lines += [f"    {each.note}"] if each.note else []
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{rounded(value):,.10g}"


def _shown_ratio(ratio: float | None) -> str:
    if ratio is None:
        return "-"
    return f"{ratio:.2f}" if ratio > 0.5 else f"1/{1 / ratio:,.3g}" if ratio else "0"


def read(path: Path = RESULTS) -> list[Measure]:
    """The measures of a file, [] when there is none."""
    if not path.exists():
        return []
    return [Measure.from_json(each) for each in json.loads(path.read_text("utf-8"))["measures"]]


def write(measures: Iterable[Measure], about: dict[str, Any], path: Path = RESULTS, fresh: bool = False) -> None:
    """Keep measures; those of the same name in the file are replaced, others stay unless it is begun afresh."""
    kept = {each.name: each for each in (*(() if fresh else read(path)), *measures)}
    told = {"about": about, "measures": [each.as_json() for each in kept.values()]}
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")


def about(size: str) -> dict[str, object]:
    """On what this was measured."""
    load = f"{os.getloadavg()[0]:.1f}"
    return {"size": size, "python": platform.python_version(), "system": platform.platform(),
            "cores": os.cpu_count(), "load": load, "day": time.strftime("%Y-%m-%d")}  # fmt: skip
