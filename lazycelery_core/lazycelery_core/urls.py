"""What does a broker's address say, and how is it shown without its password?

Our own parser: those of the libraries repeat a part of the password in their errors, mask only the first of several
addresses, and stop at an unquoted slash. Nothing here repeats what it could not understand.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

from lazycelery_core.errors import ConfigError
from lazycelery_core.redact import is_secret_key, looks_like_token

MASK = "***"
PORTS = {"redis": 6379, "rediss": 6379, "sentinel": 26379, "amqp": 5672, "amqps": 5671, "pyamqp": 5672}
REDIS = ("redis", "rediss", "sentinel", "redis+socket")
SCHEMES = (*REDIS, "amqp", "amqps", "pyamqp", "sqs", "memory", "filesystem", "mongodb", "kafka", "gcpubsub")
_OTHER_NAMES = {
    "unix": "redis+socket",
    "socket": "redis+socket",
    "redis+unix": "redis+socket",
    "valkey+unix": "redis+socket",
    "valkey": "redis",
    "valkeys": "rediss",
    "redis+ssl": "rediss",
    "redis+tls": "rediss",
    "redis+sentinel": "sentinel",
    "rabbitmq": "amqp",
    "pyamqps": "amqps",
}
_PART = re.compile(r";(?=[A-Za-z][A-Za-z0-9+.-]*+://)")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30})://")
_OPTIONS = (
    "ssl_|password=|username=|virtual_host=|db=|timeout=|socket_|heartbeat=|health_|protocol=|client_name=|master_name="
)
_QUERY = re.compile(rf"\?(?=(?:{_OPTIONS})|[^@]*+\Z)")
_CERT_REQS = ("required", "optional", "none")


@dataclass(frozen=True, slots=True, repr=False)
class BrokerURL:
    """A broker's address. Printing it shows it masked; `reveal()` alone gives it whole.

    `port` is the scheme's own when the address has none. `virtual_host` is AMQP's virtual host or the text of Redis'
    database number; `path` is the file of a unix socket. `options` is the query, decoded. `others` are the addresses
    to fall back on, or the other sentinels, in order.
    """

    scheme: str
    host: str = "localhost"
    port: int = 0
    user: str = ""
    password: str = ""
    virtual_host: str = ""
    path: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    others: tuple["BrokerURL", ...] = ()
    written: str = field(default="", compare=False)  # as given, masked

    @classmethod
    def parse(cls, text: str) -> "BrokerURL":
        """The address in `text`, or a ConfigError that says what is wrong without repeating it."""
        first, *others = [_parsed(part) for part in _PART.split(text.strip())]
        if any(other.scheme != first.scheme for other in others):
            raise ConfigError(
                "One broker URL names different kinds of brokers.", "Give all its addresses the same kind."
            )
        return replace(first, others=tuple(others))

    @property
    def all(self) -> tuple["BrokerURL", ...]:
        """Every address: this one and the `others`."""
        return (replace(self, others=()), *self.others) if self.others else (self,)

    @property
    def database(self) -> int:
        """Redis' database number."""
        return int(self.virtual_host or 0)

    @property
    def tls(self) -> bool:
        """Is the line encrypted?"""
        return self.scheme in ("rediss", "amqps") or "ssl_cert_reqs" in self.options

    @property
    def shown(self) -> str:
        """The address without passwords and tokens."""
        return ";".join(address.written or mask_url(address.reveal()) for address in self.all)

    def with_password(self, password: str) -> "BrokerURL":
        """The same address, with this password where it has none."""
        others = tuple(other.with_password(password) for other in self.others)
        return replace(self, password=self.password or password, others=others)

    def reveal(self) -> str:
        """The address with its password, for the driver that connects."""
        return ";".join(_text(address) for address in self.all)

    def __repr__(self) -> str:
        return f"<BrokerURL {self.shown}>"

    def __str__(self) -> str:
        return self.shown


def mask_url(url: str) -> str:
    """The URL, or several separated by semicolons, without passwords, tokens and secret options. Never raises."""
    return ";".join(_masked(part) for part in _PART.split(url.strip())) if url else ""


def has_secret(url: str) -> bool:
    """Does the URL contain a password or a token? A user's name alone is none."""
    return any(_has_secret(pieces) for pieces in map(_pieces, _PART.split(url.strip())) if pieces)


def unknown_scheme(scheme: str, known: tuple[str, ...] = SCHEMES) -> ConfigError:
    """The error for a scheme that nobody can read, with the one that may be meant."""
    meant = _OTHER_NAMES.get(scheme) or next(iter(get_close_matches(scheme, known, 1)), "")
    hint = f"Did you mean {meant}://? " if meant else ""
    return ConfigError(f"Unknown kind of broker URL: {scheme}://.", f"{hint}Known are {', '.join(known)}.")


class _Pieces(NamedTuple):
    """An address cut up but not decoded. `credentials` is None where there is no @."""

    scheme: str
    credentials: str | None
    host: str
    port: str | None
    path: str
    query: str | None


def _pieces(text: str) -> _Pieces | None:
    """None when there is no scheme. The last @ ends the credentials: passwords are pasted unquoted, slashes and all."""
    match = _SCHEME.match(text)
    if not match:
        return None
    scheme, rest, query = match[1].lower(), text[match.end() :], None
    if asked := _QUERY.search(rest):
        rest, query = rest[: asked.start()], rest[asked.end() :]
    credentials = None
    if "@" in rest and not (scheme.endswith("+socket") and rest.startswith("/")):
        credentials, _, rest = rest.rpartition("@")
    host, slash, path = rest.partition("/")
    name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    return _Pieces(scheme, credentials, name if colon else host, port if colon else None, slash + path, query)


def _masked(text: str) -> str:
    pieces = _pieces(text)
    if pieces is None:
        return MASK
    if pieces.port and not pieces.port.isdigit():  # user:password without the host
        return f"{pieces.scheme}://{pieces.host}:{MASK}"
    port = "" if pieces.port is None else f":{pieces.port}"
    path = pieces.path
    if pieces.scheme in ("redis", "rediss", "sentinel") and path.strip("/") and not path.strip("/").isdigit():
        path = f"/{MASK}"  # no database: a part of a password whose @ is missing
    query = "" if pieces.query is None else f"?{_masked_query(pieces.query)}"
    return f"{pieces.scheme}://{_masked_credentials(pieces.credentials)}{pieces.host}{port}{path}{query}"


def _masked_credentials(credentials: str | None) -> str:
    if not credentials:
        return "" if credentials is None else "@"
    user, colon, password = credentials.partition(":")
    if not colon or looks_like_token(user):  # alone, it is as likely a token as a name
        user = MASK
    return f"{user}:{MASK if password else ''}@" if colon else f"{user}@"


def _has_secret(pieces: _Pieces) -> bool:
    user, _, password = (pieces.credentials or "").partition(":")
    query = pieces.query or ""
    return bool(password) or looks_like_token(user) or _masked_query(query) != query


def _masked_query(query: str) -> str:
    return "&".join(_masked_option(option) for option in query.split("&")) if query else ""


def _masked_option(option: str) -> str:
    name, equals, value = option.partition("=")
    harmless = equals and not is_secret_key(unquote(name)) and "://" not in unquote(value)
    return option if harmless else f"{name}={MASK}" if equals else MASK


def _parsed(text: str) -> BrokerURL:
    pieces = _pieces(text)
    if pieces is None:
        raise ConfigError("A broker URL begins with its kind and `://`.", "For example redis://localhost:6379/0.")
    if any(char.isspace() or not char.isprintable() for char in text):
        raise ConfigError("A broker URL has no blanks and no control characters.", "Write them quoted, as in %20.")
    _check_scheme(pieces.scheme)
    options = dict(parse_qsl(pieces.query or "", keep_blank_values=True))
    user, _, password = (pieces.credentials or "").partition(":")
    url = BrokerURL(
        pieces.scheme,
        host=_host(pieces),
        port=_port(pieces),
        user=unquote(user) or options.pop("username", ""),
        password=unquote(password) or options.pop("password", ""),
        options=options,
        written=mask_url(text),
    )
    _check_options(url)
    return _placed(url, pieces)


def _check_scheme(scheme: str) -> None:
    if scheme.startswith("redis") and "cluster" in scheme:
        raise ConfigError(
            "Redis Cluster can't be a Celery broker: Celery itself would connect to localhost instead.",
            "Use the redis:// or sentinel:// URL that the workers use.",
        )
    if scheme not in SCHEMES:
        raise unknown_scheme(scheme)


def _host(pieces: _Pieces) -> str:
    if ";" in pieces.host or "," in pieces.host:
        raise ConfigError("Several hosts in one broker URL.", "Write each in full: redis://one/0;redis://two/0.")
    return unquote(pieces.host.strip("[]")) or "localhost"


def _port(pieces: _Pieces) -> int:
    if not pieces.port:
        return PORTS.get(pieces.scheme, 0)
    if not (pieces.port.isascii() and pieces.port.isdigit() and 0 < int(pieces.port[:6]) < 65_536):
        raise ConfigError(
            "The port in the broker URL is not a number from 1 to 65535.",
            "Is the @ missing after user and password? Quote special characters in them (%40 is an @, %3A a colon).",
        )
    return int(pieces.port)


def _check_options(url: BrokerURL) -> None:
    if "ssl" in url.options:
        raise ConfigError("`ssl` is no option of a broker URL.", "Begin the URL with rediss:// (or amqps://) instead.")
    reqs = url.options.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    if reqs not in _CERT_REQS:
        raise ConfigError("Unknown ssl_cert_reqs in the broker URL.", f"Choose one of {', '.join(_CERT_REQS)}.")


def _placed(url: BrokerURL, pieces: _Pieces) -> BrokerURL:
    """The address with what its path means: a socket's file, a database or a virtual host."""
    if url.scheme == "redis+socket":
        if pieces.host or not pieces.path.strip("/"):
            raise ConfigError(
                "The file of the Redis socket is missing.", "Three slashes: redis+socket:///run/redis.sock."
            )
        url = replace(url, path=unquote(pieces.path), host="", virtual_host=url.options.get("virtual_host", ""))
    else:
        url = replace(url, virtual_host=unquote(pieces.path[1:]))
    if url.scheme not in REDIS:
        return url
    number = (url.virtual_host or url.options.get("db", "")).strip("/") or "0"
    if not (number.isascii() and number.isdigit() and len(number) < 6):
        raise ConfigError("The database in the Redis URL is not a number.", "It ends in /0, /1 and so on.")
    return replace(url, virtual_host=number)


def _text(url: BrokerURL) -> str:
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='/')}" for name, value in url.options.items())
    return f"{url.scheme}://{_credentials(url)}{_address(url)}{'?' if query else ''}{query}"


def _credentials(url: BrokerURL) -> str:
    if not url.user and not url.password:
        return ""
    return quote(url.user, safe="") + (f":{quote(url.password, safe='')}" if url.password else "") + "@"


def _address(url: BrokerURL) -> str:
    if url.scheme == "redis+socket":
        return quote(url.path)
    host = f"[{url.host}]" if ":" in url.host else quote(url.host)
    port = f":{url.port}" if url.port else ""
    return f"{host}{port}/{quote(url.virtual_host, safe='')}"
