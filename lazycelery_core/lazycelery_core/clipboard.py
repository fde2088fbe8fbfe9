"""How does text get onto the user's clipboard from a terminal? OSC 52, tmux, and a file as the last resort.

OSC 52 is written by the screen (only it may write to the terminal); tmux's default `set-clipboard external` drops it,
so inside tmux its own buffer is loaded too; and a file always works.
"""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

TMUX_PATIENCE = 2.0  # s
OSC52_LIMIT = 74_994  # bytes; xterm's limit on the base64 text is 100,000


def to_tmux(text: str, variables: Mapping[str, str]) -> bool:
    """Load tmux's paste buffer (and the outer clipboard where tmux may set it); whether that worked.

    variables: the environment that tmux gets, without our own variables.
    """
    tmux = shutil.which("tmux")
    if tmux is None:
        return False
    try:
        done = subprocess.run(
            [tmux, "load-buffer", "-w", "-"], input=text.encode(), timeout=TMUX_PATIENCE, check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(variables),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def to_file(text: str, path: Path) -> None:
    """Write the text to a file only the user can read. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def fits_osc52(text: str) -> bool:
    """Whether terminals take it in one OSC 52 sequence."""
    return len(text.encode(errors="replace")) <= OSC52_LIMIT
