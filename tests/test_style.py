"""Does the code keep the rules that no linter knows? Sizes, guards, safe text, clock, environment."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "lazycelery_core" / "lazycelery_core"
PACKAGES = [CORE, *sorted(path.parent for path in ROOT.glob("plugins/*/lazycelery_plugin_*/__init__.py"))]
FILES = sorted(file for package in PACKAGES for file in package.rglob("*.py"))
TEST_FOLDERS = ("tests", "lazycelery_core/tests", "plugins/*/tests")
TESTS = sorted(file for folder in TEST_FOLDERS for file in ROOT.glob(f"{folder}/**/*.py"))
LONGEST = 400  # lines: past that a file answers more than one question
GUARDS = {"plugin load", "plugin ask", "pane draw", "source thread", "action run"}
# Who may read the environment or the wall clock; all others get what they need passed in.
READS_ENVIRONMENT = {CORE / "config" / "environment.py"}
READS_CLOCK = {
    *(CORE / "cli").glob("*.py"),
    CORE / "app.py",
    CORE / "launcher.py",
    ROOT / "plugins/amqp/lazycelery_plugin_amqp/mailbox.py",
    ROOT / "plugins/redis/lazycelery_plugin_redis/pidbox.py",  # what is sent to workers carries the time it expires
}
CLOCKS = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
MARKUP = {"from_markup", "from_ansi", "render_markup", "escape_markup"}
UNPICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal"}

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))


def tree(file: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(file.read_text("utf-8"))


def own_tool(file: Path) -> bool:
    """Whether a file is the author's kit or the demo: those start real brokers and workers of their own."""
    return "testing" in file.parts or "lazycelery_plugin_demo" in file.parts


def broad_handlers(module: ast.Module) -> Iterator[int]:
    """The lines that catch everything: a handler that raises again does not count, it only adds something."""
    for node in ast.walk(module):
        if isinstance(node, ast.ExceptHandler) and not any(isinstance(each, ast.Raise) for each in ast.walk(node)):
            caught = ast.unparse(node.type) if node.type else "BaseException"
            if re.search(r"\b(Base)?Exception\b", caught):
                yield node.lineno
        if isinstance(node, ast.Call) and re.search(r"suppress\((Base)?Exception", ast.unparse(node)):
            yield node.lineno


def sleeps(node: ast.AST, depth: int = 0) -> Iterator[int]:
    """The lines where a test itself sleeps; a function made inside it may, it plays something slow."""
    if isinstance(node, ast.Call) and dotted(node.func) == "time.sleep" and depth < 2:
        yield node.lineno
    inner = depth + isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        yield from sleeps(child, inner)


def dotted(node: ast.AST) -> str:
    """The last two names of an attribute: `datetime.now` for `datetime.datetime.now`."""
    return ".".join(ast.unparse(node).split(".")[-2:]) if isinstance(node, ast.Attribute) else ""


@each_file
def test_every_module_says_which_question_it_answers(file: Path) -> None:
    assert ast.get_docstring(tree(file))


@pytest.mark.parametrize("file", [*FILES, *TESTS, ROOT / "dev.py"], ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_is_short_or_says_why_it_is_long(file: Path) -> None:
    lines = len(file.read_text("utf-8").splitlines())
    assert lines <= LONGEST or "long because" in (ast.get_docstring(tree(file)) or "").lower(), f"{lines} lines"


def test_app_stays_the_place_where_things_are_wired_and_nothing_else() -> None:
    assert len((CORE / "app.py").read_text("utf-8").splitlines()) < 200


@each_file
def test_everything_is_caught_only_by_the_guards_of_the_host_and_each_says_which_it_is(file: Path) -> None:
    lines = file.read_text("utf-8").splitlines()
    named = {number: re.search(r'# .*guard "([a-z ]+)"', lines[number - 1]) for number in broad_handlers(tree(file))}
    strangers = [number for number, guard in named.items() if not guard or guard[1] not in GUARDS]
    assert strangers == [], "a broad except that is none of the five guards"
    assert not named or file.is_relative_to(CORE), "plugins have no guards of their own: the host guards them"


@each_file
def test_text_is_never_read_as_markup(file: Path) -> None:
    names = {node.attr for node in ast.walk(tree(file)) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(tree(file)) if isinstance(node, ast.Name)}
    switched_on = [
        node.value.lineno
        for node in ast.walk(tree(file))
        if isinstance(node, ast.keyword) and node.arg == "markup" and ast.unparse(node.value) != "False"
    ]
    assert (names & MARKUP, switched_on) == (set(), [])


@each_file
def test_nothing_is_ever_unpickled(file: Path) -> None:
    nodes = list(ast.walk(tree(file)))
    imported = {alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {(node.module or "").split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
    assert imported & UNPICKLES == set()


@each_file
def test_only_the_configuration_reads_the_environment(file: Path) -> None:
    if own_tool(file) or file in READS_ENVIRONMENT:
        return
    used = {dotted(node) for node in ast.walk(tree(file))} & {"os.environ", "os.getenv"}
    assert used == set()


@each_file
def test_the_wall_clock_is_read_at_the_top_and_passed_down(file: Path) -> None:
    if own_tool(file) or file in READS_CLOCK:
        return
    calls = [node for node in ast.walk(tree(file)) if isinstance(node, ast.Call)]
    assert [call.lineno for call in calls if dotted(call.func) in CLOCKS] == []


@pytest.mark.parametrize("file", TESTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_tests_wait_for_conditions_and_never_sleep(file: Path) -> None:
    assert list(sleeps(tree(file))) == []
