"""Made-up procedures with declared types, flows over them, and results that keep to the types."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from flows.engine import FlowError, Procedure, Registry, Report, UnknownProcedure, check
from flows.engine.types import INTEGER, Field, Fit, ListOf, ObjectOf, OneOf, Type, fit, from_annotation, member
from tests.engine.shapes import KEYS, Either, OneValue, Plain, Record, Row, Shape, record

TEXT, ANY, FLAG, LIST = Plain("str"), Plain("any"), Plain("bool"), Row(Plain("any"))
RUNTIME = Record((("start_time", TEXT), ("flow", TEXT), ("run_id", Plain("null"))))
ERROR = Record((("step", TEXT), ("type", TEXT), ("message", TEXT)))
INPUTS: dict[str, Shape] = {
    "string": TEXT, "integer": Plain("int"), "number": Plain("float"), "boolean": FLAG, "array": LIST,
    "object": Row(ANY, keyed=True),
}  # fmt: skip


class Boom(Exception):
    """What the procedure that always fails raises."""


class Played(Registry):
    """Procedures that check what they are given against their declared shape, and return a value of another."""

    def __init__(self) -> None:
        super().__init__(())
        self.random = Random(0)
        self.made: dict[str, Procedure] = {}
        self.shapes: dict[str, tuple[Record, Record]] = {}

    @property
    def modules(self) -> dict[str, str]:
        return {mod: f"made.{mod}" for mod in self.made}

    def find(self, mod: str, method: str) -> Procedure:
        if mod not in self.made or method != "run":
            raise UnknownProcedure(f"{mod}.{method}")
        return self.made[mod]

    def methods(self, mod: str) -> dict[str, Callable[..., Any]]:
        return {"run": self.made[mod].function}

    def add(self, accepts: Record, returns: Record, *, fails: bool = False) -> str:
        """Make a procedure and return the name of its module."""

        def run(self: object, context: dict[str, Any], params: dict[str, Any]) -> Any:
            """Play."""
            assert accepts.holds(params), f"{params} is no {accepts}"
            if fails:
                raise Boom
            return returns.value(played.random)

        played, mod = self, f"P{len(self.made)}"
        types = (from_annotation(accepts.annotation()), from_annotation(returns.annotation()))
        self.made[mod] = Procedure(mod, "run", _Owner, run, logging.getLogger(mod), *types)
        self.shapes[mod] = accepts, returns
        return mod


class _Owner:
    def __init__(self, logger: logging.Logger) -> None:
        """Take what every procedure takes."""


@dataclass
class MadeFlow:
    """A flow, the procedures and flows that it needs, and what is asked for at each place that bears a reference."""

    registry: Played
    document: dict[str, Any] = field(default_factory=lambda: {"procedures": []})
    children: dict[str, "MadeFlow"] = field(default_factory=dict)
    inputs: dict[str, Shape] = field(default_factory=dict)
    wanted: dict[str, Shape] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return json.dumps(self.document)

    def check(self) -> Report:
        return check(self.text, self.registry, self.child_text)

    def child_text(self, name: str) -> str:
        if name not in self.children:
            raise FlowError(name)
        return self.children[name].text

    def input_values(self, random: Random) -> dict[str, Any]:
        declared = self.document.get("inputs", {})
        return {
            name: one.value(random)
            for name, one in self.inputs.items()
            if "default" not in declared[name] or random.random() < 0.5
        }


class Maker:
    """Makes a flow step by step; `bold` is how often a reference is taken at random, without regard to types."""

    def __init__(self, random: Random, bold: float, registry: Played | None = None) -> None:
        self.random = random
        self.bold = bold
        self.flow = MadeFlow(registry or Played())
        self.results: dict[str, Type] = {"_runtime": type_of(RUNTIME)}
        self.conditions: dict[str, Any] = {}
        self.known: list[Shape] = [FLAG, TEXT, LIST]
        self.when: Any = None

    def make(self, levels: int = 1) -> MadeFlow:
        """Return a flow of a few steps; below it at most so many levels of sub-flows."""
        if self.random.random() < 0.7:
            self._add_inputs()
        for number in range(self.random.choice((1, 2, 3, 3, 4, 5))):
            self._add_step(f"s{number}", levels)
        self.when = None
        self.flow.document["outputs"] = {
            f"o{number}": self._reference(self.random.choice(self.known), f"/outputs/o{number}", wanted=ANY) or number
            for number in range(self.random.choice((0, 1, 3)))
        }
        if levels and self.random.random() < 0.2:
            self._add_failure()
        return self.flow

    def _add_inputs(self) -> None:
        declared: dict[str, Any] = {}
        for number in range(self.random.choice((1, 2, 3))):
            name = f"i{number}"
            kind = self.random.choice(list(INPUTS))
            one = INPUTS[kind]
            declared[name] = {"type": kind}
            if kind in ("string", "integer") and self.random.random() < 0.4:
                one = OneValue(("x", "@x") if kind == "string" else (1, 7))
                declared[name]["enum"] = list(one.values)
            if self.random.random() < 0.4:
                declared[name]["default"] = one.value(self.random)
            self.flow.inputs[name] = one
        self.flow.document["inputs"] = declared
        self._learn("_input", Record(tuple(self.flow.inputs.items())))

    def _learn(self, name: str, returned: Record, *, repeated: bool = False) -> None:
        self.known += [shape for _, one in returned.fields for shape in _inside(one)]
        self._keep(name, type_of(returned), repeated=repeated)

    def _keep(self, name: str, returns: Type, *, repeated: bool) -> None:
        if repeated:
            returns = ObjectOf({"items": Field(ListOf(returns)), "count": Field(INTEGER)})
        self.results[name] = returns

    # --- one step ----------------------------------------------------------------------------------------------------

    def _add_step(self, name: str, levels: int, key: str = "procedures", mod: str | None = None) -> None:
        steps = self.flow.document.setdefault(key, [])
        place = f"/{key}/{len(steps)}"
        step: dict[str, Any] = {"name": name}
        steps.append(step)
        self.when = None
        if self.random.random() < 0.25:
            self.when = self._condition(f"{place}/when")
        if self.when is not None:
            step["when"] = self.when
        entry = self._entries(step, f"{place}/foreach") if self.random.random() < 0.3 else None
        saved = dict(self.results)
        if "foreach" in step:
            self.results |= {"_index": INTEGER} | ({} if entry is None else {"_item": entry})
        if levels and mod is None and self.random.random() < 0.25:
            returns = self._call_flow(step, place, levels)
        else:
            returns = self._call(step, place, mod)
        self.results = saved
        self._keep(name, returns, repeated="foreach" in step)
        if self.when is not None:
            self.conditions[name] = self.when

    def _call(self, step: dict[str, Any], place: str, mod: str | None) -> Type:
        mod = mod or self.flow.registry.add(self._accepted(), record(self.random))
        accepts, returns = self.flow.registry.shapes[mod]
        step |= {"mod": mod, "method": "run", "params": self._template(accepts, f"{place}/params", 0.0)}
        self.known += [shape for _, one in returns.fields for shape in _inside(one)]
        return type_of(returns)

    def _call_flow(self, step: dict[str, Any], place: str, levels: int) -> Type:
        child = Maker(self.random, 0.0, self.flow.registry).make(levels - 1)
        definition = child.check().definition
        if definition is None:
            return self._call(step, place, None)
        name = f"flow{len(self.flow.children)}"
        self.flow.children[name] = child
        declared = child.document.get("inputs", {})
        optional = frozenset(key for key in declared if "default" in declared[key])
        shape = Record(tuple(child.inputs.items()), optional)
        step |= {"flow": name, "inputs": self._template(shape, f"{place}/inputs", 0.0)}
        return definition.outputs_type

    def _accepted(self) -> Record:
        """Return the shape of some parameters, most of them as something that is already known."""
        keys = self.random.sample(KEYS, self.random.choice((1, 2, 3)))
        fields = tuple(
            (key, self.random.choice(self.known) if self.random.random() < 0.8 else record(self.random, 1))
            for key in keys
        )
        return Record(fields, frozenset(key for key in keys if self.random.random() < 0.2))

    def _condition(self, place: str) -> Any:
        if self.conditions and self.random.random() < 0.6:
            chosen = self.random.choice(list(self.conditions.values()))
            self.flow.wanted[place if isinstance(chosen, str) else f"{place}/not"] = FLAG
            return chosen
        found = self._reference(FLAG, place)
        if found is None or self.random.random() < 0.6:
            return found
        return {"not": found}

    def _entries(self, step: dict[str, Any], place: str) -> Type | None:
        """Give a step a list to repeat it for, and return the type of an entry."""
        if self.random.random() < 0.4:
            shape = self.random.choice(self.known)
            size = self.random.choice((1, 2, 3))
            step["foreach"] = [self._template(shape, f"{place}/{number}", 0.5, wanted=ANY) for number in range(size)]
            return type_of(shape)
        found = self._reference(LIST, place)
        if found is None:
            return None
        step["foreach"] = found
        types = [kind for text, kind, _ in self._places() if text == found]
        return types[0].item if types and isinstance(types[0], ListOf) else None

    def _add_failure(self) -> None:
        """Let the last step fail, and handle it."""
        mod = self.flow.registry.add(Record(()), Record(()), fails=True)
        self.flow.document["procedures"].append({"name": "boom", "mod": mod, "method": "run"})
        kept = {name: one for name, one in self.results.items() if name in ("_runtime", "_input")}
        self.results, self.conditions = kept | {"_error": type_of(ERROR)}, {}
        for number in range(self.random.choice((1, 2))):
            self._add_step(f"h{number}", 0, "on_failure")

    # --- values ------------------------------------------------------------------------------------------------------

    def _template(self, shape: Shape, place: str | None, chance: float = 0.6, wanted: Shape | None = None) -> Any:
        """Return a parameter of this shape: references, literals, and literals with references in them."""
        if self.random.random() < chance:
            found = self._reference(shape, place, wanted)
            if found is not None:
                return found
        if isinstance(shape, Record):
            there = [(key, one) for key, one in shape.fields if key not in shape.optional or self.random.random() < 0.6]
            return {key: self._template(one, _below(place, key), wanted=wanted) for key, one in there}
        if isinstance(shape, Row):
            names = self.random.sample(KEYS, self.random.choice((0, 1, 2)))
            items = {name: self._template(shape.item, _below(place, name), wanted=wanted) for name in names}
            if shape.keyed:
                return items
            return [self._template(shape.item, _below(place, number), wanted=wanted) for number in range(len(names))]
        if isinstance(shape, Either):
            return self._template(self.random.choice(shape.options), None)
        return written(shape.value(self.random))

    def _reference(self, shape: Shape, place: str | None, wanted: Shape | None = None) -> str | None:
        """Return a reference that is fit for the shape (or, boldly, any), or None where there is none."""
        places = list(self._places())
        if self.random.random() < self.bold:
            found = self.random.choice(places)[0]
            if self.random.random() < 0.3:
                found += f".{self.random.choice(KEYS)}"
        else:
            target = type_of(shape)
            good = [text for text, kind, certain in places if certain and fit(kind, target) is Fit.ALWAYS]
            if not good:
                return None
            found = self.random.choice(good)
        if place is not None:
            self.flow.wanted[place] = wanted or shape
        return found

    def _places(self) -> Iterator[tuple[str, Type, bool]]:
        """Yield what can be referred to here, with its type, and whether it is always there."""
        for name, kind in self.results.items():
            if self.conditions.get(name, self.when) == self.when:
                yield from _places_in(f"@{name}", kind, 3, certain=True)


def type_of(shape: Shape) -> Type:
    return from_annotation(shape.annotation())


def written(value: Any) -> Any:
    """Return a literal as a document has it: a text that begins with @ gets another."""
    if isinstance(value, dict):
        return {key: written(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(map(written, value))
    return f"@{value}" if isinstance(value, str) and value.startswith("@") else value


def _places_in(text: str, kind: Type, depth: int, *, certain: bool) -> Iterator[tuple[str, Type, bool]]:
    yield text, kind, certain
    if depth == 0:
        return
    for key in _keys(kind):
        found = member(kind, key)
        if found.type is not None:
            yield from _places_in(f"{text}.{key}", found.type, depth - 1, certain=certain and found.certain)


def _keys(kind: Type) -> list[str]:
    if isinstance(kind, ObjectOf):
        return list(kind.fields) + (["a"] if kind.rest is not None else [])
    if isinstance(kind, OneOf):
        return list(dict.fromkeys(key for option in kind.options for key in _keys(option)))
    return ["0"] if isinstance(kind, ListOf) else []


def _inside(shape: Shape) -> Iterator[Shape]:
    """Yield a shape and what it is made of."""
    yield shape
    if isinstance(shape, Record):
        for _, one in shape.fields:
            yield from _inside(one)
    elif isinstance(shape, Row):
        yield from _inside(shape.item)


def _below(place: str | None, key: str | int) -> str | None:
    return None if place is None else f"{place}/{key}"


def steps_of(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each step with its place."""
    for key in ("procedures", "on_failure"):
        for index, step in enumerate(document.get(key, [])):
            yield f"/{key}/{index}", step
