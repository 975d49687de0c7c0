"""Hold the log rows that wait for the database, within bounds, and count each of them."""

import logging
from collections import Counter, deque
from threading import Condition, RLock
from typing import NamedTuple

# Severity, time, level, logger, message. A plain tuple: one is made in every log call.
Row = tuple[int, float, str, str, str]
_Numbered = tuple[int, Row]

# Who looks into the inbox has this many rows to sort: a millisecond.
_UNSEEN_AT_MOST = 1000


class LogStats(NamedTuple):
    """What became of the records so far: emitted is the sum of the other three."""

    emitted: int
    written: int
    dropped: int
    waiting: int


class LogQueue:
    """A queue from many threads to one writer; the last fifth of its room is for WARNING and above.

    Who logs only appends to the inbox. All else is done under a lock, by the writer, or by the caller who finds more
    rows in the inbox than may lie there unseen.
    """

    def __init__(self, capacity: int, batch_rows: int) -> None:
        self._capacity = capacity
        self._room_for_info = capacity - capacity // 5
        self._batch_rows = min(batch_rows, self._room_for_info)
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
        if len(self._inbox) > self._unseen:
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
            if row[0] < logging.WARNING:
                rows, room = self._info, self._waiting() < self._room_for_info
            else:
                rows, room = self._warnings, self._waiting() < self._capacity or self._give_way()
            if room:
                rows.append((self._emitted, row))
            else:
                self._dropped[row[2]] += 1
        self._unseen = min(max(self._room_for_info - self._waiting(), 0), _UNSEEN_AT_MOST)

    def _give_way(self) -> bool:
        """Drop the oldest row below WARNING, if there is one."""
        if self._info:
            self._dropped[self._info.popleft()[1][2]] += 1
            return True
        return False

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
                source = self._older()
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
            for _ in range(count):
                self._taken.popleft()
            self._settled.notify_all()

    def settle_dropped(self) -> None:
        """Say that the first row which was taken cannot be written."""
        with self._lock:
            self._dropped[self._taken.popleft()[1][2]] += 1
            self._settled.notify_all()

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
