#!/usr/bin/env python3
"""How does a fresh clone become a running LazyCelery? `python3 dev.py demo`, or `test`, or nothing for the list.

Needs Python 3.11 or newer and pip; nothing else has to be there, not even Debian's python3-venv. All goes into `.venv`
beside this file, again only when a pyproject.toml has changed. The syntax is kept old enough for an old Python to print
the sentence that refuses it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "dev-stamp"
OLDEST = (3, 11)
SAME_EXAMPLES = ("--hypothesis-profile", "ci")  # what passed here passes there; plain pytest looks for new ones
PROCESSES = min((os.cpu_count() or 1) + 1, 4)  # tests wait for brokers most of the time; more would starve those
# Variables that would mix another Python's packages in, or send ours elsewhere.
FOREIGN = ("PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV")
USAGE = """usage: python3 dev.py COMMAND

  demo [ARGS]   set everything up, then `lazycelery demo`: a broker and real Celery workers of its own
  test          set everything up, then all checks and all tests: each distribution alone, then all together
  test ARGS     only `pytest ARGS`, with everything installed
  check         ruff, mypy and the import contracts
  bench [ARGS]  the benchmarks
  soak [ARGS]   half an hour of events, hostile ones and broken lines: does anything grow?
  setup         only make .venv ready for work on the code"""


class Step(NamedTuple):
    """One check: its name and the command that runs it."""

    name: str
    command: list[str]


# --- setting up -------------------------------------------------------------------------------------------------------


def set_up(dev: bool) -> None:
    """Everything installed in .venv; `dev` adds the tools for tests. Quick when nothing has changed."""
    wanted = fingerprint()
    usable = runs(PYTHON)
    done = STAMP.read_text("utf-8").split() if usable and STAMP.exists() else []
    if wanted in done and (not dev or "dev" in done):
        return
    dev = dev or "dev" in done
    if not usable:
        make_venv()
    STAMP.unlink(missing_ok=True)
    ensure_pip()
    say(f"installing LazyCelery{' and its tools' if dev else ''} into .venv (a minute or two, once)")
    pip("install", *requirements(dev))
    # What builds the distributions is there by now: none of them has to fetch its own.
    editable = [part for path in distributions() for part in ("--editable", str(path))]
    pip("install", "--no-deps", "--no-build-isolation", *editable, str(ROOT))
    STAMP.write_text(f"{wanted}{' dev' if dev else ''}\n", "utf-8")


def make_venv() -> None:
    """A new .venv without pip: making one with it needs ensurepip, which Debian ships apart."""
    import venv

    say(f"making .venv with Python {sys.version.split()[0]}")
    venv.EnvBuilder(clear=True, symlinks=True).create(VENV)


def ensure_pip() -> None:
    """Pip inside .venv, by whichever way this machine has.

    pip < 22.3 has no --python, but any pip can install into a folder. None of these ways touches the system's Python,
    so one that is "externally managed" (PEP 668) does not object.
    """
    probe = [str(PYTHON), "-m", "pip", "--version"]
    outside = [[sys.executable, "-m", "pip"], *([found] for found in map(shutil.which, ("pip3", "pip")) if found)]
    ways = [
        [str(PYTHON), "-m", "ensurepip", "--default-pip"],
        *([*pip, "--python", str(PYTHON), "install", "--quiet", "pip"] for pip in outside),
        *([*pip, "install", "--quiet", "--target", str(site_packages(PYTHON)), "pip"] for pip in outside),
    ]
    if not quietly(probe) and not any(quietly(way) and quietly(probe) for way in ways):
        stop("no pip could be put into .venv", "is there one (apt install python3-pip), and does it reach its index?")


def pip(*args: str) -> None:
    """Run .venv's pip; indexes, mirrors and certificates are whatever pip is configured with."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "-qq", *args]  # -qq: errors only
    if subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode:
        stop("pip could not install what is needed (see above)", "check the network or pip's index and try again")


def requirements(dev: bool) -> list[str]:
    """What has to come from outside, as pip words it. Groups are read here because pip knows them only since 25.1."""
    root = settings(ROOT)
    projects = [root, *map(settings, distributions())]
    wanted = [*root["build-system"]["requires"], *(root["dependency-groups"]["dev"] if dev else [])]
    for project in (each["project"] for each in projects):
        wanted += project["dependencies"]
        wanted += [each for extra in project.get("optional-dependencies", {}).values() for each in extra if dev]
    return sorted({each for each in wanted if not each.startswith("lazycelery")})


def fingerprint() -> str:
    """A hash of all that decides what is installed: every pyproject.toml, this file and where it stands."""
    files = [Path(__file__), *(path / "pyproject.toml" for path in (ROOT, *distributions()))]
    return hashlib.sha256(b"\0".join([str(ROOT).encode(), *(path.read_bytes() for path in files)])).hexdigest()


def distributions() -> list[Path]:
    """The folders of the distributions with code: the host, then the plugins by name."""
    return [ROOT / "lazycelery_core", *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]


def settings(folder: Path) -> dict[str, Any]:
    """The pyproject.toml of a folder."""
    import tomllib

    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))


def site_packages(python: Path) -> Path:
    """Where this interpreter keeps installed packages."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([str(python), "-c", code], env=environment(), capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def runs(python: Path) -> bool:
    """Whether this interpreter starts and is new enough (that of a moved or half-made .venv does not)."""
    return quietly([str(python), "-c", f"import sys; sys.exit(sys.version_info < {OLDEST})"])


# --- checks and tests -------------------------------------------------------------------------------------------------


def static_checks() -> list[Step]:
    """What reads the code without running it."""
    contracts = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return [
        Step("ruff", [str(PYTHON), "-m", "ruff", "check", "."]),
        Step("mypy", [str(PYTHON), "-m", "mypy"]),
        Step("import contracts", [str(PYTHON), "-c", contracts]),
    ]


def alone(folder: Path) -> Step:
    """The tests of one distribution, where no other plugin is installed."""
    python = environment_with_only(folder.name, VENV / "alone" / folder.name)
    tests = ["-p", "no:cacheprovider", *SAME_EXAMPLES, "-n", "2", "--dist", "loadfile", f"{folder}/tests"]
    return Step(f"{folder.name} alone", [str(python), "-m", "pytest", *tests])


def environment_with_only(name: str, place: Path) -> Path:
    """The interpreter of a fresh environment with the host and one plugin: links into .venv, made in no time.

    Third-party packages are all there; tests/test_dependencies.py checks that a distribution declares those it uses.
    """
    subprocess.run([str(PYTHON), "-m", "venv", "--without-pip", "--clear", str(place)], env=environment(), check=True)
    python = place / PYTHON.relative_to(VENV)
    others = re.compile(rf"_?lazycelery(?!_core[-.]|_plugin_{re.escape(name)}[-.])")
    target = site_packages(python)
    for entry in site_packages(PYTHON).iterdir():
        if not others.match(entry.name):
            (target / entry.name).symlink_to(entry)
    return python


def run(step: Step) -> bool:
    """Whether a step passes. One line about it, and all it printed if it failed."""
    started = time.monotonic()
    done = subprocess.run(
        step.command,
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    output = done.stdout.decode("utf-8", "replace").strip()
    verdict = "FAILED" if done.returncode else "ok    "
    last = output.splitlines()[-1] if output else ""
    text = f"dev.py: {step.name:<20} {verdict} {time.monotonic() - started:5.1f} s  {last.strip('= ')}"
    print(f"{text}\n{output}" if done.returncode else text, flush=True)
    return done.returncode == 0


def failures(steps: Sequence[Step]) -> list[str]:
    """The names of the steps that fail. Two at a time: more would starve the real brokers and workers they start."""
    with ThreadPoolExecutor(max_workers=min(2, PROCESSES)) as pool:
        passed = list(pool.map(run, steps))
    return [step.name for step, good in zip(steps, passed, strict=True) if not good]


def pytest(*args: str) -> int:
    """The exit code of pytest with everything installed, its output shown as it comes."""
    command = [str(PYTHON), "-m", "pytest", *args]
    return subprocess.run(command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, check=False).returncode


def test_all() -> int:
    """All checks and tests; the last words are pytest's, then the names of what failed before it."""
    failed = failures([*static_checks(), *map(alone, distributions())])
    say("all tests together")
    code = pytest(*SAME_EXAMPLES, "-n", str(PROCESSES), "--dist", "loadfile")
    if failed:
        say(f"FAILED before that: {', '.join(failed)}")
    return code or int(bool(failed))


# --- the command line -------------------------------------------------------------------------------------------------


def environment() -> dict[str, str]:
    """The environment for everything that is started here."""
    return {name: value for name, value in os.environ.items() if name not in FOREIGN}


def quietly(command: Sequence[str]) -> bool:
    """Whether a command succeeds; one that is missing does not."""
    try:
        return subprocess.run(command, env=environment(), capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def become(*args: str) -> NoReturn:
    """Replace this process by .venv's Python, so that keys and signals reach the program directly."""
    sys.stdout.flush()
    os.execve(PYTHON, [str(PYTHON), *args], environment())  # noqa: S606 - no shell on purpose


def say(text: str) -> None:
    """One line about the work itself."""
    print(f"dev.py: {text}", flush=True)


def stop(what: str, hint: str) -> NoReturn:
    """End with one sentence and the next step."""
    sys.exit(f"dev.py: {what}\n        {hint}")


def refuse_old_python() -> None:
    """Say which Python is needed, and name one if it is there."""
    if sys.version_info >= OLDEST:
        return
    newer = [name for name in (f"python3.{minor}" for minor in range(20, 10, -1)) if shutil.which(name)]
    hint = " ".join(["run:", newer[0], "dev.py", *sys.argv[1:]]) if newer else "install a newer one and use that"
    stop(f"LazyCelery needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}", hint)


def main(argv: Sequence[str]) -> int:
    """Run one command; its exit code comes back."""
    refuse_old_python()
    command, args = (argv[0], argv[1:]) if argv else ("", [])
    if command not in {"demo", "test", "check", "bench", "soak", "setup"}:
        print(USAGE)
        return 0 if command in {"-h", "--help"} else 2
    set_up(dev=command != "demo")
    if command == "demo":
        become("-m", "lazycelery_core", "demo", *args)
    if command == "bench":
        become(str(ROOT / "bench"), *args)
    if command == "soak":
        become(str(ROOT / "bench" / "soak.py"), *args)
    if command == "test":
        return pytest(*args) if args else test_all()
    return int(command == "check" and bool(failures(static_checks())))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
