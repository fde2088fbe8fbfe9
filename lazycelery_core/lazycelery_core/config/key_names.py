"""Is this a key, and what is it called? The screen names keys as Textual does: `ctrl+d`, `f5`, `slash`, `g w`.

In the configuration a sign may also be written as it is printed on the key: `/`, `?`.
"""

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

NAMED = (
    "backspace", "delete", "down", "end", "enter", "escape", "home", "insert", "left", "pagedown", "pageup", "right",
    "space", "tab", "up", *(f"f{number}" for number in range(1, 25)),
)  # fmt: skip
MODIFIERS = ("alt", "ctrl", "meta", "shift", "super")
# Signs whose name on a keyboard is shorter than in Unicode.
_SHORT = {"solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at", "hyphen_minus": "minus",
          "plus_sign": "plus", "low_line": "underscore"}  # fmt: skip
_SIGNS = {
    _SHORT.get(name, name): sign
    for sign in map(chr, range(0x21, 0x7F))
    if not sign.isalnum()
    for name in [unicodedata.name(sign).lower().replace(" ", "_").replace("-", "_")]
}


def key_names(keys: str) -> str:
    """The keys as the screen names them: signs by their names. keys: with commas between them."""
    return ",".join(" ".join(map(_named, key.split())) for key in keys.split(","))


def strange_key(given: str | Iterable[str]) -> tuple[str, str] | None:
    """The first key that there is none of, and the name that may have been meant, or "". given: keys, with commas."""
    keys = given.split(",") if isinstance(given, str) else given
    pressed = (part for key in keys for part in key.split())
    return next(((part, _meant(part)) for part in pressed if not _is_key(_named(part))), None)


def _is_key(name: str) -> bool:
    *modifiers, base = name.split("+")
    if not all(each in MODIFIERS for each in modifiers):
        return False
    return base in NAMED or base in _SIGNS or (len(base) == 1 and base.isalnum())


def _named(key: str) -> str:
    *modifiers, base = key.split("+") if key != "+" else ["+"]
    return "+".join([*modifiers, next((name for name, sign in _SIGNS.items() if sign == base), base)])


def _meant(name: str) -> str:
    *modifiers, base = name.lower().split("+")
    base = base if _is_key(base) else next(iter(get_close_matches(base, [*NAMED, *_SIGNS], 1)), "")
    made = "+".join([*(next(iter(get_close_matches(each, MODIFIERS, 1)), each) for each in modifiers), base])
    return made if _is_key(made) else ""
