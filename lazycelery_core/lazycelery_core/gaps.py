"""What is said about times in which events were missed? One wording for every view that shows their numbers."""

from lazycelery_core.looks import WARNING
from lazycelery_core.model import Gap
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.text import TimeMode, clock, count
from lazycelery_core.tones import Line, Tone, line

SHOWN = 900.0  # s after which a gap is left to the health view
NAMED = 3  # task names in a line


def missed_names(gap: Gap, limit: int = NAMED) -> str:
    """`shop.mail 2, shop.charge 1 and 3 more names`; empty where nothing was missed, or nobody knows."""
    missed = gap.missed or {}
    names = [f"{name} {count(number)}" for name, number in list(missed.items())[:limit]]
    more = f" and {len(missed) - limit} more names" if len(missed) > limit else ""
    return f"{', '.join(names)}{more}"


def missed_text(gap: Gap) -> str:
    """`3 tasks missed: shop.mail 2, shop.charge 1`, `no task missed`, `tasks missed: being counted`; and what the
    number leaves out."""
    if gap.missed is None:
        return f"tasks missed: {gap.note or 'unknown'}"
    note = f" ({gap.note})" if gap.note else ""
    total = sum(gap.missed.values())
    if not total:
        return f"no task missed{note}"
    return f"{count(total)} {'task' if total == 1 else 'tasks'} missed: {missed_names(gap)}{note}"


def last_gap(snapshot: Snapshot, lately: float = SHOWN) -> Gap | None:
    """The newest gap, if it ended in the last `lately` seconds."""
    gaps = [gap for link in snapshot.links for gap in link.gaps if (gap.end or snapshot.now) > snapshot.now - lately]
    return max(gaps, key=lambda gap: gap.start, default=None)


def gap_note(snapshot: Snapshot, mode: TimeMode, lately: float = SHOWN) -> list[Line]:
    """A line about the newest gap, for the foot of lists that it makes incomplete; none where there is none."""
    gap = last_gap(snapshot, lately)
    if gap is None:
        return []
    start = clock(gap.start, mode, snapshot.now)
    end = clock(gap.end, mode, snapshot.now) if gap.end is not None else "now"
    return [line((f"{WARNING} gap {start} to {end} ({gap.cause}): {missed_text(gap)}", Tone.WARN))]
