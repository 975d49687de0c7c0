"""Remove old log rows, so that the table stays small."""

import argparse
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flows import retention
from flows.engine.text import visible
from flows.management.errors import reported
from flows.retention import Progress, Rule


class Command(BaseCommand):
    help = (
        "Remove log rows that are older than an age, in short transactions. Ctrl-C or SIGTERM stops it between two of "
        "them; run it again to go on. Exit codes: 0 done, 2 refused, 3 database unavailable, 130 or 143 stopped."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--older-than", required=True, metavar="AGE", help="such as 12h, 90d or 8w")
        parser.add_argument("--keep-errors", default="", metavar="AGE", help="keep ERROR and CRITICAL up to this age")
        parser.add_argument("--dry-run", action="store_true", help="count the rows that would go, and remove none")

    def handle(self, *args: Any, older_than: str, keep_errors: str, dry_run: bool, **options: Any) -> None:
        with reported():
            rule = Rule.of_ages(older_than, keep_errors)
            steps = retention.count_prunable(rule) if dry_run else retention.prune(rule)
            with _asked_to_stop() as asked, closing(self._bar()) as bar:
                removed, complete = _follow(steps, bar, asked)
        self.stdout.write(f"{'Would remove' if dry_run else 'Removed'} {_told(removed)}.")
        if not complete:
            raise CommandError("stopped before the end; run it again to go on.", returncode=128 + asked[0])

    def _bar(self) -> Any:
        from tqdm import tqdm  # noqa: PLC0415  (40 ms)

        shown = "{desc} {percentage:3.0f}%|{bar}| {elapsed} left {remaining}"
        return tqdm(total=1.0, disable=not sys.stderr.isatty(), leave=False, bar_format=shown)


def _follow(steps: Iterator[Progress], bar: Any, asked: list[int]) -> tuple[Counter[str], bool]:
    """Return what went, and whether that was all."""
    removed: Counter[str] = Counter()
    for share, removed in steps:
        bar.set_description(f"{removed.total():,} rows", refresh=False)
        bar.update(share - bar.n)
        if asked and share < 1:
            return removed, False
    return removed, True


def _told(rows: Counter[str]) -> str:
    kinds = ", ".join(f"{count:,} {visible(level)}" for level, count in rows.most_common())
    return f"{rows.total():,} rows ({kinds})" if kinds else "no rows"


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
