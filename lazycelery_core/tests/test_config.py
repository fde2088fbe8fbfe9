import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazycelery_core import config
from lazycelery_core.config import Environment, Settings, config_example, load, loads
from lazycelery_core.config.checking import is_section, section_type, settings_of
from lazycelery_core.config.printing import toml
from lazycelery_core.config.schema import ConnectionSettings, File, RedactSettings, TLSSettings, UISettings
from lazycelery_core.errors import ConfigError, PluginError

THEMES = ("dark", "light", "safe-teal-red")
ONE = "[connections.prod]\nurl = 'redis://h.example/3'\n"


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loads(text, themes=THEMES)
    assert caught.value.exit_code == 2
    return list(caught.value.problems)


def settings(text: str = "", **variables: str) -> Settings:
    return loads(text, Environment(variables), THEMES)


def written(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "file"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


# --- the file ---------------------------------------------------------------------------------------------------------


def test_without_a_file_everything_has_a_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    made = load(Environment(), themes=THEMES)
    assert made.ui == UISettings()
    assert made.path is None
    assert made.keybindings == made.switched_off == {}


def test_the_usual_place_is_the_users_config_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "lazycelery").mkdir()
    (tmp_path / "lazycelery" / "config.toml").write_text("[ui]\ntheme = 'light'")
    assert load(Environment(), themes=THEMES).ui.theme == "light"


def test_the_environment_and_the_command_line_can_name_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, "[ui]\nframes = 4")
    assert load(Environment({"LAZYCELERY_CONFIG": str(path)})).ui.frames == 4
    assert load(Environment({"LAZYCELERY_CONFIG": "/nowhere"}), path).ui.frames == 4


@pytest.mark.parametrize(
    "content, says",
    [
        ("[ui\ntheme = 1", "line 1: "),
        ("a = 1\nb = = 2", "line 2: "),
        ("a = 'open", "line 1: "),
        ("a = 1\na = 2", "line 2: "),
        ("a = [1,\n2", "line 2: "),
        (b"a = 1\nb = '\xff'", "line 2: not UTF-8."),
        ("a = " + "[" * 5_000, "nested too deeply"),
        ("#" * 1_000_001, "too long"),
    ],
)
def test_a_broken_file_is_one_sentence_with_the_line(tmp_path: Path, content: str | bytes, says: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        load(Environment(), path)
    assert says in caught.value.message
    assert str(path) in caught.value.message
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no configuration file .*nowhere.toml"):
        load(Environment(), tmp_path / "nowhere.toml")
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        load(Environment(), tmp_path)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read: Permission denied"):
        load(Environment(), written(tmp_path, "", mode=0))


def test_all_mistakes_are_told_each_with_its_line() -> None:
    text = """
theme = "light"
[ui]
theme = "drak"
glyphs = "asci"
frames = 99
tyme = "utc"
[connections.prod]
url = "redi://h"
passive = "yes"
priority_steps = [0, "x"]
tls.verifi = true
[connections.two]
passive = 2000-01-01
[conections.x]
[redact]
patterns = ["("]
[redact.tasks."auth.login"]
args = ["1"]
[plugins.tasks]
enabled = "no"
"""
    assert (
        "\n".join(problems(text))
        == """\
line 2: theme is no setting; it belongs into [ui].
line 4: ui.theme: there is no theme "drak"; did you mean dark? Themes: dark, light, safe-teal-red.
line 5: ui.glyphs must be one of ascii, nerd, unicode, not "asci". Did you mean ascii?
line 6: ui.frames must be a whole number from 1 to 30, not 99.
line 7: ui.tyme is no setting; did you mean time? Known here: theme, glyphs, ambiguous_wide, time, space, frames.
line 9: connections.prod.url: Unknown kind of broker URL: redi://. Did you mean redis://? Known are redis, rediss, \
sentinel, redis+socket, amqp, amqps, pyamqp, sqs, memory, filesystem, mongodb, kafka, gcpubsub.
line 10: connections.prod.passive must be true or false, not text.
line 11: connections.prod.priority_steps must be a list, each a whole number from 0 to 255; item 2 is not.
line 12: connections.prod.tls.verifi is no setting; did you mean verify? Known here: ca, cert, key, verify, \
check_hostname.
line 13: connections.two.url is missing.
line 14: connections.two.passive must be true or false, not a date or time.
line 15: conections is no setting; did you mean connections? Known here: connection, connections, ui, keybindings, \
redact, plugins.
line 17: redact.patterns: '(' is no regular expression: missing ), unterminated subpattern.
line 19: redact.tasks."auth.login".args must be a list, each a whole number; item 1 is not.
line 21: plugins.tasks.enabled must be true or false."""
    )


@pytest.mark.parametrize(
    "text, says",
    [
        ("ui = 3", "ui must be a table, not 3."),
        ("connections = []", "connections must be a table, each value a table, not a list."),
        ("[connections]\nprod = 'redis://h'", "connections.prod must be a table, not text."),
        ("keybindings.a = 5", "keybindings.a must be text or a list, each text, not 5."),
        (
            "[connections.'a b']\nurl = 'redis://h'",
            "The name of a connection has letters, digits, - and _, at most 40.",
        ),
        ("connection = 'prod'", "connection: there is no [connections.prod]."),
        ("[connections.a]\nurl = 'redis://h'\nsep = ''", "connections.a.sep must be text that is not empty, not text."),
        ("[connections.a]\nurl = 'redis://h'\nfanout_prefix = 3", "must be true or false or text, not 3."),
    ],
)
def test_a_wrong_type_is_told_in_plain_words(text: str, says: str) -> None:
    assert any(says in problem for problem in problems(text)), problems(text)


@pytest.mark.parametrize("key", ["url", "result_backend"])
@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@h",
        "redis://u:hunter2@a;redis://u:hunter2@b",
        "redis://h?password=hunter2",
        "db+pg://u:hunter2@h",
    ],
)
def test_a_password_in_the_file_is_refused_with_the_way_out(key: str, url: str) -> None:
    text = f"[connections.prod-eu]\n{key} = '{url}'\n" + ("url = 'redis://h'" if key != "url" else "")
    (problem,) = [problem for problem in problems(text) if "contains a password" in problem]
    assert problem.startswith("line 2: ")
    assert f"LAZYCELERY_{'BROKER' if key == 'url' else 'RESULT'}_PROD_EU_PASSWORD" in problem
    assert "hunter2" not in "".join(problems(text))


def test_a_user_name_in_the_file_is_no_secret() -> None:
    assert settings("[connections.prod]\nurl = 'rediss://monitor@h/0'").connect().url.user == "monitor"


def test_names_that_nothing_has_are_told_once_the_plugins_are_there() -> None:
    made = settings("[keybindings]\n'app.quti' = 'x'\n'app.help' = ['f1', '?']\n[plugins.taks]\nenabled = false\n")
    assert made.keybindings == {"app.quti": "x", "app.help": "f1,question_mark"}
    assert made.switched_off == {"taks": "enabled = false, line 5"}
    assert made.check_names(commands=["app.quit", "app.help"], plugins=["tasks"]) == [
        "line 2: [keybindings] has app.quti, which nothing here is called; did you mean app.quit?",
        "line 4: [plugins] has taks, which nothing here is called; did you mean tasks?",
    ]


def test_lines_are_found_in_every_way_of_writing() -> None:
    text = "connections.a = {url = 'redis://h', bad = 1}\n[ 'ui' ]\n# theme = 1\n"
    text += "text = '''\nframes = 1\n'''\n\"frames\" = 'x'\n"
    assert [problem.split(":")[0] for problem in problems(text)] == ["line 1", "line 4", "line 5"]


# --- connections ------------------------------------------------------------------------------------------------------


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


# --- plugins ----------------------------------------------------------------------------------------------------------


class Mood(Enum):
    CALM = "calm"
    LOUD = "loud"


@dataclass(frozen=True)
class Inner:
    size: int = 3


@dataclass(frozen=True)
class AsDataclass:
    limit: Annotated[int, msgspec.Meta(ge=1, description="rows at most")] = 10
    mood: Mood = Mood.CALM
    ratio: float = 0.5
    where: Path = Path("x")
    inner: Inner = field(default_factory=Inner)
    words: dict[str, str] | None = None

    def __post_init__(self) -> None:
        if self.limit == 13:
            raise ValueError("13 brings bad luck")


class AsStruct(msgspec.Struct, rename="kebab"):
    page_size: int
    mode: Literal["a", "b"] = "a"


def test_a_plugins_section_becomes_an_object_of_its_type() -> None:
    made = settings("""
[plugins.x]
enabled = true
limit = 5
mood = "loud"
ratio = 1
where = "~/y"
inner.size = 7
words = {a = "b"}
[plugins.y]
page-size = 4
""")
    expected = AsDataclass(5, Mood.LOUD, 1.0, Path("~/y").expanduser(), Inner(7), {"a": "b"})
    assert made.plugin_settings("x", AsDataclass) == expected
    assert made.plugin_settings("absent", AsDataclass) == AsDataclass()
    assert made.plugin_settings("y", AsStruct) == AsStruct(page_size=4)


@pytest.mark.parametrize(
    "text, says",
    [
        (
            "limt = 5\nmood = 'load'",
            "line 2: plugins.x.limt is no setting; did you mean limit? Known here: limit, mood",
        ),
        ("limt = 5\nmood = 'load'", 'line 3: plugins.x.mood must be one of calm, loud, not "load". Did you mean loud?'),
        ("limit = 0", "line 2: plugins.x.limit must be a whole number of at least 1, not 0."),
        ("limit = 13", "line 1: plugins.x: 13 brings bad luck"),
        ("inner.size = 'big'", "line 2: plugins.x.inner.size must be a whole number, not text."),
        ("inner = 5", "line 2: plugins.x.inner must be a table, not 5."),
        ("words = {a = 5}", "plugins.x.words must be a table, each value text, not a table."),
    ],
)
def test_mistakes_in_a_plugins_section_are_all_told(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        settings(f"[plugins.x]\n{text}").plugin_settings("x", AsDataclass)


def test_a_plugin_with_a_wrong_kind_of_settings_is_told() -> None:
    with pytest.raises(PluginError, match=r"dataclass or a msgspec.Struct"):
        settings().plugin_settings("x", dict)
    with pytest.raises(ConfigError, match=r"plugins\.y\.page-size is missing"):
        settings().plugin_settings("y", AsStruct)


# --- printing ---------------------------------------------------------------------------------------------------------


def all_settings(kind: type) -> list[str]:
    nested = [section_type(each.kind) for each in settings_of(kind)]
    return [each.name for each in settings_of(kind)] + [
        name for one in nested if is_section(one) for name in all_settings(one)
    ]


def test_the_example_has_every_setting_and_is_valid() -> None:
    example = config_example({"x": AsDataclass})
    live = re.sub(r"(?m)^# ", "", re.sub(r"(?m)^##.*", "", example))
    made = loads(live, themes=THEMES)
    assert set(made.file.connections) == {"prod"}
    assert made.ui == UISettings()
    made.plugin_settings("x", AsDataclass)
    for kind in (File, ConnectionSettings, TLSSettings, UISettings, RedactSettings, AsDataclass):
        for name in all_settings(kind):
            assert re.search(rf"(?m)^# (\[.*\b{name}\b.*\]|{name} =)", example), name


def test_an_example_taken_as_it_is_changes_nothing() -> None:
    assert loads(config_example(), themes=THEMES).file == File()


def test_every_setting_says_what_it_is_for() -> None:
    for kind in (ConnectionSettings, TLSSettings, UISettings, RedactSettings):
        assert kind.__doc__
        for each in settings_of(kind):
            assert is_section(section_type(each.kind)) or each.kind.__metadata__[0].description, each.name


def test_what_is_shown_can_be_used_again() -> None:
    text = (
        ONE + "tls.verify = false\nsep = '\\u0001\"'\n[keybindings]\n'a.b' = 'x'\n[redact.tasks.'auth.*']\nargs = [1]\n"
    )
    text += "[plugins.x]\nlimit = 5\n"
    made = settings(text)
    assert loads(made.show(), themes=THEMES).file == made.file


def test_the_example_says_what_a_plugins_type_says_of_itself() -> None:
    @dataclass
    class Told:
        """far: how far to look."""

        far: int = 1

    @dataclass
    class Silent:
        far: int = 1

    assert "## far: how far to look.\n# [plugins.x]" in config_example({"x": Told})
    assert "Silent(" not in config_example({"x": Silent})


def test_redaction_follows_the_settings() -> None:
    redactor = settings("[redact]\npatterns = ['ACME-[0-9]+']\nkeys = ['iban']\ntasks.'auth.*'.args = [0]").redactor()
    assert redactor.text("ACME-12 iban=DE0") == "•••••• iban=••••••"
    assert redactor.args("('x', 'y')", "auth.login") == "(••••••, 'y')"


def test_the_public_names_are_there() -> None:
    assert all(hasattr(config, name) for name in config.__all__)


values: Any = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab. é", max_size=5), inner, max_size=2),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(["connections", "ui", "keybindings", "redact", "plugins", "connection", "x"]),
        values | st.dictionaries(st.sampled_from(["prod", "theme", "tasks", "patterns", "url"]), values),
        max_size=3,
    )
)
def test_any_document_is_accepted_or_refused_in_our_words(document: dict[str, Any]) -> None:
    with suppress(ConfigError):
        assert loads("\n".join(f"{name} = {toml(value)}" for name, value in document.items())).show()


@given(st.text() | st.text("[]=.'\"\n#ab1 ,{}", max_size=60))
def test_any_text_is_read_or_refused_in_our_words(text: str) -> None:
    with suppress(ConfigError):
        assert loads(text).show()
