"""Hold the log rows that wait for the database, within bounds, and count each of them."""

import logging
from collections import Counter, deque
from sys import getsizeof
from threading import Condition, RLock
from typing import Any, NamedTuple

# Severity, time, level, logger, message. A plain tuple: one is made in every log call.
Row = tuple[int, float, str, str, str]
_Numbered = tuple[int, Row]

# Who looks into the inbox has this many rows to sort: a millisecond. A longer text is looked at each time, so that
# what nobody has counted yet is never more than a few MiB.
_UNSEEN_AT_MOST = 1000
_UNSEEN_CHARACTERS = 1000
# The two tuples of a row, its number and its time; its names are shared with others.
_ROW_BYTES = 300


class LogStats(NamedTuple):
    """What became of the records so far: emitted is the sum of the other three."""

    emitted: int
    written: int
    dropped: int
    waiting: int


def size_of(row: Row) -> int:
    """Return how many bytes of memory a row takes."""
    return getsizeof(row[4]) + _ROW_BYTES


class _Room(NamedTuple):
    """How many rows may wait, and how many bytes of memory they may take."""

    rows: int
    size: int

    def without_a_fifth(self) -> "_Room":
        return _Room(self.rows - self.rows // 5, self.size - self.size // 5)


class LogQueue:
    """A queue from many threads to one writer; the last fifth of its room is for WARNING and above.

    Who logs only appends to the inbox. All else is done under a lock, by the writer, or by the caller who finds more
    rows in the inbox than may lie there unseen.
    """

    def __init__(self, capacity: int, capacity_bytes: int, batch_rows: int) -> None:
        self._room = _Room(capacity, capacity_bytes)
        self._room_for_info = self._room.without_a_fifth()
        self._batch_rows = min(batch_rows, self._room_for_info.rows)
        self._size = 0
        self._inbox: deque[Row] = deque()
        # How many rows may lie in the inbox before somebody must look: none while the writer sleeps.
        self._unseen = 0
        # Reentrant: a signal handler that logs may interrupt a log call.
        self._lock = RLock()
        self._arrived = Condition(self._lock)
        self._urgent = Condition(self._lock)
        self._settled = Condition(self._lock)
        self._info: deque[_Numbered] = deque()
        self._warnings: deque[_Numbered] = deque()
        self._taken: deque[_Numbered] = deque()
        self._emitted = 0
        self._written = 0
        self._dropped: Counter[str] = Counter()
        self._hurry_up_to = 0
        self.closing = False

    def put(self, row: Row) -> None:
        """Add a row; where there is no room, a row below WARNING is dropped, or else this one."""
        # Append first, then look: the writer says that it sleeps and then looks, so one of the two sees the other.
        self._inbox.append(row)
        if len(self._inbox) > self._unseen or len(row[4]) > _UNSEEN_CHARACTERS:
            self._look()

    def _look(self) -> None:
        with self._lock:
            self._sort()
            self._arrived.notify()

    def _sort(self) -> None:
        """Number the rows of the inbox and find room for them."""
        while self._inbox:
            row = self._inbox.popleft()
            self._emitted += 1
            size = size_of(row)
            if row[0] < logging.WARNING:
                rows, room = self._info, self._fits(size, self._room_for_info)
            else:
                rows, room = self._warnings, self._fits(size, self._room) or self._give_way(size)
            if room:
                rows.append((self._emitted, row))
                self._size += size
            else:
                self._dropped[row[2]] += 1
        self._unseen = min(self._free_for_info(), _UNSEEN_AT_MOST)

    def _fits(self, size: int, room: _Room) -> bool:
        return self._waiting() < room.rows and self._size + size <= room.size

    def _free_for_info(self) -> int:
        """Return how many short rows there is room for at least."""
        free_bytes = self._room_for_info.size - self._size
        rows = min(self._room_for_info.rows - self._waiting(), free_bytes // (_ROW_BYTES + 4 * _UNSEEN_CHARACTERS))
        return max(rows, 0)

    def _give_way(self, size: int) -> bool:
        """Drop the oldest rows below WARNING until there is room, if that makes room."""
        while self._info and not self._fits(size, self._room):
            row = self._info.popleft()[1]
            self._size -= size_of(row)
            self._dropped[row[2]] += 1
        return self._fits(size, self._room)

    def _waiting(self) -> int:
        return len(self._info) + len(self._warnings) + len(self._taken)

    def wait_for_batch(self, gather_seconds: float) -> bool:
        """Sleep until there are rows and they had the time to become a batch; False when closed and empty."""
        with self._lock:
            self._sleep(1, None)
            self._sleep(self._batch_rows, gather_seconds)
            return self._waiting() > 0

    def _sleep(self, rows: int, seconds: float | None) -> None:
        """Sleep until so many rows wait, or somebody is in a hurry."""

        def enough() -> bool:
            self._sort()
            missing = rows - self._waiting()
            if missing > 0:
                self._unseen = min(self._unseen, missing - 1)
            # The inbox is looked at once more: a caller may have read the old number.
            return len(self._inbox) >= missing or self.closing or self._first() <= self._hurry_up_to

        self._arrived.wait_for(enough, seconds)

    def pause(self, seconds: float) -> None:
        """Sleep until somebody is in a hurry, but not longer than this."""
        with self._lock:
            self._urgent.wait(seconds)

    def _first(self) -> float:
        """Return the number of the oldest row that waits."""
        heads = [rows[0][0] for rows in (self._taken, self._info, self._warnings) if rows]
        return min(heads, default=float("inf"))

    def take(self, characters: int) -> list[Row]:
        """Return the oldest rows, up to a batch; they count as waiting until they are settled."""
        with self._lock:
            self._sort()
            room = characters - sum(len(row[4]) for _, row in self._taken)
            while len(self._taken) < self._batch_rows and (self._info or self._warnings):
                source = self._older() if self._warnings else self._info
                room -= len(source[0][1][4])
                if room < 0 and self._taken:
                    break
                self._taken.append(source.popleft())
            return [row for _, row in self._taken]

    def _older(self) -> deque[_Numbered]:
        if not self._warnings or (self._info and self._info[0][0] < self._warnings[0][0]):
            return self._info
        return self._warnings

    def taken(self, count: int) -> list[Row]:
        """Return the first of the rows that were taken and not settled."""
        with self._lock:
            return [self._taken[position][1] for position in range(count)]

    def settle_written(self, count: int) -> None:
        """Say that the first rows which were taken are in the table."""
        with self._lock:
            self._written += count
            self._size -= sum(size_of(self._taken.popleft()[1]) for _ in range(count))
            self._settled.notify_all()

    def settle_dropped(self) -> None:
        """Say that the first row which was taken cannot be written."""
        with self._lock:
            row = self._taken.popleft()[1]
            self._size -= size_of(row)
            self._dropped[row[2]] += 1
            self._settled.notify_all()

    def size(self) -> int:
        """Return how many bytes of memory the rows take that wait."""
        with self._lock:
            self._sort()
            return self._size

    def in_use_here(self) -> bool:
        """Tell whether this thread stands in the middle of the queue; so it may where a signal interrupted it."""
        lock: Any = self._lock
        # Condition asks an RLock by the same name.
        return bool(lock._is_owned())

    def dropped(self) -> Counter[str]:
        """Return how many rows were dropped, by level."""
        with self._lock:
            self._sort()
            return Counter(self._dropped)

    def stats(self) -> LogStats:
        """Return what became of the records so far."""
        with self._lock:
            self._sort()
            return LogStats(self._emitted, self._written, self._dropped.total(), self._waiting())

    def wait_until_settled(self, timeout: float) -> bool:
        """Hurry the writer and wait until each row of before is written or dropped; False when the time is up."""
        with self._lock:
            self._sort()
            target = self._hurry_up_to = self._emitted
            self._hurry()
            return self._settled.wait_for(lambda: self._first() > target, timeout)

    def close(self) -> None:
        """Ask the writer to end when no row waits."""
        with self._lock:
            self.closing = True
            self._hurry()

    def _hurry(self) -> None:
        self._arrived.notify()
        self._urgent.notify()

    def reopen(self) -> None:
        """Take rows for another writer."""
        self.closing = False
