"""How does a test install a distribution without an installer? A folder on the path with what an installer leaves."""

import importlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

from lazycelery_core.hookspecs import GROUP


class Site:
    """A folder of installed distributions on the path of this process and of those it starts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, code: str, dist: str = "", requires: str = "lazycelery-core") -> None:
        """A distribution with one module and one entry point, as an installer leaves it."""
        dist = dist or f"lc-{name}"
        module = f"{dist.replace('-', '_')}_module"
        info = self.folder / f"{dist.replace('-', '_')}-6.6.6.dist-info"
        info.mkdir(parents=True)
        (self.folder / f"{module}.py").write_text(textwrap.dedent(code), "utf-8")
        told = f"Metadata-Version: 2.1\nName: {dist}\nVersion: 6.6.6\nRequires-Dist: {requires}\n"
        (info / "METADATA").write_text(told, "utf-8")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {module}\n", "utf-8")
        (info / "RECORD").write_text(f"{module}.py,,\n", "utf-8")
        importlib.invalidate_caches()

    def variables(self) -> dict[str, str]:
        """What tells a process to look for distributions, and to keep its files, here."""
        home, state = str(self.folder), str(self.folder / "state")
        return {"PYTHONPATH": home, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": state}

    def lazycelery(self, *args: str) -> subprocess.CompletedProcess[str]:
        """One call of the command with these distributions installed."""
        command = [sys.executable, "-m", "lazycelery_core", *args]
        environment = {**os.environ, **self.variables()}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    def forget(self) -> None:
        """Drop the modules that were imported from here."""
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(f"{self.folder}{os.sep}"):
                del sys.modules[name]
