"""How do variants take turns? Each turn is a process of its own, that prints its figures as its last line."""

import json
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

BENCH = Path(__file__).parent
LONGEST = 600  # s; whoever waits longer waits for ever
Figures = dict[str, Any]


def turn(file: str, variant: str, python: str = sys.executable, **arguments: Any) -> Figures:
    """One variant of a file, once."""
    command = [python, str(BENCH / file), variant, json.dumps(arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def serve(variants: Mapping[str, Callable[..., Figures]]) -> None:
    """The other side of `turn`: what a file with variants does when it is run."""
    signal.alarm(LONGEST)
    print(json.dumps(variants[sys.argv[1]](**json.loads(sys.argv[2]))), flush=True)


def median(turns: Sequence[Figures], figure: str) -> float:
    """The median of one figure over all turns."""
    return float(statistics.median(each[figure] for each in turns))


def share(values: Sequence[float], part: float) -> float:
    """The value below which this part of all lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
