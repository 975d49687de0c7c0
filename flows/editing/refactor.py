"""Rename, move, duplicate, insert and repair, with all that this means for the rest of the text."""

import json
from collections.abc import Callable
from typing import NamedTuple

from flows.editing.edits import Edit, Refused, apply
from flows.editing.layout import add_item, add_member, gap_before
from flows.editing.places import Place, free_name, renamed_references, step_at, steps
from flows.editing.tree import Kind, Node, exact_pointer, find, parse_tree
from flows.engine.catalogue import Entry
from flows.engine.definition import Report
from flows.engine.document import load_document
from flows.engine.examples import example
from flows.engine.findings import Finding, Path
from flows.engine.repairs import Mend, Repair
from flows.engine.text import quoted

Check = Callable[[str], Report]


class Change(NamedTuple):
    """Edits that belong together, and the path of what to look at afterwards."""

    edits: tuple[Edit, ...]
    path: Path


class Workpiece:
    """A text that is edited, and what checks it.

    Each method returns a change and raises `Refused`: where the text is not JSON, where there is nothing to do, and
    where a text that passes the check would no longer pass it.
    """

    def __init__(self, text: str, check: Check) -> None:
        findings = load_document(text).findings
        if findings:
            raise Refused(f"The text cannot be edited before it is right as JSON: {findings.as_tuple()[0]}")
        self.text = text
        self.check = check
        self.root = parse_tree(text)

    def step(self, offset: int) -> Place:
        """Return the step at an offset."""
        found = step_at(self.root, self.text, offset)
        if found is None:
            raise Refused("The cursor stands in no step; put it into one first.")
        return found

    def rename(self, offset: int, name: str) -> Change:
        """Give a step another name, in all references to it too."""
        step = self.step(offset)
        member = step.node.member("name")
        if member is None or not step.name:
            raise Refused("This step has no name yet; write one into it.")
        if name == step.name:
            raise Refused(f"The step is named {quoted(name)} already.")
        own = Edit(member.value.start, member.value.end, json.dumps(name, ensure_ascii=False))
        others = renamed_references(self.root, self.text, step.name, name)
        return self._safe(Change((own, *others), (*step.path, "name")))

    def move(self, offset: int, by: int) -> Change:
        """Let a step change places with the one before it (-1) or after it (1); what is around them stays."""
        step = self.step(offset)
        key, index = str(step.path[0]), int(step.path[1])
        items = self._array(key).items
        if not 0 <= index + by < len(items):
            raise Refused(f"The step is the {'first' if by < 0 else 'last'} of its list already.")
        first, second = sorted((items[index], items[index + by]), key=lambda item: item.start)
        between = self.text[first.end : second.start]
        swapped = self._of(second) + between + self._of(first)
        return self._safe(Change((Edit(first.start, second.end, swapped),), (key, index + by, "name")))

    def duplicate(self, offset: int) -> Change:
        """Add a copy of a step behind it, under a name of its own; it reads what the step reads."""
        step = self.step(offset)
        member = step.node.member("name")
        if member is None or not step.name:
            raise Refused("This step has no name yet; write one into it.")
        name = free_name(step.name, self._names())
        start = step.node.start
        own = Edit(member.value.start - start, member.value.end - start, json.dumps(name))
        copy = "," + gap_before(self.text, start) + apply(self._of(step.node), [own])
        added = Edit(step.node.end, step.node.end, copy)
        return self._safe(Change((added,), (step.path[0], int(step.path[1]) + 1, "name")))

    def insert(self, offset: int, entry: Entry) -> Change:
        """Add a step that calls a procedure, behind the step at the offset or as the last."""
        after = step_at(self.root, self.text, offset)
        key = str(after.path[0]) if after else "procedures"
        array = self._array(key)
        index = int(after.path[1]) if after else len(array.items) - 1
        step = {"name": free_name(entry.method[:64], self._names()), "mod": entry.mod, "method": entry.method}
        params = example(entry.accepts)
        edit = add_item(self.text, array, index, step | {"params": params} if params or not entry.parameters else step)
        return self._safe(Change((edit,), (key, index + 1, "name")))

    def repair(self, pointer: str, message: str) -> Change:
        """Mend a finding that the check still has to report."""
        for finding in self.check(self.text).findings:
            if (exact_pointer(finding.path), finding.message) == (pointer, message) and finding.repair:
                return Change((self._mended(finding, finding.repair),), finding.path)
        raise Refused("The check no longer finds this; look at it again.")

    def _mended(self, finding: Finding, repair: Repair) -> Edit:
        path = finding.path
        node = find(self.root, path)
        if node is None:
            raise Refused("The place of the finding is gone; look at the check again.")
        if repair.mend is Mend.WRITE:
            return Edit(node.start, node.end, json.dumps(repair.value, ensure_ascii=False))
        if repair.mend is Mend.ADD:
            return add_member(self.text, node, repair.key, repair.value)
        owner = find(self.root, path[:-1])
        member = owner.member(str(path[-1])) if owner else None
        if owner is None or member is None:
            raise Refused("The place of the finding is gone; look at the check again.")
        if repair.mend is Mend.RENAME:
            return Edit(member.key.start, member.key.end, json.dumps(repair.key, ensure_ascii=False))
        return self._without(owner, owner.members.index(member))

    def _without(self, owner: Node, index: int) -> Edit:
        """Return the edit that removes a member, with the comma that belongs to it."""
        member = owner.members[index]
        if index:
            return Edit(owner.members[index - 1].value.end, member.value.end, "")
        end = owner.members[1].key.start if len(owner.members) > 1 else member.value.end
        return Edit(member.key.start, end, "")

    def _safe(self, change: Change) -> Change:
        """Return the change, unless it would break a document that passes the check."""
        after = self.check(apply(self.text, change.edits)).findings
        if after and not self.check(self.text).findings:
            more = f" (and {len(after) - 1} more)" if len(after) > 1 else ""
            raise Refused(f"Not done, because the flow would no longer pass the check: {after[0]}{more}")
        return change

    def _array(self, key: str) -> Node:
        node = find(self.root, (key,))
        if node is None or node.kind is not Kind.ARRAY:
            raise Refused(f'The document has no list "{key}" to put a step into.')
        return node

    def _names(self) -> set[str]:
        return {step.name for step in steps(self.root, self.text)}

    def _of(self, node: Node) -> str:
        return self.text[node.start : node.end]
