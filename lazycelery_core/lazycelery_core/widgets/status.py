"""How complete and how fresh is what is on the screen? The status line; less important segments make room first.

Connection, drops, gaps, PAUSED and the badge are never left out.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from lazycelery_core.frame import Painted
from lazycelery_core.looks import LINK_STATES
from lazycelery_core.model import Link, LinkState, WorkerState
from lazycelery_core.snapshot import Snapshot
from lazycelery_core.spans import cut_line, join, line_width
from lazycelery_core.text import Safe, TimeMode, age, clock, count, duration, rate, short_count
from lazycelery_core.theme import Part
from lazycelery_core.tones import Line, Span, Tone, line
from lazycelery_core.widgets.lines import LinesWidget

BAR = Span(Safe(" │ "), Tone.DIM)
SMALL = 100  # cells; below it badge and clock are short
BADGES = {"READ-ONLY": "RO", "READ-WRITE": "RW", "PASSIVE": "PA"}


class Segment(NamedTuple):
    """A part of the line; the highest `drop` goes first, 0 never goes."""

    line: Line
    drop: int = 0


def status_line(snapshot: Snapshot, cells: int, mode: TimeMode, paused: int | None = None) -> Painted:
    """The status line in that many cells. paused: events since the picture was frozen, None while it moves."""
    right = _right(snapshot, cells, mode)
    segments = _segments(snapshot, paused)
    room = cells - line_width(right) - 3
    while line_width(_joined(segments)) > room and any(each.drop for each in segments):
        segments.remove(max(segments, key=lambda each: each.drop))
    left = cut_line((Span(Safe(" "), Tone.TEXT), *_joined(segments)), max(0, cells - line_width(right) - 1))
    blank = Span(Safe(" " * max(0, cells - line_width(left) - line_width(right) - 1)), Tone.TEXT)
    return Painted(before=(*left, blank, *right))


def _joined(segments: Sequence[Segment]) -> Line:
    return join([each.line for each in segments], BAR)


def _right(snapshot: Snapshot, cells: int, mode: TimeMode) -> Line:
    """The badge and the clock."""
    level = snapshot.level
    tone = Tone.DANGER if level == "READ-WRITE" else Tone.BADGE
    shown = TimeMode.LOCAL if mode is TimeMode.LOCAL else TimeMode.UTC
    now = clock(snapshot.now, shown, snapshot.now)
    if cells < SMALL:
        return line((f" {BADGES.get(level, level)} ", tone), (f" {now[:5]}", Tone.DIM))
    zone = {TimeMode.UTC: " UTC", TimeMode.LOCAL: " local", TimeMode.AGO: " UTC, ago"}[mode]
    return line((f" {level} ", tone), (f" {now}{zone}", Tone.DIM))


def _segments(snapshot: Snapshot, paused: int | None) -> list[Segment]:
    totals, tasks = snapshot.totals, snapshot.tasks
    shown = [(link, _round_trip(link, snapshot.links)) for link in _shown(snapshot.links)]
    segments = [Segment(link_line(*each), 0 if index == 0 else 2) for index, each in enumerate(shown)]
    lag = "–" if totals.lag is None else duration(totals.lag)
    segments.append(Segment(line(f"ev {rate(totals.event_rate)} lag {lag}"), 3))
    segments.append(Segment(worker_counts(snapshot), 4))
    evicted = f" ({short_count(tasks.evicted)} evicted)" if tasks.evicted else ""
    segments.append(Segment(line(f"{count(tasks.held)} tasks", (evicted, Tone.DIM)), 5))
    missed = _missed(snapshot)
    if missed:
        segments.append(Segment(missed))
    if paused is not None:
        segments.append(Segment(line((f"‖ PAUSED +{paused:,}", Tone.WARN))))
    return segments


def _shown(links: Sequence[Link]) -> list[Link]:
    """One link of each plugin worth a segment: the one that events come through, and of others one that is not well."""
    if not links:
        return []
    well = (LinkState.LIVE, LinkState.STARTING)
    stream = max(links, key=lambda link: (link.streams, link.state not in well, link.latency is not None, link.events))
    ill = {link.plugin: link for link in links if link.state not in well and link.plugin != stream.plugin}
    return [stream, *ill.values()]


def _round_trip(link: Link, links: Sequence[Link]) -> float | None:
    """Seconds to the broker and back, by whichever of the plugin's sources measures it: a busy stream never has to."""
    measured = [each.latency for each in links if each.plugin == link.plugin and each.latency is not None]
    return min(measured, default=None)


def link_line(link: Link, latency: float | None) -> Line:
    """`● redis 3ms`, or what is wrong with the line to the broker."""
    look = LINK_STATES[link.state]
    name = link.plugin or link.source
    if link.state in (LinkState.LIVE, LinkState.SLOW):
        said = "" if latency is None else f" {_milliseconds(latency)}"
    else:
        said = f" {look.word}"
    return line((f"{look.glyph}", look.tone), f" {name}{said}")


def _milliseconds(seconds: float) -> str:
    """Round trips are compared in one unit."""
    return duration(seconds) if seconds < 0.001 or seconds >= 1 else f"{seconds * 1000:.0f}ms"


def worker_counts(snapshot: Snapshot) -> Line:
    """`●3 ◐1 ○1`: online; late or mute; offline. Nothing while no worker is known."""
    states = [worker.state for worker in snapshot.workers]
    if not states:
        return ()
    online, offline = states.count(WorkerState.ONLINE), states.count(WorkerState.OFFLINE)
    doubtful = len(states) - online - offline
    parts = ((f"●{online}", Tone.SUCCESS), (f"◐{doubtful}", Tone.WARN), (f"○{offline}", Tone.PENDING))
    return join([line(part) for part, number in zip(parts, (online, doubtful, offline), strict=True) if number], _BLANK)


_BLANK = Span(Safe(" "), Tone.TEXT)


def _missed(snapshot: Snapshot) -> Line:
    """`▲ 12 dropped`, and the gaps of the sources."""
    dropped = snapshot.totals.dropped
    gaps = sum(len(link.gaps) for link in snapshot.links)
    words = [f"{dropped:,} dropped"] if dropped else []
    words += [f"{gaps} gap{'s' if gaps > 1 else ''}"] if gaps else []
    return line((f"▲ {', '.join(words)}", Tone.WARN)) if words else ()


class StatusLine(LinesWidget):
    """The status line of the screen."""

    surface: ClassVar[str] = "bar"


def banner_line(snapshot: Snapshot, mode: TimeMode, cells: int) -> Painted | None:
    """What is said across the screen while the broker is lost or lets us do nothing, None while it is there."""
    lost = _lost_link(snapshot.links)
    refused = next((link for link in snapshot.links if link.state is LinkState.REFUSED), None)
    if lost is not None:
        parts = [_lost(lost, snapshot.now, TimeMode.UTC if mode is TimeMode.AGO else mode), *_next(lost, snapshot.now)]
        parts += [lost.hint] if lost.hint else []
    elif refused is not None and not any(map(_answers, snapshot.links)):
        parts = [f" {refused.error} {refused.hint}".rstrip(), *_next(refused, snapshot.now)]
    else:
        return None
    words = cut_line(line((" · ".join(parts), Tone.DANGER)), cells)
    return Painted(before=(*words, (Safe(" " * max(0, cells - line_width(words))), Tone.DANGER)))


def _answers(link: Link) -> bool:
    """Whether the broker answers this source; one that never asks has no latency."""
    return link.state in (LinkState.LIVE, LinkState.SLOW) and link.latency is not None


def _lost_link(links: Sequence[Link]) -> Link | None:
    """The link that shows that the broker is gone: one that events come through. One poller alone may be late."""
    lost = [link for link in links if link.state is LinkState.RETRYING]
    streams = [link for link in links if link.streams]
    return next((link for link in lost if link.streams), lost[0] if lost and not streams else None)


def _lost(link: Link, now: float, mode: TimeMode) -> str:
    why = f" ({link.error.rstrip('.')})" if link.error else ""
    return f" Broker lost {clock(link.since, mode, now)}{why}. Picture is {age(max(0.0, now - link.since))} old."


def _next(link: Link, now: float) -> list[str]:
    return [] if link.next_try is None else [f"Next try in {max(0.0, link.next_try - now):.0f}s · F5 now"]


def starting_status(cells: int) -> Painted:
    """The status line before anything is known."""
    return Painted(before=((Safe(" ◌ starting".ljust(cells)[:cells]), Part.BAR),))
