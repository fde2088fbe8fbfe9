"""What became of tasks? Stored results by id, never larger than they can be shown.

Sizes are asked before anything is read. Of an oversized result only its beginning is fetched, and said to be so.
"""

import json
import re
from collections.abc import Mapping, Sequence

from lazycelery_core.payload import LIMIT
from lazycelery_plugin_redis.layout import Layout
from lazycelery_plugin_redis.line import Shared

IDS = 200  # a call
HEAD = 2000  # bytes of an oversized result
_STATUS = re.compile(rb'"status": ?"([A-Z_]{1,40})"')


class ResultStore:
    """Reads `celery-task-meta-<id>`; from any thread."""

    def __init__(self, line: Shared, layout: Layout) -> None:
        self._line, self._layout = line, layout

    def results(self, task_ids: Sequence[str]) -> Mapping[str, bytes]:
        """As `StoresResults.results`."""
        ids = list(dict.fromkeys(task_ids))[:IDS]
        if not ids:
            return {}
        keys = [self._layout.result_key(task_id) for task_id in ids]
        sizes = self._line.ask_all([("STRLEN", key) for key in keys])
        sized = [
            (task_id, key, self._line.checked(size, ("STRLEN", key)))
            for task_id, key, size in zip(ids, keys, sizes, strict=True)
        ]
        small = [(task_id, key) for task_id, key, size in sized if 0 < size <= LIMIT]
        large = {task_id: self._head(task_id, key, size) for task_id, key, size in sized if size > LIMIT}
        return {**self._whole(small), **large}

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def _whole(self, small: Sequence[tuple[str, str]]) -> dict[str, bytes]:
        if not small:
            return {}
        answers = self._line.ask("MGET", *(key for _, key in small))
        return {task_id: meta for (task_id, _), meta in zip(small, answers, strict=True) if meta is not None}

    def _head(self, task_id: str, key: str, size: int) -> bytes:
        """A record in place of one that is too large: its state, and the beginning of its result."""
        answer = self._line.ask_all([("GETRANGE", key, 0, HEAD)])[0]
        head = answer if isinstance(answer, bytes) else b""
        status = _STATUS.search(head)
        text = f"{head.decode(errors='replace')}... (cut: {size:,} bytes in all)"
        return json.dumps(
            {"task_id": task_id, "status": status[1].decode() if status else "?", "result": text, "traceback": None}
        ).encode()
