"""Where is the server, and how does one log in? Everything a connection needs, taken from a broker URL."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lazycelery_core.urls import BrokerURL


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
    """One server, or the sentinels that know it. `path` is a unix socket. Secrets stay out of `repr`."""

    host: str = "localhost"
    port: int = 6379
    path: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls | None = None
    sentinels: tuple[tuple[str, int], ...] = ()
    master: str = ""
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    others: tuple["Address", ...] = ()  # to fall back on

    def is_same_server(self, other: "Address") -> bool:
        """Whether both lead to one server, whatever database: its pub/sub is one."""
        return (self.host, self.port, self.path, self.sentinels, self.master) == (
            other.host, other.port, other.path, other.sentinels, other.master
        )  # fmt: skip

    @property
    def shown(self) -> str:
        """For sentences: where, without who."""
        if self.path:
            return self.path
        if self.sentinels:
            return f"{self.master} (sentinel {self.sentinels[0][0]}:{self.sentinels[0][1]})"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def user(self) -> str:
        """Who logs in, for sentences."""
        return self.username or "default"


def address_of(url: BrokerURL, master: str = "") -> Address:
    """The address in a broker URL. master: the name of the sentinels' master, where the URL does not say it."""
    said = url.options
    base = _single(url)
    if url.scheme != "sentinel":
        return replace(base, others=tuple(_single(each) for each in url.others))
    return replace(
        base, sentinels=tuple((each.host, each.port) for each in url.all), master=said.get("master_name", master),
        sentinel_username=said.get("sentinel_username"), sentinel_password=said.get("sentinel_password"),
    )  # fmt: skip


def _single(url: BrokerURL) -> Address:
    said = url.options
    return Address(
        host=url.host, port=url.port, path=url.path, db=url.database, tls=_tls(url, said),
        username=url.user or said.get("username") or None, password=url.password or said.get("password") or None,
    )  # fmt: skip


def _tls(url: BrokerURL, said: Mapping[str, str]) -> Tls | None:
    """Certificates are verified unless `ssl_cert_reqs=none` says otherwise, in as many words."""
    if not url.tls:
        return None
    verify = said.get("ssl_cert_reqs", "required").lower().removeprefix("cert_") != "none"
    return Tls(
        verify=verify, ca=said.get("ssl_ca_certs"), certificate=said.get("ssl_certfile"), key=said.get("ssl_keyfile"),
        check_hostname=said.get("ssl_check_hostname", "true").lower() not in ("false", "0", "no"),
    )  # fmt: skip
