import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazycelery_core.redact import MASK, Redactor, TaskRule, is_secret_key

CASES = [json.loads(line) for line in (Path(__file__).parent / "data" / "secrets.jsonl").read_text().splitlines()]
REDACTOR = Redactor()


def built(case: dict[str, Any]) -> str:
    if "text" in case:
        return str(case["text"])
    part, times = case["recipe"]["repeat"]
    return str(part * times)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_secrets_are_hidden_and_the_rest_stays(case: dict[str, Any]) -> None:
    shown = REDACTOR.text(built(case))
    assert not [secret for secret in case["hide"] if secret in shown]
    assert not [part for part in case["keep"] if part not in shown]
    assert REDACTOR.args(built(case)) == REDACTOR.kwargs(built(case)) == shown


@pytest.mark.parametrize(
    "text, shown",
    [
        ("{'password': 'it\\'s', 'n': 1}", f"{{'password': '{MASK}', 'n': 1}}"),
        ("{'password': 'cut in the mid", f"{{'password': '{MASK}"),
        ("{'pin': 1234, 'cvv': None}", f"{{'pin': {MASK}, 'cvv': None}}"),
        ('{"json": "{\\"token\\": \\"pw\\", \\"n\\": 1}"}', f'{{"json": "{{\\"token\\": \\"{MASK}\\", \\"n\\": 1}}"}}'),
        ("[('password', 'pw'), ('n', 1)]", f"[('password', '{MASK}'), ('n', 1)]"),
        ("('token', 'expired', 5)", "('token', 'expired', 5)"),
        ("['mysql', '--password', 'pw', '--user', 'bob']", f"['mysql', '--password', '{MASK}', '--user', 'bob']"),
        ("mysql --password=pw -u bob", f"mysql --password={MASK} -u bob"),
        ("PGPASSWORD=pw AWS_SECRET_ACCESS_KEY=sk psql", f"PGPASSWORD={MASK} AWS_SECRET_ACCESS_KEY={MASK} psql"),
        ("request.headers['X-Api-Key'] = 'pw'", f"request.headers['X-Api-Key'] = '{MASK}'"),
        ("<password>pw</password>", f"<password>{MASK}</password>"),
        ("Invalid password 'pw' for bob", f"Invalid password '{MASK}' for bob"),
        ("Set-Cookie: a=1; b=2\nServer: x", f"Set-Cookie: {MASK}\nServer: x"),
        ("HTTP_COOKIE=a=1; b=2\nPATH=/bin", f"HTTP_COOKIE={MASK}\nPATH=/bin"),
        ("?X-Amz-Signature=ab12&sig=cd34&x=1", f"?X-Amz-Signature={MASK}&sig={MASK}&x=1"),
        ("AccountName=me;AccountKey=a+b/c==;Pwd=x;", f"AccountName=me;AccountKey={MASK};Pwd={MASK};"),
        ("basic dXNlcjpwYXNz and basic arithmetic", f"basic {MASK} and basic arithmetic"),
        ("redis://u:a@h1/0;redis://u:b@h2/0", f"redis://u:{MASK}@h1/0;redis://u:{MASK}@h2/0"),
        ("redis://u:p/w@h.example/0", f"redis://u:{MASK}@h.example/0"),
        ("https://h.example:8080/@name?to=a@b.example", "https://h.example:8080/@name?to=a@b.example"),
        ("ssh://git@h.example/x", "ssh://git@h.example/x"),
        (f"https://{'0a' * 20}@h.example/x", f"https://{MASK}@h.example/x"),
        ("b'-----BEGIN PRIVATE KEY-----\\nMII", f"b'{MASK}"),
        ("card 3782 822463 10005 ok", f"card {MASK} ok"),
    ],
)
def test_secrets_are_found_in_every_wrapping(text: str, shown: str) -> None:
    assert REDACTOR.text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "    password = get_password(user)",
        "    token = request.headers['X']",
        "    return connect(user=user, password=self.password)",
        "    connect(password=password)",
        "def login(user: str, password: str = None, token: Optional[str] = None) -> None:",
        "{'max_tokens': 100, 'tokens': 512, 'token_type': 'bearer', 'password_required': True}",
        "{'token_count': 5, 'private_key_path': '/etc/key.pem', 'key': 'cache:1', 'keys': [1]}",
        "0.4111111111111111 4111-1111-4111-8111-111111111111",
        "KeyError: 'token'",
        "https://h.example/a?b=c",
    ],
)
def test_code_and_harmless_names_stay_readable(text: str) -> None:
    assert REDACTOR.text(text) == text


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "DB_PASSWORD",
        "dbPassword",
        "password2",
        "passwd",
        "pwd",
        "apiKey",
        "X-Auth-Token",
        "accesstoken",
        "client_secret",
        "clientSecret",
        "AWS_SECRET_ACCESS_KEY",
        "private_key",
        "session_id",
        "authorization",
        "cvv",
    ],
)
def test_names_of_secrets_are_known_in_every_spelling(key: str) -> None:
    assert is_secret_key(key)


@pytest.mark.parametrize(
    "key", ["passengers", "author", "tokenizer", "monkey", "pinned", "compass", "secretary", "key"]
)
def test_key_words_inside_other_words_mean_nothing(key: str) -> None:
    assert not is_secret_key(key)


def test_parsed_values_lose_their_secrets_at_any_depth() -> None:
    value = {"a": [{"password": "pw", "n": 1}, "Bearer abcdefghijkl"], "secrets": {"x": "s"}, "token": None, "ok": True}
    assert REDACTOR.value(value) == {
        "a": [{"password": MASK, "n": 1}, f"Bearer {MASK}"],
        "secrets": MASK,
        "token": None,
        "ok": True,
    }
    assert REDACTOR.value([["password", "pw"], 4111111111111111, 12]) == [["password", MASK], MASK, 12]
    assert REDACTOR.value({"tokens": 512, "ghp_" + "A" * 36: 1}) == {"tokens": 512, MASK: 1}


def test_a_value_nested_without_end_is_cut() -> None:
    value: Any = "pw"
    for _ in range(500):
        value = [value]
    assert "pw" not in repr(REDACTOR.value(value))


def test_task_rules_hide_positions_names_and_results() -> None:
    rules = {"auth.*": TaskRule(args=(1,), kwargs=("memo",), result=True)}
    redactor = Redactor(task_rules=rules)
    assert redactor.args("('bob', ('hun', 'ter'), 3)", "auth.login") == f"('bob', {MASK}, 3)"
    assert redactor.args("('bob', 'cut off", "auth.login") == f"('bob', {MASK}"
    assert redactor.args("not a tuple", "auth.login") == MASK
    assert redactor.args("('bob', 'x')", "other.task") == "('bob', 'x')"
    assert redactor.kwargs("{'memo': 'x', 'n': 1}", "auth.login") == f"{{'memo': '{MASK}', 'n': 1}}"
    assert redactor.result("{'session': 1}", "auth.login") == MASK
    assert redactor.result("{'session': 1}", "other.task") == "{'session': 1}"


def test_the_settings_add_patterns_and_names() -> None:
    redactor = Redactor(patterns=[r"ACME-\d+"], keys=["iban"])
    assert redactor.text("ACME-123 IBAN: DE00 iban='x'") == f"{MASK} IBAN: {MASK} iban='{MASK}'"
    assert redactor.value({"iban": "DE00"}) == {"iban": MASK}


def test_the_rule_that_hid_a_part_is_told() -> None:
    rules = [part.rule for part in REDACTOR.hidden("password='x' AKIAIOSFODNN7EXAMPLE")]
    assert rules == ["name password", "AWS key"]


@given(
    st.recursive(
        st.just("hunter2-secret"),
        lambda inner: (
            st.lists(inner, min_size=1, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, min_size=1)
        ),
        max_leaves=6,
    )
)
def test_nothing_under_a_secret_name_survives(value: Any) -> None:
    nested = {"n": 1, "wrap": [{"password": value, "m": 2}]}
    for text in (repr(nested), json.dumps(nested), json.dumps(json.dumps(nested)), repr(json.dumps(nested))):
        assert "hunter2" not in REDACTOR.text(text)
    assert "hunter2" not in repr(REDACTOR.value(nested))


@given(st.text() | st.text("password=:'\"\\,()[]{} \n-@/eyJ.411"))
def test_any_text_is_redacted_once_and_for_all(text: str) -> None:
    parts = REDACTOR.hidden(text)
    assert all(0 <= part.start < part.end <= len(text) for part in parts)
    assert all(one.end <= two.start for one, two in pairwise(parts))


@pytest.mark.parametrize(
    "part",
    [
        "://a:",
        "1 ",
        "eyJ",
        "token=",
        "('token', ",
        "password='",
        "token=(",
        "4111 ",
        "--token ",
        "a:",
        "glpat-",
        "\\",
        "://?a=b@",
        "-----BEGIN PRIVATE KEY-----",
        "('a',",
        'token=\\"',
        "bearer ",
        "eyJ.",
    ],
)
@pytest.mark.timeout(20)  # linear rules need a third of a second here, quadratic ones minutes
def test_long_text_is_read_about_once(part: str) -> None:
    REDACTOR.text((part * 1_000_000)[:1_000_000])
