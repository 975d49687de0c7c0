"""The versions of flows: what the table held after each change, with who, when and why; compared and restored."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from django.core.paginator import Page, Paginator
from django.db import Error, transaction

from flows import diff
from flows.engine import FlowError, InvalidFlow
from flows.engine.document import load_document
from flows.engine.text import visible
from flows.laid_out import laid_out_json
from flows.models import Flow, FlowVersion
from flows.services import check_document
from flows.tables import is_missing_table

logger = logging.getLogger(__name__)

FOUND = "Found as it is"
"""Why a version is kept that no change of ours has left: another program wrote it, or it is older than versions are."""

ON_A_PAGE = 50


class NoVersions(FlowError):
    """The table of the versions is not there."""


@contextmanager
def _table() -> Iterator[None]:
    """Turn the database's error for a missing table into `NoVersions`."""
    try:
        yield
    except Error as error:
        if not is_missing_table(error):
            raise
        raise NoVersions(
            "Versions are not kept: the table wf_flow_version is missing. Run: python manage.py migrate"
        ) from error


# Keep


@contextmanager
def keeping(*flows: Flow, author: str, why: str = "") -> Iterator[None]:
    """Keep what is done to these flows inside: all of it and its versions are one transaction.

    What no version holds yet is kept first, as it was found. Where nothing changes, nothing is kept. A flow that is
    created inside may be named without a key. Without the table the change is made all the same.
    """
    with transaction.atomic():
        _keep([flow.pk for flow in flows if flow.pk], "", FOUND)
        yield
        _keep([flow.pk for flow in flows], author, why)


def _keep(flow_ids: list[int], author: str, why: str) -> None:
    """Add a version of each of these flows whose row is not as its latest version says."""
    # The row is locked before its latest version is read, so that numbers follow each other. And it is read from the
    # table: some servers store a document in words of their own.
    stored = list(Flow.objects.select_for_update().filter(pk__in=flow_ids).order_by("pk"))
    try:
        with _table():
            latest = FlowVersion.objects.latest_of(flow_ids)
    except NoVersions as error:
        _say_once(str(error))
        return
    candidates = [(latest.get(flow.pk), FlowVersion.of_stored(flow)) for flow in stored]
    FlowVersion.objects.bulk_create(
        _after(before, version, author, why)
        for before, version in candidates
        if before is None or not before.says_the_same(version)
    )


def _after(before: FlowVersion | None, version: FlowVersion, author: str, why: str) -> FlowVersion:
    version.number = before.number + 1 if before else 1
    version.author, version.why = author[:150], _shortened(why)
    version.changes = _changes(before, version)
    return version


def _shortened(why: str) -> str:
    """Return the end of a text that is too long: of a path it says most."""
    return why if len(why) <= 200 else f"…{why[-199:]}"


def _changes(before: FlowVersion | None, after: FlowVersion) -> str:
    """Return in one line what a version changed: `+1 step, 2 parameters changed, enabled`."""
    if before is None:
        return "first version"
    # The older document is read only where it is another.
    same = before.document_hash == after.document_hash
    told = [] if same else diff.summary(before.document, after.document)
    if before.flow_name != after.flow_name:
        told.append("name changed")
    if before.enabled != after.enabled:
        told.append("enabled" if after.enabled else "disabled")
    if before.deleted != after.deleted:
        told.append("deleted" if after.deleted else "no longer deleted")
    return ", ".join(told)


@cache
def _say_once(text: str) -> None:
    logger.warning(text)


# Read


def versions_of(flow: Flow, page: str | int = 1) -> Page[FlowVersion]:
    """Return a page of the versions of a flow, the latest first; raises `NoVersions`."""
    with _table():
        versions = Paginator(FlowVersion.objects.of(flow.pk).without_documents(), ON_A_PAGE).get_page(page)
        versions.object_list = list(versions.object_list)
        return versions


def version_numbered(flow: Flow, number: int) -> FlowVersion | None:
    """Return one version of a flow; raises `NoVersions`."""
    with _table():
        return FlowVersion.objects.of(flow.pk).filter(number=number).first()


def version_of(flow_id: int, document_hash: str) -> FlowVersion | None:
    """Return the latest version of a flow whose document has this hash, without reading the document."""
    try:
        with _table():
            of_flow = FlowVersion.objects.of(flow_id).without_documents()
            return of_flow.filter(document_hash=document_hash).first()
    except NoVersions:
        return None


def not_kept_yet(flow: Flow) -> FlowVersion | None:
    """Return the stored state as a version without a number, where no version holds it; raises `NoVersions`."""
    with _table():
        latest = FlowVersion.objects.latest_of([flow.pk]).get(flow.pk)
    stored = FlowVersion.of_stored(flow)
    if latest is not None and latest.says_the_same(stored):
        return None
    stored.why, stored.changes = FOUND, _changes(latest, stored)
    return stored


# Compare


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions side by side.

    `facts` are the name and the flags that differ, with both values; `differences` is None where a document is not
    JSON; `rows` are the lines of both documents, laid out alike, that differ or stand near to one that does.
    """

    old: FlowVersion
    new: FlowVersion
    facts: tuple[tuple[str, str, str], ...]
    differences: tuple[diff.Difference, ...] | None
    rows: tuple[diff.Row | diff.Fold, ...]

    @property
    def lines_differ(self) -> bool:
        return any(row.kind not in {"same", "fold"} for row in self.rows)


def compare(old: FlowVersion, new: FlowVersion) -> Comparison:
    """Compare two versions, of one flow or of two."""
    before, after = load_document(old.document), load_document(new.document)
    readable = not (before.findings or after.findings)
    return Comparison(
        old,
        new,
        tuple(_facts(old, new)),
        diff.differences(before.value, after.value) if readable else None,
        tuple(diff.folded(laid_out(old.document), laid_out(new.document))),
    )


def _facts(old: FlowVersion, new: FlowVersion) -> Iterator[tuple[str, str, str]]:
    if old.flow_name != new.flow_name:
        yield "name", visible(old.flow_name), visible(new.flow_name)
    for flag in ("enabled", "deleted"):
        before, after = getattr(old, flag), getattr(new, flag)
        if before != after:
            yield flag, "yes" if before else "no", "yes" if after else "no"


def laid_out(text: str) -> str:
    """Return a document laid out for people, and any other text as it is."""
    try:
        return laid_out_json(text)
    except InvalidFlow:
        return text.replace("\r\n", "\n").replace("\r", "\n")


# Restore


def restore_version(flow: Flow, version: FlowVersion, author: str) -> FlowVersion | None:
    """Store the document of an old version again, and return the version that this makes.

    Name and flags stay. Returns None where the flow holds the document already. Raises `InvalidFlow` where the
    document does not pass the check of today.
    """
    report = check_document(version.document, flow.flow_name)
    if report.findings:
        raise InvalidFlow(report.findings)
    if flow.flow_json == version.document:
        return None
    with keeping(flow, author=author, why=f"Restored from version {version.number}"):
        flow.flow_json = version.document
        flow.save_fields(["flow_json"])
    return FlowVersion.objects.latest_of([flow.pk])[flow.pk]
