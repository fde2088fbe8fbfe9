"""How large is a run? `FULL` is what the promises are about, `QUICK` shows in minutes whether something broke."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """The sizes of all measures. Times are seconds, rates events a second."""

    name: str
    ingest_events: int
    ingest_rounds: int
    tasks: int  # what "a million" is
    state_tasks: int  # for State, whose growth takes minutes and gigabytes
    burst: float  # s of 50,000 events a second
    flower: float  # s at each rate
    keys: int
    peer_tasks: int  # rows for DataTable
    starts: int
    watch: float  # s of looking at bytes, commands, lag
    rounds: int


FULL = Size("full", 171_325, 3, 1_000_000, 300_000, 60.0, 20.0, 250, 100_000, 9, 12.0, 3)
QUICK = Size("quick", 40_000, 1, 100_000, 20_000, 8.0, 6.0, 80, 10_000, 3, 6.0, 1)
