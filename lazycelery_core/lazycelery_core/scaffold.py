"""How does somebody begin a plugin? With a whole one: `write_plugin` fills the files of `template/` with a name."""

import keyword
import re
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from lazycelery_core.errors import PluginError
from lazycelery_core.host_commands import HOST_COMMANDS
from lazycelery_core.pane import OVERVIEW, QUEUES, TASKS, WORKERS
from lazycelery_core.plugins import BUNDLED, DIST_PREFIX
from lazycelery_core.text import safe

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
SUFFIX = ".txt"  # of every file in template/: none of them is code of the host
# Kinds of records, views and commands of the host: a view or a kind of that name would get mixed up with them.
TAKEN = {"task", "worker", "queue", "message", "overview", "config", "doctor", "keys", "plugins"}
SPARE = "XJKUVZ"  # keys for a view whose own letters are all taken


def write_plugin(name: str, into: Path) -> Path:
    """The new folder in `into` with an installable plugin of this name, tests and all. Raises PluginError."""
    _check(name)
    words = _words(name)
    folder = into / words["distribution"]
    if folder.exists():
        raise PluginError(f"{folder} is there already.", "Choose another name, or --into another folder.", name)
    try:
        for place, text in _filled(files("lazycelery_core") / "template", words):
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    except OSError as error:
        raise PluginError(f"{folder} can't be written: {error.strerror}.", "", name) from None
    return folder


def _check(name: str) -> None:
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise PluginError(
            f"{safe(name, 60) or 'Nothing'} can't be the name of a plugin.",
            "It becomes a Python package: lower-case letters, digits and _, at most 40, a letter first.",
        )
    if name in BUNDLED or name in TAKEN:
        raise PluginError(f"{name} is a name of LazyCelery's own.", "Choose another one.", name)


def _words(name: str) -> dict[str, str]:
    """What stands for each `@word@` of the template."""
    parts = name.strip("_").split("_")
    release = version("lazycelery-core").split(".")
    return {
        "name": name,
        "distribution": DIST_PREFIX + "-".join(filter(None, parts)),
        "package": f"lazycelery_plugin_{name}",
        "title": " ".join(parts).capitalize(),
        "key": _free_key(name),
        "host": f">={release[0]}.{release[1]},<{release[0]}.{int(release[1]) + 1}",
    }


def _free_key(name: str) -> str:
    """The first letter of the name that opens no view of ours and is no command of the host."""
    taken = {key for command in HOST_COMMANDS for key in command.keys}
    taken |= {view.key for view in (OVERVIEW, WORKERS, QUEUES, TASKS)}
    return next((key for key in name.upper() + SPARE if key.isalpha() and key not in taken), SPARE[0])


def _filled(template: Traversable, words: dict[str, str], place: str = "") -> list[tuple[str, str]]:
    """(path, text) of every file of the plugin."""
    found = []
    for entry in template.iterdir():
        path = f"{place}{_fill(entry.name, words)}"
        if entry.is_dir():
            found += _filled(entry, words, f"{words['package'] if entry.name == 'package' else path}/")
        elif entry.name.endswith(SUFFIX):
            found.append((path.removesuffix(SUFFIX), _fill(entry.read_text("utf-8"), words)))
    return found


def _fill(text: str, words: dict[str, str]) -> str:
    return re.sub(r"@(\w+)@", lambda match: words[match[1]], text)
