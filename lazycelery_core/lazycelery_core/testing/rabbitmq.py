"""Where does a test get a real RabbitMQ from? Debian's, on private ports of the loopback, in directories of its own.

with start_rabbitmq(tmp_path) as rabbit:                            # plain AMQP
with start_rabbitmq(tmp_path, management=True) as rabbit:           # and the management plugin
with start_rabbitmq(tmp_path, tls="localhost", client_certificates=True) as rabbit:

with rabbit.vhost() as vhost: ...                                   # empty, gone afterwards; made in milliseconds
rabbit.kill(); rabbit.start()                                       # the same node on the same ports
"""

import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from lazycelery_core.testing.certificates import Certificates, certificates
from lazycelery_core.testing.processes import die_with_parent, freeze, kill_group, stop_group, tail, wait_until

NEEDED = "LAZYCELERY_NEEDS_RABBITMQ"  # environment variable; where it is set, a missing RabbitMQ fails instead of skips
MISSING = "RabbitMQ is not installed: apt-get install --no-install-recommends rabbitmq-server"
SCRIPTS = Path("/usr/lib/rabbitmq/bin")  # Debian's scripts on PATH insist on a user called rabbitmq
STARTED = "Server startup complete"
SHARED, ROOM = Path("/dev/shm"), 2 << 30  # bytes
LAUNCHES = 3  # tries; a port may be taken between our look and the server's
LOWEST, HIGHEST = (
    20_000,
    30_000,
)  # not those that systems give to connections: a restart finds its own free
ERLANG = "+S 1:1 +sbwt none +P 65536 +Q 2048 -kernel inet_dist_use_interface {127,0,0,1}"


class Ports(NamedTuple):
    """Five ports of the loopback. Those without a listener are never used."""

    amqp: int
    tls: int
    management: int
    distribution: int
    names: int


class Grant(NamedTuple):
    """Permissions of a user as RabbitMQ writes them: regular expressions of names."""

    configure: str = ".*"
    write: str = ".*"
    read: str = ".*"


ALL, NONE = Grant(), Grant("^$", "^$", "^$")


@dataclass
class Rabbit:
    """A node. Its user `guest` (password `guest`) may do everything; it listens on 127.0.0.1 only."""

    home: Path
    data: Path
    node: str
    ports: Ports
    certificates: Certificates | None
    process: "subprocess.Popen[bytes]" = field(init=False)
    names: "subprocess.Popen[bytes]" = field(init=False)

    @property
    def port(self) -> int:
        """The port of plain AMQP."""
        return self.ports.amqp

    @property
    def url(self) -> str:
        """The broker URL as Celery writes it: user guest, virtual host /."""
        return self.url_for()

    def url_for(self, user: str = "guest", password: str = "guest", vhost: str = "/", port: int = 0) -> str:
        """`amqp://user:password@127.0.0.1:port/vhost`. port: that of a proxy in front of it."""
        return f"amqp://{quote(user, '')}:{quote(password, '')}@127.0.0.1:{port or self.port}/{quote(vhost, '')}"

    def tls_url(self, user: str = "guest", password: str = "guest", vhost: str = "/", host: str = "localhost") -> str:
        """`amqps://...`, without options; needs `tls`."""
        return f"amqps://{quote(user, '')}:{quote(password, '')}@{host}:{self.ports.tls}/{quote(vhost, '')}"

    @property
    def management_url(self) -> str:
        """`http://127.0.0.1:port`; needs `management`."""
        return f"http://127.0.0.1:{self.ports.management}"

    @property
    def log(self) -> Path:
        """What the node has said."""
        return self.home / "rabbitmq.log"

    def start(self, seconds: float = 60.0) -> None:
        """Start the node, or start it again, and wait until it serves. RuntimeError if it ends instead."""
        begun = self.log.stat().st_size if self.log.exists() else 0
        self.process = _launched([str(_scripts() / "rabbitmq-server"), "-noinput"], self)
        wait_until(lambda: self._serves(begun), f"rabbitmq in {self.home}", seconds)

    def stop(self) -> None:
        """A polite end: connections are told."""
        stop_group(self.process, seconds=20.0)

    def kill(self) -> None:
        """A crash."""
        self.process.kill()
        self.process.wait()
        kill_group(self.process.pid)

    def freeze(self) -> None:
        """Let it hang: it answers nothing and closes nothing."""
        freeze(self.process)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def ctl(self, *arguments: str) -> str:
        """What `rabbitmqctl` prints; about half a second. CalledProcessError when it fails."""
        return _run([str(_scripts() / "rabbitmqctl"), "--quiet", *arguments], self)

    def call(self, erlang: str) -> str:
        """The value of an Erlang expression in the node, as text; a few milliseconds. RuntimeError when it fails."""
        answer = _run(["erl_call", "-address", f"127.0.0.1:{self.ports.distribution}", "-e"], self, f"{erlang}.\n")
        if not answer.startswith("{ok, "):
            raise RuntimeError(f"{erlang}: {answer}")
        return answer[len("{ok, ") : -1]

    def alarm(self, on: bool) -> None:
        """Too little memory, or enough again: publishers are stopped meanwhile."""
        self.call(f"vm_memory_monitor:set_vm_memory_high_watermark({'0.00001' if on else '0.9'})")

    def add_user(
        self, name: str, password: str, vhost: str = "/", grant: Grant = ALL, tags: Sequence[str] = ()
    ) -> None:
        """A user, or new permissions for one that is there. tags: `monitoring`, `administrator` ..."""
        who, by = _text(name), _text("testing")
        self.call(f"(catch rabbit_auth_backend_internal:add_user({who}, {_text(password)}, {by})), ok")
        self.call(f"rabbit_auth_backend_internal:set_tags({who}, [{', '.join(tags)}], {by})")
        rights = ", ".join(map(_text, grant))
        self.call(f"rabbit_auth_backend_internal:set_permissions({who}, {_text(vhost)}, {rights}, {by})")

    def add_vhost(self, name: str) -> None:
        """A virtual host in which guest may do everything."""
        self.call(f"rabbit_vhost:add({_text(name)}, {_text('testing')})")
        self.add_user("guest", "guest", name, tags=["administrator"])

    def remove_vhost(self, name: str) -> None:
        """The virtual host goes, with its queues and connections."""
        self.call(f"rabbit_vhost:delete({_text(name)}, {_text('testing')})")

    @contextmanager
    def vhost(self) -> Iterator["Vhost"]:
        """An empty virtual host with a name of its own."""
        made = Vhost(self, f"t-{secrets.token_hex(4)}")
        self.add_vhost(made.name)
        try:
            yield made
        finally:
            if self.process.poll() is None:
                self.remove_vhost(made.name)

    def _serves(self, begun: int) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"rabbitmq ended at once:\n{tail(self.log)}")
        with self.log.open("rb") as said:
            said.seek(begun)
            return STARTED.encode() in said.read()


@dataclass(frozen=True)
class Vhost:
    """A virtual host of a node."""

    server: Rabbit
    name: str

    @property
    def url(self) -> str:
        """Its broker URL for guest."""
        return self.server.url_for(vhost=self.name)

    def url_for(self, user: str = "guest", password: str = "guest", port: int = 0) -> str:
        """As `Rabbit.url_for`."""
        return self.server.url_for(user, password, self.name, port)

    def add_user(self, name: str, password: str, grant: Grant = ALL, tags: Sequence[str] = ()) -> None:
        """As `Rabbit.add_user`."""
        self.server.add_user(name, password, self.name, grant, tags)

    def close_connections(self, reason: str = "tidying up") -> None:
        """As an administrator does."""
        close = f'fun(C) -> rabbit_networking:close_connection(proplists:get_value(pid, C), "{reason}") end'
        self.server.call(f"lists:foreach({close}, {self._connections})")

    def delete_queue(self, name: str) -> None:
        """As an administrator does, whoever uses it."""
        found = f"{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r({_text(self.name)}, queue, {_text(name)}))"
        self.server.call(f"{found}, rabbit_amqqueue:delete(Q, false, false, {_text('testing')}), ok")

    def queues(self) -> list[str]:
        """The names of its queues."""
        listed = f"[N || {{resource, _, queue, N}} <- rabbit_amqqueue:list_names({_text(self.name)})]"
        told = self.server.call(f"[binary_to_list(binary:encode_hex(N)) || N <- {listed}]")
        return sorted(bytes.fromhex(each).decode() for each in re.findall(r"[0-9A-F]{2,}", told))

    def waiting(self, queue: str) -> int:
        """Messages in a queue, held ones too; also in one that is exclusive to another connection."""
        name = f"rabbit_misc:r({_text(self.name)}, queue, {_text(queue)})"
        counted = f"{{ok, Q}} = rabbit_amqqueue:lookup({name}), [{{messages, N}}] = rabbit_amqqueue:info(Q, [messages])"
        return int(self.server.call(f"{counted}, N"))

    def holds(self) -> tuple[int, int, int]:
        """How many queues, bindings (the implicit ones too) and connections there are."""
        name = _text(self.name)
        counted = [f"rabbit_amqqueue:list_names({name})", f"rabbit_binding:list({name})", self._connections]
        queues, bindings, connections = (int(self.server.call(f"length({each})")) for each in counted)
        return queues, bindings, connections

    @property
    def _connections(self) -> str:
        every = "rabbit_networking:connection_info_all([pid, vhost])"
        return f"[C || C <- {every}, proplists:get_value(vhost, C) == {_text(self.name)}]"


@contextmanager
def start_rabbitmq(
    directory: Path,
    *,
    management: bool = False,
    tls: str = "",
    client_certificates: bool = False,
    conf: Sequence[str] = (),
) -> Iterator[Rabbit]:
    """A RabbitMQ of its own, serving when the block is entered, gone when it is left; about three seconds.

    directory: for its data and its log. tls: the host name in the certificate of a second port that speaks TLS, where
    `client_certificates` makes it want one of the client. conf: further lines of rabbitmq.conf.
    """
    made = certificates(directory, tls) if tls else None
    with tempfile.TemporaryDirectory(
        prefix="lazycelery-rabbitmq-", dir=_fast_disk(directory), ignore_cleanup_errors=True
    ) as data:
        rabbit = _started(directory, Path(data), management, made, client_certificates, conf)
        try:
            yield rabbit
        finally:
            rabbit.thaw()
            rabbit.kill()  # a polite end takes more than a second
            rabbit.names.kill()
            rabbit.names.wait()


def _fast_disk(directory: Path) -> Path:
    """Memory, where there is a disk of it with room: a busy disk holds every declaration up for a second."""
    return SHARED if SHARED.is_dir() and shutil.disk_usage(SHARED).free > ROOM else directory


def has_rabbitmq() -> bool:
    """Whether there is one to start."""
    return (SCRIPTS / "rabbitmq-server").exists() or shutil.which("rabbitmq-server") is not None


def _scripts() -> Path:
    if (SCRIPTS / "rabbitmq-server").exists():
        return SCRIPTS
    found = shutil.which("rabbitmq-server")
    if found is None:
        raise RuntimeError(MISSING)
    return Path(found).parent


def _started(
    directory: Path,
    data: Path,
    management: bool,
    made: Certificates | None,
    client_certificates: bool,
    conf: Sequence[str],
) -> Rabbit:
    for last in range(1, LAUNCHES + 1):
        home = directory / f"rabbitmq-{last}"
        home.mkdir()
        rabbit = Rabbit(home, data, f"lc-{secrets.token_hex(4)}@localhost", _free_ports(), made)
        _write_files(rabbit, management, client_certificates, conf)
        rabbit.names = _launched(["epmd", "-port", str(rabbit.ports.names), "-address", "127.0.0.1"], rabbit)
        try:
            rabbit.start()
            return rabbit
        except RuntimeError:
            rabbit.names.kill()
            rabbit.names.wait()
            if last == LAUNCHES:
                raise
        except BaseException:
            rabbit.kill()
            rabbit.names.kill()
            raise
    raise AssertionError("the last try returns or raises")


def _free_ports() -> Ports:
    return Ports(*(_free_port() for _ in Ports._fields))


def _free_port() -> int:
    while True:
        port = random.randrange(LOWEST, HIGHEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _write_files(rabbit: Rabbit, management: bool, client_certificates: bool, conf: Sequence[str]) -> None:
    ports, made = rabbit.ports, rabbit.certificates
    lines = [
        f"listeners.tcp.1 = 127.0.0.1:{ports.amqp}",
        "loopback_users = none",
        "vm_memory_high_watermark.absolute = 400MB",
        "disk_free_limit.absolute = 1MB",
        "raft.wal_max_size_bytes = 16777216",
        "log.console = true",
        "collect_statistics_interval = 1000",  # ms; tests do not wait five seconds for a number
    ]
    if management:
        lines += ["management.tcp.ip = 127.0.0.1", f"management.tcp.port = {ports.management}"]
    if made is not None:
        lines += [
            f"listeners.ssl.1 = 127.0.0.1:{ports.tls}", f"ssl_options.cacertfile = {made.ca}",
            f"ssl_options.certfile = {made.server}", f"ssl_options.keyfile = {made.server_key}",
            f"ssl_options.verify = {'verify_peer' if client_certificates else 'verify_none'}",
            f"ssl_options.fail_if_no_peer_cert = {'true' if client_certificates else 'false'}",
        ]  # fmt: skip
    (rabbit.home / "rabbitmq.conf").write_text("\n".join([*lines, *conf, ""]))
    (rabbit.home / "enabled_plugins").write_text(f"[{'rabbitmq_management' if management else ''}].\n")
    cookie = rabbit.home / ".erlang.cookie"
    cookie.write_text(secrets.token_hex(10))
    cookie.chmod(0o400)


def _environment(rabbit: Rabbit) -> dict[str, str]:
    """Nothing of the machine's own RabbitMQ is read or written."""
    home, foreign = rabbit.home, ("RABBITMQ_", "ERL_")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(foreign)},
        "HOME": str(home), "ERL_EPMD_PORT": str(rabbit.ports.names), "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_CRASH_DUMP_BYTES": "0", "RABBITMQ_NODENAME": rabbit.node, "RABBITMQ_MNESIA_BASE": str(rabbit.data),
        "RABBITMQ_LOG_BASE": str(home / "log"), "RABBITMQ_LOGS": "-", "RABBITMQ_ALLOW_INPUT": "1",
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"), "RABBITMQ_CONFIG_FILES": str(home / "none"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "none"), "RABBITMQ_CONF_ENV_FILE": str(home / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
        "RABBITMQ_DIST_PORT": str(rabbit.ports.distribution), "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG,
        "RABBITMQ_CTL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }  # fmt: skip


def _launched(command: Sequence[str], rabbit: Rabbit) -> "subprocess.Popen[bytes]":
    with rabbit.log.open("ab") as out:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=rabbit.home,
            env=_environment(rabbit),
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 (a killed test run leaves no server behind; fixtures run in the main thread)
        )


def _run(command: Sequence[str], rabbit: Rabbit, told: str = "") -> str:
    done = subprocess.run(
        command, input=told, env=_environment(rabbit), cwd=rabbit.home, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    return done.stdout.strip()


def _text(text: str) -> str:
    """An Erlang binary."""
    return "<<" + ",".join(map(str, text.encode())) + ">>"
