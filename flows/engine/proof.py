"""Say of each reference whether it is proved, assumed or wrong, before anything runs."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from flows.engine.findings import Path, json_pointer
from flows.engine.references import Reference, references_in
from flows.engine.text import did_you_mean, named, quoted
from flows.engine.types import (
    ANYTHING,
    OBJECT,
    Field,
    Fit,
    ListOf,
    Member,
    ObjectOf,
    OneOf,
    Type,
    fit,
    keys_of,
    kind_of,
    member,
    type_of,
    union,
)


class Certainty(Enum):
    """What is known of a reference before the run."""

    PROVED = "proved"
    ASSUMED = "assumed"
    WRONG = "wrong"


class Verdict(NamedTuple):
    """What a proof found at one place; `reason` says why it is not proved, and is empty where it is.

    `reference` is None for a literal: it is told only where it is wrong.
    """

    path: Path
    reference: Reference | None
    certainty: Certainty
    reason: str

    @property
    def pointer(self) -> str:
        """The place as a JSON Pointer."""
        return json_pointer(self.path)


UNDECLARED = "the step does not declare what it returns"


class Found(NamedTuple):
    """The type that a reference stands for; `problem` says that it can name nothing, `doubt` that it may not."""

    type: Type
    doubt: str = ""
    problem: str = ""


def find_type(reference: Reference, results: Mapping[str, Type]) -> Found:
    """Return what a reference to a known step stands for."""
    owner = results[reference.step]
    rest = reference.rest
    if rest is None:
        return Found(owner)
    whole = member(owner, rest)
    if "." not in rest or (whole.type is not None and whole.certain):
        return _found(whole, owner, rest, f"@{reference.step}")
    path = _follow(owner, rest.split("."), f"@{reference.step}")
    # A result that is not declared may have the whole text as one key.
    return path if whole.type is None else Found(union((whole.type, path.type)), path.doubt or "the key may be missing")


def _follow(owner: Type, parts: list[str], passed: str) -> Found:
    doubt = ""
    found = Found(owner)
    for part in parts:
        found = _found(member(found.type, part), found.type, part, passed)
        if found.problem:
            return found
        doubt = doubt or found.doubt
        passed += f".{part}"
    return Found(found.type, doubt)


def _found(one: Member, owner: Type, key: str, passed: str) -> Found:
    if one.type is None:
        known = keys_of(owner)
        what = f"{quoted(passed)} is {owner} and has no key {quoted(key)}"
        keys = f" (keys: {named(known)}).{did_you_mean(key, known, before=passed + '.')}" if known else ""
        return Found(ANYTHING, problem=what + keys)
    if one.certain:
        return Found(one.type)
    if owner == ANYTHING or one.type == ANYTHING:
        return Found(one.type, doubt=f"{quoted(passed)} does not declare its keys")
    if isinstance(owner, ListOf):
        return Found(one.type, doubt=f"the list {quoted(passed)} may be shorter")
    return Found(one.type, doubt=f"the key {quoted(key)} of {quoted(passed)} may be missing")


def judge(template: Any, target: Type, results: Mapping[str, Type], path: Path) -> Iterator[Verdict]:
    """Yield a verdict on each reference of a compiled value, and on each literal that does not fit its type."""
    if target is OBJECT or target is ANYTHING:
        for place, reference in references_in(template, path):
            yield judge_reference(reference, ANYTHING, results, place)
    elif isinstance(template, Reference):
        yield judge_reference(template, target, results, path)
    elif isinstance(template, dict):
        yield from _judge_object(template, target, results, path)
    elif isinstance(template, list):
        item = target.item if isinstance(target, ListOf) else _loose(template, target, results)
        if item is None:
            yield _misfit(path, template, target)
        else:
            for index, entry in enumerate(template):
                yield from judge(entry, item, results, (*path, index))
    elif fit(type_of(template), target) is Fit.NEVER:
        yield _misfit(path, template, target)


def _judge_object(
    template: dict[str, Any], target: Type, results: Mapping[str, Type], path: Path
) -> Iterator[Verdict]:
    if not isinstance(target, ObjectOf):
        inner = _loose(template, target, results)
        if inner is None:
            yield _misfit(path, template, target)
        else:
            for key, item in template.items():
                yield from judge(item, inner, results, (*path, key))
        return
    for key, declared in target.fields.items():
        if declared.required and key not in template:
            yield _wrong(path, f"the key {quoted(key)} is missing; it is {declared.type}")
    for key, item in template.items():
        declared_field = target.fields.get(key)
        kind = target.rest if declared_field is None else declared_field.type
        if kind is None:
            hint = did_you_mean(key, target.fields)
            yield _wrong((*path, key), f"{target} takes no key {quoted(key)} (keys: {named(target.fields)}).{hint}")
        else:
            yield from judge(item, kind, results, (*path, key))


def _loose(template: Any, target: Type, results: Mapping[str, Type]) -> Type | None:
    """Return the type for what is inside a value whose own type cannot be told apart; None where it cannot fit."""
    return None if fit(template_type(template, results), target) is Fit.NEVER else ANYTHING


def template_type(template: Any, results: Mapping[str, Type]) -> Type:
    """Return the type of a compiled value once its references are resolved."""
    if isinstance(template, Reference):
        return find_type(template, results).type
    if isinstance(template, dict):
        return ObjectOf({key: Field(template_type(item, results)) for key, item in template.items()})
    if isinstance(template, list):
        kinds = [template_type(item, results) for item in template]
        return ListOf(union(kinds) if kinds else OneOf(()))
    return type_of(template)


def judge_reference(reference: Reference, target: Type, results: Mapping[str, Type], path: Path) -> Verdict:
    """Return the verdict on one reference to a known step where a value of type `target` is needed."""
    if reference.rest is not None and results[reference.step] is OBJECT:
        return Verdict(path, reference, Certainty.ASSUMED, UNDECLARED)
    found = find_type(reference, results)
    if found.problem:
        return Verdict(path, reference, Certainty.WRONG, found.problem)
    fits = fit(found.type, target)
    if fits is Fit.NEVER:
        reason = f"it is {found.type}, and {target} is needed here"
        return Verdict(path, reference, Certainty.WRONG, reason)
    if found.doubt:
        return Verdict(path, reference, Certainty.ASSUMED, found.doubt)
    if fits is Fit.SOMETIMES:
        return Verdict(path, reference, Certainty.ASSUMED, f"it is {found.type}, and {target} is needed here")
    return Verdict(path, reference, Certainty.PROVED, "")


def _misfit(path: Path, template: Any, target: Type) -> Verdict:
    return _wrong(path, f"this is {kind_of(template)}; {target} is needed here")


def _wrong(path: Path, reason: str) -> Verdict:
    return Verdict(path, None, Certainty.WRONG, reason)
