"""What can be typed after `lazycelery`? The host's own commands, those of plugins, and one for every listing view.

Exit codes: 0 fine; 1 nothing found or a condition is false; 2 wrong usage, settings or plugin; 3 no connection.
"""

import gc
import io
import sys

gc.set_threshold(50_000, 20, 100)  # imports make no garbage: looking for it costs the first frame a tenth of its time

import click  # noqa: E402

from lazycelery_core.cli import last_words  # noqa: E402
from lazycelery_core.cli.root import root  # noqa: E402
from lazycelery_core.errors import LazyCeleryError  # noqa: E402
from lazycelery_core.text import safe  # noqa: E402

__all__ = ["main", "root"]

INTERRUPTED = 130  # as shells count Ctrl+C


def main() -> None:
    """Run the command line; never shows a traceback for what the user can mend."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names may hold what no encoding has
    last_words.prepare()
    try:
        sys.exit(root.main(prog_name="lazycelery", standalone_mode=False) or 0)
    except click.exceptions.Abort:
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except LazyCeleryError as error:
        click.echo("\n".join(safe(line) for line in f"lazycelery: {error}".split("\n")), err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader is gone (`| head`): nothing is left to say
        sys.exit(0)
