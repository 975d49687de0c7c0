"""Read one page of the list of runs; and of each flow the newest one."""

from collections.abc import Iterable

from django.db.models import Q

from flows.models import Run
from flows.paging import pages
from flows.paging.keys import NEWEST, Cursor
from flows.paging.pages import Order, Page
from flows.paging.streams import first_of_each
from flows.run_pages.selection import RunSelection

PAGE = 50
# Rows of runs are wide, so it is smaller than that of the log.
WINDOW = 20_000
_BARE = Run.objects.only("id", "created_at")


def read_runs(selection: RunSelection, cursor: Cursor = NEWEST, size: int = PAGE) -> Page[Run]:
    """Return the runs that match, from the cursor on, without their texts; at most four queries."""
    order = Order(_BARE, WINDOW, selection.is_timed, cursor.older, *selection.period())

    def first(stretch: Q, number: int) -> list[Run]:
        rows = selection.examine(Run.objects.with_lease().without_texts().filter(stretch))
        return list(order.sorted(rows)[:number])

    return pages.read(order, cursor, size, first, is_bounded=selection.is_bounded)


def newest_of_each(names: Iterable[str]) -> dict[str, Run]:
    """Return the newest run of each of these flows, by name; one query."""
    rows = first_of_each(Run.objects.for_lists().order_by("-id"), "flow_name", names)
    return {run.flow_name: run for run in rows}
