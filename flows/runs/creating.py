"""Record that a flow is to be run."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from flows.engine import read_inputs
from flows.engine.text import quoted
from flows.failpoints import reach
from flows.models import FlowSettings, Run, Status, Trigger, WhenActive, document_hash
from flows.runs.finding import code_of
from flows.runs.room import count_start, lets_wait, with_place
from flows.services import FlowRefused, Runnable
from flows.tables import is_missing_table

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for a run, how, and under which key: the same key of a flow gives the same run, once.

    `when_active` says what happens where as many runs are active as may be, in place of the settings of the flow.
    """

    trigger: Trigger
    by: str = ""
    key: str = ""
    when_active: WhenActive = WhenActive.SITE


def create_run(flow: Runnable, inputs: Mapping[str, Any], asked: Asked, *, owner: str = "") -> tuple[Run, bool] | None:
    """Record that a flow is to be run; return the run, and whether this call made it.

    With an `owner` it is that one's already, or waits in this process where the flow lets runs wait; otherwise it waits
    for anybody. Returns None where there is no history. Raises
    `InvalidInputs`, `FlowIsActive`, and `FlowRefused` for a key whose run had other inputs.
    """
    values = read_inputs(flow.definition.inputs, inputs)
    if not settings.FLOWS_HISTORY:
        return None
    run = new_run(flow, values, asked)
    try:
        return stored(run, owner, asked.when_active)
    except DatabaseError as error:
        if not is_missing_table(error):
            raise
        _say_that_there_is_no_history()
        return None


def new_run(flow: Runnable, inputs: dict[str, Any], asked: Asked) -> Run:
    name, definition = flow.flow.flow_name, flow.definition
    return Run(
        flow_id=flow.flow.pk,
        flow_name=name,
        trigger=asked.trigger,
        asked_by=asked.by[:150],
        key=asked.key[:200],
        key_digest=digest_of_key(name, asked.key) if asked.key else None,
        definition=flow.flow.flow_json,
        definition_hash=document_hash(flow.flow.flow_json),
        subflows=_dump(flow.subflows),
        inputs=_dump(inputs),
        code=_dump(code_of(definition)),
        steps_total=len(definition.steps),
    )


def digest_of_key(flow_name: str, key: str) -> str:
    """Return what is unique among the runs that have a key."""
    return sha256(f"{flow_name}\0{key}".encode(errors="surrogatepass")).hexdigest()


def stored(run: Run, owner: str = "", when_active: WhenActive = WhenActive.SITE) -> tuple[Run, bool]:
    """Insert a run, unless its key has one already. Raises `MustWait` for one that may not wait."""
    limits = FlowSettings.objects.of(run.flow_name)
    limits.when_active = when_active or limits.when_active
    run.created_at = timezone.now()
    run.status = Status.QUEUED
    begins = bool(owner) and not lets_wait(limits)
    if not lets_wait(limits):
        run.active_flow = run.flow_name
    if owner:
        values = run.held_by(owner) | {"started_at": run.created_at} if begins else run.kept_here()
        for name, value in values.items():
            setattr(run, name, value)
    kept = with_place(run, limits, lambda: _insert_or_find(run, limits if begins else None))
    if kept is not run:
        return _same_run(kept, run), False
    reach("run.created")
    return run, True


def _insert_or_find(run: Run, counted_by: FlowSettings | None) -> Run:
    """Insert a run, or return the one that has its key; count the start of one that begins."""
    try:
        with transaction.atomic():
            run.save(force_insert=True)
            if counted_by is not None:
                count_start(counted_by)
    except IntegrityError:
        known = Run.objects.with_lease().filter(key_digest=run.key_digest).first() if run.key_digest else None
        if known is None:
            raise
        return known
    return run


def _same_run(known: Run, asked: Run) -> Run:
    if _without_order(known.inputs) != _without_order(asked.inputs):
        raise FlowRefused(f"the key {quoted(asked.key)} belongs to {known}, which has other inputs; take another key")
    return known


def _without_order(inputs: str) -> str:
    return json.dumps(json.loads(inputs), sort_keys=True)


@lru_cache(maxsize=1)
def _say_that_there_is_no_history() -> None:
    logger.warning("runs are not recorded: the table wf_run is missing. Run: python manage.py migrate")


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
