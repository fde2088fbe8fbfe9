"""Which connection is opened, with which options and which password, and what is told when that fails?"""

import os
from pathlib import Path

import pytest

from lazycelery_core.config import Environment, Settings, load, loads
from lazycelery_core.errors import ConfigError

THEMES = ("dark", "light", "safe-teal-red")
ONE = "[connections.prod]\nurl = 'redis://h.example/3'\n"


def settings(text: str = "", **variables: str) -> Settings:
    return loads(text, Environment(variables), THEMES)


def written(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "file"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def test_the_order_is_command_line_settings_environment_only_connection() -> None:
    two = ONE + "[connections.test]\nurl = 'redis://test.example'\n"
    env = {"LAZYCELERY_BROKER_URL": "redis://env.example/7"}
    assert settings("connection = 'prod'\n" + two, **env).connect("redis://cli.example", "").url.host == "cli.example"
    assert settings("connection = 'prod'\n" + two, **env).connect("", "test").name == "test"
    assert settings("connection = 'prod'\n" + two, **env).connect().name == "prod"
    assert settings(two, **env).connect().url.database == 7
    assert settings(ONE).connect().name == "prod"
    with pytest.raises(ConfigError, match="--connection prod or test"):
        settings(two).connect()
    with pytest.raises(ConfigError, match=r"--broker redis://.*LAZYCELERY_BROKER_URL.*lazycelery demo"):
        settings().connect()


def test_a_broker_and_a_connection_together_are_that_connection_elsewhere() -> None:
    made = settings(ONE + "global_keyprefix = 'app:'").connect("redis://other.example", "prod")
    assert (made.name, made.url.host, made.global_keyprefix) == ("prod", "other.example", "app:")


def test_an_unknown_connection_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"There is no connection prd; did you mean prod\? Known: prod\."):
        settings(ONE).connect(connection="prd")


def test_a_wrong_url_is_told_with_where_it_came_from() -> None:
    with pytest.raises(ConfigError, match=r"^LAZYCELERY_BROKER_URL: Unknown kind") as caught:
        settings(LAZYCELERY_BROKER_URL="redi://:hunter2@h").connect()
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"^--broker: "):
        settings().connect("h:6379")


def test_a_connection_without_a_name_is_called_after_its_host() -> None:
    assert settings().connect("redis://h.example/0").name == "h.example"
    assert settings().connect("redis+socket:///run/redis.sock").name == "redis.sock"


def test_a_password_on_the_command_line_is_warned_about() -> None:
    assert "LAZYCELERY_BROKER_URL" in settings().connect("redis://:hunter2@h").notes[0]
    assert settings().connect("redis://h").notes == ()
    assert settings(LAZYCELERY_BROKER_URL="redis://:hunter2@h").connect().notes == ()


def test_every_setting_of_a_connection_arrives() -> None:
    made = settings("""
[connections.prod]
url = "sentinel://a:26379;sentinel://b"
result_backend = "redis://results.example/1"
global_keyprefix = "app:"
result_keyprefix = "res:"
event_exchange = "ev"
control_exchange = "ctl"
fanout_prefix = "/custom."
fanout_patterns = false
priority_steps = [5, 0, 5]
sep = ":"
unacked_key = "held"
master_name = "mymaster"
queues = ["celery"]
passive = true
allow = ["events"]
production = true
[connections.prod.tls]
verify = false
check_hostname = false
""").connect()
    assert made.results is not None
    assert made.results.host == "results.example"
    assert (made.global_keyprefix, made.result_keyprefix, made.fanout_prefix) == ("app:", "res:", "/custom.")
    assert (made.event_exchange, made.control_exchange, made.fanout_patterns) == ("ev", "ctl", False)
    assert (made.priority_steps, made.sep, made.unacked_key, made.master_name) == ((0, 5), ":", "held", "mymaster")
    assert (made.queues, made.passive, made.allow, made.production) == (("celery",), True, ("events",), True)
    assert all(url.options["ssl_cert_reqs"] == "none" for url in made.url.all)
    assert made.url.options["ssl_check_hostname"] == "false"
    assert made.unverified


def test_the_fanout_prefix_can_be_kombus_or_none() -> None:
    assert settings(ONE).connect().fanout_prefix == "/{db}."
    assert settings(ONE + "fanout_prefix = false").connect().fanout_prefix is None


def test_sentinels_need_the_name_of_their_master() -> None:
    with pytest.raises(ConfigError, match="master"):
        settings().connect("sentinel://a;sentinel://b")
    assert settings().connect("sentinel://a?master_name=m").master_name == "m"


def test_certificates_become_options_of_the_url(tmp_path: Path) -> None:
    ca, key = written(tmp_path, "x"), tmp_path / "key.pem"
    key.write_text("x")
    text = f"[connections.prod]\nurl = 'rediss://h'\ntls = {{ca = '{ca}', cert = '{ca}', key = '{key}'}}"
    made = settings(text).connect()
    assert made.url.options == {
        "ssl_ca_certs": str(ca),
        "ssl_certfile": str(ca),
        "ssl_keyfile": str(key),
        "ssl_cert_reqs": "required",
    }
    assert not made.unverified
    assert settings().connect("rediss://h?ssl_cert_reqs=CERT_NONE").unverified


def test_a_missing_ca_is_told_before_anything_connects() -> None:
    with pytest.raises(ConfigError, match=r"The CA file /nowhere/ca\.pem does not exist"):
        settings().connect("rediss://h/0?ssl_ca_certs=/nowhere/ca.pem")
    with pytest.raises(ConfigError, match="not encrypted"):
        settings(ONE + "tls.ca = '/nowhere/ca.pem'").connect()


def test_a_result_backend_that_is_not_redis_is_only_named() -> None:
    made = settings(ONE + "result_backend = 'db+postgresql://results.example/x'").connect()
    assert made.results is not None
    assert (made.results.scheme, made.results.shown) == ("db+postgresql", "db+postgresql://results.example/x")
    assert settings(ONE + "result_backend = 'django-db'").connect().results is not None


# --- passwords --------------------------------------------------------------------------------------------------------


def test_a_program_can_give_the_password_and_gets_none_of_ours() -> None:
    script = "echo hunter2-$LAZYCELERY_BROKER_PROD_PASSWORD$GREETING; echo more"
    text = f"[connections.prod]\nurl = 'redis://h'\npassword_command = ['sh', '-c', '{script}']"
    made = settings(text, LAZYCELERY_BROKER_PROD_PASSWORD="no", GREETING="hi", PATH=os.environ["PATH"]).connect()
    assert made.url.password == "hunter2-hi"
    assert "hunter2" not in f"{made} {made.shown} {made.url!r}"


@pytest.mark.parametrize(
    "command, says",
    [
        (["sh", "-c", "echo hunter2; exit 3"], "ended with code 3"),
        (["sh", "-c", "echo hunter2 >&2"], "printed no password"),
        (["/nowhere/pass"], "can't be started: No such file"),
    ],
)
def test_a_failing_program_is_told_without_what_it_printed(
    command: list[str], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    text = f"[connections.prod]\nurl = 'redis://h'\npassword_command = {command}"
    with pytest.raises(ConfigError, match=says) as caught:
        settings(text, PATH=os.environ["PATH"]).connect()
    assert "connection prod" in str(caught.value)
    assert "hunter2" not in str(caught.value) + "".join(capfd.readouterr())


@pytest.mark.timeout(60)
def test_a_program_that_hangs_is_ended_with_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lazycelery_core.config.connection.COMMAND_PATIENCE", 0.2)
    text = "[connections.prod]\nurl = 'redis://h'\npassword_command = ['sh', '-c', 'sleep 600 & sleep 600']"
    with pytest.raises(ConfigError, match="gave no answer"):
        settings(text, PATH=os.environ["PATH"]).connect()


def test_the_environment_can_hold_the_password() -> None:
    text = "[connections.prod-eu]\nurl = 'redis://h'\nresult_backend = 'redis://r'"
    made = settings(text, LAZYCELERY_BROKER_PROD_EU_PASSWORD="one", LAZYCELERY_RESULT_PROD_EU_PASSWORD="two").connect()
    assert made.results is not None
    assert (made.url.password, made.results.password) == ("one", "two")


def test_results_on_the_same_server_have_the_same_password() -> None:
    text = "[connections.prod]\nurl = 'redis://ops@h/0'\nresult_backend = 'redis://h/1'"
    made = settings(text, LAZYCELERY_BROKER_PROD_PASSWORD="one").connect()
    assert made.results is not None
    assert (made.results.user, made.results.password) == ("ops", "one")
    other = settings(text.replace("redis://h/1", "redis://r/1"), LAZYCELERY_BROKER_PROD_PASSWORD="one").connect()
    assert other.results is not None
    assert other.results.password == ""


def test_a_file_can_hold_the_password_if_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = written(tmp_path, "hunter2\n", mode=0o600)
    made = settings(ONE + f"password_file = '{path}'")
    assert made.connect().url.password == "hunter2"
    path.chmod(0o640)
    with pytest.raises(ConfigError, match=r"has to be yours alone. chmod 600"):
        made.connect()
    path.unlink()
    with pytest.raises(ConfigError, match="can't be read: No such file"):
        made.connect()


def test_a_relative_password_file_is_beside_the_configuration(tmp_path: Path) -> None:
    written(tmp_path, "hunter2")
    path = tmp_path / "config.toml"
    path.write_text(ONE + "password_file = 'file'")
    assert load(Environment(), path).connect().url.password == "hunter2"


def test_nothing_printed_about_settings_shows_a_password() -> None:
    env = {"LAZYCELERY_BROKER_URL": "redis://:hunter2@h/0", "LAZYCELERY_BROKER_PROD_PASSWORD": "hunter2"}
    made = settings("[plugins.x]\ntoken = 'hunter2'\n" + ONE + "password_command = ['echo', 'hunter2']", **env)
    assert "hunter2" not in made.show() + repr(made) + repr(made.connect("redis://:hunter2@h"))
    assert "# LAZYCELERY_BROKER_URL = redis://:***@h/0" in made.show()


def test_the_environment_is_read_once_and_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TMUX", "/tmp/tmux-1/default,1,0")
    environment = Environment.read()
    assert environment.no_color
    assert environment.in_tmux
    assert not Environment({"NO_COLOR": ""}).no_color
    assert environment.state_path.name == "lazycelery"
