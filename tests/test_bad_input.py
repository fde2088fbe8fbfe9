"""Is every mistake answered with one clear sentence, the next step and the right exit code, and never with a password?

The real command, as a user runs it; where it has to be a terminal, in one.
"""

import os
import re
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lazycelery_core.testing.servers import Server, free_port
from lazycelery_core.testing.terminal import Terminal
from lazycelery_core.testing.tls import Front

SECRET = "hunter2-swordfish"
LAZYCELERY = [sys.executable, "-m", "lazycelery_core"]
USAGE, CONNECTION = 2, 3
WARNING = (
    "lazycelery: Everyone on this machine can read a password on the command line; "
    "put the URL into LAZYCELERY_BROKER_URL.\n"
)


@dataclass(frozen=True)
class Said:
    """What a run of the command left."""

    code: int
    out: str
    error: str


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any configuration, and no variables of ours."""
    for name in [name for name in os.environ if name.startswith("LAZYCELERY")]:
        monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


@pytest.fixture
def run(home: Path) -> Callable[..., Said]:
    """run(*arguments, **variables) -> what was said; nothing that was written anywhere may hold the password."""

    def call(*arguments: str, **variables: str) -> Said:
        done = subprocess.run(
            [*LAZYCELERY, *arguments], env={**os.environ, **variables}, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False, timeout=60,
        )  # fmt: skip
        written = [path.read_text(errors="replace") for path in home.rglob("*") if path.suffix in (".log", ".txt")]
        assert [text for text in (done.stdout, done.stderr, *written) if SECRET in text or SECRET[:7] in text] == []
        assert "Traceback" not in done.stdout + done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    return call


Run = Callable[..., Said]


def assert_told(said: Said, code: int, *words: str) -> None:
    """One line, a sentence and what to do next, on standard error only; a warning about a password may stand before."""
    assert (said.code, said.out) == (code, ""), said
    error = said.error.removeprefix(WARNING)
    assert re.fullmatch(r"lazycelery: [^\n]+\n", error), error
    assert [word for word in words if word not in error] == [], error
    sentences = re.findall(r"[^.?]+[.?](?= |$|\n)", error)
    assert len(sentences) >= 2, f"no next step: {error}"


# --- URLs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url, says, step",
    [
        ("localhost", "A broker URL begins with its kind and `://`.", "For example redis://"),
        (f"redis//:{SECRET}@localhost", "A broker URL begins with its kind", "For example redis://"),
        (f"http://u:{SECRET}@localhost/0", "Unknown kind of broker URL: http://", "Known are redis, rediss"),
        (f"redis://:{SECRET}@localhost:99999/0", "The port in the broker URL is not a number from 1", "Quote special"),
        (f"redis://:{SECRET}/x@localhost:port/0", "The port in the broker URL is not a number", "Quote special"),
        (f"redis://:{SECRET}@localhost/shop", "The database in the Redis URL is not a number.", "It ends in /0"),
        (f"amqp://u:{SECRET}@localhost:99999//", "The port in the broker URL is not a number from 1", "Quote special"),
        (
            f"rediss://:{SECRET}@localhost/0?ssl_ca_certs=/no/ca.pem",
            "The CA file /no/ca.pem does not exist.",
            "named by",
        ),
    ],
)
@pytest.mark.parametrize("given", ["option", "variable"])
def test_a_wrong_url_is_told_without_its_password(run: Run, url: str, says: str, step: str, given: str) -> None:
    said = run("--broker", url, "workers") if given == "option" else run("workers", LAZYCELERY_BROKER_URL=url)
    assert_told(said, USAGE, says, step)


@pytest.mark.parametrize("scheme, plugin", [("amqp", "amqp"), ("redis", "redis")])
def test_a_broker_that_no_plugin_watches_is_told_without_its_password(run: Run, scheme: str, plugin: str) -> None:
    said = run("--broker", f"{scheme}://u:{SECRET}@localhost/0", "--without", plugin, "workers")
    assert_told(said, USAGE, f"No plugin here can watch {scheme}://u:***@localhost", "Install one")


def test_without_any_broker_it_says_where_one_can_be_named(run: Run) -> None:
    assert_told(run("workers"), USAGE, "No broker to watch is known.", "LAZYCELERY_BROKER_URL", "lazycelery demo")


def test_an_unknown_connection_is_told_with_those_that_are_known(run: Run, home: Path) -> None:
    file = home / "c.toml"
    file.write_text("[connections.prod]\nurl = 'redis://h/0'\n[connections.test]\nurl = 'redis://h/1'\n")
    said = run("--config", str(file), "--connection", "prd", "workers")
    assert_told(said, USAGE, "There is no connection prd", "did you mean prod?", "Known: prod or test.")
    assert_told(run("--config", str(file), "workers"), USAGE, "Several connections", "--connection prod or test.")


# --- brokers ----------------------------------------------------------------------------------------------------------


@contextmanager
def listener(greeting: bytes, stay: bool = False) -> Iterator[int]:
    """The port of a server that is no Redis: it says `greeting` and goes, or stays silent."""
    ended = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(greeting)
            if stay:
                ended.wait(60)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            ended.set()
            server.shutdown()


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_closed_port_is_told(run: Run, scheme: str) -> None:
    port = free_port()
    said = run("--broker", f"{scheme}://u:{SECRET}@127.0.0.1:{port}/0", "queues")
    assert_told(said, CONNECTION, f"Nobody listens at 127.0.0.1:{port}.", "Is the broker running")


def test_a_socket_that_is_not_there_is_told(run: Run, home: Path) -> None:
    said = run("--broker", f"redis+socket://{home}/no.sock", "queues")
    assert_told(said, CONNECTION, f"There is no socket {home}/no.sock.", "Is the broker running")


@pytest.mark.parametrize(
    "greeting, stay, says",
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False, "is not a Redis server"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", True, "is not a Redis server"),
        (b"", False, "closed the connection."),
        (b"", True, "No answer from 127.0.0.1"),
    ],
)
def test_a_server_that_is_no_redis_is_told(run: Run, greeting: bytes, stay: bool, says: str) -> None:
    with listener(greeting, stay) as port:
        assert_told(run("--broker", f"redis://:{SECRET}@127.0.0.1:{port}/0", "tasks"), CONNECTION, says)


@pytest.mark.parametrize("greeting, stay", [(b"HTTP/1.1 400 Bad Request\r\n\r\n", False), (b"", False), (b"", True)])
@pytest.mark.parametrize("scheme", ["amqp", "amqps"])
def test_a_server_that_is_no_rabbitmq_is_told(run: Run, scheme: str, greeting: bytes, stay: bool) -> None:
    with listener(greeting, stay) as port:
        assert_told(run("--broker", f"{scheme}://u:{SECRET}@127.0.0.1:{port}//", "tasks"), CONNECTION, "127.0.0.1")


@pytest.fixture
def guarded(valkey_factory: Callable[..., Server]) -> Server:
    """A server that wants a password."""
    return valkey_factory(tcp=True, password="right", users=["reader on >right +ping ~* &*"])


def test_a_wrong_password_is_told(run: Run, guarded: Server) -> None:
    said = run("--broker", guarded.tcp_url(password=SECRET), "workers")
    assert_told(said, CONNECTION, "Login refused for user default at 127.0.0.1", "Check the user name and the password")
    unknown = run("--broker", guarded.tcp_url(user="nobody", password=SECRET), "workers")
    assert_told(unknown, CONNECTION, "Login refused for user nobody")


def test_a_password_on_the_command_line_is_warned_of_by_commands_too(run: Run, guarded: Server) -> None:
    url = guarded.tcp_url(password="right")
    said = run("--broker", url, "workers", "--seconds", "0.2")
    assert said.error.startswith(WARNING)
    assert "right" not in said.out + said.error
    quiet = run("workers", "--seconds", "0.2", LAZYCELERY_BROKER_URL=url)
    assert WARNING not in quiet.error


def test_a_missing_password_is_told(run: Run, guarded: Server) -> None:
    said = run("--broker", f"redis://127.0.0.1:{guarded.port}/0", "workers")
    assert_told(said, CONNECTION, "wants a password.", "password_command")


def test_a_missing_right_is_told_by_its_name(run: Run, guarded: Server) -> None:
    said = run("--broker", guarded.tcp_url(user="reader", password="right"), "workers")
    assert_told(said, CONNECTION, "Redis refuses PSUBSCRIBE", "+psubscribe")


def test_a_database_that_there_is_none_of_is_told(run: Run, guarded: Server) -> None:
    assert_told(
        run("--broker", guarded.tcp_url(db=99), "queues"), CONNECTION, "has no database 99.", "Check the number"
    )


def test_tls_that_does_not_fit_is_told_before_a_password_is_sent(
    run: Run, guarded: Server, tls_front_factory: Callable[..., Front]
) -> None:
    front = tls_front_factory(server=guarded)
    url = f"rediss://:{SECRET}@localhost:{front.port}/0"
    for options in ("", f"?ssl_ca_certs={front.wrong_ca}"):
        said = run("--broker", url + options, "queues")
        assert_told(said, CONNECTION, "signed by an unknown CA: refused before a password was sent", "ssl_ca_certs")
    plain = run("--broker", f"redis://:{SECRET}@localhost:{front.port}/0", "queues")
    assert_told(plain, CONNECTION, "closed the connection.", "Does the port want TLS")
    spoken = run("--broker", f"rediss://:{SECRET}@127.0.0.1:{guarded.port}/0", "queues")
    assert_told(spoken, CONNECTION, "No TLS answer", "Use redis://")


def test_doctor_names_what_fails_with_the_same_exit_code(run: Run, guarded: Server) -> None:
    said = run("--broker", guarded.tcp_url(password=SECRET), "doctor", "connection")
    assert said.code == CONNECTION
    assert "Login refused for user default" in said.out


# --- the configuration ------------------------------------------------------------------------------------------------


def test_a_configuration_file_that_can_not_be_read_is_told(run: Run, home: Path) -> None:
    assert_told(run("--config", str(home / "no.toml"), "workers"), USAGE, "There is no configuration file", "example")
    assert_told(run("--config", str(home), "workers"), USAGE, "can't be read: Is a directory.", "--config")
    assert_told(run("workers", LAZYCELERY_CONFIG=str(home / "no.toml")), USAGE, "There is no configuration file")


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_configuration_file_of_somebody_else_is_told(run: Run, home: Path) -> None:
    file = home / "c.toml"
    file.touch(mode=0o000)
    assert_told(run("--config", str(file), "workers"), USAGE, "can't be read: Permission denied.")


BROKEN = [
    ("ui\n", "line 1: Expected '=' after a key in a key/value pair. The file is written in TOML"),
    ("[ui]\ntheme = 'drak'\n", 'line 2: ui.theme: there is no theme "drak"; did you mean dark? Themes: dark, light'),
    ("[ui]\nthem = 'dark'\n", "line 2: ui.them is no setting; did you mean theme? Known here: theme, glyphs"),
    ("[iu]\nx = 1\n", "line 1: iu is no setting"),
    ("[ui]\nframes = 'many'\n", "line 2: ui.frames must be a whole number from 1 to 30, not text."),
    (
        "[ui]\nglyphs = 'asci'\n",
        'line 2: ui.glyphs must be one of ascii, nerd, unicode, not "asci". Did you mean ascii?',
    ),
    (
        "[keybindings]\n'app.quit' = 'entr'\n",
        'line 2: keybindings.app.quit: there is no key "entr"; did you mean enter?',
    ),
    (f"[connections.a]\nurl = 'redis://:{SECRET}@h/0'\n", "line 2: connections.a.url contains a password. Take it out"),
    ("[connections.a]\nurl = 'redis//h'\n", "line 2: connections.a.url: A broker URL begins with its kind"),
]


@pytest.mark.parametrize("text, says", BROKEN)
@pytest.mark.parametrize("command", [("workers",), ("config", "check"), ("keys",), ()])
def test_a_mistake_in_the_configuration_is_told_with_its_line_by_whatever_is_run(
    run: Run, home: Path, text: str, says: str, command: tuple[str, ...]
) -> None:
    file = home / "c.toml"
    file.write_text(text)
    said = run("--config", str(file), *command)
    assert (said.code, said.out) == (USAGE, "")
    assert said.error.startswith("lazycelery: ")
    assert str(file) in said.error
    assert says in said.error


def test_a_configuration_that_is_no_text_is_told(run: Run, home: Path) -> None:
    (home / "c.toml").write_bytes(b"\xff\xfe\x00")
    assert_told(run("--config", str(home / "c.toml"), "workers"), USAGE, "line 1: not UTF-8.", "Save the file")


def test_names_of_commands_and_plugins_that_there_are_none_of_are_told_by_config_check(run: Run, home: Path) -> None:
    file = home / "c.toml"
    file.write_text("[keybindings]\n'app.qit' = 'x'\n[plugins.wrkers]\nenabled = false\n")
    said = run("--config", str(file), "config", "check")
    assert said.code == USAGE
    assert "line 2: [keybindings] has app.qit, which nothing here is called; did you mean app.quit?" in said.error
    assert "line 3: [plugins] has wrkers, which nothing here is called; did you mean workers?" in said.error


@pytest.mark.parametrize(
    "password, says",
    [
        ("password_file = 'missing'", "can't be read: No such file or directory. Create it"),
        ("password_command = ['false']", "ended with code 1. Try it in a terminal."),
        ("password_command = ['/no/such/program']", "can't be started: No such file or directory."),
        (f"password_command = ['sh', '-c', 'echo {SECRET} >&2; exit 3']", "ended with code 3."),
    ],
)
def test_a_password_that_can_not_be_fetched_is_told(run: Run, home: Path, password: str, says: str) -> None:
    file = home / "c.toml"
    file.write_text(f"[connections.a]\nurl = 'redis://127.0.0.1:1/0'\n{password}\n")
    said = run("--config", str(file), "workers")
    assert (said.code, said.out) == (USAGE, "")
    assert says in said.error


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, says",
    [
        (("--passive", "--allow", "events", "workers"), "--passive sends nothing, --allow sends something. Give one"),
        (("--without", "wrkers", "plugins"), "--without wrkers: there is no such plugin. Known: amqp, cluster, demo"),
        (("plugins", "nothing"), "There is no plugin nothing. Known: amqp, cluster, demo"),
        (("workers", "-f", "name:x state:"), "A value must follow : here.\n  name:x state:\n              ^\n"),
        (("tasks", "-f", "stat:failed"), "stat: unknown field. Did you mean state?\n  stat:failed\n  ^^^^\n"),
        (("tasks", "-f", "漢字 runtime>soon"), "漢字 runtime>soon\n               ^^^^\n"),
    ],
)
def test_a_wrong_argument_is_told(run: Run, arguments: tuple[str, ...], says: str) -> None:
    said = run("--broker", "redis://127.0.0.1:1/0", *arguments)
    assert (said.code, said.out) == (USAGE, "")
    assert says in said.error


@pytest.mark.parametrize("arguments", [("nothing",), ("--nothing",), ("workers", "--nothing")])
def test_what_is_no_command_or_option_leads_to_the_help(run: Run, arguments: tuple[str, ...]) -> None:
    said = run(*arguments)
    assert said.code == USAGE
    assert re.search(r"Try 'lazycelery .*--help' for help.", said.error)


# --- the terminal -----------------------------------------------------------------------------------------------------


def test_without_a_terminal_the_screen_says_what_to_use_instead(run: Run) -> None:
    said = run("--broker", "redis://127.0.0.1:1/0")
    assert_told(said, USAGE, "The screen needs a terminal, and this is none.", "lazycelery workers", "--json")


def test_a_mistake_is_told_before_the_terminal_is_taken_over(home: Path) -> None:
    (home / "c.toml").write_text("[ui]\ntheme = 'drak'\n")
    for arguments in (["--config", str(home / "c.toml")], ["--broker", f"redis://:{SECRET}@h:port/0"]):
        with Terminal([*LAZYCELERY, *arguments]) as terminal:
            assert terminal.wait() == USAGE
            assert "lazycelery: " in terminal.text()
            assert b"\x1b[?1049h" not in terminal.written
            assert SECRET.encode() not in terminal.written


def test_a_terminal_that_is_too_small_is_told_the_size_it_needs(home: Path) -> None:
    with Terminal([*LAZYCELERY, "--broker", "redis://127.0.0.1:1/0"], 40, 10) as terminal:
        terminal.wait_for("Needs 60x16, have 40x10.")
        terminal.type("q")
        assert terminal.wait() == 0


def test_the_screen_says_what_is_wrong_with_the_broker_and_never_shows_the_password(
    home: Path, guarded: Server
) -> None:
    port = free_port()
    for url, says in (
        (guarded.tcp_url(password=SECRET), "Login refused for user default at 127.0.0.1"),
        (f"redis://:{SECRET}@127.0.0.1:{port}/0", f"Nobody listens at 127.0.0.1:{port}"),
    ):
        with Terminal([*LAZYCELERY], environment={"LAZYCELERY_BROKER_URL": url}) as terminal:
            terminal.wait_for(says)
            terminal.type("q")
            assert terminal.wait() == 0
            assert SECRET.encode() not in terminal.written
