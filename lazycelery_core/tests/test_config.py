"""Is the configuration file read right, and every mistake in it told with its line?"""

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
redact, trust, plugins.
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
