"""Which names stand for secrets, and where in a text do the values of such names stand?

Runs are possessive and every found value is stepped over, so the whole text is read about once.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from lazycelery_core.redact.shapes import Hidden

_WORD = re.compile(r"[A-Z]++(?![a-z])|[A-Z]?[a-z]++|[A-Z]|\d++")
_STEM = re.compile(
    "(?i)pass|pwd|secret|token|key|auth|cookie|cred|sess|sid|sig|csrf|xsrf|jwt|otp|pin|cv[vc]|ssn|card|bearer|code"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LAST_WORDS = _words(
    "auth authorization bearer cookie cookies credential credentials creds csrf cvc cvv dbpass jwt otp pass passcode"
    " pin pwd sessionid sid sig ssn totp userpass xsrf"
)
_ENDINGS = ("password", "passwd", "passphrase", "secret", "token", "apikey", "secretkey", "privatekey", "accesskey")
_BEFORE_KEY = _words(
    "access account api auth encryption fernet host master private secret shared signing ssh storage subscription"
)
_PAIRS = _words("amz_signature auth_code card_number credit_card otp_code security_code session_id")
_ABOUT_FIRST = _words("completion has input is max min needs num output prompt total use uses")
_ABOUT_LAST = _words(
    "age algorithm at attempts bucket changed count dir enabled endpoint error expired expires expiry field file hint"
    " in invalid kind length limit max min missing name path policy prefix required reset size ttl type uri url used"
    " valid validator validators version"
)


@lru_cache(maxsize=4_096)
def is_secret_key(key: str) -> bool:
    """Do values of this name have to be hidden? `apiKey`, `DB_PASSWORD` and `x-auth-token` do, not `token_type`."""
    if not _STEM.search(key):
        return False
    words = [word.lower() for word in _WORD.findall(key[:200]) if not word.isdigit()]
    if not words or words[0] in _ABOUT_FIRST or words[-1] in _ABOUT_LAST:
        return False
    if words[-1] in _LAST_WORDS or any(word.removesuffix("s").endswith(_ENDINGS) for word in words):
        return True
    return any(map(_is_secret_pair, words, words[1:]))


def _is_secret_pair(first: str, second: str) -> bool:
    return (second in ("key", "keys") and first in _BEFORE_KEY) or f"{first}_{second}" in _PAIRS


def plain(key: str) -> str:
    return "".join(char for char in key.lower() if char.isalnum())


def counts(key: str) -> bool:
    """Numbers under this name are counts: `tokens: 512`."""
    return key.lower().endswith("tokens")


_NAMED = re.compile(
    r"""(?<!\w)(?<!\w-)(?P<key>[A-Za-z_][\w-]*+)(?:\\{0,8}+["'])?+\]?+(?:>|[ \t]{0,4}+(?:=>|=|:(?!//))[ \t]{0,4}+)"""
    r"""|--(?P<option>[A-Za-z][\w-]*+)(?:["'],?+)?+[ \t]{1,4}+"""
    r"""|(?<![\w-])(?P<said>(?i:pass(?:word|wd|phrase)|pwd|secret))(?:[ ](?:is|was))?+[ ](?=["'])"""
    r"""|[(\[](?P<quote>\\{0,8}+["'])(?P<pair>[\w-]++)(?P=quote),[ \t]{0,2}+"""
)
_QUOTED = {
    quote: re.compile(rf"[bBuUrR]{{0,2}}{quote}(?P<value>(?:[^{quote}\\]|\\.)*+)", re.DOTALL) for quote in ("'", '"')
}
_OPENED = re.compile(r"""[bBuUrR]{0,2}(?P<open>\\{1,8}["']|["'])""")
_PAIR_END = re.compile(r"""\\*+["']?(?:[)\]]|\Z)""")
_BRACKET = re.compile(r"""[()\[\]{}]|'(?:[^'\\]|\\.)*+'?|"(?:[^"\\]|\\.)*+"?""", re.DOTALL)
_COMMA = re.compile("," + "|" + _BRACKET.pattern, re.DOTALL)
_LINE = re.compile(r"""Digest [^\r\n]*+|[^\r\n'"]*+""")
_BARE = re.compile(r"""(?:(?:Bearer|Basic|Token|ApiKey)[ \t]+)?[^\s,;&'"()\[\]{}<>]++""", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z_.]++[(\[]|(?:self|settings|config|os|environ)\.[\w.]++")
_HARMLESS = _words("none null true false str bytes int bool any optional undefined nil")
_WHOLE_LINE = ("cookie", "cookies", "authorization")  # headers: the value goes on to the end of the line


def named(text: str, is_secret: Callable[[str], bool]) -> Iterator[Hidden]:
    """Values that follow a secret name."""
    at = 0
    while match := _NAMED.search(text, at):
        at = match.end()
        key = match["key"] or match["option"] or match["said"] or match["pair"]
        if not is_secret(key):
            continue
        if match["pair"] and not _OPENED.match(text, at):
            continue
        start, end = _value(text, at, key)
        if end > start and (match["pair"] is None or _PAIR_END.match(text, end)):
            yield Hidden(start, end, f"name {key[:40]}")
            at = end


def _value(text: str, at: int, key: str) -> tuple[int, int]:
    """Where the value that begins at `at` starts and ends, its quotes left out; an empty span when it is harmless."""
    if opened := _OPENED.match(text, at):
        return _quoted(text, at, opened)
    if text[at : at + 1] in ("(", "[", "{"):
        return at, _closed(text, at)
    if plain(key).endswith(_WHOLE_LINE):
        line = _LINE.match(text, at)
        return (at, line.end()) if line else (at, at)
    bare = _BARE.match(text, at)
    if not bare or bare[0].lower() in _HARMLESS or _CODE.match(text, at) or bare[0].rpartition(".")[2] == key:
        return at, at  # nothing, a type, or source code: `password=password`, `token = request.args[...]`
    return (at, at) if counts(key) and bare[0].isdigit() else bare.span()


def _quoted(text: str, at: int, opened: re.Match[str]) -> tuple[int, int]:
    """A quoted value; one that never closes goes to the end, since long reprs arrive cut."""
    if len(opened["open"]) == 1:
        match = _QUOTED[opened["open"]].match(text, at)
        return match.span("value") if match else (at, len(text))
    end = text.find(opened["open"], opened.end())
    return opened.end(), len(text) if end < 0 else end


def _closed(text: str, at: int) -> int:
    """The end of the bracket that opens at `at`."""
    depth = 0
    for token in _BRACKET.finditer(text, at):
        depth += (token[0] in "([{") - (token[0] in ")]}")
        if depth == 0:
            return token.end()
    return len(text)


def items(args: str) -> Iterator[tuple[int, int]]:
    """Where each item of a printed tuple or list stands."""
    depth, start = 0, 1
    for token in _COMMA.finditer(args):
        if depth == 1 and token[0] in ",)]}":
            yield start + (args[start : start + 1] == " "), token.start()
            start = token.end()
        depth += (token[0] in "([{") - (token[0] in ")]}")
    if depth:  # cut before its end
        yield start + (args[start : start + 1] == " "), len(args)
