"""The table of versions: each flow as it was stored after one change."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Self

from django.db import models
from django.utils import timezone

from flows.engine.text import visible
from flows.models.flow import Flow


class FlowVersionQuerySet(models.QuerySet["FlowVersion"]):
    """Queries over versions; the documents may be large, and lists do without them."""

    def of(self, flow_id: int) -> Self:
        return self.filter(flow_id=flow_id).order_by("-number")

    def without_documents(self) -> Self:
        return self.defer("document")

    def latest_of(self, flow_ids: Iterable[int]) -> dict[int, "FlowVersion"]:
        """Return the latest version of each flow that has one, by the flow's id."""
        last = self.filter(flow_id__in=flow_ids).order_by().values("flow_id").annotate(last=models.Max("pk"))
        found = self.without_documents().filter(pk__in=[row["last"] for row in last])
        return {version.flow_id: version for version in found}


class FlowVersion(models.Model):
    """A flow as the table held it after one change; written once, never changed.

    No foreign keys: a version outlives a row that another program removes, and a user who left.
    """

    flow_id = models.BigIntegerField()
    number = models.PositiveIntegerField()
    kept_at = models.DateTimeField(default=timezone.now)
    author = models.CharField(max_length=150, blank=True)
    why = models.CharField(max_length=200, blank=True)
    changes = models.CharField(max_length=200)
    flow_name = models.CharField(max_length=128)
    document = models.TextField()
    document_hash = models.CharField(max_length=64)
    enabled = models.BooleanField()
    deleted = models.BooleanField()

    objects = FlowVersionQuerySet.as_manager()

    class Meta:
        db_table = "wf_flow_version"
        ordering = ("flow_id", "-number")
        constraints = (models.UniqueConstraint(fields=("flow_id", "number"), name="wf_flow_version_number"),)
        indexes = (models.Index(fields=("flow_id", "document_hash"), name="wf_flow_version_hash"),)
        # Who may see or change the flow may see or restore its versions.
        default_permissions = ()

    def __str__(self) -> str:
        return visible(f"version {self.number} of {self.flow_name}")

    @classmethod
    def of_stored(cls, flow: Flow) -> Self:
        """Return what the row holds as a version that is not kept yet."""
        return cls(
            flow_id=flow.pk,
            number=0,
            flow_name=flow.flow_name,
            document=flow.flow_json,
            document_hash=document_hash(flow.flow_json),
            enabled=bool(flow.enabled),
            deleted=bool(flow.deleted),
        )

    def says_the_same(self, other: "FlowVersion") -> bool:
        mine, others = (
            (version.flow_name, version.document_hash, version.enabled, version.deleted) for version in (self, other)
        )
        return mine == others


def document_hash(text: str) -> str:
    """Return the SHA-256 of a document's UTF-8 text in hexadecimal digits."""
    return sha256(text.encode(errors="surrogatepass")).hexdigest()
