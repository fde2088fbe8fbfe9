"""What do task events, in whatever order they arrive, make of a task?

Celery's own rule (celery/events/state.py): the state of the highest rank wins, of two equal ones the later. Two
differences: a retry is a barrier in time instead of in order of arrival, so that a late `task-retried` does not undo
the attempt that came after it; and of success and failure the later one wins (a second delivery).

This is the road that every event takes: the usual order of events is written out flat, all else goes to `reports.py`.
"""

from collections.abc import Sequence
from math import log

from lazycelery_core.events import Event, WireEvent
from lazycelery_core.store.aggregates import BUCKETS, LEAST, OFFSET, SCALE, histogram_of
from lazycelery_core.store.cold import EVENT, HEADER, SHARED, pack
from lazycelery_core.store.cold import FAR as FAR_BACK
from lazycelery_core.store.order import LONGEST_ID, PENDING, RECEIVED, STARTED, SUCCESS, Order, before
from lazycelery_core.store.reports import FAR, Reports
from lazycelery_core.store.rings import SUCCEEDED
from lazycelery_core.store.segment import Segment
from lazycelery_core.store.starts import Starts

_BEFORE_RECEIVED, _BEFORE_STARTED, _BEFORE_END = before(RECEIVED), before(STARTED), before(SUCCESS)
_NAMING = frozenset({"task-sent", "task-received"})
_NO_SEGMENT = Segment(-1, 0)


class Merge:
    """The fold of task events into the table. One writer."""

    def __init__(self, order: Order) -> None:
        self._order, self._table = order, order.table
        self.starts = Starts(order.workers, order.table)
        self._reports = Reports(order, self.starts)
        self.sent_to = self._reports.sent_to

    def apply(  # noqa: C901, PLR0912, PLR0915 - see below
        self, events: Sequence[Event], now: float, version: int
    ) -> list[Event]:
        """Take in the task events of a batch; the others come back.

        Long, because it runs for every event: a call costs a tenth of what is done here, and so does looking up names
        in objects again and again. Flat are: finding the row; a task's first task-sent, task-received, task-started
        and task-succeeded in that order, while its row is in the open segment; and writing to cold storage
        (`Cold.append` written out; events of one message share its body).
        """
        table, cold, order, others = self._table, self._table.cold, self._order, []
        segments, shards, shift, mask = table.segments, table.index.shards, table.shift, table.mask
        names, hosts, queues = table.names.codes, table.hosts.codes, table.queues.codes
        counts, ends, ended_by = order.counts.by_state, order.counts.ends, order.workers.ends[SUCCEEDED]
        by_name, by_worker = order.counts.runtimes, order.workers.runtimes
        received_by, starts_by, sent_to = order.workers.received, order.workers.starts, self.sent_to
        started_rows, started_clocks = self.starts.rows.append, self.starts.clocks.append
        handlers = self._reports.handlers
        is_sent, is_received = handlers["task-sent"], handlers["task-received"]
        is_started, is_succeeded = handlers["task-started"], handlers["task-succeeded"]
        end, full, last, last_at, write = cold.end, cold.full, cold.body, cold.body_at, cold.parts.append
        earliest, latest, most = max(0.0, now - FAR), now + FAR, table.limits.body
        open_, places = table.open, table.places
        if len(places) + len(events) > open_.rows:  # it may be closed before the batch ends: none is the open one then
            open_, places = _NO_SEGMENT, {}
        first_row = open_.number << shift
        mark_of, name_of, worker_of, updated_at = open_.mark, open_.name, open_.worker, open_.updated
        for event in events:
            if type(event) is not WireEvent or (handler := handlers.get(event.type)) is None:
                others.append(event)
                continue
            task_id, at, segment = event.uuid, event.timestamp, open_
            if not earliest < at < latest:
                at = now
            place = places.get(task_id)
            if place is None:
                row = shards[hash(task_id) & 255].get(task_id, -1)
                held = segments.get(row >> shift)
                if held is None:
                    row = self._new(event)
                    if row < 0:
                        continue
                    segments = table.segments
                    held = segments[row >> shift]
                place, segment = row & mask, held
            if segment is not open_:
                handler(segment, place, event, at)
            elif (
                handler is is_started
                and _BEFORE_STARTED[mark := mark_of[place]]
                and (worker := hosts.get(event.hostname)) is not None
            ):
                open_.started[place] = updated_at[place] = at
                worker_of[place] = worker
                mark_of[place] = STARTED
                name = name_of[place]
                counts[((name + 1) << 3) + mark] -= 1
                counts[((name + 1) << 3) + STARTED] += 1
                heard = starts_by[worker]
                heard[name] = heard.get(name, 0) + 1
                started_rows(first_row + place)
                started_clocks(event.clock or 0)
            elif (
                handler is is_received
                and _BEFORE_RECEIVED[mark := mark_of[place]]
                and (worker := hosts.get(event.hostname)) is not None
                and (name := name_of[place]) == names.get(event.name)
                and open_.root[place]
                and not event.retries
                and event.eta is None
            ):
                received_by[worker] += 1
                open_.received[place] = updated_at[place] = at
                worker_of[place] = worker
                mark_of[place] = RECEIVED
                counts[((name + 1) << 3) + mark] -= 1
                counts[((name + 1) << 3) + RECEIVED] += 1
            elif (
                handler is is_sent
                and mark_of[place] == PENDING
                and name_of[place] >= 0
                and not updated_at[place] >= 0.0  # nothing but this event is known, and whom it names was noted
                and 0 <= (queue := queues.get(event.queue, -1)) < len(sent_to)
                and not event.retries
            ):
                open_.sent[place] = updated_at[place] = at
                open_.queue[place] = queue
                sent_to[queue] += 1
            elif (
                handler is is_succeeded
                and _BEFORE_END[mark := mark_of[place]]
                and (worker := hosts.get(event.hostname)) is not None
                and (runtime := event.runtime) is not None
                and 0.0 <= runtime < FAR
            ):
                updated_at[place] = at
                worker_of[place] = worker
                mark_of[place] = SUCCESS
                name = name_of[place]
                counts[((name + 1) << 3) + mark] -= 1
                counts[((name + 1) << 3) + SUCCESS] += 1
                ends[SUCCEEDED] += 1
                ended_by[worker] += 1
                open_.runtime[place] = runtime
                bucket = int(log(runtime) * SCALE + OFFSET) if runtime > LEAST else 0
                if bucket >= BUCKETS:
                    bucket = BUCKETS - 1
                (by_name[name] or histogram_of(by_name, name))[bucket] += 1
                (by_worker[worker] or histogram_of(by_worker, worker))[bucket] += 1
            else:
                handler(segment, place, event, at)
            segment.changed[place] = version
            body = event.body
            if not body:
                continue
            ref = segment.ref
            back = ref[place]
            if back:
                back = end - back
                if back > FAR_BACK:  # noqa: PLR1730 - min() is a call
                    back = FAR_BACK
            ref[place] = end
            if body is last:
                write(pack(back, end - last_at, event.part, SHARED))
                end += HEADER
            else:
                last, last_at = body, end
                size = len(body)
                if size > most:
                    body, size = b"", 0
                write(pack(back, size, event.part, EVENT))
                write(body)
                end += HEADER + size
            if end >= full:
                cold.end = end
                cold.seal()
                full, write = cold.full, cold.parts.append
        cold.end, cold.body, cold.body_at = end, last, last_at
        self.starts.trim()
        return others

    def _new(self, event: WireEvent) -> int:
        """A row for a task that was unknown, -1 for an unfit id.

        `Reports.identify` is written out for the usual: a known name, no eta. Otherwise the row has no name yet.
        """
        table, task_id = self._table, event.uuid
        name = table.names.codes.get(event.name, -1)
        if name < 0 or len(task_id) > LONGEST_ID or event.eta is not None or event.type not in _NAMING or not task_id:
            return self._order.add(task_id)
        row = table.add(task_id)
        segment, place = table.open, row & table.mask
        segment.name[place] = name
        self._order.counts.by_state[((name + 1) << 3) + PENDING] += 1
        root, parent = event.root_id, event.parent_id
        if root:
            segment.root[place] = hash(root)
        if parent and parent != task_id:
            segment.parent[place] = hash(parent)
        return row
