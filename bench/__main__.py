"""What runs the benchmarks? `python dev.py bench [NAME ...] [--quick] [--write FILE]`.

Names are those of the files here: ingest, rabbitmq, load, growth, query, table, keys, loop, start, broker; none means
all. Each figure is a ratio to, or stands beside, the same figure of a peer measured in the same run. A full run is kept
in results.json; --quick takes less than three minutes and keeps nothing unless a file is named.
"""

import argparse
import importlib
import sys
import time
from pathlib import Path

from measure import RESULTS, Measure, about, table, write
from size import FULL, QUICK

TOPICS = ("ingest", "rabbitmq", "load", "growth", "query", "table", "keys", "loop", "start", "broker")


def main() -> int:
    """Run what was asked for; 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TOPICS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes: minutes, not promises")
    parser.add_argument("--write", type=Path, metavar="FILE", help=f"where to keep the figures (full: {RESULTS.name})")
    given = parser.parse_args()
    unknown = set(given.names) - set(TOPICS)
    if unknown:
        parser.error(f"no such measure: {', '.join(sorted(unknown))}; there are {', '.join(TOPICS)}")
    size = QUICK if given.quick else FULL
    target = given.write or (None if given.quick else RESULTS)
    found: list[Measure] = []
    measures: list[Measure] = []
    began = time.monotonic()
    for name in given.names or TOPICS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        measures = importlib.import_module(name).run(size)
        print(table(measures), end="\n\n", flush=True)
        found += measures
        if target is not None:
            write(found, about(size.name), target, fresh=not given.names)
    if len(found) > len(measures):
        print(table(found), end="\n\n")
    print(f"{sum(each.passed is False for each in found)} missed; {time.monotonic() - began:.0f} s, size {size.name}")
    return int(any(each.passed is False for each in found))


if __name__ == "__main__":
    sys.exit(main())
