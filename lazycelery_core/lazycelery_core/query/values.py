"""What number, duration, size or time does a piece of a filter mean?

Everything becomes intervals. What was written with a unit stands for all that is shown so: `runtime:5s` is 5 s up to
6 s, `time:14:30` the whole minute. Times relative to now (`-15m`) move on with `now`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from math import inf
from typing import Any

DURATION_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
SIZE_UNITS = {
    "": 1, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9,
    "kib": 1024, "mib": 1024**2, "gib": 1024**3,
}  # fmt: skip
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_DURATION = re.compile(r"([0-9]+)(\.[0-9]+)?(us|ms|[smhdw])", re.IGNORECASE)
_DURATIONS = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:us|ms|[smhdw]))+", re.IGNORECASE)
_SIZE = re.compile(r"([0-9]+)(\.[0-9]+)?([kmg]?i?b?)", re.IGNORECASE)
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]{1,6})?)?")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T_]([0-9:.]+))?(Z)?", re.IGNORECASE)
_DAY = 86_400.0


class Type(Enum):
    """What the values of a field are, and how they are written."""

    TEXT = "text"
    NUMBER = "a number: 3"
    DURATION = "a duration: 500ms, 5s, 2m, 1h30m"
    SIZE = "a size: 10kb, 2mb"
    TIME = "a time: 14:30, 14:30:05, 2026-11-22T14:30, today, -15m"
    STATE = "a state"
    KEY = "a whole task id"
    FLAG = "one of its words"

    @property
    def ordered(self) -> bool:
        """Whether values of this type can be compared with < and >."""
        return self in (Type.NUMBER, Type.DURATION, Type.SIZE, Type.TIME)


@dataclass(frozen=True, slots=True)
class Moment:
    """A written value: from `start` to before `end` (equal: exactly that). With `sliding` both are relative to now."""

    start: float
    end: float
    sliding: bool = False

    def at(self, now: float) -> tuple[float, float]:
        """Start and end, absolute."""
        shift = now if self.sliding else 0.0
        return self.start + shift, self.end + shift


NEVER = Moment(-inf, -inf)
EVER = Moment(inf, inf)


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`; bounds belong to it unless said otherwise. Unknown values (NaN) are in no interval."""

    low: Moment = NEVER
    high: Moment = EVER
    without_low: bool = False
    without_high: bool = False
    whole_high: bool = False  # up to the end of what `high` stands for, not to its start

    def holds(self, values: Any, now: float) -> Any:
        """Whether a float, or each of an array of floats, lies in the interval."""
        low, high = self.low.at(now)[0], self.high.at(now)[1 if self.whole_high else 0]
        above = values > low if self.without_low else values >= low
        if high == inf and not self.without_high:
            return above
        return above & (values < high if self.without_high else values <= high)


def interval(operator: str, kind: Type, first: Moment, last: Moment | None = None) -> Interval:
    """The values that `operator` and a written value, or a range from `first` to `last`, let through."""
    if last is not None:
        return Interval(first, last, without_high=kind is Type.TIME and _wide(last), whole_high=kind is Type.TIME)
    match operator:
        case ">":
            return Interval(first, without_low=True)
        case ">=":
            return Interval(first)
        case "<":
            return Interval(high=first, without_high=True)
        case "<=":
            return Interval(high=first, without_high=kind is Type.TIME and _wide(first), whole_high=kind is Type.TIME)
    if first.sliding:  # `time:-15m` reads as "since then"
        return Interval(first)
    return Interval(first, first, without_high=_wide(first), whole_high=True)


def _wide(moment: Moment) -> bool:
    return moment.end > moment.start


def number(text: str) -> Moment | None:
    """`3`, `1.5`, `-2`; None for anything else."""
    return Moment(float(text), float(text)) if _NUMBER.fullmatch(text) else None


def duration(text: str) -> Moment | None:
    """`500ms`, `5s`, `1h30m`, plain seconds; None for anything else. Seconds."""
    if not _DURATIONS.fullmatch(text):
        return number(text)
    seconds, step = 0.0, 1.0
    for whole, fraction, unit in _DURATION.findall(text):
        size = DURATION_UNITS[unit.lower()]
        seconds += float(whole + fraction) * size
        step = size * 10.0 ** -max(0, len(fraction) - 1)
    return Moment(seconds, seconds + step)


def size(text: str) -> Moment | None:
    """`10kb`, `1.5MB`, `2GiB`, plain bytes; None for anything else. Bytes."""
    found = _SIZE.fullmatch(text)
    if not found or found[3].lower() not in SIZE_UNITS:
        return None
    unit = SIZE_UNITS[found[3].lower()]
    value = float(found[1] + (found[2] or "")) * unit
    return Moment(value, value + unit * 10.0 ** -max(0, len(found[2] or "") - 1) if unit > 1 else value)


def moment(text: str, now: float, zone: tzinfo = UTC, past: bool = True) -> Moment | None:
    """A time as Unix seconds; None when it is not one. With `past`, a clock time later than now means yesterday's."""
    lowered = text.lower()
    if lowered == "now":
        return Moment(0.0, 0.0, sliding=True)
    if lowered[:1] in ("-", "+") and (span := duration(lowered[1:])):
        shift = -span.start if lowered[0] == "-" else span.start
        return Moment(shift, shift, sliding=True)
    try:
        return _calendar(lowered, datetime.fromtimestamp(now, zone), past)
    except (ValueError, OverflowError, OSError):  # no such day, hour or year
        return None


def _calendar(text: str, today: datetime, past: bool) -> Moment | None:
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
    if text in ("today", "yesterday"):
        return _stretch(midnight - timedelta(days=text == "yesterday"), _DAY)
    if _CLOCK.fullmatch(text):
        at, step = _clock(midnight, text)
        return _stretch(at - timedelta(days=1) if past and at > today + timedelta(minutes=1) else at, step)
    if found := _DATE.fullmatch(text):
        zone = UTC if found[5] else today.tzinfo
        day = datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=zone)
        if not found[4]:
            return _stretch(day, _DAY)
        return _stretch(*_clock(day, found[4])) if _CLOCK.fullmatch(found[4]) else None
    return None


def _clock(day: datetime, text: str) -> tuple[datetime, float]:
    """The moment of that day, and the seconds that its last figure stands for."""
    found = _CLOCK.fullmatch(text)
    assert found
    seconds, fraction = int(found[3] or 0), found[4] or ""
    at = day.replace(hour=int(found[1]), minute=int(found[2]), second=seconds)
    step = 60.0 if found[3] is None else 10.0 ** -max(0, len(fraction) - 1)
    return at + timedelta(seconds=float(f"0{fraction}") if fraction else 0.0), step


def _stretch(start: datetime, seconds: float) -> Moment:
    return Moment(start.timestamp(), start.timestamp() + seconds)
