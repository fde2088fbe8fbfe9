"""How is a pane tried in a test: with which data, at which sizes, and what may be wrong with its picture?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from lazycelery_core.events import Event
from lazycelery_core.export import exported
from lazycelery_core.model import TaskState, WorkerState
from lazycelery_core.pane import DetailPane, DetailTab, DrawContext, Pane, Rows, TablePane
from lazycelery_core.projection import Projection
from lazycelery_core.query import parse
from lazycelery_core.snapshot import RowQuery, Snapshot
from lazycelery_core.spans import plain
from lazycelery_core.testing.builders import NOW, a_message, a_queue, a_snapshot, a_task, a_worker, task_events
from lazycelery_core.testing.drawing import draw, draw_tab
from lazycelery_core.testing.hostile import TEXTS, hostile_events, hostile_messages, hostile_snapshot
from lazycelery_core.text import safe, width

SIZES = ((20, 4), (60, 16), (80, 24), (120, 36), (250, 70))  # a squeezed box, then the terminals of the size classes
FIRST = 12  # records of a kind that tabs and actions are tried on


@dataclass(frozen=True)
class Case:
    """A snapshot to try things on. `items` maps a kind (`task`, `worker` ...) to records of it, `selected` the id of
    each table to the record under its cursor."""

    name: str
    snapshot: Snapshot
    items: Mapping[str, Sequence[Any]]
    selected: Mapping[str, Any] = field(default_factory=dict)

    def records(self, pane: TablePane) -> Sequence[Any]:
        """What a table shows of it."""
        return _first(_rows(pane, self, RowQuery()))


def cases(projections: Callable[[], Sequence[Projection]]) -> Iterator[Case]:
    """Nothing seen yet, a small cluster, a hostile one. projections: makes new ones, which get the case's events."""
    told = {state: a_task("shop.charge", state) for state in TaskState}
    small = a_snapshot(
        tasks=told.values(), workers=[a_worker(f"w{at}@testing", state) for at, state in enumerate(WorkerState)],
        queues=[a_queue(), a_queue("empty", 0, consumers=None), a_queue("unknown", None)],
    )  # fmt: skip
    yield _case("an empty snapshot", a_snapshot(links=()), projections(), [], [])
    small_events = [event for task in told.values() for event in task_events(task)]
    yield _case("a small cluster", small, projections(), small_events, [a_message()])
    yield _case("a hostile cluster", hostile_snapshot(), projections(), hostile_events(), hostile_messages())


def _case(
    name: str, snapshot: Snapshot, projections: Sequence[Projection], told: Sequence[Event], messages: Sequence[Any]
) -> Case:
    for projection in projections:
        with during(f"projection {projection.name} of {name}"):
            projection.apply(told, snapshot.now)
    snapshot = replace(snapshot, views={each.name: each.view() for each in projections})
    tasks = list(snapshot.tasks)[:FIRST]
    kinds = {"task": tasks, "worker": snapshot.workers, "queue": snapshot.queues, "message": messages}
    return Case(name, snapshot, {kind: list(items)[:FIRST] for kind, items in kinds.items()})


@contextmanager
def during(what: str) -> Iterator[None]:
    """Whatever is raised in the block says what was being tried."""
    try:
        yield
    except Exception as error:
        error.add_note(f"(raised by {what})")
        raise


def is_safe(text: str) -> bool:
    """Whether a terminal draws the text as it is, in one line."""
    probe = f"x{text}"  # blanks alone would be made visible
    return safe(probe, len(probe)) == probe


def try_pane(pane: Pane, case: Case, tabs: Sequence[DetailTab] = ()) -> Iterator[str]:
    """What is wrong with the pane's pictures of a case at all sizes, and with its rows."""
    where = f"pane {pane.id} with {case.name}"
    with during(where):
        if isinstance(pane, TablePane):
            yield from _try_rows(pane, case)
        if not is_safe(plain(pane.summary(case.snapshot))):
            yield f"{where}: its summary holds text that is not safe"
    for selected in _selections(pane, case):
        for size in SIZES:
            with during(f"{where} at {size[0]}x{size[1]}"):
                pictures = [draw(pane, case.snapshot, size, selected=selected, tabs=tabs, focused=True) for _ in "12"]
            yield from _picture(f"{where} at {size[0]}x{size[1]}", pictures, size)


def try_tab(tab: DetailTab, case: Case) -> Iterator[str]:
    """What is wrong with the tab's pictures of each record of its kind."""
    where = f"tab {tab.on}.{tab.id} with {case.name}"
    for item in case.items.get(tab.on, ()):
        for size in SIZES:
            with during(f"{where} at {size[0]}x{size[1]}"):
                if not tab.applies(item, case.snapshot):
                    continue
                pictures = [draw_tab(tab, item, case.snapshot, size) for _ in "12"]
            yield from _picture(f"{where} at {size[0]}x{size[1]}", pictures, size)


def _selections(pane: Pane, case: Case) -> Iterator[Mapping[str, Any]]:
    """Nothing under any cursor, then each record of the kind where the pane follows another one's cursor."""
    yield {}
    followed = [{pane.of: item} for item in case.items.get(pane.on, ())] if isinstance(pane, DetailPane) else [{}]
    yield from ({**case.selected, **each} for each in followed if case.selected or each)


def _picture(where: str, pictures: Sequence[str], size: tuple[int, int]) -> Iterator[str]:
    lines = pictures[0].split("\n")
    if len(set(pictures)) > 1:
        yield f"{where}: two drawings of one snapshot differ; a pane is a pure function of it"
    if len(lines) != size[1] or any(width(line) > size[0] for line in lines):
        yield f"{where}: it draws beyond its box"
    if not all(map(is_safe, lines)):
        yield f"{where}: it draws text that did not go through `safe` (or `line`, `span`)"


def _try_rows(pane: TablePane, case: Case) -> Iterator[str]:
    """Every order, a filter, keys, exports."""
    where = f"pane {pane.id} with {case.name}"
    context = DrawContext(case.snapshot, 80, 24, selected=case.selected)
    items = _first(_rows(pane, case, RowQuery()))
    keys = [pane.key(item) for item in items]
    if len(set(keys)) != len(keys) or not all(isinstance(key, str) for key in keys):
        yield f"{where}: the keys of its records must be texts, all different"
    for column in pane.columns:
        for reverse in (False, True) if column.sort is not None else ():
            if len(_rows(pane, case, RowQuery(None, column.id, reverse)).items) != len(items):
                yield f"{where}: sorted by {column.id} it shows other records"
    for text in ("charge", *TEXTS[:1]):
        found = _rows(pane, case, RowQuery(parse(f'"{safe(text)}"', NOW, pane.on)))
        if len(found.items) > len(items):
            yield f"{where}: a filter shows more than everything"
        pane.empty(context, RowQuery(parse("charge", NOW, pane.on)))
    exported("json", pane.columns, items, context)


def _rows(pane: TablePane, case: Case, query: RowQuery) -> Rows:
    return pane.rows(case.snapshot, query, DrawContext(case.snapshot, 80, 24, selected=case.selected))


def _first(rows: Rows) -> list[Any]:
    return [item for item in (rows.items[at] for at in range(min(len(rows.items), 1000))) if item is not None]
