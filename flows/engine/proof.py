"""Say of each reference whether it is proved, assumed or wrong, before anything runs."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from flows.engine.examples import example
from flows.engine.findings import Path, json_pointer
from flows.engine.references import Reference, references_in
from flows.engine.repairs import Repair
from flows.engine.text import meant, named, nearest, quoted
from flows.engine.types import (
    ANYTHING,
    OBJECT,
    AnyType,
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
    told,
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

    `reference` is None for a literal: it is told only where it is wrong. `repair` mends what is wrong.
    """

    path: Path
    reference: Reference | None
    certainty: Certainty
    reason: str
    repair: Repair | None = None

    @property
    def pointer(self) -> str:
        """The place as a JSON Pointer."""
        return json_pointer(self.path)


UNDECLARED = "the step does not declare what it returns"


class Found(NamedTuple):
    """The type that a reference stands for; `problem` says that it can name nothing, `doubt` that it may not.

    `instead` is the reference that was probably meant where there is a problem.
    """

    type: Type
    doubt: str = ""
    problem: str = ""
    instead: str | None = None


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
    if whole.type is None:
        return path
    if path.problem:
        return _found(whole, owner, rest, f"@{reference.step}")
    # Either may be what is found: the whole text as one key, or else what the path leads to.
    return Found(union((whole.type, path.type)), path.doubt)


def _follow(owner: Type, parts: list[str], passed: str) -> Found:
    doubt = ""
    found = Found(owner)
    for number, part in enumerate(parts, 1):
        found = _found(member(found.type, part), found.type, part, passed)
        if found.problem:
            return found._replace(instead=found.instead and ".".join([found.instead, *parts[number:]]))
        doubt = doubt or found.doubt
        passed += f".{part}"
    return Found(found.type, doubt)


def _found(one: Member, owner: Type, key: str, passed: str) -> Found:
    if one.type is None:
        known = keys_of(owner)
        what = f"{quoted(passed)} is {told(owner)} and has no key {quoted(key)}"
        guess = nearest(key, known)
        instead = guess and f"{passed}.{guess}"
        keys = f" (keys: {named(known)}).{meant(instead)}" if known else ""
        return Found(ANYTHING, problem=what + keys, instead=instead)
    if one.certain:
        return Found(one.type)
    if ANYTHING in (owner, one.type):
        return Found(one.type, doubt=f"{quoted(passed)} does not declare its keys")
    if isinstance(owner, ListOf):
        return Found(one.type, doubt=f"the list {quoted(passed)} may be shorter")
    return Found(one.type, doubt=f"the key {quoted(key)} of {quoted(passed)} may be missing")


def judge(template: Any, target: Type, results: Mapping[str, Type], path: Path) -> Iterator[Verdict]:
    """Yield a verdict on each reference of a compiled value, and on each literal that does not fit its type."""
    if target is ANYTHING or (target is OBJECT and isinstance(template, dict)):
        for place, reference in references_in(template, path):
            yield judge_reference(reference, ANYTHING, results, place)
    elif isinstance(template, Reference):
        yield judge_reference(template, target, results, path)
    elif isinstance(template, dict) and isinstance(target, ObjectOf):
        yield from _judge_object(template, target, results, path)
    elif isinstance(template, list) and isinstance(target, ListOf):
        for index, entry in enumerate(template):
            yield from judge(entry, target.item, results, (*path, index))
    elif isinstance(template, dict | list):
        yield from _judge_by_options(template, target, results, path)
    elif fit(type_of(template), target) is Fit.NEVER:
        yield _misfit(path, template, target)


def _judge_object(
    template: dict[str, Any], target: ObjectOf, results: Mapping[str, Type], path: Path
) -> Iterator[Verdict]:
    for key, declared in target.fields.items():
        if declared.required and key not in template:
            reason = f"the key {quoted(key)} is missing; it is {told(declared.type)}"
            yield _wrong(path, reason, Repair.add(key, example(declared.type)))
    for key, item in template.items():
        declared_field = target.fields.get(key)
        kind = target.rest if declared_field is None else declared_field.type
        if kind is None:
            guess = nearest(key, target.fields)
            reason = f"{target} takes no key {quoted(key)} (keys: {named(target.fields)}).{meant(guess)}"
            yield _wrong((*path, key), reason, Repair.rename(guess, template))
        yield from judge(item, ANYTHING if kind is None else kind, results, (*path, key))


def _judge_by_options(
    template: dict[str, Any] | list[Any], target: Type, results: Mapping[str, Type], path: Path
) -> Iterator[Verdict]:
    """Judge an object or a list where its type is not told by one such type: by the option that it fits best."""
    kind = ObjectOf if isinstance(template, dict) else ListOf
    options = [one for one in _options(target) if isinstance(one, kind | AnyType)]
    judged = [list(_judge_option(template, option, results, path)) for option in options]
    possible = [verdicts for verdicts in judged if not _count(verdicts, Certainty.WRONG)]
    if possible:
        yield from min(possible, key=lambda verdicts: _count(verdicts, Certainty.ASSUMED))
    elif len(judged) == 1:
        yield from judged[0]
    else:
        of_references = list(judge(template, ANYTHING, results, path))
        if not _count(of_references, Certainty.WRONG):
            yield _misfit(path, template, target)
        yield from of_references


def _judge_option(template: Any, option: Type, results: Mapping[str, Type], path: Path) -> Iterator[Verdict]:
    if not isinstance(option, AnyType):
        yield from judge(template, option, results, path)
        return
    for verdict in judge(template, ANYTHING, results, path):
        is_proved = verdict.certainty is Certainty.PROVED
        reason = f"what is inside a {option} inside itself is not followed"
        yield verdict._replace(certainty=Certainty.ASSUMED, reason=reason) if is_proved else verdict


def _options(target: Type) -> tuple[Type, ...]:
    return target.options if isinstance(target, OneOf) else (target,)


def _count(verdicts: list[Verdict], certainty: Certainty) -> int:
    return sum(verdict.certainty is certainty for verdict in verdicts)


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
        return Verdict(path, reference, Certainty.WRONG, found.problem, Repair.write(found.instead))
    fits = fit(found.type, target)
    is_known = "its type is not declared" if found.type == ANYTHING else f"it is {told(found.type)}"
    misfit = f"{is_known}, and {told(target)} is needed here"
    if fits is Fit.NEVER:
        return Verdict(path, reference, Certainty.WRONG, misfit)
    if found.doubt or fits is Fit.SOMETIMES:
        return Verdict(path, reference, Certainty.ASSUMED, found.doubt or misfit)
    return Verdict(path, reference, Certainty.PROVED, "")


def _misfit(path: Path, template: Any, target: Type) -> Verdict:
    return _wrong(path, f"this is {kind_of(template)}; {told(target)} is needed here")


def _wrong(path: Path, reason: str, repair: Repair | None = None) -> Verdict:
    return Verdict(path, None, Certainty.WRONG, reason, repair)
