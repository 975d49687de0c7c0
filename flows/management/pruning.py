"""Follow the removal of old rows on the command line: a bar, an orderly stop by a signal, one line at the end."""

import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from flows.engine.text import visible
from flows.retention.walking import Progress

STOPPING = (
    "in short transactions. Ctrl-C or SIGTERM stops it between two of them; run it again to go on. "
    "Exit codes: 0 done, 2 refused, 3 database unavailable, 130 or 143 stopped."
)


def follow(steps: Iterator[Progress], done: str, noun: str, stdout: OutputWrapper) -> None:
    """Go through the steps of a removal and print `done` with what went; raise `CommandError` where it was stopped."""
    with _asked_to_stop() as asked, closing(_bar()) as bar:
        removed, complete = _followed(steps, noun, bar, asked)
    stdout.write(f"{done} {_told(removed, noun)}.")
    if not complete:
        raise CommandError("stopped before the end; run it again to go on.", returncode=128 + asked[0])


def _followed(steps: Iterator[Progress], noun: str, bar: Any, asked: list[int]) -> tuple[Counter[str], bool]:
    """Return what went, and whether that was all."""
    removed: Counter[str] = Counter()
    for share, removed in steps:
        bar.set_description(f"{removed.total():,} {noun}", refresh=False)
        bar.update(share - bar.n)
        if asked and share < 1:
            return removed, False
    return removed, True


def _bar() -> Any:
    from tqdm import tqdm  # noqa: PLC0415  (40 ms)

    shown = "{desc} {percentage:3.0f}%|{bar}| {elapsed} left {remaining}"
    return tqdm(total=1.0, disable=not sys.stderr.isatty(), leave=False, bar_format=shown)


def _told(rows: Counter[str], noun: str) -> str:
    kinds = ", ".join(f"{count:,} {visible(kind)}" for kind, count in rows.most_common())
    return f"{rows.total():,} {noun} ({kinds})" if kinds else f"no {noun}"


@contextmanager
def _asked_to_stop() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM meanwhile; a second one has its usual effect."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, _frame: object) -> None:
        asked.append(number)
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, ask)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
