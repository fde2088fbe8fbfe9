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
from lazycelery_core.store.cold import BLOCK
from lazycelery_core.store.order import LONGEST_ID, PENDING, RECEIVED, STARTED, SUCCESS, Order, before
from lazycelery_core.store.reports import FAR, Reports
from lazycelery_core.store.rings import SUCCEEDED
from lazycelery_core.store.segment import Segment
from lazycelery_core.store.starts import Starts

_BEFORE_RECEIVED, _BEFORE_STARTED, _BEFORE_END = before(RECEIVED), before(STARTED), before(SUCCESS)
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
        in objects again and again. Flat are: finding the row, or making it (`Table.add` and `Reports.identify` of an
        event that names a known name and no eta); a task's first task-sent, task-received, task-started and
        task-succeeded in that order, while its row is in the open segment; and writing to cold storage (`Cold.begin`
        and `Cold.append`; events of one message share its body).
        """
        table, cold, order, others = self._table, self._table.cold, self._order, []
        segments, index, shards, shift, mask = table.segments, table.index, table.index.shards, table.shift, table.mask
        names, hosts, queues = table.names.codes, table.hosts.codes, table.queues.codes
        counts, ends, ended_by = order.counts.by_state, order.counts.ends, order.workers.ends[SUCCEEDED]
        by_name, by_worker = order.counts.runtimes, order.workers.runtimes
        received_by, starts_by, sent_to = order.workers.received, order.workers.starts, self.sent_to
        started_rows, started_clocks = self.starts.rows.append, self.starts.clocks.append
        handlers = self._reports.handlers
        is_sent, is_received = handlers["task-sent"], handlers["task-received"]
        is_started, is_succeeded = handlers["task-started"], handlers["task-succeeded"]
        written, firsts, bodies = cold.open, cold.open.firsts, cold.open.bodies
        previous, parts, end, last = written.previous, written.parts, cold.end, None
        earliest, latest, most = max(0.0, now - FAR), now + FAR, table.limits.body
        open_, places, ids = table.open, table.places, table.ids
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
                shard = shards[hash(task_id) & 255]
                row = shard.get(task_id, -1)
                held = segments.get(row >> shift)
                if held is not None:
                    place, segment = row & mask, held
                elif (
                    open_.rows
                    and (name := names.get(event.name, -1)) >= 0
                    and (handler is is_sent or handler is is_received)
                    and event.eta is None
                    and 0 < len(task_id) <= LONGEST_ID
                ):
                    place = places[task_id] = len(ids)
                    ids.append(task_id)
                    shard[task_id] = first_row + place
                    if index.dropped:
                        index.forget_some()
                    name_of[place] = name
                    counts[name][PENDING] += 1
                    root, parent = event.root_id, event.parent_id
                    if root:
                        open_.root[place] = hash(root)
                    if parent and parent != task_id:
                        open_.parent[place] = hash(parent)
                else:
                    row = order.add(task_id)
                    if row < 0:
                        continue
                    segments = table.segments
                    place, segment = row & mask, segments[row >> shift]
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
                states = counts[name]
                states[mark] -= 1
                states[STARTED] += 1
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
                states = counts[name]
                states[mark] -= 1
                states[RECEIVED] += 1
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
                states = counts[name]
                states[mark] -= 1
                states[SUCCESS] += 1
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
            if body is not last:
                if not body:
                    continue
                last = body
                if cold.size >= BLOCK:
                    cold.end = end
                    cold.seal()
                firsts.append(end)
                bodies.append(body if len(body) <= most else b"")
                cold.size += len(body)
            ref = segment.ref
            previous.append(ref[place])
            parts.append(event.part)
            ref[place] = end
            end += 1
        cold.end = end
        self.starts.trim()
        return others
