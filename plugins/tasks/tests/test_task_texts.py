"""Are tracebacks, values and exceptions of any kind laid out as they read best, and never worse than they were told?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazycelery_core.spans import plain
from lazycelery_core.tones import Tone
from lazycelery_plugin_tasks.code import COLOURED, LINES, coloured, pretty
from lazycelery_plugin_tasks.names import last_part, plain_exception
from lazycelery_plugin_tasks.traceback import is_library, traceback_lines

GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "/srv/app.py", line 3, in run
  |     raise ExceptionGroup("several", errors)
  | ExceptionGroup: several (1 sub-exception)
  +-+---------------- 1 ----------------
    | ValueError: no
    +------------------------------------
"""
HEAD = "Traceback (most recent call last):"


def lines(text: str) -> list[str]:
    return [plain(each.spans) for each in traceback_lines(text)]


@pytest.mark.parametrize(
    "path,library",
    [
        ("/srv/app/orders/tasks.py", False),
        ("orders/tasks.py", False),
        ("<string>", False),
        ("/home/me/library/tasks.py", False),
        ("/usr/lib/python3.11/json/decoder.py", True),
        ("/venv/lib64/python3.12/site-packages/requests/api.py", True),
        ("C:\\Python312\\Lib\\json\\decoder.py", True),
        ("<frozen importlib._bootstrap>", True),
        ("/src/celery/celery/app/trace.py", True),
    ],
)
def test_frames_of_libraries_are_told_apart(path: str, library: bool) -> None:
    assert is_library(path) is library


def test_a_frame_is_one_line_and_its_source_follows_with_its_number() -> None:
    text = f'{HEAD}\n  File "/srv/a.py", line 12, in go\n    x = f(1)\n        ^^^^\nValueError: no'
    assert lines(text) == ["▾ /srv/a.py:12  in go", "    12 │ x = f(1)", "       │     ^^^^", "ValueError: no"]
    assert [each.library for each in traceback_lines(text)] == [False] * 4
    source = traceback_lines(text)[1].spans
    assert [span.tone for span in source if span.text == "1"] == [Tone.CODE_NUMBER]


def test_source_without_its_file_and_messages_of_several_lines_stay() -> None:
    text = (
        'Traceback (most recent call last):\n  File "<string>", line 1, in <module>\nValueError: first\nsecond\n\nthird'
    )
    assert lines(text) == ["▾ <string>:1  in <module>", "ValueError: first", "second", "third"]


def test_folded_recursion_is_told() -> None:
    text = '  File "/a.py", line 1, in f\n    f()\n  [Previous line repeated 993 more times]\nRecursionError: deep'
    assert lines(text)[2:] == ["  [Previous line repeated 993 more times]", "RecursionError: deep"]


def test_what_does_not_look_like_a_traceback_stays_as_it_is() -> None:
    assert lines("Worker exited prematurely: signal 9") == ["Worker exited prematurely: signal 9"]
    assert lines("") == []
    assert lines(GROUP)[-2:] == ["    | ValueError: no", "    +------------------------------------"]


@given(st.text() | st.text('  File "x", line 1, in\n^~|'))
def test_no_traceback_is_too_odd(text: str) -> None:
    assert isinstance(lines(text), list)


@pytest.mark.parametrize(
    "printed,reads",
    [
        ("ValueError('no stock')", "ValueError: no stock"),
        ('requests.Timeout("it\'s late")', "requests.Timeout: it's late"),
        ("KeyError('a',)", "KeyError: a"),
        ("ValueError('a\\nb')", "ValueError: a\nb"),
        ("KeyError(3)", "KeyError(3)"),
        ("GatewayTimeout('a', 5)", "GatewayTimeout('a', 5)"),
        ("ValueError('broken\\')", "ValueError('broken\\')"),
        ("TimeLimitExceeded(5,)", "TimeLimitExceeded(5,)"),
        ("Retry(Retry(...), TimeoutError('smtp'), 0.05)", "TimeoutError: smtp"),
        ("", ""),
    ],
)
def test_an_exception_reads_as_in_a_traceback(printed: str, reads: str) -> None:
    assert plain_exception(printed) == reads


def test_the_last_part_of_a_name() -> None:
    assert (last_part("a.b.c"), last_part("c"), last_part("c."), last_part("")) == ("c", "c", "c.", "")


@pytest.mark.parametrize(
    "text,laid_out",
    [
        ("(1, 'a')", "(1, 'a')"),
        ("{'a': [1, 2], 'b': 'x' }", "{'a': [1, 2], 'b': 'x'}"),
        ('{"ok": true, "n": null}', "{'ok': True, 'n': None}"),
        ("[{...}, 1]", "[{...}, 1]"),
        ("<Order 7>", "<Order 7>"),
        ("(1, ...", "(1, ..."),
        ("[" * 5_000, "[" * 5_000),
        ("9" * 6_000, "9" * 6_000),
        ("{[]: 1}", "{[]: 1}"),
        ("__import__('os').system('x')", "__import__('os').system('x')"),
    ],
)
def test_values_are_laid_out_when_they_can_be_read_safely(text: str, laid_out: str) -> None:
    assert pretty(text, 80) == laid_out


def test_long_values_take_several_lines() -> None:
    assert len(pretty(str({f"key-{n}": "x" * 20 for n in range(9)}), 60).split("\n")) == 9
    assert pretty("(" + "1, " * 20_000 + ")", 60).count("\n") == 0  # too long to be read: as told


@given(st.text(max_size=300))
def test_colours_change_no_character(text: str) -> None:
    from lazycelery_core.text import safe_lines

    assert [plain(each) for each in coloured(text)] == list(safe_lines(text))


@given(st.recursive(st.none() | st.integers() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=4)))
def test_any_printed_value_can_be_laid_out(value: object) -> None:
    import ast

    assert ast.literal_eval(pretty(repr(value), 60)) == value


def test_a_long_value_is_coloured_at_its_beginning_and_whole_as_text() -> None:
    text = "\n".join(f"'text {number}'" for number in range(1_000))
    lines = coloured(text)
    assert "\n".join("".join(span.text for span in each) for each in lines) == text
    tones = [each[0].tone is Tone.CODE_STRING for each in lines]
    assert tones == sorted(tones, reverse=True)
    assert sum(len(each) + 1 for each in text.split("\n")[: sum(tones)]) in range(COLOURED - 11, COLOURED + 1)


def test_no_more_lines_of_a_value_are_made_than_anybody_scrolls() -> None:
    lines = coloured("1,\n" * 100_000)
    assert len(lines) == LINES + 1
    assert plain(lines[-1]) == "… 291,000 more characters"
