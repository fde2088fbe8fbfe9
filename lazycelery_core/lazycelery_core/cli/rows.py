"""How are workers, queues and tasks listed without a screen? The same panes and the same queries, printed.

`lazycelery tasks -f state:failed --json`: text for people, JSON and NDJSON for programs. What is known is what was
heard while listening, and every listing says on standard error how complete it is.
"""

import shutil
import sys
import time
from collections.abc import Iterator
from typing import Any

import click

from lazycelery_core.deployment import Deployment
from lazycelery_core.errors import CONNECTION, FAILED, FilterError, SourceError
from lazycelery_core.export import exported, json_line, record
from lazycelery_core.frame import row_text
from lazycelery_core.launcher import Launcher
from lazycelery_core.model import Link, LinkState
from lazycelery_core.pane import DrawContext, Rows, TablePane
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.table import TableState, render
from lazycelery_core.text import TimeMode, safe, safe_lines, width, zone_of

LISTEN = 3.0  # s: heartbeats come every 2 s, queues are counted every second, workers answer within one
TICK = 0.05  # s between two looks at whether the line failed
WATCH_PERIOD = 1.0  # s between two looks at what changed
MOST_LINES = 10_000_000  # LIMIT rows, many of them with line breaks in them
LIMIT = 100_000  # rows a listing prints at most; it says so when there are more


def rows_command(pane: TablePane) -> click.Command:
    """The command `lazycelery <view>` of a listing pane."""

    def run(launcher: Launcher, **given: Any) -> int:
        return _list(launcher, pane, **given)

    return click.Command(
        pane.view.id,
        callback=click.pass_obj(run),
        help=f"List {pane.view.id} as the screen's {pane.view.title} view does.",
        params=[
            click.Option(["-f", "--filter", "filtered"], metavar="FILTER", default="", help="Show only what matches."),
            click.Option(["--json", "form"], flag_value="json", help="One JSON array."),
            click.Option(["--ndjson", "form"], flag_value="ndjson", help="One JSON object a line."),
            click.Option(["--csv", "form"], flag_value="csv", help="Comma-separated values."),
            click.Option(["--watch"], is_flag=True, help="Go on, printing what changes, until Ctrl+C."),
            click.Option(["--seconds"], type=click.FloatRange(min=0.1), default=LISTEN, show_default=True,
                         help="How long to listen before printing."),
        ],
    )  # fmt: skip


def _list(launcher: Launcher, pane: TablePane, filtered: str, form: str | None, watch: bool, seconds: float) -> int:
    if watch and form in ("json", "csv"):
        raise click.UsageError(f"--watch never ends, so --{form} has no end to write: use --ndjson.")
    mode = TimeMode(launcher.settings.ui.time)
    query = _query(filtered, pane, mode)
    with launcher.watching() as deployment:
        deployment.focus(frozenset({f"view:{pane.view.id}"}))
        _listen(deployment, seconds)
        if watch:
            return _watch(deployment, pane, query, form, mode)
        snapshot = deployment.snapshot(time.time())
    rows = pane.rows(snapshot, query, DrawContext(snapshot))
    items = [item for item in _first(rows) if item is not None]
    _print(pane, Rows(items, rows.total, rows.matched, rows.note), form, _context(snapshot, mode, len(items) * 2 + 20))
    _say_how_complete(snapshot, rows, len(items), filtered)
    return 0 if items else FAILED


def _query(filtered: str, pane: TablePane, mode: TimeMode) -> RowQuery:
    from lazycelery_core.query import parse

    try:
        now = time.time()
        parsed = parse(filtered, now, pane.on, zone_of(mode, now)) if filtered.strip() else None
    except FilterError as error:
        raise FilterError(f"{error}\n  {safe(filtered)}\n  {_marked(filtered, *error.span)}") from None
    return RowQuery(parsed, pane.default_sort, pane.default_reverse)


def _marked(text: str, start: int, end: int) -> str:
    """`^^^` under the wrong part of a filter that stands in the line above."""
    return " " * width(safe(text[:start])) + "^" * max(1, width(safe(text[start:end])))


def _first(rows: Rows) -> list[Any]:
    return [rows.items[index] for index in range(min(len(rows.items), LIMIT))]


def _listen(deployment: Deployment, seconds: float) -> None:
    """Wait for data. Raises the first failure of a line at once: a script should not wait for a closed port."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        deployment.snapshot(time.time())  # the pollers are told of the workers that were met
        failed = _failed(deployment)
        if failed is not None:
            raise SourceError(failed.error, failed.hint)
        time.sleep(TICK)


def _failed(deployment: Deployment) -> Link | None:
    """The first broken stream: without events and counts there is nothing to list."""
    broken = (LinkState.RETRYING, LinkState.REFUSED)
    streams = [link for link in deployment.links() if link.plugin != "cluster"]
    return next((link for link in streams if link.state in broken), None)


def _watch(deployment: Deployment, pane: TablePane, query: RowQuery, form: str | None, mode: TimeMode) -> int:
    """Print every record whose values changed, until Ctrl+C or a lost line."""
    printed: dict[str, Any] = {}
    try:
        while True:
            failed = _failed(deployment)
            if failed is not None:
                click.echo(safe(f"lazycelery: {failed.error} {failed.hint}"), err=True)
                return CONNECTION
            snapshot = deployment.snapshot(time.time())
            for key, line in _changed(pane, _context(snapshot, mode), query, form, printed):
                printed[key] = line
                click.echo(line, nl=False)
            sys.stdout.flush()
            time.sleep(WATCH_PERIOD)
    except KeyboardInterrupt:
        return 0 if printed else FAILED


def _changed(
    pane: TablePane, context: DrawContext, query: RowQuery, form: str | None, printed: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    rows = pane.rows(context.snapshot, query, context)
    for item in reversed([each for each in _first(rows) if each is not None]):
        if form == "ndjson":
            line = json_line(record(pane.columns, item, context))
        else:
            line = row_text(render(pane, Rows([item], 1), context, TableState())[1]).rstrip() + "\n"
        if printed.get(pane.key(item)) != line:
            yield pane.key(item), line


def _context(snapshot: Snapshot, mode: TimeMode, height: int = 3) -> DrawContext:
    return DrawContext(snapshot, shutil.get_terminal_size((160, 24)).columns, height, time_mode=mode)


def _print(pane: TablePane, rows: Rows, form: str | None, context: DrawContext) -> None:
    if form is not None:
        _write(exported(form, pane.columns, rows.items, context))
        return
    lines = [row_text(row).rstrip() for row in render(pane, rows, context, TableState(query=RowQuery()))]
    click.echo("\n".join(lines).strip("\n"))


def _write(text: str) -> None:
    """Raw values for a program; for a terminal, text that it obeys nothing of. `click.echo` would leave parts out."""
    if sys.stdout.isatty():
        text = "".join(f"{each}\n" for each in safe_lines(text, len(text), MOST_LINES)[:-1])
    sys.stdout.write(text)


def _say_how_complete(snapshot: Snapshot, rows: Rows, shown: int, filtered: str) -> None:
    """On standard error: how long was listened, what was cut, dropped or missed."""
    said = [f"{shown:,} of {rows.total:,}" + (f" match {filtered}" if filtered else "")]
    said.append(f"heard in {snapshot.now - snapshot.since:.1f}s, {snapshot.totals.events:,} events")
    said += [rows.note] if rows.note else []
    said += [f"{snapshot.totals.dropped:,} dropped"] if snapshot.totals.dropped else []
    rejected = sum(link_count for link in snapshot.links for link_count in link.rejected.values())
    said += [f"{rejected:,} rejected"] if rejected else []
    click.echo(safe("; ".join(said)), err=True)
