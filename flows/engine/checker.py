"""The one checker: proves what it can of a document before anything runs, and calls nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.engine.definition import PLAIN, Child, Condition, FlowDefinition, Options, Report, Step
from flows.engine.document import load_document
from flows.engine.errors import FlowError, UnknownMethod, UnknownProcedure
from flows.engine.findings import Finding, Findings, Path
from flows.engine.inputs import Input
from flows.engine.options import MAX_SECONDS, check_value, read_declared_inputs, read_retry
from flows.engine.procedures import Procedure, Registry
from flows.engine.proof import Certainty, Verdict, find_type, judge, judge_reference, template_type
from flows.engine.reader import Reader
from flows.engine.references import (
    ENGINE,
    NAME,
    BadReference,
    Place,
    Reference,
    compile_value,
    parse_text,
    references_in,
)
from flows.engine.repairs import Repair
from flows.engine.scope import ERROR, ERROR_TYPE, INPUT, RUNTIME, RUNTIME_TYPE, Scope
from flows.engine.text import quoted
from flows.engine.types import (
    ANYTHING,
    BOOLEAN,
    INTEGER,
    LIST,
    OBJECT,
    Field,
    ListOf,
    ObjectOf,
    Type,
    is_a,
    kind_of,
    union,
)

MAX_STEPS = 500
MAX_NAME = 64
MAX_ENTRIES = 1000
MAX_LEVELS = 5

FlowSource = Callable[[str], str]
"""Returns the document of a flow by its name; raises `FlowError` where it cannot be used as a step."""

_DOCUMENT_KEYS = ("$schema", "description", "timeout", "inputs", "procedures", "outputs", "on_failure")
_OPTION_KEYS = ("description", "when", "foreach", "retry", "timeout", "continue_on_error")
_CALL_KEYS = ("name", "mod", "method", "params", *_OPTION_KEYS)
_NOT_WITH_FLOW = ("mod", "method", "params")
_FLOW_KEYS = ("name", "flow", "inputs", *_OPTION_KEYS)


def no_flows(name: str) -> str:
    """Stand for a source of sub-flows where there is none."""
    raise FlowError(f"no flow is named {quoted(name)}: there is no source of flows here")


def check(text: str | bytes, registry: Registry, flows: FlowSource = no_flows, *, name: str = "") -> Report:
    """Check a document and return its definition, or the first twenty things that are wrong with it.

    `flows` gives the documents of sub-flows, `name` is the flow's own, so that it cannot contain itself. Imports only
    modules that the registry holds, calls nothing, and never raises for what the text holds.
    """
    return _check(text, Installation(registry, flows), (name,))


def parse(text: str | bytes, registry: Registry, flows: FlowSource = no_flows, *, name: str = "") -> FlowDefinition:
    """Return the definition of a document; raises `InvalidFlow` with the findings of `check`."""
    return check(text, registry, flows, name=name).definition_or_raise()


@dataclass(slots=True)
class Installation:
    """What a document is checked against; a sub-flow that several steps name is checked once."""

    registry: Registry
    flows: FlowSource
    children: dict[str, Report] = field(default_factory=dict)

    def child(self, name: str, chain: tuple[str, ...]) -> FlowDefinition:
        """Return the definition of a sub-flow; raises `FlowError` with the reason why it cannot be a step."""
        if name in chain:
            raise FlowError(f"flow {quoted(name)} would contain itself ({' > '.join((*chain, name))})")
        if len(chain) > MAX_LEVELS:
            raise FlowError(f"flow {quoted(name)} would be nested deeper than {MAX_LEVELS} levels")
        report = self.children.get(name)
        if report is None:
            report = self.children[name] = _check(self.flows(name), self, (*chain, name))
        if report.definition is None:
            more = len(report.findings) - 1
            rest = f" (and {more} more)" if more else ""
            raise FlowError(f"flow {quoted(name)} is invalid: {report.findings[0]}{rest}")
        if len(chain) + report.definition.levels > MAX_LEVELS:
            raise FlowError(f"flow {quoted(name)} would make the flow nest deeper than {MAX_LEVELS} levels")
        return report.definition


def _check(text: str | bytes, installation: Installation, chain: tuple[str, ...]) -> Report:
    value, findings = load_document(text)
    if findings:
        return Report(None, findings.as_tuple())
    checker = Checker(installation, findings, chain)
    definition = checker.document(value)
    verdicts, hints = tuple(checker.verdicts), tuple(checker.hints())
    return Report(None if findings else definition, findings.as_tuple(), verdicts, hints)


class Checker:
    """One pass over one document."""

    def __init__(self, installation: Installation, findings: Findings, chain: tuple[str, ...]) -> None:
        self.installation = installation
        self.findings = findings
        self.chain = chain
        self.reader = Reader(findings)
        self.add = findings.add
        self.verdicts: list[Verdict] = []
        self.read: set[str] = set()
        self.names: dict[str, str] = {}
        self.steps: list[Step] = []
        self.inputs: dict[str, Input] = {}

    # --- the document ------------------------------------------------------------------------------------------------

    def document(self, document: Any) -> FlowDefinition | None:
        if not isinstance(document, dict):
            self.add((), f'the document is {kind_of(document)}; it must be an object: {{"procedures": [...]}}')
            return None
        self.reader.unknown_keys(document, _DOCUMENT_KEYS, ())
        if "procedures" not in document:
            message = 'the key "procedures" is missing; it holds the list of steps'
            self.add((), message, Repair.add("procedures", []))
        self.inputs = read_declared_inputs(self.reader, document)
        procedures = self._entries(document, "procedures")
        handlers = self._entries(document, "on_failure")
        entries = {"procedures": procedures, "on_failure": handlers}
        first: dict[str, Type] = {RUNTIME: RUNTIME_TYPE}
        if self.inputs:
            first[INPUT] = ObjectOf({name: Field(one.value_type) for name, one in self.inputs.items()})
        scope = Scope(dict(first), entries)
        self.steps = self._steps(procedures, ("procedures",), scope)
        outputs = self._outputs(document, scope)
        on_failure = self._steps(handlers, ("on_failure",), Scope(first | {ERROR: ERROR_TYPE}, entries))
        steps = [*self.steps, *on_failure]
        return FlowDefinition(
            tuple(self.steps),
            self.inputs,
            outputs,
            tuple(on_failure),
            self.reader.number(document, "timeout", (), 0.001, MAX_SECONDS),
            self.reader.text(document, "description", ()),
            ObjectOf() if self.findings else template_type(outputs, scope.results),
            max((1 + step.target.definition.levels for step in steps if isinstance(step.target, Child)), default=0),
        )

    def hints(self) -> list[Finding]:
        """Return what is allowed but looks like a mistake: a result that nothing reads, an input that nothing uses."""
        found = Findings()
        for index, step in enumerate(self.steps[:-1]):
            if step.name not in self.read:
                found.add(("procedures", index), f"nothing reads the result of {quoted(step.name)}")
        if INPUT not in self.read:
            for name in self.inputs:
                if f"{INPUT}.{name}" not in self.read:
                    found.add(("inputs", name), f"nothing reads the input {quoted(name)}")
        return list(found.as_tuple())

    def _entries(self, document: dict[str, Any], key: str) -> list[Any]:
        entries = document.get(key, [])
        if not isinstance(entries, list):
            self.add((key,), f"this is {kind_of(entries)}; it must be a list of steps")
        elif len(entries) > MAX_STEPS:
            self.add((key,), f"{len(entries)} steps; a flow has at most {MAX_STEPS}")
        else:
            return entries
        return []

    def _outputs(self, document: dict[str, Any], scope: Scope) -> dict[str, Any]:
        outputs = self.reader.object(document, "outputs", ())
        template: dict[str, Any] = self._template(outputs, ("outputs",), scope, ANYTHING, None)
        return template

    # --- one step ----------------------------------------------------------------------------------------------------

    def _steps(self, entries: list[Any], path: Path, scope: Scope) -> list[Step]:
        steps = []
        for index, entry in enumerate(entries):
            if self.findings.full:
                break
            if isinstance(entry, dict):
                step = self._step(entry, (*path, index), scope)
                if step is not None:
                    steps.append(step)
            else:
                hint = 'a step is an object with "name", "mod" and "method"'
                self.add((*path, index), f"this is {kind_of(entry)}; {hint}")
        return steps

    def _step(self, entry: dict[str, Any], path: Path, scope: Scope) -> Step | None:
        name = self._name(entry, path)
        if entry.keys() <= _SEED_KEYS:
            target: Procedure | Child | None = self._procedure(entry, path)
            params = self.reader.object(entry, "params", path)
            since = len(self.findings)
            template = self._template(params, _place_of(entry, "params", path), scope, _accepted_by(target), None)
            if "params" not in entry:
                self.findings.mend_under("params", since)
            options = PLAIN
        else:
            target, options, params, template = self._with_options(entry, path, scope)
        self._remember(name, target, options, scope)
        return None if target is None else Step(name, params, template, target, options, path[0] == "on_failure")

    def _with_options(
        self, entry: dict[str, Any], path: Path, scope: Scope
    ) -> tuple[Procedure | Child | None, Options, dict[str, Any], dict[str, Any]]:
        """Read a step that has more than a name, a procedure and parameters."""
        is_flow = "flow" in entry
        # With a flow, "mod" and its kind are told apart from keys that nobody knows.
        self.reader.unknown_keys(entry, (*_FLOW_KEYS, *_NOT_WITH_FLOW) if is_flow else _CALL_KEYS, path)
        target = self._child(entry, path) if is_flow else self._procedure(entry, path)
        when = self._when(entry, path, scope)
        inner, foreach = self._foreach(entry, path, scope, when)
        key = "inputs" if is_flow else "params"
        params = self.reader.object(entry, key, path)
        judged = len(self.verdicts)
        since = len(self.findings)
        template = self._template(params, _place_of(entry, key, path), inner, _accepted_by(target), when)
        if key not in entry:
            self.findings.mend_under(key, since)
        if isinstance(target, Child):
            self._literal_inputs(target.definition, template, (*path, key))
            self.verdicts[judged:] = [_doubt_of_bounds(one, target, (*path, key)) for one in self.verdicts[judged:]]
        if path[0] == "on_failure" and "continue_on_error" in entry:
            message = "the steps of on_failure go on after an error in any case"
            self.add((*path, "continue_on_error"), message, Repair.remove())
        options = Options(
            self.reader.text(entry, "description", path),
            when,
            foreach,
            read_retry(self.reader, entry, path),
            self.reader.number(entry, "timeout", path, 0.001, MAX_SECONDS),
            self.reader.flag(entry, "continue_on_error", path),
        )
        return target, options, params, template

    def _remember(self, name: str, target: Procedure | Child | None, options: Options, scope: Scope) -> None:
        """Let the steps after this one see its result."""
        returns = _returned_by(target)
        if options is not PLAIN:
            if options.foreach is not None:
                returns = ObjectOf({"items": Field(ListOf(returns)), "count": Field(INTEGER)})
            if options.when is not None:
                scope.conditions[name] = options.when
            if options.continue_on_error:
                scope.fragile.add(name)
        scope.results[name] = returns

    def _name(self, entry: dict[str, Any], path: Path) -> str:
        name = self.reader.required_text(entry, "name", path)
        if name is None:
            return ""
        problem = self._problem_of_name(name)
        if problem:
            self.add((*path, "name"), f"{quoted(name)}{problem}")
        return name

    def _problem_of_name(self, name: str) -> str:
        folded = name.lower()
        earlier = self.names.get(folded)
        if earlier is None and len(name) <= MAX_NAME and NAME.fullmatch(name):
            self.names[folded] = name
            return ""
        if name.startswith(ENGINE):
            return ': names that begin with "_" are the engine\'s'
        if len(name) > MAX_NAME:
            return f" has {len(name)} characters; a name has at most {MAX_NAME}"
        if not NAME.fullmatch(name):
            return ": a name begins with a letter and holds only A-Z a-z 0-9 _ -"
        if earlier == name:
            return " is the name of an earlier step too; names are unique"
        return f" differs from the earlier {quoted(earlier or name)} only in case"

    def _procedure(self, entry: dict[str, Any], path: Path) -> Procedure | None:
        mod = self.reader.required_text(entry, "mod", path)
        method = self.reader.required_text(entry, "method", path)
        if mod is None or method is None:
            return None
        try:
            return self.installation.registry.find(mod, method)
        except UnknownProcedure as error:
            key = "method" if isinstance(error, UnknownMethod) else "mod"
            self.add((*path, key), str(error), Repair.write(error.instead))
            return None

    def _child(self, entry: dict[str, Any], path: Path) -> Child | None:
        for key in _NOT_WITH_FLOW:
            if key in entry:
                hint = f'a step has either "flow" and "inputs", or "mod", "method" and "params"; remove {key}'
                self.add((*path, key), hint, Repair.remove())
        flow = self.reader.required_text(entry, "flow", path)
        if flow is None:
            return None
        try:
            return Child(flow, self.installation.child(flow, self.chain))
        except FlowError as error:
            self.add((*path, "flow"), str(error), Repair.write(error.instead))
            return None

    def _literal_inputs(self, child: FlowDefinition, template: Mapping[str, Any], path: Path) -> None:
        """Report constants that the inputs of a sub-flow do not accept."""
        for name, value in template.items():
            declared = child.inputs.get(name)
            place = (*path, name)
            # What has another type is reported by the proof.
            if declared is not None and is_a(value, declared.type) and not references_in(value, place):
                check_value(self.reader, declared, value, place)

    # --- conditions and repetition -----------------------------------------------------------------------------------

    def _when(self, entry: dict[str, Any], path: Path, scope: Scope) -> Condition | None:
        if "when" not in entry:
            return None
        value = entry["when"]
        place = (*path, "when")
        negated = isinstance(value, dict) and list(value) == ["not"]
        text = value["not"] if negated else value
        since = len(self.findings)
        reference = self._single_reference(text, place)
        if reference is None and not isinstance(text, str):
            hint = 'write a reference such as "@step.key", or {"not": "@step.key"}'
            self.add(place, f"this is {kind_of(text)}; {hint}")
        elif reference is not None and self._is_readable(reference, place, scope, None):
            self._take(judge_reference(reference, BOOLEAN, scope.results, place))
        if negated:
            self.findings.mend_under("not", since)
        return None if reference is None else Condition(reference, expected=not negated)

    def _foreach(self, entry: dict[str, Any], path: Path, scope: Scope, when: Condition | None) -> tuple[Scope, Any]:
        """Return the scope of the parameters of a repeated step, and what it is repeated for."""
        if "foreach" not in entry:
            return scope, None
        value = entry["foreach"]
        place = (*path, "foreach")
        if isinstance(value, list):
            if len(value) > MAX_ENTRIES:
                self.add(place, f"{len(value)} entries; foreach takes at most {MAX_ENTRIES}")
                return scope.with_entry(ANYTHING), []
            template = self._template(value, place, scope, LIST, when)
            kinds = [template_type(item, self._known(scope)) for item in template]
            return scope.with_entry(union(kinds) if kinds else ANYTHING), template
        reference = self._single_reference(value, place)
        if reference is None:
            if not isinstance(value, str):
                self.add(place, f'this is {kind_of(value)}; write a list, or a reference to one such as "@step.rows"')
        elif self._is_readable(reference, place, scope, when):
            self._take(judge_reference(reference, LIST, scope.results, place))
            found = find_type(reference, scope.results).type
            return scope.with_entry(found.item if isinstance(found, ListOf) else ANYTHING), reference
        return scope.with_entry(ANYTHING), reference

    def _single_reference(self, text: Any, place: Path) -> Reference | None:
        if not isinstance(text, str):
            return None
        try:
            found = parse_text(text)
        except BadReference as error:
            # A text for itself is no reference either.
            is_reference = error.instead is not None and not error.instead.startswith("@@")
            self.add(place, str(error), Repair.write(error.instead) if is_reference else None)
            return None
        if isinstance(found, Reference):
            return found
        self.add(place, f'{quoted(text)} is no reference; write "@step.key"')
        return None

    # --- references --------------------------------------------------------------------------------------------------

    def _template(self, value: Any, path: Path, scope: Scope, target: Type, when: Condition | None) -> Any:
        """Parse the references of a value, and judge them and the literals around them."""
        found: list[Place] = []
        template = compile_value(value, path, found, self.add)
        if target is OBJECT or target is ANYTHING:
            for place, reference in found:
                if self._is_readable(reference, place, scope, when):
                    self._take(judge_reference(reference, ANYTHING, scope.results, place))
            return template
        unknown = {place for place, reference in found if not self._is_readable(reference, place, scope, when)}
        for verdict in judge(template, target, self._known(scope), path):
            if self.findings.full:
                break
            if verdict.path not in unknown:
                self._take(verdict)
        return template

    def _known(self, scope: Scope) -> Mapping[str, Type]:
        """Return the results in scope, and anything for the names that are reported as not readable."""
        return _Anything(scope.results)

    def _take(self, verdict: Verdict) -> None:
        path, reference, certainty, *_ = verdict
        if path[0] == "on_failure" and certainty is Certainty.PROVED:
            verdict = self._doubt_of_handlers(verdict)
        if reference is not None:
            self.verdicts.append(verdict)
        if certainty is Certainty.WRONG:
            shown = f"{quoted(str(verdict.reference))}: " if verdict.reference else ""
            self.add(verdict.path, shown + verdict.reason, verdict.repair)

    def _doubt_of_handlers(self, verdict: Verdict) -> Verdict:
        """Take a proof back where the step that is read is a handler: the others go on when it fails."""
        reference = verdict.reference
        if reference is None or reference.step.startswith(ENGINE):
            return verdict
        return verdict._replace(certainty=Certainty.ASSUMED, reason=f"{quoted(reference.step)} may have failed")

    def _is_readable(self, reference: Reference, place: Path, scope: Scope, when: Condition | None) -> bool:
        """Return whether a reference may name that step here; report it where it may not."""
        if self.findings.full:
            return False
        step, rest = reference
        self.read.add(step if step != INPUT or rest is None else f"{INPUT}.{rest.partition('.')[0]}")
        refusal = scope.why_not(reference, place, when)
        if refusal:
            self.add(place, f"{quoted(str(reference))}: {refusal.reason}", Repair.write(refusal.instead))
        return refusal is None


_SEED_KEYS = frozenset({"name", "mod", "method", "params"})


class _Anything(dict[str, Type]):
    """Results by step; a step that is not known has a result of which nothing is known."""

    def __missing__(self, key: str) -> Type:
        return ANYTHING


def _place_of(entry: dict[str, Any], key: str, path: Path) -> Path:
    """Return where something about a key is to be reported: at the key, or where it is missing."""
    return (*path, key) if key in entry else path


def _accepted_by(target: Procedure | Child | None) -> Type:
    """Return the type of the parameters of a step."""
    if not isinstance(target, Child):
        return OBJECT if target is None else target.accepts
    declared = target.definition.inputs.values()
    fields = {one.name: Field(one.value_type, required=not one.has_default) for one in declared}
    return ObjectOf(fields, name=str(target))


def _doubt_of_bounds(verdict: Verdict, child: Child, path: Path) -> Verdict:
    """Take a proof back where the input that is given refuses some values of its type."""
    declared = child.definition.inputs.get(str(verdict.path[-1]))
    if verdict.path[:-1] != path or declared is None or not declared.is_bounded:
        return verdict
    if verdict.certainty is not Certainty.PROVED:
        return verdict
    return verdict._replace(certainty=Certainty.ASSUMED, reason="the input does not take every value of its type")


def _returned_by(target: Procedure | Child | None) -> Type:
    """Return the type of one result of a step."""
    if isinstance(target, Child):
        return target.definition.outputs_type
    return ANYTHING if target is None else target.returns
