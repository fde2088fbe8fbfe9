"""Where is the broker, and how does one log in? Everything a connection needs, taken from a broker URL."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lazycelery_core.urls import BrokerURL

HEARTBEAT = 10.0  # s; asked of the broker: it frees what a dead screen held after two of them
_NO = ("false", "0", "no")


@dataclass(frozen=True)
class Tls:
    """What is demanded of the server's certificate, and what is shown of ourselves. Paths of PEM files."""

    verify: bool = True
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    check_hostname: bool = True


@dataclass(frozen=True)
class Address:
    """One broker. `others` are those to fall back on, in order. Secrets stay out of `repr`."""

    host: str = "localhost"
    port: int = 5672
    virtual_host: str = "/"
    username: str = "guest"
    password: str = field(default="guest", repr=False)
    login: str = "PLAIN"  # the SASL mechanism; EXTERNAL is the client certificate
    tls: Tls | None = None
    heartbeat: float = HEARTBEAT
    others: tuple["Address", ...] = ()

    @property
    def all(self) -> tuple["Address", ...]:
        """This one and the others, in the order in which they are tried."""
        return (replace(self, others=()), *self.others)

    @property
    def shown(self) -> str:
        """For sentences: where, without who."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def address_of(url: BrokerURL) -> Address:
    """The address in a broker URL, with those to fall back on."""
    return replace(_single(url), others=tuple(_single(each) for each in url.others))


def _single(url: BrokerURL) -> Address:
    """Kombu's rules: no path and `/` are both the virtual host `/`; without a user it is guest."""
    said = url.options
    return Address(
        host=url.host, port=url.port, virtual_host=url.virtual_host or "/", tls=_tls(url, said),
        username=url.user or said.get("username") or "guest", password=url.password or said.get("password") or "guest",
        login=said.get("login_method", "PLAIN").upper(), heartbeat=_heartbeat(said.get("heartbeat", "")),
    )  # fmt: skip


def _heartbeat(text: str) -> float:
    """Seconds; 0 would leave a dead connection standing at the broker, so it is not taken."""
    try:
        return min(max(float(text), 1.0), 60.0) if float(text) > 0 else HEARTBEAT
    except ValueError:
        return HEARTBEAT


def _tls(url: BrokerURL, said: Mapping[str, str]) -> Tls | None:
    """Certificates are verified unless `ssl_cert_reqs=none` says otherwise, in as many words."""
    if not url.tls:
        return None
    verify = said.get("ssl_cert_reqs", "required").lower().removeprefix("cert_") != "none"
    return Tls(
        verify=verify, ca=said.get("ssl_ca_certs"), certificate=said.get("ssl_certfile"), key=said.get("ssl_keyfile"),
        check_hostname=said.get("ssl_check_hostname", "true").lower() not in _NO,
    )  # fmt: skip
