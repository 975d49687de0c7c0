"""What a step does to its context, its params or its result changes nothing for later steps, nor what `run` returns."""

import copy
import functools
import json
import operator
import pickle
import threading
import tracemalloc
from collections import ChainMap, Counter, OrderedDict, UserDict, defaultdict, namedtuple
from collections.abc import Callable
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from flows.engine import StepSucceeded, execute, run
from tests.engine import stage
from tests.engine.stage import definition, events, notes, play, returns

Dict = dict[str, Any]

RESULT: Dict = {"rows": [{"id": 1, "tags": ["a"]}], "n": 1, "deep": {"er": {"est": [0]}}}
PARAMS: Dict = {"own": {"list": [1, [2]]}, "rows": "@step1.rows", "all": "@step1", "what": "@_runtime"}


def spoil(value: Any) -> Any:
    """Change a value at every depth."""
    if isinstance(value, dict):
        for item in list(value.values()):
            spoil(item)
        value.clear()
        value["spoilt"] = True
    elif isinstance(value, list):
        for item in value:
            spoil(item)
        value.append("spoilt")
    return None


def merged(target: Any, more: Any) -> Any:
    target |= more
    return target


def by_match(c: Dict) -> None:
    match c:
        case {"step1": found}:
            spoil(found)


def with_star_star(**results: Any) -> None:
    spoil(results)


def through(container: Callable[[Any], Any]) -> Callable[[Dict, Dict], Any]:
    """Spoil a result that is read through something made from the context."""
    return lambda c, p: spoil(container(c)["step1"])


def updated(make: Callable[[], Any]) -> Callable[[Any], Any]:
    def fill(c: Any) -> Any:
        target = make()
        target.update(c)
        return target

    return fill


# Each does its worst to the context `c` and the params `p` of step2.
SPOILERS: dict[str, Callable[[Dict, Dict], Any]] = {
    "by its key": lambda c, p: spoil(c["step1"]),
    "deep inside": lambda c, p: c["step1"]["deep"]["er"]["est"].append(9),
    "items": lambda c, p: [spoil(value) for _, value in c.items()],
    "values": lambda c, p: [spoil(value) for value in c.values()],
    "a list of items": lambda c, p: spoil(list(c.items())[1][1]),
    "the largest value": lambda c, p: spoil(max(c.values(), key=len)),
    "iteration": lambda c, p: [spoil(c[name]) for name in c],
    "iteration backwards": lambda c, p: [spoil(c[name]) for name in reversed(c)],
    "keys": lambda c, p: [spoil(c[name]) for name in list(c.keys())],
    "the mapping of a view": lambda c, p: spoil(c.keys().mapping["step1"]),
    "map": lambda c, p: [spoil(value) for value in map(c.__getitem__, c)],
    "get": lambda c, p: spoil(c.get("step1")),
    "get with a default": lambda c, p: spoil(c.get("step1", {})),
    "pop": lambda c, p: spoil(c.pop("step1")),
    "pop with a default": lambda c, p: spoil(c.pop("step1", None)),
    "popitem": lambda c, p: [spoil(c.popitem()) for _ in range(len(c))],
    "popitem, then its value": lambda c, p: [spoil(c.popitem()[1]) for _ in range(len(c))],
    "setdefault": lambda c, p: spoil(c.setdefault("step1", {})),
    "setdefault of a new name": lambda c, p: c.setdefault("step3", {"forged": True}),
    "assignment": lambda c, p: operator.setitem(c, "step1", {"forged": True}),
    "assignment of a later name": lambda c, p: operator.setitem(c, "step3", {"forged": True}),
    "deletion": lambda c, p: operator.delitem(c, "step1"),
    "clear": lambda c, p: c.clear(),
    "update": lambda c, p: c.update(step1={"forged": True}, _runtime={}),
    "update of a part": lambda c, p: c["step1"].update(n=2),
    "|=": lambda c, p: merged(c, {"step1": {"forged": True}}),
    "| on the left": through(lambda c: c | {}),
    "| on the right": through(lambda c: {} | c),
    "copy()": through(lambda c: c.copy()),
    "copy.copy": through(copy.copy),
    "copy.deepcopy": through(copy.deepcopy),
    "pickle": through(lambda c: pickle.loads(pickle.dumps(c))),
    "json": through(lambda c: json.loads(json.dumps(c))),
    "dict()": through(dict),
    "dict() with more": through(lambda c: dict(c, more=1)),
    "dict() of items": through(lambda c: dict(c.items())),
    "{**context}": through(lambda c: {**c}),
    "f(**context)": lambda c, p: with_star_star(**c),
    "update of another dict": through(updated(dict)),
    "|= of another dict": through(lambda c: merged({}, c)),
    "OrderedDict": through(OrderedDict),
    "OrderedDict, updated": through(updated(OrderedDict)),
    "defaultdict": through(lambda c: defaultdict(dict, c)),
    "UserDict": through(UserDict),
    "ChainMap": through(ChainMap),
    "a mapping proxy": through(MappingProxyType),
    "a namespace": lambda c, p: spoil(SimpleNamespace(**c).step1),
    "itemgetter": lambda c, p: spoil(operator.itemgetter("step1", "_runtime")(c)[0]),
    "match": lambda c, p: by_match(c),
    "eval with locals": lambda c, p: spoil(eval("step1", {}, c)),
    "eval with globals": lambda c, p: spoil(eval("step1", c)),
    "a comprehension": lambda c, p: spoil({name: value for name, value in c.items()}),  # noqa: C416
    "the context in itself": lambda c, p: operator.setitem(c["step1"], "self", c),
    "what the engine keeps": lambda c, p: spoil(c["_runtime"]),
    "its own params": lambda c, p: spoil(p),
    "a constant in its params": lambda c, p: p["own"]["list"][1].append(3),
    "a list that was referred to": lambda c, p: p["rows"][0].update(id=9),
    "a result that was referred to": lambda c, p: spoil(p["all"]),
    "what the engine keeps, referred to": lambda c, p: spoil(p["what"]),
    "params taken apart": lambda c, p: [spoil(p.popitem()[1]) for _ in range(len(p))],
    "everything": lambda c, p: [spoil(c), spoil(p)],
}


@pytest.mark.parametrize("spoiler", SPOILERS.values(), ids=SPOILERS.keys())
def test_what_a_step_does_to_context_and_params_changes_nothing_elsewhere(spoiler: Callable[[Dict, Dict], Any]) -> None:
    seen: list[Any] = []

    def act(context: Dict, params: Dict) -> Dict:
        spoiler(context, params)
        return {"done": True}

    flow = definition(returns(copy.deepcopy(RESULT)), (act, PARAMS), (notes(seen), PARAMS))
    results = run(flow, flow="f")
    assert results == {"step1": RESULT, "step2": {"done": True}, "step3": {}}
    ((context, params),) = seen
    assert context["step1"] == RESULT
    assert list(context) == ["_runtime", "step1", "step2"]
    assert (context["_runtime"]["flow"], context["_runtime"]["run_id"]) == ("f", None)
    assert params == {
        "own": {"list": [1, [2]]},
        "rows": RESULT["rows"],
        "all": RESULT,
        "what": context["_runtime"],
        "act": 2,
    }
    assert {**flow.steps[1].params, "act": 2} == {**PARAMS, "act": 2}
    assert run(flow, flow="f") == results


def test_these_are_many_kinds() -> None:
    assert len(SPOILERS) >= 15


def test_a_result_is_cut_off_from_what_the_procedure_keeps() -> None:
    kept: list[Any] = []

    def first(context: Dict, params: Dict) -> Dict:
        kept.append(copy.deepcopy(RESULT))
        return kept[0]  # type: ignore[no-any-return]

    def second(context: Dict, params: Dict) -> Dict:
        spoil(kept[0])
        return {"seen": context["step1"]}

    assert play(first, second) == {"step1": RESULT, "step2": {"seen": RESULT}}


def test_a_flat_result_is_cut_off_too() -> None:
    kept = {"n": 1}
    results = play(returns(kept), lambda context, params: (kept.update(n=2), context["step1"])[1])
    assert results == {"step1": {"n": 1}, "step2": {"n": 1}}


def test_a_result_that_is_an_attribute_of_the_class_stays_as_it_was_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = stage.REGISTRY.find("common.Play", "act").owner
    monkeypatch.setattr(owner, "shared", {"calls": []}, raising=False)

    def act(context: Dict, params: Dict) -> Dict:
        shared: Dict = owner.shared  # type: ignore[attr-defined]
        shared["calls"].append(len(context))
        return shared

    assert play(act, act, act) == {"step1": {"calls": [1]}, "step2": {"calls": [1, 2]}, "step3": {"calls": [1, 2, 3]}}


def test_what_is_set_on_an_instance_is_gone_in_the_next_step() -> None:
    def act(context: Dict, params: Dict) -> Dict:
        instance = stage.instances[-1]
        before = hasattr(instance, "memory")
        instance.memory = True
        return {"before": before}

    assert play(act, act) == {"step1": {"before": False}, "step2": {"before": False}}


def test_params_returned_as_the_result_and_changed_afterwards_change_nothing() -> None:
    kept: list[Dict] = []

    def first(context: Dict, params: Dict) -> Dict:
        kept.append(params)
        return params

    def second(context: Dict, params: Dict) -> Dict:
        spoil(kept[0])
        return {"seen": context["step1"]["own"]}

    results = play((first, {"own": [1]}), second)
    assert (results["step1"]["own"], results["step2"]) == ([1], {"seen": [1]})


def test_a_context_returned_as_the_result_is_a_plain_copy() -> None:
    results = play(returns({"rows": [1]}), lambda context, params: context)
    assert type(results["step2"]) is dict
    assert results["step2"]["step1"] == {"rows": [1]}
    assert results["step2"]["step1"] is not results["step1"]


def test_what_a_thread_changes_after_its_step_has_ended_changes_nothing() -> None:
    go, done = threading.Event(), threading.Event()
    seen: list[Any] = []

    def first(context: Dict, params: Dict) -> Dict:
        result, read_before = copy.deepcopy(RESULT), context["_runtime"]

        def later() -> None:
            go.wait(10)
            for value in (result, read_before, context, params):
                spoil(value)
            done.set()

        threading.Thread(target=later).start()
        return result

    def second(context: Dict, params: Dict) -> Dict:
        go.set()
        assert done.wait(10)
        return {"seen": context["step1"]}

    results = play((first, {"own": [1]}), (second, {"x": "@step1"}), (notes(seen), {"x": "@step1"}))
    assert results == {"step1": RESULT, "step2": {"seen": RESULT}, "step3": {}}
    assert seen[0][1]["x"] == seen[0][0]["step1"] == RESULT


def test_a_context_that_is_read_only_after_the_run_still_gives_copies() -> None:
    seen: list[Any] = []
    results = play(returns(copy.deepcopy(RESULT)), notes(seen))
    spoil(seen[0][0])
    assert results["step1"] == RESULT


def test_a_context_that_a_step_keeps_never_shows_what_later_steps_return() -> None:
    seen: list[Any] = []
    play(notes(seen), notes(seen), notes(seen), notes(seen))
    contexts = [context for context, _ in seen]
    assert [list(context) for context in contexts] == [
        ["_runtime"],
        ["_runtime", "step1"],
        ["_runtime", "step1", "step2"],
        ["_runtime", "step1", "step2", "step3"],
    ]
    assert len({id(context) for context in contexts}) == 4


HOLDERS: dict[str, Callable[[Dict], Any]] = {
    "a view of its keys": dict.keys,
    "an iterator": iter,
    "a method": lambda c: c.get,
    "a closure": lambda c: lambda: c,
    "a generator": lambda c: (c[name] for name in c),
    "a list": lambda c: [c],
    "a partial": lambda c: functools.partial(len, c),
    "a mapping proxy": MappingProxyType,
    "an exception": KeyError,
}


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS.keys())
def test_a_context_that_is_held_in_any_way_is_not_lent_to_the_next_step(hold: Callable[[Dict], Any]) -> None:
    held: list[Any] = []
    identities: list[int] = []

    def act(context: Dict, params: Dict) -> Dict:
        held.append(hold(context))
        identities.append(id(context))
        return {}

    play(act, act, act)
    assert len(set(identities)) == 3


def test_the_context_of_a_step_that_failed_is_not_lent_on_while_its_error_holds_it() -> None:
    identities: list[int] = []

    def act(context: Dict, params: Dict) -> Dict:
        identities.append(id(context))
        raise ValueError("no")

    flow = definition(act)
    kept = [list(execute(flow)), list(execute(flow))]
    assert len(kept) == len(set(identities)) == 2


@pytest.mark.parametrize("code", ["1 + 1", "[x for x in ()]"])
def test_an_expression_with_the_context_as_its_globals_leaves_nothing_in_it(code: str) -> None:
    seen: list[Any] = []
    play(lambda context, params: {"value": eval(code, context)}, notes(seen))
    assert list(seen[0][0]) == ["_runtime", "step1"]


# The context is a real dict.


def context_of(*results: Dict) -> Any:
    """Return the context of a step that comes after steps with these results."""
    seen: list[Any] = []
    play(*map(returns, results), notes(seen))
    return seen[0][0]


def raised(do: Callable[[], Any]) -> tuple[type, Any]:
    with pytest.raises(Exception) as error:  # noqa: PT011  (compared with that of a dict)
        do()
    return error.type, error.value.args


# Each must give on a context what it gives on a dict, and leave the same behind.
OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "isinstance": lambda d: isinstance(d, dict),
    "len": len,
    "bool": bool,
    "repr": repr,
    "list": list,
    "sorted": sorted,
    "reversed": lambda d: list(reversed(d)),
    "keys": lambda d: list(d.keys()),
    "values": lambda d: list(d.values()),
    "items": lambda d: list(d.items()),
    "dict": dict,
    "equality": lambda d: (d == dict(d), dict(d) == d, d != {}, d == {}),
    "in": lambda d: ("step1" in d, "nothing" in d, 5 in d),
    "getitem": lambda d: d["step1"],
    "a missing key": lambda d: raised(lambda: d["nothing"]),
    "an unhashable key": lambda d: raised(lambda: d[[]]),
    "get": lambda d: (d.get("step1"), d.get("nothing"), d.get("nothing", 5), d.get("step1", 5)),
    "pop": lambda d: (d.pop("step1"), d.pop("nothing", 5), d.pop("nothing", None)),
    "pop of a missing key": lambda d: raised(lambda: d.pop("nothing")),
    "popitem": lambda d: (d.popitem(), d.popitem()),
    "popitem of nothing": lambda d: (d.clear(), raised(d.popitem))[1],
    "setdefault": lambda d: (d.setdefault("step1", 5), d.setdefault("new", 5), d.setdefault("none")),
    "setitem": lambda d: operator.setitem(d, "step1", 5),
    "delitem": lambda d: operator.delitem(d, "step1"),
    "a missing key to delete": lambda d: raised(lambda: operator.delitem(d, "nothing")),
    "update": lambda d: d.update({"step1": 5}, new=6),
    "clear": lambda d: d.clear(),
    "copy": lambda d: d.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "or": lambda d: (d | {"new": 1}, {"new": 1} | d),
    "ior": lambda d: dict(merged(d, {"new": 1})),
    "or with no dict": lambda d: raised(lambda: d | 5),
    "unpacked": lambda d: {"first": 1, **d},
    "json": json.dumps,
    "json with indent": lambda d: json.dumps(d, indent=2, sort_keys=True),
    "json of a part": lambda d: json.dumps({"context": d, "list": [d]}),
    "pickle": lambda d: pickle.loads(pickle.dumps(d)),
    "pickle of the first protocol": lambda d: pickle.loads(pickle.dumps(d, 0)),
    "format": lambda d: "{step1} {step2[n]}".format(**d) + "{step1}".format_map(d),
    "assigned, then read": lambda d: (operator.setitem(d, "step1", d["step2"]), d["step1"] is d["step2"]),
    "changed, then read": lambda d: (d["step1"]["rows"].append(5), d["step1"], d.get("step1"), dict(d), json.dumps(d)),
    "read twice": lambda d: (d["step1"] is d["step1"], d["step1"] is d.get("step1"), d["step1"] is dict(d)["step1"]),
}


@pytest.mark.parametrize("operate", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_a_context_does_what_a_dict_does(operate: Callable[[Any], Any]) -> None:
    context = context_of({"rows": [{"id": 1}]}, {"n": 1})
    plain = copy.deepcopy(dict(context))
    assert type(plain) is dict
    assert operate(context) == operate(plain)
    assert dict(context) == plain
    assert list(context) == list(plain)


@pytest.mark.parametrize(
    "made", [copy.copy, copy.deepcopy, dict, lambda c: c.copy(), lambda c: c | {}, lambda c: {} | c]
)
def test_a_copy_of_the_context_is_a_plain_dict(made: Callable[[Any], Any]) -> None:
    assert type(made(context_of({"n": 1}))) is dict
    assert type(pickle.loads(pickle.dumps(context_of({"n": 1})))) is dict


# Copies are made of what is touched, and of nothing else.


def engine_s_own(context: Any, name: str, results: Dict) -> bool:
    """Return whether the context still holds the very object that the engine keeps: no copy was made."""
    return dict.__getitem__(context, name) is results[name]


def look(act: Callable[[Any], Any]) -> tuple[bool, bool]:
    """Return whether the large and the small result are uncopied after a step has done this."""
    kept: Dict = {}
    answer: list[bool] = []

    def step3(context: Any, params: Dict) -> Dict:
        act(context)
        answer.extend(engine_s_own(context, name, kept) for name in ("step1", "step2"))
        return {}

    for event in execute(definition(returns({"large": [[0]] * 1000}), returns({"small": [0]}), step3)):
        if isinstance(event, StepSucceeded):
            kept[event.step.name] = event.result
    large, small = answer
    return large, small


@pytest.mark.parametrize(
    "act",
    [
        *(
            lambda c: None,
            len,
            list,
            lambda c: "step1" in c,
            lambda c: c.keys(),
            lambda c: c["_runtime"],
            lambda c: c.get("nothing"),
        ),
        *(lambda c: c.update(new=1), lambda c: c.setdefault("new", []), lambda c: c.pop("new", None), bool, repr),
    ],
)
def test_a_step_that_touches_no_result_copies_none(act: Callable[[Any], Any]) -> None:
    assert look(act) == (True, True)


@pytest.mark.parametrize("act", [lambda c: c["step2"], lambda c: c.get("step2"), lambda c: c.setdefault("step2", 1)])
def test_a_step_that_touches_the_small_result_does_not_copy_the_large_one(act: Callable[[Any], Any]) -> None:
    assert look(act) == (True, False)


def test_a_step_that_touches_the_large_result_has_its_own() -> None:
    assert look(lambda c: c["step1"]) == (False, True)
    assert look(lambda c: c.items()) == (False, False)


def test_a_reference_to_a_small_part_does_not_copy_the_large_one() -> None:
    flow = definition(
        returns({"large": list(range(100_000)), "small": 1}),
        (returns({}), {"x": "@step1.small", "y": "@step1.large.5"}),
    )
    happening = execute(flow)
    for _ in range(3):
        next(happening)
    tracemalloc.start()
    try:
        assert isinstance(next(happening), StepSucceeded)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000


# What cannot be stored is handed on in memory; what can be copied of it is copied.


@pytest.mark.parametrize("place", [lambda c: c["step1"]["rows"], lambda c: c["step1"]["deep"]["er"]])
def test_dicts_and_lists_of_a_result_kept_in_memory_are_copies_too(place: Callable[[Any], Any]) -> None:
    result = {**RESULT, "frame": object()}
    seen: list[Any] = []
    play(returns(result), lambda c, p: spoil(place(c)) or {}, notes(seen))
    assert seen[0][0]["step1"] == result


@pytest.mark.parametrize(
    "result",
    [
        OrderedDict(rows=[1], frame=len),
        {"rows": defaultdict(list, a=[1]), "frame": len},
        {"rows": ([1], {"a": 1}), "frame": len},
        {"rows": {1, 2}},
        {"rows": bytearray(b"x")},
    ],
    ids=["an ordered dict", "a default dict", "a tuple of lists", "a set", "a bytearray"],
)
def test_containers_of_python_in_a_result_kept_in_memory_are_copies_too(result: Any) -> None:
    def act(context: Dict, params: Dict) -> Dict:
        found = context["step1"]["rows"]
        if isinstance(found, set):
            found.clear()
        elif isinstance(found, bytearray):
            found.append(0)
        else:
            spoil(list(found) if isinstance(found, tuple) else found)
        return {}

    expected, seen = copy.deepcopy(result), list[Any]()
    play(returns(result), act, notes(seen))
    assert seen[0][0]["step1"]["rows"] == expected["rows"]


def test_a_result_derived_from_dict_and_kept_in_memory_is_cut_off_from_the_procedure() -> None:
    kept = OrderedDict(frame=len, n=1)
    results = play(returns(kept), lambda context, params: kept.update(n=2) or {})
    assert results["step1"]["n"] == 1


def test_the_events_of_a_run_hold_what_later_steps_read() -> None:
    happened = events(returns({"t": (1, 2)}), lambda context, params: {"same": context["step1"]})
    succeeded = [event for event in happened if isinstance(event, StepSucceeded)]
    assert succeeded[0].result == succeeded[1].result["same"] == {"t": [1, 2]}


Point = namedtuple("Point", "x y")


def test_a_copy_of_what_is_kept_in_memory_has_the_classes_of_the_original() -> None:
    result = {"frame": len, "point": Point([1], 2), "sums": Counter("ab"), "lists": defaultdict(list, a=[1])}
    seen: list[Any] = []
    play(returns(result), notes(seen))
    found = seen[0][0]["step1"]
    assert found == result
    assert [type(value) for value in found.values()] == [type(value) for value in result.values()]
    assert found["point"].x is not result["point"].x  # type: ignore[attr-defined]


def test_a_result_that_holds_itself_is_copied_once() -> None:
    result: dict[str, Any] = {"frame": len, "rows": [[1]]}
    result["rows"].append(result["rows"])
    seen: list[Any] = []
    play(returns(result), lambda context, params: context["step1"]["rows"][0].append(2) or {}, notes(seen))
    rows = seen[0][0]["step1"]["rows"]
    assert rows[0] == [1]
    assert rows[1] is rows
    assert rows is not result["rows"]
