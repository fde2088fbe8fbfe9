import pytest

from lazycelery_core import errors


@pytest.mark.parametrize(
    "error, code",
    [
        (errors.LazyCeleryError("nothing matched"), 1),
        (errors.ActionError("no worker answered"), 1),
        (errors.ConfigError("unknown key"), 2),
        (errors.PluginError("no such plugin"), 2),
        (errors.FilterError("no such field"), 2),
        (errors.SourceError("connection refused"), 3),
        (errors.AccessRefused("+psubscribe is refused"), 3),
    ],
)
def test_each_error_says_how_the_command_ends(error: errors.LazyCeleryError, code: int) -> None:
    assert error.exit_code == code
    assert isinstance(error, errors.LazyCeleryError)


def test_the_hint_follows_the_message() -> None:
    assert str(errors.SourceError("Port 1 is closed.", "Is Redis running?")) == "Port 1 is closed. Is Redis running?"
    assert str(errors.SourceError("Port 1 is closed.")) == "Port 1 is closed."


def test_a_refused_right_is_named_and_is_not_tried_again() -> None:
    refused = errors.AccessRefused("Redis refuses PSUBSCRIBE.", right="+psubscribe")
    assert refused.right == "+psubscribe"
    assert not isinstance(refused, errors.SourceError)


def test_a_filter_error_knows_the_wrong_part() -> None:
    assert errors.FilterError("no such state", span=(6, 11)).span == (6, 11)


def test_a_plugin_error_names_the_plugin() -> None:
    assert errors.PluginError("can't be loaded", plugin="redis").plugin == "redis"


def test_every_problem_of_the_settings_has_its_line() -> None:
    error = errors.ConfigError("2 problems in a.toml:", problems=["line 1: unknown key", "line 2: not a number"])
    assert str(error).splitlines() == ["2 problems in a.toml:", "  line 1: unknown key", "  line 2: not a number"]
