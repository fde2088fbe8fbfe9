"""How does a table leave the screen? The same rows as CSV, JSON, NDJSON or plain text: files, pipes and the clipboard.

Exports hold raw values (`Column.value`), not what was cut to fit a column. JSON escapes every control character; CSV
cells that a spreadsheet would take for a formula get a leading apostrophe.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum, StrEnum
from typing import Any

from lazycelery_core.pane import Column, DrawContext
from lazycelery_core.text import safe, width

FORMULA = ("=", "+", "-", "@", "\t", "\r")
FORMATS = ("csv", "json", "ndjson", "text")


def exported(form: str, columns: Sequence[Column], items: Iterable[Any], context: DrawContext) -> str:
    """All items in one of FORMATS, ending in a newline. Raises ValueError for another format."""
    records = [record(columns, item, context) for item in items]
    if form == "csv":
        return _csv(columns, records)
    if form == "json":
        return json.dumps(records, indent=2, default=str) + "\n"
    if form == "ndjson":
        return "".join(json_line(each) for each in records)
    if form == "text":
        return _text(columns, records)
    raise ValueError(f"no such format: {form}; one of {', '.join(FORMATS)}")


def record(columns: Sequence[Column], item: Any, context: DrawContext) -> dict[str, Any]:
    """{column id: value}, of the columns that have a value; plain JSON types."""
    return {column.id: _plain(_value(column, item, context)) for column in columns if column.value or column.title}


def json_line(values: dict[str, Any]) -> str:
    """One NDJSON line."""
    return json.dumps(values, default=str) + "\n"


def _value(column: Column, item: Any, context: DrawContext) -> Any:
    if column.value is not None:
        return column.value(item)
    return "".join(text for text, _ in column.cell(item, context)).strip()


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, IntEnum):
        return value.name
    if isinstance(value, float) and math.isnan(value):  # no JSON has it
        return None
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return value


def _csv(columns: Sequence[Column], records: Sequence[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    names = list(records[0]) if records else [column.id for column in columns]
    writer.writerow(names)
    writer.writerows([_cell(each[name]) for name in names] for each in records)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    text = json.dumps(value, default=str) if isinstance(value, list | dict) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(FORMULA) else text


def _text(columns: Sequence[Column], records: Sequence[dict[str, Any]]) -> str:
    titles = {column.id: column.title or column.id for column in columns}
    names = list(records[0]) if records else list(titles)
    rows = [[titles[name] for name in names], *([_word(each[name]) for name in names] for each in records)]
    widths = [max(width(row[i]) for row in rows) for i in range(len(names))]
    return "".join(_padded(row, widths) for row in rows)


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return safe("–" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _padded(row: Sequence[str], widths: Sequence[int]) -> str:
    cells: Iterator[str] = (cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip() + "\n"
