"""Which parts of a text look like a secret, whatever stands before them?

Runs are possessive or bounded, and what needs more than that is done on one run at a time, so the time is linear: a
careless pattern for URLs took 25 seconds on 100 kB.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple


class Hidden(NamedTuple):
    """A part of a text that is not shown, and the rule that says so."""

    start: int
    end: int
    rule: str


def shapes(text: str) -> Iterator[Hidden]:
    for rule, literals, pattern in _TOKENS:
        if any(literal in text for literal in literals):
            yield from (Hidden(*match.span(), rule) for match in pattern.finditer(text))
    if "://" in text:
        yield from _url_credentials(text)
    if "eyJ" in text:
        yield from _jwts(text)
    yield from (Hidden(*match.span(), "card number") for match in _CARD.finditer(text) if is_card(match[0]))
    yield from (Hidden(*match.span(2), "authorization") for match in _SCHEME.finditer(text) if _is_credential(match))


_TOKENS: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = (
    (
        "private key",
        ("PRIVATE KEY",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,60}-----|\Z)", re.DOTALL
        ),
    ),
    ("AWS key", ("AKIA", "ASIA"), re.compile(r"(?<![A-Z0-9])A[KS]IA[A-Z0-9]{16}(?![A-Z0-9])")),
    ("GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), re.compile(r"gh[pousr]_[A-Za-z0-9]{20,}+")),
    ("GitHub token", ("github_pat_",), re.compile(r"github_pat_\w{20,}+")),
    ("GitLab token", ("glpat-",), re.compile(r"glpat-[\w-]{16,}+")),
    ("Slack token", ("xox", "xapp-"), re.compile(r"(?:xox[a-z]|xapp)-[\w-]{10,}+")),
    ("Slack hook", ("hooks.slack.com/services/",), re.compile(r"(?<=hooks\.slack\.com/services/)[\w/]++")),
    ("Stripe key", ("k_live_", "k_test_"), re.compile(r"[rs]k_(?:live|test)_\w{10,}+")),
    ("Stripe key", ("whsec_",), re.compile(r"whsec_[\w+/=]{16,}+")),
    ("Google key", ("AIza",), re.compile(r"AIza[\w-]{35}")),
    ("Google token", ("ya29.",), re.compile(r"ya29\.[\w-]{20,}+")),
    ("API key", ("sk-",), re.compile(r"(?<![\w-])sk-[\w-]{20,}+")),
    ("SendGrid key", ("SG.",), re.compile(r"(?<![\w.])SG\.[\w-]{16,}+\.[\w-]{16,}+")),
    ("Twilio key", ("SK",), re.compile(r"(?<!\w)SK[0-9a-f]{32}(?!\w)")),
    ("npm token", ("npm_",), re.compile(r"npm_[A-Za-z0-9]{30,}+")),
    ("PyPI token", ("pypi-",), re.compile(r"pypi-[\w-]{30,}+")),
    ("Hugging Face token", ("hf_",), re.compile(r"(?<!\w)hf_[A-Za-z0-9]{30,}+")),
    ("Vault token", ("hvs.", "hvb."), re.compile(r"hv[sb]\.[\w-]{20,}+")),
    ("DigitalOcean token", ("_v1_",), re.compile(r"do[opr]_v1_[0-9a-f]{32,}+")),
)
_URL_RUN = re.compile(r"""://[^\s"'<>`]++""")
_TOKEN_RUN = re.compile(r"[\w.%-]{16,}+")
_CARD = re.compile(
    r"(?<![\w.-])(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{4}([ -])\d{6}\2\d{5})(?!\w|[.-]\d)", re.ASCII
)
_ISSUERS = re.compile(r"4|5[1-5]|2[2-7]|3[04-9]|6")
_SCHEME = re.compile(r"(?i)\b(bearer|basic)[ \t]{1,4}([\w.~+/=-]{8,}+)", re.ASCII)


def is_card(text: str) -> bool:
    """A number of a known issuer that passes the check of its last digit (Luhn)."""
    digits = [int(char) for char in reversed(text) if char.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return bool(_ISSUERS.match(text)) and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _is_credential(match: re.Match[str]) -> bool:
    """After `bearer` anything; after `basic`, a common word, only what decodes to user:password."""
    if match[1].lower() == "bearer":
        return True
    try:
        return len(match[2]) < 10_000 and b":" in base64.b64decode(match[2], validate=True)
    except binascii.Error:
        return False


def _jwts(text: str) -> Iterator[Hidden]:
    """JSON web tokens: a part that begins with eyJ and another after a dot."""
    for run in _TOKEN_RUN.finditer(text):
        first = run[0].find("eyJ")
        dot = run[0].find(".", first)
        if 0 <= first < dot and len(run[0]) - dot > 5:
            yield Hidden(run.start() + first, run.end(), "JSON web token")


def _url_credentials(text: str) -> Iterator[Hidden]:
    for run in _URL_RUN.finditer(text):
        at = run.start() + 3
        for part in run[0][3:].split("://"):
            start, end = _credential(part)
            if end > start:
                yield Hidden(at + start, at + end, "URL credential")
            at += len(part) + 3


def _credential(url: str) -> tuple[int, int]:
    """Where the password stands in what follows `://`, or a token in the place of a user; an empty span for none.

    The last @ ends it, since passwords are pasted without quoting; not in a path (`host/@name`) without a password.
    """
    last = url.rfind("@", 0, _query_start(url))
    if last < 0:
        return 0, 0
    first = re.split("[/?#]", url, maxsplit=1)[0]
    user, colon, rest = first.partition(":")
    if "@" not in first:
        is_port = bool(user) and rest.isdigit()
        return (len(user) + 1, last) if colon and not is_port else (0, 0)
    if colon and "@" not in user:
        return len(user) + 1, last
    return (0, first.rfind("@")) if looks_like_token(first[: first.rfind("@")]) else (0, 0)


def _query_start(url: str) -> int:
    """Where `?name=` begins a query; an @ behind it is data."""
    query = re.search(r"\?[\w.-]++=", url)
    return query.start() if query and "@" in url[: query.start()] else len(url)


def looks_like_token(user: str) -> bool:
    """Is a secret given in the place of a user name?"""
    mixed = any(map(str.isdigit, user)) and any(map(str.isupper, user))
    return (len(user) >= 16 and mixed) or re.fullmatch(r"[0-9a-f]{24,}", user) is not None
