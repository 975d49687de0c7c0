"""What differs between two parsed documents: steps are aligned by their names, everything else by keys.

The order of keys in an object means nothing, nor does the layout of the text; `1`, `1.0` and `true` are three values.
"""

import json
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from flows.engine.findings import Path, json_pointer

Kind = Literal["added", "removed", "moved", "renamed", "changed"]

_STEP_LISTS = ("procedures", "on_failure")
# A text that is equal for values that mean the same, and for no others.
_text = json.JSONEncoder(sort_keys=True).encode
_StepKey = tuple[str | None, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.

    `path` leads to its place in the new document, for what was removed in the old one; `step` names the step that it
    is, or in which it stands, and is empty elsewhere. `old` and `new` are the values, None on the side that has none;
    of a step that was moved they are the positions, counted from 1, and of one that was renamed the names.
    """

    kind: Kind
    path: Path
    step: str
    old: Any
    new: Any

    @property
    def pointer(self) -> str:
        return json_pointer(self.path)

    @property
    def is_step(self) -> bool:
        """Whether it is a step as a whole."""
        return len(self.path) == 2 and self.path[0] in _STEP_LISTS and isinstance(self.path[1], int)

    @property
    def is_parameter(self) -> bool:
        return len(self.path) > 3 and self.path[0] in _STEP_LISTS and self.path[2] == "params"


def differences(old: Any, new: Any) -> tuple[Difference, ...]:
    """Return what differs, in the order of the new document; empty where both say the same."""
    return tuple(_in_documents(old, new))


def _in_documents(old: Any, new: Any) -> Iterator[Difference]:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield from _in_values(old, new, (), "")
        return
    for key in {**new, **old}:
        before, after = old.get(key, []), new.get(key, [])
        if key in _STEP_LISTS and isinstance(before, list) and isinstance(after, list) and (before or after):
            yield from _in_steps(before, after, (key,))
        else:
            yield from _at_key(old, new, key, (), "")


# Steps


def _in_steps(old: Sequence[Any], new: Sequence[Any], path: Path) -> Iterator[Difference]:
    pairs, renamed = _aligned(old, new)
    moved = _out_of_order(pairs)
    for index, step in enumerate(new):
        place, name = (*path, index), _name(step) or ""
        if index not in pairs:
            yield Difference("added", place, name, None, step)
            continue
        before = old[pairs[index]]
        if index in renamed:
            yield Difference("renamed", place, name, _name(before), name)
        if index in moved:
            yield Difference("moved", place, name, pairs[index] + 1, index + 1)
        if index not in renamed:
            yield from _with_old_places(_in_values(before, step, place, name), place, (*path, pairs[index]))
    kept = set(pairs.values())
    for index, step in enumerate(old):
        if index not in kept:
            yield Difference("removed", (*path, index), _name(step) or "", step, None)


def _with_old_places(found: Iterator[Difference], new: Path, old: Path) -> Iterator[Difference]:
    """Let what was removed from a step lead to where the step stood."""
    for one in found:
        was_there = one.kind == "removed" and old != new
        yield replace(one, path=(*old, *one.path[len(new) :])) if was_there else one


def _aligned(old: Sequence[Any], new: Sequence[Any]) -> tuple[dict[int, int], set[int]]:
    """Return the indexes of the old steps by those of the new ones, and which of the new ones bear another name."""
    before, after = _by_name(old), _by_name(new)
    pairs = {index: before[key] for key, index in after.items() if key in before}
    gone: defaultdict[str, list[int]] = defaultdict(list)
    for key, index in reversed(before.items()):
        if key not in after:
            gone[_content(old[index])].append(index)
    renamed = set()
    for key, index in after.items():
        if key not in before and (same := gone[_content(new[index])]):
            pairs[index] = same.pop()
            renamed.add(index)
    return pairs, renamed


def _by_name(steps: Sequence[Any]) -> dict[_StepKey, int]:
    """Return the indexes by name; of equal names, and of steps without one, the first meets the first and so on."""
    seen: Counter[str | None] = Counter()
    keys: dict[_StepKey, int] = {}
    for index, step in enumerate(steps):
        name = _name(step)
        keys[name, seen[name]] = index
        seen[name] += 1
    return keys


def _name(step: Any) -> str | None:
    name = step.get("name") if isinstance(step, dict) else None
    return name if isinstance(name, str) else None


def _content(step: Any) -> str:
    named = _name(step) is not None
    return _text({key: value for key, value in step.items() if key != "name"} if named else [step])


def _out_of_order(pairs: dict[int, int]) -> set[int]:
    """Return the fewest new indexes without which the others stand in their old order (longest increasing run)."""
    tails: list[int] = []
    ends: list[int] = []
    previous: dict[int, int | None] = {}
    for index in sorted(pairs):
        length = bisect_left(tails, pairs[index])
        previous[index] = ends[length - 1] if length else None
        tails[length : length + 1] = [pairs[index]]
        ends[length : length + 1] = [index]
    moved = set(pairs)
    kept = ends[-1] if ends else None
    while kept is not None:
        moved.discard(kept)
        kept = previous[kept]
    return moved


# Values


def _in_values(old: Any, new: Any, path: Path, step: str) -> Iterator[Difference]:
    # Nearly all of two versions is the same in the same order, which its own text tells sooner.
    if repr(old) == repr(new) or _text(old) == _text(new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**new, **old}:
            yield from _at_key(old, new, key, path, step)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _in_lists(old, new, path, step)
    else:
        yield Difference("changed", path, step, old, new)


def _at_key(old: dict[str, Any], new: dict[str, Any], key: str, path: Path, step: str) -> Iterator[Difference]:
    if key not in old:
        yield Difference("added", (*path, key), step, None, new[key])
    elif key not in new:
        yield Difference("removed", (*path, key), step, old[key], None)
    else:
        yield from _in_values(old[key], new[key], (*path, key), step)


def _in_lists(old: list[Any], new: list[Any], path: Path, step: str) -> Iterator[Difference]:
    """Leave out what is equal at both ends, and compare the rest entry by entry."""
    before, after = [_text(item) for item in old], [_text(item) for item in new]
    start = common_start(before, after)
    rest = common_start(before[start:][::-1], after[start:][::-1])
    old_end, new_end = len(old) - rest, len(new) - rest
    for index in range(start, min(old_end, new_end)):
        yield from _in_values(old[index], new[index], (*path, index), step)
    for index in range(old_end, new_end):
        yield Difference("added", (*path, index), step, None, new[index])
    for index in range(new_end, old_end):
        yield Difference("removed", (*path, index), step, old[index], None)


def common_start(old: Sequence[Any], new: Sequence[Any]) -> int:
    """Return how many items two sequences have in common at their beginning."""
    pairs = zip(old, new, strict=False)
    return next((index for index, (one, other) in enumerate(pairs) if one != other), min(len(old), len(new)))
