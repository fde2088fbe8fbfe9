"""How long does work take? Sleeping costs a laptop nothing."""

import random
import time

_chance = random.Random()  # noqa: S311 (durations, not secrets)


def spend(least: float, most: float) -> float:
    """Take some time, in seconds, mostly nearer to `least`; what was taken comes back."""
    seconds = _chance.triangular(least, most, least + (most - least) / 4)
    time.sleep(seconds)
    return round(seconds, 3)
