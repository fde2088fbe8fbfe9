"""How does a value become text that is safe to draw and easy to read?

Text from outside stays a `str` until `safe()` makes it `Safe`; only `Safe` values are drawn. Widths are counted in
terminal cells by the function that Textual draws with. Figures (durations, counts, sizes, times) come out as `Safe`.
"""

import re
from bisect import bisect_right
from datetime import UTC, datetime, tzinfo
from enum import Enum
from itertools import groupby
from typing import TypeGuard

from rich.cells import cell_len, get_character_cell_size

LIMIT = 2_000  # characters; more than any row or field can show
LINES_LIMIT = 1_000_000  # characters in a detail pane
MAX_LINES = 10_000
MAX_MARKS = 4  # combining marks in a row; no living script stacks more
TAB = 4  # columns
UNKNOWN = "\u2013"  # an en dash


class Safe(str):
    """Text that can be drawn: no control, no invisible character, bounded. Calling `Safe(...)` vouches for that."""

    __slots__ = ()


# Everything a terminal could obey, hide, reorder or measure differently from us. Written as code points, because
# an editor would do to these characters what a terminal does.
_ODD_RANGES = (
    (0x00, 0x1F),  # C0
    (0x7F, 0xA0),  # DEL, C1, no-break space
    (0xAD, 0xAD),  # soft hyphen
    (0x34F, 0x34F),  # grapheme joiner
    (0x600, 0x605),  # Arabic number signs: format characters
    (0x61C, 0x61C),  # Arabic letter mark
    (0x6DD, 0x6DD),
    (0x70F, 0x70F),
    (0x890, 0x891),
    (0x8E2, 0x8E2),
    (0x115F, 0x1160),  # Hangul fillers
    (0x1680, 0x1680),  # Ogham space
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian selectors
    (0x2000, 0x200F),  # spaces of other widths, zero width, marks of direction
    (0x2028, 0x202F),  # line and paragraph separators, bidi, narrow no-break space
    (0x205F, 0x206F),  # joiners, isolates, invisible operators
    (0x2800, 0x2800),  # empty Braille cell
    (0x3164, 0x3164),  # Hangul filler
    (0xD800, 0xDFFF),  # lone surrogates
    (0xFDD0, 0xFDEF),  # noncharacters
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFEFF, 0xFEFF),  # zero width no-break space
    (0xFFA0, 0xFFA0),  # half width Hangul filler
    (0xFFF0, 0xFFFB),  # interlinear annotations
    (0xFFFE, 0xFFFF),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),  # hieroglyph layout
    (0x1BCA0, 0x1BCA3),  # shorthand layout
    (0x1D159, 0x1D159),  # null note head
    (0x1D173, 0x1D17A),  # musical layout
    (0x1F1E6, 0x1F1FF),  # flag letters: terminals disagree on one or two cells
    (0x1F3FB, 0x1F3FF),  # skin tones: zero or two cells
    (0xE0000, 0xE0FFF),  # tags, more variation selectors
    *((plane + 0xFFFE, plane + 0xFFFF) for plane in range(0x10000, 0x110000, 0x10000)),
)
_ODD = re.compile("[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _ODD_RANGES) + "]")
_PICTURES = {chr(code): chr(0x2400 + code) for code in range(0x20)} | {"\x7f": "␡", "\xa0": "␣", "\u202f": "␣"}
_INDEX = re.compile(r"\[[^\[\]]{1,12}\]\Z")  # `optimise[7]`: the part that tells siblings apart


def safe(text: str, limit: int = LIMIT) -> Safe:
    """The text as one drawable line of at most `limit` characters; what is left out is counted at its end.

    Controls become pictures (␛ ␊), other invisible characters their code (⟨202E⟩), five or more combining marks in a
    row a count, blank text visible blanks. `safe(safe(x)) == safe(x)`.
    """
    if len(text) <= limit:
        if text.isascii() and text.isprintable() and not text.isspace():
            return Safe(text)
        shown = _clean(text)
        if len(shown) <= limit:
            return Safe(shown)
    return _cut_short(text, limit)


def safe_lines(text: str, limit: int = LINES_LIMIT, max_lines: int = MAX_LINES) -> list[Safe]:
    """The text as drawable lines, for panes that scroll: real line breaks, tabs as spaces.

    At most `limit` characters and `max_lines` lines are shown, a last line counts what is left out.
    """
    lines = text[:limit].replace("\r\n", "\n").split("\n", max_lines)
    rest = len(lines.pop()) if len(lines) > max_lines else 0
    shown = [Safe(_clean(line.expandtabs(TAB)) if line.strip(" ") else line) for line in lines]
    left_out = rest + max(0, len(text) - limit)
    return [*shown, Safe(f"… {left_out:,} more characters")] if left_out else shown


def _clean(text: str) -> str:
    if text.isspace() and not text.strip(" "):
        return "␠" * len(text)  # to be told from empty
    text = _ODD.sub(_visible, text)
    return text if text.isascii() or all(map(get_character_cell_size, set(text))) else _tame_marks(text)


def _visible(odd: re.Match[str]) -> str:
    char = odd[0]
    return _PICTURES.get(char) or f"⟨{ord(char):04X}⟩"


def _tame_marks(text: str) -> str:
    """The text with at most MAX_MARKS characters without a width in a row, none of them on the cell before the text."""
    parts = []
    for has_width, run in groupby(text, get_character_cell_size):
        chars = "".join(run)
        if has_width:
            parts.append(chars)
        else:
            parts += ["" if parts else "◌", chars[:MAX_MARKS]]
            parts += [f"⟨+{len(chars) - MAX_MARKS}⟩"] if len(chars) > MAX_MARKS else []
    return "".join(parts)


def _cut_short(text: str, limit: int) -> Safe:
    """The longest cleaned beginning that leaves room for the number of characters left out."""
    room = limit - len(f"… {len(text):,} more")
    if room < 1:
        return Safe(_clean(text[:limit])[:limit])
    kept = room
    if len(_clean(text[:room])) > room:
        kept = bisect_right(range(room), room, key=lambda size: len(_clean(text[:size]))) - 1
    return Safe(f"{_clean(text[:kept])}… {len(text) - kept:,} more")


def width(text: str) -> int:
    """Terminal cells that the text takes."""
    return len(text) if text.isascii() and text.isprintable() else cell_len(text)


def cut(text: Safe, cells: int) -> Safe:
    """The text in at most `cells` cells, ending in … where something is left out."""
    if cell_len(text) <= cells:
        return text
    return Safe(_head(text, cells - 1) + "…") if cells > 0 else Safe("")


def cut_middle(text: Safe, cells: int) -> Safe:
    """The text in at most `cells` cells, left out in its middle; a closing index stays: `optim…[7]`."""
    if cell_len(text) <= cells:
        return text
    index = _INDEX.search(text)
    tail = index[0] if index else _tail(text, (cells - 1) // 2)
    room = cells - 1 - cell_len(tail)
    return Safe(f"{_head(text, room)}…{tail}") if room > 0 else cut(text, cells)


def pad(text: Safe, cells: int, right: bool = False) -> Safe:
    """The text filled with spaces to at least `cells` cells; `right` puts the text at the right."""
    spaces = " " * (cells - cell_len(text))
    return Safe(spaces + text if right else text + spaces) if spaces else text


def fit(text: Safe, cells: int, right: bool = False) -> Safe:
    """The text in exactly `cells` cells."""
    return pad(cut(text, cells), cells, right)


def _head(text: str, cells: int) -> str:
    if text.isascii():
        return text[: max(0, cells)]
    for end, char in enumerate(text):
        cells -= get_character_cell_size(char)
        if cells < 0:
            return text[:end]
    return text


def _tail(text: str, cells: int) -> str:
    start = len(text)
    for at in range(len(text) - 1, -1, -1):
        size = get_character_cell_size(text[at])
        cells -= size
        if cells < 0:
            break
        if size:  # a mark stays with its letter
            start = at
    return text[start:]


def _known(number: float | None) -> TypeGuard[float]:
    """Is this a number that can be shown? Events may carry NaN, infinity and integers of a thousand digits."""
    return number is not None and -1e300 < number < 1e300


def duration(seconds: float | None) -> Safe:
    """`3ms`, `0.12s`, `41.3s`, `2m15s`, `5h12m`, `3d 4h`; a dash when unknown."""
    if not _known(seconds):
        return Safe(UNKNOWN)
    if seconds < 0:
        return Safe(f"-{duration(-seconds)}")
    if seconds == 0:
        return Safe("0s")
    if seconds < 0.00995:
        return Safe(f"{seconds * 1000:.0f}ms" if seconds > 0.0005 else "<1ms")
    if seconds < 59.95:
        return Safe(f"{seconds:.2f}s" if seconds < 9.995 else f"{seconds:.1f}s")
    return _two_units(round(seconds))


def _two_units(seconds: int) -> Safe:
    """Whole seconds in the two greatest units that fit."""
    if seconds < 60:
        return Safe(f"{seconds}s")
    if seconds < 3_600:
        return Safe(f"{seconds // 60}m{seconds % 60:02}s")
    if seconds < 86_400:
        return Safe(f"{seconds // 3_600}h{seconds % 3_600 // 60:02}m")
    days = seconds // 86_400
    return Safe(f"{days}d {seconds % 86_400 // 3_600}h") if days < 10_000 else Safe(">9999d")


def clock_duration(seconds: float | None) -> Safe:
    """`00:02:15`, for times that run; from 100 hours on as `duration`."""
    if not _known(seconds) or not 0 <= seconds < 360_000:
        return duration(seconds)
    whole = int(seconds)
    return Safe(f"{whole // 3_600:02}:{whole % 3_600 // 60:02}:{whole % 60:02}")


def age(seconds: float | None) -> Safe:
    """One unit, `14s`, `9m`, `2h`, `3d`; a time to come as `in 2m53s`."""
    if not _known(seconds):
        return Safe(UNKNOWN)
    if seconds <= -1:
        return Safe(f"in {_two_units(round(-seconds))}")
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return Safe(f"{int(seconds // size)}{unit}") if seconds < 10_000 * 86_400 else Safe(">9999d")
    return Safe(f"{max(0, int(seconds))}s")


def count(number: int | None) -> Safe:
    """`10,000`."""
    return Safe(f"{number:,}") if number is not None and abs(number) < 10**15 else short_count(number)


def short_count(number: float | None) -> Safe:
    """At most five characters: `999`, `3.1k`, `41k`, `1.2M`."""
    if not _known(number):
        return Safe(UNKNOWN)
    return Safe(_scaled(number, ("", "k", "M", "G", "T", "P")))


def size(number: float | None, tight: bool = False) -> Safe:
    """Bytes as `512 B`, `3.4 kB`, `412 MB`, steps of 1,000; `tight` for narrow columns: `412M`."""
    if not _known(number):
        return Safe(UNKNOWN)
    units = ("B", "k", "M", "G", "T", "P") if tight else (" B", " kB", " MB", " GB", " TB", " PB")
    return Safe(_scaled(number, units))


def _scaled(number: float, units: tuple[str, ...]) -> str:
    """Two figures below ten of a unit, else whole; never `1000k`."""
    sign, number = ("-" if number < 0 else ""), abs(number)
    for step, unit in enumerate(units):
        value = number / 1_000**step
        if value < 999.5:
            return f"{sign}{value:.1f}{unit}" if step and value < 9.95 else f"{sign}{value:.0f}{unit}"
    return f"{sign}>999{units[-1]}"


def rate(per_second: float | None, signed: bool = False) -> Safe:
    """`3.1/s`, `142/s`, `0.02/s`, `12k/s`; `signed` for changes: `+41/s`."""
    if not _known(per_second):
        return Safe(UNKNOWN)
    sign, speed = ("-" if per_second < 0 else "+" if signed and per_second else ""), abs(per_second)
    if speed == 0 or speed >= 9.95:
        figure = _scaled(speed, ("", "k", "M", "G"))
    else:
        figure = f"{speed:.1f}" if speed >= 0.0995 else f"{speed:.2f}" if speed >= 0.005 else "<0.01"
    return Safe(f"{sign}{figure}/s")


def percent(share: float | None, digits: int = 1) -> Safe:
    """A share of 1 as `0.8%`, `22%`, `99.2%`; decimals only near the ends, and only all is `100%`, only none `0%`."""
    if not _known(share):
        return Safe(UNKNOWN)
    value = share * 100
    if abs(value) >= 999.5:
        return Safe(">999%" if value > 0 else "<-999%")
    if not digits or value in (0, 100) or 10 <= value <= 90 or not 0 < value < 100:
        return Safe(f"{value:.0f}%")
    least = 10.0**-digits
    if value < least:
        return Safe(f"<{least:.{digits}f}%")
    return Safe(f"{min(value, 100 - least):.{digits}f}%")


class TimeMode(Enum):
    """How times of day are shown."""

    UTC = "utc"
    LOCAL = "local"
    AGO = "ago"


def zone_of(mode: TimeMode, now: float) -> tzinfo:
    """The zone that times of day are typed in: the one they are shown in."""
    local = datetime.fromtimestamp(now, UTC).astimezone().tzinfo
    return local if mode is TimeMode.LOCAL and local is not None else UTC


def clock(at: float | None, mode: TimeMode, now: float, digits: int = 0, zone: tzinfo | None = None) -> Safe:
    """The moment `at` (Unix seconds) as `14:32:07`, `11-21 14:32:07` on another day, or `14s ago`.

    digits: of the fraction of a second. zone: of mode LOCAL, the system's when None.
    """
    if mode is TimeMode.AGO and _known(at):
        return Safe(age(now - at) + ("" if now - at <= -1 else " ago"))
    moment, today = _moment(at, mode, zone), _moment(now, mode, zone)
    if moment is None or today is None:
        return Safe(UNKNOWN)
    day = (
        ""
        if moment.date() == today.date()
        else f"{moment:%m-%d} "
        if moment.year == today.year
        else f"{moment:%Y-%m-%d} "
    )
    return Safe(f"{day}{moment:%H:%M:%S}{_fraction(moment, digits)}")


def timestamp(at: float | None, mode: TimeMode, digits: int = 3, zone: tzinfo | None = None) -> Safe:
    """The moment in full: `2026-11-22 14:32:07.911 UTC`; mode AGO reads as UTC here."""
    moment = _moment(at, mode, zone)
    if moment is None:
        return Safe(UNKNOWN)
    return Safe(f"{moment:%Y-%m-%d %H:%M:%S}{_fraction(moment, digits)} {safe(moment.tzname() or '')}".rstrip())


def _moment(at: float | None, mode: TimeMode, zone: tzinfo | None) -> datetime | None:
    """None for times no calendar has: events may carry any number."""
    if not _known(at) or not 0 <= at < 253_402_300_800 - 86_400:  # to the year 9999
        return None
    moment = datetime.fromtimestamp(at, UTC)
    return moment.astimezone(zone) if mode is TimeMode.LOCAL else moment


def _fraction(moment: datetime, digits: int) -> str:
    return f".{moment.microsecond:06}"[: digits + 1] if digits else ""
