"""The flows of the fault tests, and what is expected of each: the outcome of every path, in the order of the run."""

import json
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """How a flow ends: the status of the run, and by path those of its steps; `silent` ones write no journal."""

    status: str
    steps: dict[str, str]
    silent: frozenset[str] = frozenset()
    failing_attempts: dict[str, int] = field(default_factory=dict)

    @property
    def executions(self) -> int:
        """Return how many executions an undisturbed run makes."""
        marked = [path for path, status in self.steps.items() if path not in self.silent and status != "skipped"]
        return len(marked) + sum(self.failing_attempts.values())


def step(name: str, method: str = "mark", params: Document | None = None, **keys: Any) -> Document:
    return {"name": name, "mod": "common.Marked", "method": method, "params": {"at": name, **(params or {})}, **keys}


def below(parent: str, name: str, **params: Any) -> Document:
    """Return a step of a sub-flow, which knows the step that runs it."""
    return step(name, params={"at": parent, "below": name, **params})


CHAIN = [step("s1"), *(step(f"s{n}", params={"before": f"@s{n - 1}.path"}) for n in range(2, 7))]

DOCUMENTS: dict[str, Document] = {
    "chain": {"procedures": CHAIN, "outputs": {"last": "@s6"}},
    "each": {
        "procedures": [
            step("a", params={"gives": {"entries": [10, 20, 30, 40, 50]}}),
            step("each", params={"n": "@_index", "gives": {"entry": "@_item"}}, foreach="@a.entries"),
            step("b", params={"items": "@each.items"}),
        ],
        "outputs": {"count": "@each.count"},
    },
    "retried": {
        "procedures": [
            step("a"),
            step("flaky", "fail", {"times": 2}, retry={"max_attempts": 3, "delay": 0}),
            step("b", params={"flaky": "@flaky.path"}),
        ]
    },
    "child": {"procedures": [below("sub", "x"), below("sub", "y")], "outputs": {"y": "@y.path"}},
    "parent": {"procedures": [step("a"), {"name": "sub", "flow": "child", "inputs": {}}, step("b")]},
    "entry": {
        "inputs": {"n": {"type": "integer"}},
        "procedures": [below("many", "x", n="@_input.n"), below("many", "y", n="@_input.n")],
        "outputs": {"y": "@y.path"},
    },
    "nested": {
        "procedures": [
            step("a"),
            {"name": "many", "flow": "entry", "inputs": {"n": "@_index"}, "foreach": [1, 2, 3]},
            step("b", params={"items": "@many.items"}),
        ]
    },
    "going_on": {"procedures": [step("a"), step("bad", "fail", {"times": 99}, continue_on_error=True), step("b")]},
    "handled": {
        "procedures": [step("a"), step("boom", "fail", {"times": 99}), step("never")],
        "on_failure": [
            step("h1", params={"message": "@_error.message"}),
            step("h2", "fail", {"times": 99}),
            step("h3"),
        ],
    },
    "skipping": {
        "procedures": [
            step("flag", params={"gives": {"yes": False}}),
            step("if_yes", when="@flag.yes"),
            step("if_no", when={"not": "@flag.yes"}),
            step("end"),
        ]
    },
}

KILLERS = ("killer", "killer_each", "killer_sub", "killer_handler")

DOCUMENTS |= {
    "killer": {"procedures": [step("a"), step("die", "die"), step("b")]},
    "killer_each": {"procedures": [step("a"), step("die", "die", {"n": "@_index"}, foreach=[1, 2]), step("b")]},
    "dying": {"procedures": [below("sub", "x"), {**below("sub", "die"), "method": "die"}], "outputs": {}},
    "killer_sub": {"procedures": [step("a"), {"name": "sub", "flow": "dying", "inputs": {}}, step("b")]},
    "killer_handler": {
        "procedures": [step("boom", "fail", {"times": 99})],
        "on_failure": [step("die", "die"), step("last")],
    },
}

SHAKY = [
    below("sub", "x"),
    {**below("sub", "y", times=1), "method": "fail"},
    below("sub", "z", given="@x.path"),
]
RETRIED = {"max_attempts": 3, "delay": 0}

DOCUMENTS |= {
    "shaky": {"procedures": SHAKY, "outputs": {"z": "@z.path"}},
    "shaky_handled": {"procedures": SHAKY, "outputs": {"z": "@z.path"}, "on_failure": [below("sub", "handler")]},
    "tries": {"procedures": [{"name": "sub", "flow": "shaky", "inputs": {}, "retry": RETRIED}]},
    "tries_handled": {"procedures": [{"name": "sub", "flow": "shaky_handled", "inputs": {}, "retry": RETRIED}]},
    "shaky_each": {
        "procedures": [
            {
                **below("sub", "x"),
                "foreach": [1, 2, 3],
                "params": {"at": "sub/x", "n": "@_index"},
            },
            {**below("sub", "y", times=1), "method": "fail"},
        ],
        "outputs": {},
    },
    "tries_each": {"procedures": [{"name": "sub", "flow": "shaky_each", "inputs": {}, "retry": RETRIED}]},
}


def large(size: int, of: str) -> Document:
    """Return a flow with a step whose result is a text of that size, which the next step takes."""
    return {"procedures": [step("a"), step("big", "grow", {"size": size, "of": of}), step("b", params={"x": "@big.x"})]}


def held(until: str) -> Document:
    """Return a flow whose second step waits for a file."""
    return {"procedures": [step("a"), step("w", "wait", {"until": until}), step("b")]}


def _succeeded(*paths: str) -> dict[str, str]:
    return dict.fromkeys(paths, "succeeded")


_MANY = [path for n in range(3) for path in (f"many[{n}]/x", f"many[{n}]/y", f"many[{n}]")]

EXPECTED: dict[str, Expected] = {
    "chain": Expected("succeeded", _succeeded("s1", "s2", "s3", "s4", "s5", "s6")),
    "each": Expected(
        "succeeded", _succeeded("a", *(f"each[{n}]" for n in range(5)), "each", "b"), silent=frozenset({"each"})
    ),
    "retried": Expected("succeeded", _succeeded("a", "flaky", "b"), failing_attempts={"flaky": 2}),
    "parent": Expected("succeeded", _succeeded("a", "sub/x", "sub/y", "sub", "b"), silent=frozenset({"sub"})),
    "nested": Expected(
        "succeeded", _succeeded("a", *_MANY, "many", "b"), silent=frozenset({"many", "many[0]", "many[1]", "many[2]"})
    ),
    "going_on": Expected("succeeded", {"a": "succeeded", "bad": "failed", "b": "succeeded"}),
    "handled": Expected(
        "failed", {"a": "succeeded", "boom": "failed", "h1": "succeeded", "h2": "failed", "h3": "succeeded"}
    ),
    "skipping": Expected(
        "succeeded", {"flag": "succeeded", "if_yes": "skipped", "if_no": "succeeded", "end": "succeeded"}
    ),
}


EXPECTED_LARGE = Expected("succeeded", _succeeded("a", "big", "b"))
EXPECTED_HELD = Expected("succeeded", _succeeded("a", "w", "b"))


def texts() -> dict[str, str]:
    """Return the documents as they are stored, by name."""
    return {name: json.dumps(document) for name, document in DOCUMENTS.items()}
