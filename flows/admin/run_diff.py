"""The page that shows two runs of a flow side by side, and where they part."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from flows import runs
from flows.models import Run
from flows.models.run import newest_runs
from flows.run_diff import RunDiff, StepDiff, read_diff
from flows.services import FlowRefused

PERMISSION = "flows.view_run"
OTHERS = 20
MOST_BLOCKS = 50
MOST_EQUAL = 25
_DEEPEST = 4


@require_safe
def diff_view(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """Compare the runs `a` and `b` of the query; without `b`, let one be chosen."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    run = _run(request.GET.get("a", ""))
    context = site.each_context(request) | {"opts": Run._meta, "title": f"Compare {run}", "run": run}
    try:
        diff = read_diff(run, _run(request.GET["b"])) if request.GET.get("b") else None
    except FlowRefused as error:
        return _page(request, context | {"refusal": str(error), "others": _others(run, None)}, status=400)
    return _page(request, context | {"others": _others(run, diff)} | (_diff_context(diff) if diff else {}))


def _page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponseBase:
    return TemplateResponse(request, "admin/flows/run/diff.html", context, status=status)


def _run(number: str) -> Run:
    """Return the run of that number; raises `Http404`."""
    if not (number.isascii() and number.isdecimal() and len(number) < 20):
        raise Http404("The address names no run: it needs ?a= and, to compare, &b= with the numbers of two runs.")
    try:
        return runs.find_run(int(number))
    except runs.UnknownRun as error:
        raise Http404(f"There is no run {number}; it may have been removed.") from error


def _others(run: Run, diff: RunDiff | None) -> list[Run]:
    """Return the newest runs of the same flow to choose from, and the one that is chosen."""
    chosen = [diff.new] if diff else []
    newest = [one for one in newest_runs(run.flow_name)[: OTHERS + 1] if one.pk != run.pk][:OTHERS]
    return newest + [one for one in chosen if one.pk not in {run.pk, *(each.pk for each in newest)}]


def _diff_context(diff: RunDiff) -> dict[str, Any]:
    first = diff.first
    blocks = [*_blocks(diff, first)]
    return {
        "diff": diff,
        "first": first,
        "blocks": blocks[:MOST_BLOCKS],
        "left_out": sum("step" in block for block in blocks[MOST_BLOCKS:]),
        "counts": [(verdict.value, count) for verdict, count in diff.counts.items()],
    }


def _blocks(diff: RunDiff, first: StepDiff | None) -> Iterator[dict[str, Any]]:
    """Yield each step that differs, and equal ones that follow each other as one block to be folded."""
    for is_equal, group in groupby(diff.steps, lambda step: step.is_equal):
        steps = [*group]
        if is_equal:
            yield {"equal": steps[:MOST_EQUAL], "count": len(steps), "more": max(len(steps) - MOST_EQUAL, 0)}
        else:
            for step in steps:
                yield {"step": step, "depth": min(step.place.depth, _DEEPEST), "is_first": step is first}
