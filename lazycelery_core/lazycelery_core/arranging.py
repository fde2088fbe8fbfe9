"""Which records match a query, and in which order do they stand? For tables that hold all their records at hand."""

from collections.abc import Sequence
from typing import Any, TypeVar

from lazycelery_core.pane import Column, Rows
from lazycelery_core.snapshot import RowQuery

Record = TypeVar("Record")


def arranged(records: Sequence[Record], columns: Sequence[Column], query: RowQuery, now: float) -> Rows:
    """The records that match, by the query's column or in the given order; unknown values stand last either way."""
    shown = [each for each in records if query.filter is None or query.filter.matches(each, now)]
    column = next((each for each in columns if each.id == query.sort), None)
    if column is not None and column.sort is not None:
        shown = _sorted(shown, column.sort, query.reverse)
    return Rows(shown, len(records), len(shown))


def _sorted(records: list[Record], key: Any, reverse: bool) -> list[Record]:
    known = [each for each in records if key(each) is not None]
    unknown = [each for each in records if key(each) is None]
    return sorted(known, key=key, reverse=reverse) + unknown
