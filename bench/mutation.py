"""How many small mistakes in the code would the tests notice? `python bench/mutation.py store --sample 200`.

Run by hand before a release; docs/testing.md has the figures. Nothing is written to the sources: the tests are
collected once, then each mutant gets a fork of that process in which one function has the mistake, and only those tests
run there that reach its line. A mistake outside of a function needs a process that loads the module with it.
"""

import argparse
import ast
import gc
import hashlib
import importlib.machinery
import importlib.util
import itertools
import json
import os
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, NoReturn

import pytest
from hypothesis import Phase, settings
from mutants import Mutant, mutants_of

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "lazycelery_core" / "lazycelery_core"
TESTS = ROOT / "lazycelery_core" / "tests"
KNOWN = Path(__file__).with_name("mutants-equivalent.txt")
SEED = 7
MEMORY = 6 << 30  # bytes a mutant may take

# name -> (the files that get mistakes, the tests that should notice)
GROUPS = {
    "store": (("store/*.py", "gaps.py"), ("test_store*.py", "test_gaps.py", "test_query_match.py", "test_table.py")),
    "decoder": (("decode.py", "payload.py"), ("test_decode*.py", "test_store_story.py")),
    "text": (("text.py",), ("test_text*.py",)),
    "policy": (("writes.py", "action.py", "control.py", "audit.py"), ("test_writes*.py", "test_audit*.py")),
    "redact": (("redact/*.py",), ("test_redact*.py",)),
}


@dataclass
class Module:
    """A source file and its mutants."""

    file: Path
    tree: ast.Module
    mutants: list[Mutant]
    all: int

    @property
    def name(self) -> str:
        """`store/merge.py`."""
        return str(self.file.relative_to(CORE))


@dataclass
class Outcome:
    """What became of a mutant: killed, timeout, survived or unreached."""

    module: Module
    mutant: Mutant
    state: str = ""

    @property
    def place(self) -> str:
        """This mutant in this very source: what was killed once is not tried again."""
        digest = hashlib.sha256(self.module.file.read_bytes()).hexdigest()[:12]
        mutant = self.mutant
        return f"{digest} {self.key} {mutant.line} {getattr(mutant.old, 'col_offset', 0)}"

    @property
    def key(self) -> str:
        """How the list of equivalent mutants names it."""
        return f"{self.module.name} | {self.mutant.scope or '-'} | {self.mutant.label}"


def main() -> int:
    """Mutate, test, print a table; 1 when a module is below the score asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--sample", type=int, default=0, help="mutants a file (0: all)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", nargs="*", default=[""], help="files whose name has one of these")
    parser.add_argument("--within", type=float, default=0, help="seconds of tests a mutant, fastest first (0: all)")
    parser.add_argument("--keep", type=Path, help="file of mutants that are known to be killed")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--least", type=float, default=0.9, help="share that must be killed")
    given = parser.parse_args()
    files, patterns = GROUPS[given.group]
    modules = [module_of(file, given.sample, given.seed) for pattern in files for file in sorted(CORE.glob(pattern))]
    modules = [module for module in modules if module.mutants and any(each in module.name for each in given.only)]
    outcomes = [Outcome(module, mutant) for module in modules for mutant in module.mutants]
    began = time.monotonic()
    killed = json.loads(given.keep.read_text("utf-8")) if given.keep and given.keep.exists() else {}
    for each in outcomes:
        each.state = killed.get(each.place, "")
    paths = sorted({str(path) for pattern in patterns for path in TESTS.glob(pattern)})
    tests = run_inside([each for each in outcomes if each.mutant.scope and not each.state], paths, given)
    run_loaded([each for each in outcomes if not each.state], paths, tests, given.jobs)
    if given.keep:
        killed |= {each.place: each.state for each in outcomes if each.state in {"killed", "timeout"}}
        given.keep.write_text(json.dumps(killed, indent=0), "utf-8")
    return report(modules, outcomes, given.least, time.monotonic() - began)


def module_of(file: Path, sample: int, seed: int) -> Module:
    """A file with all its mutants, or with a sample of them."""
    tree = ast.parse(file.read_text("utf-8"))
    found = mutants_of(tree)
    chosen = random.Random(f"{seed}{file.name}").sample(found, sample) if 0 < sample < len(found) else found
    return Module(file, tree, sorted(chosen, key=lambda mutant: mutant.line), len(found))


# Mistakes inside of functions: a fork of the process that has collected the tests.


@dataclass
class Examples:
    """Hypothesis gives the same examples in each fork, and looks for no small ones; chosen tests, fastest first."""

    chosen: Sequence[str] = ()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep and sort what was chosen."""
        if self.chosen:
            place = {test: at for at, test in enumerate(self.chosen)}
            items[:] = sorted((each for each in items if each.nodeid in place), key=lambda each: place[each.nodeid])

    @staticmethod
    def pytest_sessionstart() -> None:
        """Before a test module is imported."""
        profile = settings(settings.get_profile("workspace"), derandomize=True, database=None,
                           phases=[Phase.explicit, Phase.generate])  # fmt: skip
        settings.register_profile("mutation", profile)
        settings.load_profile("mutation")


@dataclass
class Session:
    """What the tests need to run in a fork, and which lines each of them reaches."""

    outcomes: Sequence[Outcome]
    given: argparse.Namespace
    items: list[pytest.Item] = field(default_factory=list)
    reached: dict[tuple[str, int], set[int]] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of running the tests once."""
        self.items = session.items
        self.learn()
        functions = functions_of({str(each.module.file) for each in self.outcomes})
        gc.freeze()  # a fork copies what its garbage collector touches
        jobs = [self.job(index, each, functions) for index, each in enumerate(self.outcomes)]
        self.states = dict(pooled(jobs, self.given.jobs))
        return True

    def job(self, index: int, outcome: Outcome, functions: dict[tuple[str, str], list[FunctionType]]) -> "Job":
        """One mutant, the tests that reach it fastest first, and the time they may take."""
        file = str(outcome.module.file)
        reaching = set().union(*(self.reached.get((file, line), ()) for line in outcome.mutant.lines))
        chosen = sorted(reaching, key=lambda at: self.seconds[at])
        chosen = self.within(chosen)
        live = functions.get((file, outcome.mutant.scope), [])

        def run() -> bool:
            put_in(outcome, live)
            return self.passes(chosen)

        if not live:
            return Job(index, None, "", 0)
        return Job(index, run if chosen else None, "unreached", 10 + 15 * sum(self.seconds[at] for at in chosen))

    def within(self, chosen: Sequence[int]) -> Sequence[int]:
        """Of tests by their time those that fit into the time asked for."""
        if not self.given.within:
            return chosen
        sums = itertools.accumulate(self.seconds[at] for at in chosen)
        return [at for at, total in zip(chosen, sums, strict=True) if total < self.given.within]

    def passes(self, chosen: Sequence[int]) -> bool:
        """Run tests in this fork until one fails; whether none did."""
        failed: list[str] = []

        class Watch:
            @staticmethod
            def pytest_runtest_logreport(report: pytest.TestReport) -> None:
                if report.failed:
                    failed.append(report.nodeid)

        config = self.items[0].config
        config.pluginmanager.register(Watch())
        with tempfile.TemporaryDirectory(dir=os.environ["MUTATION_TMP"], ignore_cleanup_errors=True) as folder:
            config._tmp_path_factory._basetemp = Path(folder).resolve()  # type: ignore[attr-defined]  # noqa: SLF001
            for at, following in zip(chosen, [*chosen[1:], None], strict=True):
                item = self.items[at]
                following_item = None if following is None else self.items[following]
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following_item)
                if failed:
                    return False
        return True

    def learn(self) -> None:
        """Run each test once, in a fork, noting the lines it reaches."""
        files = {str(each.module.file) for each in self.outcomes}
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            quiet()
            told = [self.traced(at, files) for at in range(len(self.items))]
            with os.fdopen(write, "w") as pipe:
                json.dump(told, pipe)
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as pipe:
            told = json.load(pipe)
        os.waitpid(child, 0)
        reached = defaultdict(set)
        for at, (seconds, passed, lines) in enumerate(told):
            if not passed:
                print(f"fails without any mistake, left out: {self.items[at].nodeid}", file=sys.stderr)
                continue
            self.seconds[at] = seconds
            for file, line in lines:
                reached[file, line].add(at)
        self.reached = dict(reached)
        print(f"{len(self.items)} tests, {sum(self.seconds.values()):.0f} s", file=sys.stderr, flush=True)

    def traced(self, at: int, files: set[str]) -> tuple[float, bool, list[tuple[str, int]]]:
        """(seconds, passed, lines reached) of one test."""
        lines: set[tuple[str, int]] = set()

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            file = frame.f_code.co_filename
            if file not in files:
                return None
            lines.add((file, frame.f_lineno))
            return trace

        began = time.monotonic()
        threading.settrace(trace)
        sys.settrace(trace)
        try:
            passed = self.passes([at])
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
        return time.monotonic() - began, passed, sorted(lines)


def functions_of(files: set[str]) -> dict[tuple[str, str], list[FunctionType]]:
    """The living functions of these files, by file and name."""
    found = defaultdict(list)
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename in files:
            found[each.__code__.co_filename, each.__code__.co_qualname].append(each)
    return dict(found)


def put_in(outcome: Outcome, functions: Sequence[FunctionType]) -> None:
    """Give living functions the code with the mistake; whoever has imported them has it too."""
    wrong = {code.co_firstlineno: code for code in codes_of(outcome.module, outcome.mutant)}
    for function in functions:
        if function.__code__.co_firstlineno in wrong:
            function.__code__ = wrong[function.__code__.co_firstlineno]


def codes_of(module: Module, mutant: Mutant) -> Iterator[CodeType]:
    """The code objects of the mutant's function in the file compiled with it."""
    open_ = [mutant.code(module.tree, module.file)]
    while open_:
        code = open_.pop()
        inner = [each for each in code.co_consts if isinstance(each, CodeType)]
        yield from (each for each in inner if each.co_qualname == mutant.scope)
        open_ += inner


def run_inside(outcomes: Sequence[Outcome], paths: Sequence[str], given: argparse.Namespace) -> list[str]:
    """Collect the tests in a fork and try each mutant there; the names of the tests come back, fastest first."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        session = Session(outcomes, given)
        pytest.main([*arguments(), *paths], plugins=[Examples(), session])
        with os.fdopen(write, "w") as pipe:
            fast = session.within(sorted(session.seconds, key=lambda at: session.seconds[at]))
            json.dump([session.states, [session.items[at].nodeid for at in fast]], pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        states, tests = json.load(pipe)
    os.waitpid(child, 0)
    for index, state in states.items():
        outcomes[int(index)].state = state
    return list(tests)


# Mistakes in what a module does when it is loaded: a process of its own, all tests.


def run_loaded(outcomes: Sequence[Outcome], paths: Sequence[str], tests: Sequence[str], jobs: int) -> None:
    """Try the mutants that need a fresh import."""
    work = [Job(index, loaded(each, paths, tests), "", 300) for index, each in enumerate(outcomes)]
    for index, state in pooled(work, jobs):
        outcomes[index].state = state


def loaded(outcome: Outcome, paths: Sequence[str], tests: Sequence[str]) -> Callable[[], bool]:
    """A run of all tests with the module loaded from the mutant."""

    def run() -> bool:
        sys.meta_path.insert(0, Finder(outcome))
        return pytest.main(["-x", *arguments(), *paths], plugins=[Examples(tests)]) == 0

    return run


class Finder:
    """Loads one module with a mistake in it."""

    def __init__(self, outcome: Outcome) -> None:
        self._code = outcome.mutant.code(outcome.module.tree, outcome.module.file)
        self._file = outcome.module.file
        parts = self._file.relative_to(CORE.parent).with_suffix("").parts
        self._name = ".".join(part for part in parts if part != "__init__")

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        """The module's spec, None for all others."""
        if name != self._name:
            return None
        folders = [str(self._file.parent)] if self._file.name == "__init__.py" else None
        loader: Any = self
        return importlib.util.spec_from_file_location(
            name, self._file, loader=loader, submodule_search_locations=folders
        )

    def create_module(self, spec: object) -> None:
        """As usual."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the code with the mistake."""
        exec(self._code, vars(module))


# Forks, a few at once.


@dataclass
class Job:
    """A mutant to try: `run` is true when no test failed; without one its state is known."""

    index: int
    run: Callable[[], bool] | None
    known: str
    seconds: float


def pooled(jobs: Sequence[Job], most: int) -> Iterator[tuple[int, str]]:
    """(index, state) of each job, at most `most` at once."""
    open_ = [job for job in reversed(jobs) if job.run is not None]
    yield from ((job.index, job.known) for job in jobs if job.run is None)
    running: dict[int, tuple[Job, int, float]] = {}
    while open_ or running:
        while open_ and len(running) < most:
            job = open_.pop()
            pid = forked(job)
            running[pid] = (job, os.pidfd_open(pid), time.monotonic() + job.seconds)
        select.select([handle for _, handle, _ in running.values()], [], [], 1.0)
        for pid, (job, handle, deadline) in list(running.items()):
            late = time.monotonic() > deadline
            if late:
                os.kill(pid, signal.SIGKILL)
            ended, status = os.waitpid(pid, 0 if late else os.WNOHANG)
            if ended:
                os.close(handle)
                del running[pid]
                yield job.index, "timeout" if late else "survived" if status == 0 else "killed"


def forked(job: Job) -> int:
    """A process that ends with 0 when no test of the job failed."""
    pid = os.fork()
    if pid:
        return pid
    quiet()
    try:
        assert job.run is not None
        end(0 if job.run() else 1)
    except BaseException:  # noqa: BLE001 - whatever the mistake did to the process: it was noticed
        end(1)


def end(status: int) -> NoReturn:
    """Leave a fork without what the process it came from would do at its end."""
    os._exit(status)


def quiet() -> None:
    """Nothing of a fork is shown, and it may not eat the machine."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def arguments() -> list[str]:
    """Options for pytest that hold for every run."""
    return ["-qq", "-p", "no:cacheprovider", "-p", "no:xdist", "--assert=plain", "--capture=sys",
            "--rootdir", str(ROOT), "--basetemp", tempfile.mkdtemp(dir=os.environ["MUTATION_TMP"])]  # fmt: skip


def report(modules: Sequence[Module], outcomes: Sequence[Outcome], least: float, seconds: float) -> int:
    """Print what survived and the table; 1 when a module misses the score."""
    lines = [line.rstrip() for line in KNOWN.read_text("utf-8").splitlines()] if KNOWN.exists() else []
    known = {line for line in lines if line and not line.startswith("#")}
    for each in outcomes:
        if each.state in {"survived", "unreached"}:
            each.state = "equivalent" if each.key in known else each.state
            if each.state != "equivalent":
                print(f"{each.state:9} {each.module.name}:{each.mutant.line} {each.key.partition(' | ')[2]}")
    print(f"\n{'module':28} {'all':>5} {'tried':>5} {'killed':>6} {'equiv.':>6} {'left':>5} {'score':>6}")
    low = False
    totals: Counter[str] = Counter()
    for module in modules:
        states = Counter(each.state for each in outcomes if each.module is module)
        totals += Counter({**states, "all": module.all})
        low |= row(module.name, module.all, states) < least
    if len(modules) > 1:
        row("total", totals.pop("all"), totals)
    print(f"{seconds:.0f} s")
    return int(low)


def row(name: str, most: int, states: Counter[str]) -> float:
    """Print a line of the table; the score: killed of those that are not equivalent."""
    tried, killed = states.total(), states["killed"] + states["timeout"]
    judged = tried - states["equivalent"]
    score = killed / judged if judged else 1.0
    print(f"{name:28} {most:5} {tried:5} {killed:6} {states['equivalent']:6} {judged - killed:5} {score:6.1%}")
    return score


if __name__ == "__main__":
    os.environ["MUTATION_TMP"] = tempfile.mkdtemp(prefix="mutation-")
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(os.environ["MUTATION_TMP"], ignore_errors=True)
