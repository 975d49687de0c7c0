"""The parameters of a step as they are recorded and compared."""

import json
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any

from flows.engine import Step, UnresolvedReference
from flows.engine.references import resolve
from flows.engine.values import unstorable

MAX_PARAMS_BYTES = 256 * 1024

# One encoder each: json.dumps makes another one each time.
_text_of = json.JSONEncoder(ensure_ascii=False).encode
_sorted_text_of = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


def entries_of(step: Step, scope: Mapping[str, Any]) -> list[Any] | None:
    """Return the entries of a `foreach`; None where there is none, or where the engine will say what is wrong."""
    if step.options.foreach is None:
        return None
    with suppress(UnresolvedReference):
        entries = resolve(step.options.foreach, scope)
        return entries if isinstance(entries, list) else None
    return None


def entry_scope(scope: Mapping[str, Any], entry: Any, number: int) -> dict[str, Any]:
    """Return what the references of a step name while it is executed for one entry."""
    return {**scope, "_item": entry, "_index": number}


def params_of(step: Step, scope: Mapping[str, Any]) -> Any:
    """Return what a step is called with; None where a reference in it names nothing."""
    try:
        return resolve(step.template, scope)
    except UnresolvedReference:
        return None


def params_of_entries(step: Step, scope: Mapping[str, Any], entries: list[Any]) -> list[Any]:
    """Return what a step is called with for each of its entries."""
    return [params_of(step, entry_scope(scope, entry, number)) for number, entry in enumerate(entries)]


def recorded_params(params: Any) -> tuple[str, str]:
    """Return the text that is kept of parameters, and their digest; each is empty where there is none."""
    if params is None:
        return "", ""
    problem = unstorable(params)
    if problem is not None:
        return json.dumps({"_not_recorded": str(problem)}), ""
    text = _text_of(params)
    size = len(text.encode())
    if size > MAX_PARAMS_BYTES:
        text = json.dumps({"_not_recorded": f"they have {size:,} bytes; up to {MAX_PARAMS_BYTES:,} are kept"})
    return text, params_digest(params)


def params_digest(params: Any) -> str:
    """Return the hash of parameters: the same for the same values, whatever the order of their keys; empty for None."""
    if params is None:
        return ""
    return sha256(_sorted_text_of(params).encode()).hexdigest()
