"""Which deployment is watched, and with which password? The choice between command line, settings and environment."""

import os
import signal
import stat
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lazycelery_core.config.environment import Environment
from lazycelery_core.config.schema import ConnectionSettings, TLSSettings
from lazycelery_core.errors import ConfigError
from lazycelery_core.redact import Redactor
from lazycelery_core.urls import REDIS, BrokerURL, mask_url

COMMAND_PATIENCE = 5.0  # s for a password command
PASSWORD_LIMIT = 65_536  # bytes


@dataclass(frozen=True, slots=True)
class Connection:
    """A deployment to watch, with its password. Printing it shows none.

    `name` is from the settings, else the host. `results` is where results are stored, None when that is not said.
    `fanout_prefix` is kombu's, None for none; it may contain `{db}`. `notes` are warnings for the user.
    `redactor` hides secrets by the rules of the settings.
    """

    name: str
    url: BrokerURL
    results: BrokerURL | None = None
    global_keyprefix: str = ""
    result_keyprefix: str = ""
    event_exchange: str = "celeryev"
    control_exchange: str = "celery"
    fanout_prefix: str | None = "/{db}."
    fanout_patterns: bool = True
    priority_steps: tuple[int, ...] = (0, 3, 6, 9)
    sep: str = "\x06\x16"
    unacked_key: str = "unacked"
    master_name: str = ""
    queues: tuple[str, ...] = ()
    passive: bool = False
    allow: tuple[str, ...] = ()
    production: bool = False
    notes: tuple[str, ...] = ()
    redactor: Redactor = field(default_factory=Redactor, compare=False, repr=False)

    @property
    def shown(self) -> str:
        """The broker's address without its password."""
        return self.url.shown

    @property
    def unverified(self) -> bool:
        """Whether the line is encrypted but nobody checks with whom: a permanent warning belongs on the screen."""
        return self.url.tls and self.url.options.get("ssl_cert_reqs", "").lower().removeprefix("cert_") == "none"


def from_url(text: str, source: str) -> Connection:
    """A connection of which only the broker's URL is known. source: who gave it, for errors."""
    try:
        url = BrokerURL.parse(text)
    except ConfigError as error:
        raise ConfigError(f"{source}: {error.message}", error.hint) from None
    _check_files(url)
    return Connection(Path(url.path).name if url.path else url.host, url, master_name=_master("", url))


def from_settings(
    name: str, settings: ConnectionSettings, environment: Environment, folder: Path, url: str = ""
) -> Connection:
    """A connection of the settings. folder: what relative paths start from. url: instead of the settings' own."""
    broker = _secured(BrokerURL.parse(url or settings.url), settings.tls, name)
    _check_files(broker)
    broker = broker.with_password(broker.password or _password(name, settings, environment, folder))
    if broker.scheme == "sentinel" and not settings.master_name and "master_name" not in broker.options:
        raise ConfigError(
            f"connections.{name}.master_name is missing.", "Sentinels need to know which master is meant."
        )
    return Connection(
        name,
        broker,
        results=_results(name, settings, environment, broker),
        global_keyprefix=settings.global_keyprefix,
        result_keyprefix=settings.result_keyprefix,
        event_exchange=settings.event_exchange,
        control_exchange=settings.control_exchange,
        fanout_prefix=_fanout_prefix(settings.fanout_prefix),
        fanout_patterns=settings.fanout_patterns,
        priority_steps=tuple(sorted(set(settings.priority_steps))),
        sep=settings.sep,
        unacked_key=settings.unacked_key,
        master_name=_master(settings.master_name, broker),
        queues=tuple(settings.queues),
        passive=settings.passive,
        allow=tuple(settings.allow),
        production=settings.production,
    )


def with_warning(connection: Connection) -> Connection:
    """The connection of a URL from the command line, which every user of the machine can read there."""
    if not any(address.password for address in connection.url.all):
        return connection
    note = "Everyone on this machine can read a password on the command line; put the URL into LAZYCELERY_BROKER_URL."
    return replace(connection, notes=(*connection.notes, note))


def _master(setting: str, url: BrokerURL) -> str:
    """The name of the master that sentinels are asked for."""
    name = setting or url.options.get("master_name", "")
    if url.scheme == "sentinel" and not name:
        hint = "Set master_name in [connections.<name>], or add ?master_name=... to the URL."
        raise ConfigError("Sentinels have to be asked for a master by name, as in Celery's master_name.", hint)
    return name


def _fanout_prefix(setting: bool | str) -> str | None:
    if isinstance(setting, str):
        return setting or None
    return "/{db}." if setting else None


def _secured(url: BrokerURL, tls: TLSSettings, name: str) -> BrokerURL:
    """The URL with the settings of `tls` as options, named as Celery names them."""
    options = {"ssl_ca_certs": tls.ca, "ssl_certfile": tls.cert, "ssl_keyfile": tls.key}
    options = {option: str(Path(path).expanduser()) for option, path in options.items() if path}
    options |= {} if tls.check_hostname else {"ssl_check_hostname": "false"}
    if not options and tls.verify:
        return url
    if url.scheme in ("redis", "amqp", "pyamqp", "redis+socket"):
        raise ConfigError(
            f"connections.{name}.tls is set, but {url.scheme}:// is not encrypted.", "Begin with rediss://."
        )
    options["ssl_cert_reqs"] = "required" if tls.verify else "none"
    others = tuple(replace(other, options={**other.options, **options}) for other in url.others)
    return replace(url, options={**url.options, **options}, others=others)


def _check_files(url: BrokerURL) -> None:
    """A missing certificate is told before the first handshake fails for a reason that nobody understands."""
    for option, what in (("ssl_ca_certs", "CA"), ("ssl_certfile", "certificate"), ("ssl_keyfile", "key")):
        path = url.options.get(option)
        if path and not os.access(path, os.R_OK):
            trouble = "can't be read" if Path(path).exists() else "does not exist"
            raise ConfigError(f"The {what} file {path} {trouble}.", "It is named by the broker URL or `tls`.")


def _results(name: str, settings: ConnectionSettings, environment: Environment, broker: BrokerURL) -> BrokerURL | None:
    text = settings.result_backend
    scheme = text.partition("://")[0].lower()
    if not text:
        return None
    if scheme not in REDIS:
        return BrokerURL(scheme, host="", written=mask_url(text) if "://" in text else text)
    url = BrokerURL.parse(text)
    same = (url.host, url.port, url.path) == (broker.host, broker.port, broker.path)
    url = url.with_password(environment.result_password(name) or (broker.password if same else ""))
    return replace(url, user=url.user or broker.user) if same else url


def _password(name: str, settings: ConnectionSettings, environment: Environment, folder: Path) -> str:
    """The password, from the first place that has one."""
    if settings.password_command:
        return _from_command(settings.password_command, name, environment)
    if given := environment.password(name):
        return given
    return _from_file(folder / Path(settings.password_file).expanduser(), name) if settings.password_file else ""


def _from_command(command: Sequence[str], name: str, environment: Environment) -> str:
    """The first line that the command prints. Whatever it prints is shown and logged nowhere."""
    what = f"The password_command of connection {name}"
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment.for_children(), start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise ConfigError(f"{what} can't be started: {error.strerror}.") from None
    output, late = _output(process)
    if late:
        raise ConfigError(f"{what} gave no answer in {COMMAND_PATIENCE:.0f} seconds.")
    if process.returncode:
        raise ConfigError(f"{what} ended with code {process.returncode}.", "Try it in a terminal.")
    return _first_line(output, f"{what} printed no password.")


def _output(process: subprocess.Popen[bytes]) -> tuple[bytes, bool]:
    """What the command printed, and whether it had to be stopped. It has ended then, with all that it started."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(COMMAND_PATIENCE, stop)
    timer.start()
    with process:
        output = process.stdout.read(PASSWORD_LIMIT) if process.stdout else b""
    timer.cancel()
    return output, late.is_set()


def _from_file(path: Path, name: str) -> str:
    return password_in_file(path, f"of connection {name}")


def password_in_file(path: Path, whose: str) -> str:
    """The first line of a file that nobody else can read. whose: `of ...`, for errors. Raises ConfigError."""
    what = f"The password file {path} {whose}"
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            if about.st_mode & 0o077 or not stat.S_ISREG(about.st_mode) or about.st_uid != os.getuid():
                raise ConfigError(f"{what} has to be yours alone.", f"chmod 600 {path}")
            content = file.read(PASSWORD_LIMIT)
    except OSError as error:
        raise ConfigError(
            f"{what} can't be read: {error.strerror}.", "Create it with mode 0600, or set another password_file."
        ) from None
    return _first_line(content, f"{what} is empty.")


def _first_line(content: bytes, complaint: str) -> str:
    line = content.split(b"\n", 1)[0].rstrip(b"\r").decode(errors="surrogateescape")
    if not line:
        raise ConfigError(complaint)
    return line


__all__ = ["Connection", "from_settings", "from_url", "password_in_file", "with_warning"]
