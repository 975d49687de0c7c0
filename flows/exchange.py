"""Exchange flows with files: one readable JSON file a flow, so that flows can live in Git.

The file of a flow is named after it, `<flow_name>.json`. What not every file system takes in a name is percent-encoded
(UTF-8, capital digits), so that the name can be read back exactly: control and other invisible characters,
``% / \\ : * ? " < > |``, dots and spaces at the beginning, spaces at the end, the first letter of a name that Windows
reserves (`con` is `%63on.json`), and all but ASCII in a name that is not in Unicode's composed form. Everything else,
Chinese included, stands as it is. Names that differ only in case share a file on some systems: they are refused.
"""

import difflib
import json
import logging
import os
import re
import secrets
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import unquote_to_bytes

from django.db import IntegrityError, transaction

from flows import services, versions
from flows.engine import FlowError, InvalidFlow, format_document
from flows.engine.document import MAX_BYTES, load_document
from flows.engine.text import describe, quoted, visible
from flows.models import Flow, FlowQuerySet

logger = logging.getLogger(__name__)

SUFFIX = ".json"
LONGEST_FLOW_NAME = 128
LONGEST_FILE_NAME = 255
LONGEST_DIFF = 4_000
"""Lines of a document above which no diff is made: its cost grows with the square."""


class ExchangeRefused(FlowError):
    """Nothing was written; `problems` holds what is in the way, one line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


# Names of files


class _BadFile(FlowError):
    """A file, or what a flow would be as a file, cannot be taken; the message says why."""


_ENCODED = frozenset('%/\\:*?"<>|')
_RESERVED_BY_WINDOWS = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³]) *(\.|$)", re.IGNORECASE)


def file_name(flow_name: str) -> str:
    """Return the name of a flow's file; raises `FlowError` where the name is empty or too long for one."""
    name = _encode(flow_name, _is_safe)
    if not unicodedata.is_normalized("NFC", name):
        # Some file systems would compose or decompose it, and it could not be read back.
        name = _encode(flow_name, _is_safe_ascii)
    if not flow_name or len(name.encode()) > LONGEST_FILE_NAME:
        raise _BadFile(f"the name {quoted(flow_name)} is empty or too long for the name of a file; rename the flow")
    return name


def flow_name(path: Path) -> str:
    """Return the name of the flow that a file stands for; raises `FlowError` where its name is not written as above."""
    # Some file systems decompose the names that they are given.
    name = unicodedata.normalize("NFC", path.name)
    try:
        found = unquote_to_bytes(name.removesuffix(SUFFIX)).decode()
    except UnicodeError:
        raise _BadFile("the name of the file is not percent-encoded UTF-8; a plain % is written %25") from None
    if len(found) > LONGEST_FLOW_NAME:
        raise _BadFile(f"a flow's name has at most {LONGEST_FLOW_NAME} characters, not {len(found)}; rename the file")
    if file_name(found) != name:
        raise _BadFile(f"the file of the flow {quoted(found)} is named {quoted(file_name(found))}; rename the file")
    return found


def _encode(flow_name: str, is_safe: Callable[[str], bool]) -> str:
    inner = range(len(flow_name) - len(flow_name.lstrip(" .")), len(flow_name.rstrip(" ")))
    characters = [
        character if index in inner and is_safe(character) else _percent(character)
        for index, character in enumerate(flow_name)
    ]
    if _RESERVED_BY_WINDOWS.match(flow_name):
        characters[0] = _percent(flow_name[0])
    return "".join(characters) + SUFFIX


def _is_safe(character: str) -> bool:
    return character not in _ENCODED and character.isprintable()


def _is_safe_ascii(character: str) -> bool:
    return character.isascii() and _is_safe(character)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


# Export


@dataclass(frozen=True, slots=True)
class Exported:
    """What was done to the file of one flow."""

    name: str
    path: Path
    outcome: Literal["created", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The files that say now what the flows say, and the flows that have none, one line of reason each."""

    files: tuple[Exported, ...]
    skipped: tuple[str, ...]


def export_flows(folder: Path, names: Sequence[str] = ()) -> ExportReport:
    """Write the flows of these names, or all that are not deleted, as one readable UTF-8 JSON file each.

    `folder` is made where it is missing; a file that says the same to the byte is not touched, and each file is
    replaced as a whole. A flow whose document is not JSON, or whose name makes no file, is skipped and reported.
    Files of flows that are gone are left alone.

    Raises `FlowRefused` for a name that no flow bears, `ExchangeRefused` for a deleted flow or a folder that cannot be
    made; then nothing is written.
    """
    flows = _chosen(names) if names else Flow.objects.not_deleted().iterator(chunk_size=100)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExchangeRefused([f"{_shown(folder)}: the folder cannot be made: {error.strerror}"]) from error
    files: list[Exported] = []
    skipped: list[str] = []
    alike = _alike(Flow.objects.not_deleted().values_list("flow_name", flat=True))
    for flow in flows:
        try:
            files.append(_export(flow, folder, alike.get(flow.flow_name, [])))
        except FlowError as error:
            skipped += [f"{visible(flow.flow_name)}: {line}" for line in str(error).split("\n")]
        except OSError as error:
            skipped.append(f"{visible(flow.flow_name)}: its file cannot be written: {error.strerror}")
    return ExportReport(tuple(files), tuple(skipped))


def _chosen(names: Iterable[str]) -> list[Flow]:
    flows = [services.find_flow(name) for name in dict.fromkeys(names)]
    deleted = [
        f"flow {quoted(flow.flow_name)} is deleted; restore it in the admin first" for flow in flows if flow.deleted
    ]
    if deleted:
        raise ExchangeRefused(deleted)
    return flows


def _export(flow: Flow, folder: Path, alike: Sequence[str]) -> Exported:
    path = folder / file_name(flow.flow_name)
    if alike:
        raise _BadFile(
            f"{', '.join(map(quoted, alike))} differs only in case, and would share its file; rename one of them"
        )
    return Exported(flow.flow_name, path, _write_where_different(path, _laid_out(flow.flow_json).encode()))


def _alike(names: Iterable[str]) -> dict[str, list[str]]:
    """Return, for each name that others differ from only in case, these others."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[name.casefold()].append(name)
    return {
        name: [other for other in group if other != name]
        for group in groups.values()
        if len(group) > 1
        for name in group
    }


def _laid_out(text: str) -> str:
    """Return the document laid out for people, unless that would make it too large to be read again."""
    formatted = format_document(text)
    return formatted if len(formatted.encode()) <= MAX_BYTES else text


def _write_where_different(path: Path, data: bytes) -> Literal["created", "changed", "unchanged"]:
    exists = path.exists()
    if exists and path.read_bytes() == data:
        return "unchanged"
    unfinished = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with unfinished.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return "changed" if exists else "created"


# Import


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an import does only when told.

    `enable` enables the flows of the files, `restore` restores those that are deleted, `only_new` leaves every flow
    that is there already, deleted or not, as it is.
    """

    enable: bool = False
    restore: bool = False
    only_new: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a file means for its flow.

    `enables` says that the flow is off now and on afterwards; `diff` shows the stored document against the file's, both
    laid out alike, and is empty where they say the same.
    """

    name: str
    file: Path
    document: str
    outcome: Literal["created", "changed", "restored", "unchanged", "left alone"]
    enabled: bool
    enables: bool
    diff: str


class _File(NamedTuple):
    path: Path
    name: str
    document: str


def plan_import(paths: Sequence[Path], wishes: Wishes) -> tuple[Change, ...]:
    """Return what `import_flows` would do, in the order of the files; writes nothing and raises the same."""
    files = _read_files(paths)
    return _plan(files, _stored(files, Flow.objects.all()), wishes)


def import_flows(paths: Sequence[Path], wishes: Wishes) -> tuple[Change, ...]:
    """Bring the flows of these files, and of the .json files of these folders, into the database: all of them or none.

    A document that says the same as the stored one, whatever its layout and order of keys, changes nothing. A new flow
    and a restored one come in disabled, and no flow is enabled unless `wishes.enable`.

    Raises `ExchangeRefused` with the problems of all files: unreadable, not named like a flow, invalid (with the
    finding's JSON Pointer), two for one flow, the flow is deleted and `wishes.restore` is off.
    """
    files = _read_files(paths)
    try:
        with transaction.atomic():
            stored = _stored(files, Flow.objects.select_for_update())
            changes = _plan(files, stored, wishes)
            for change in changes:
                _write(change, stored.get(change.name))
    except IntegrityError as error:
        raise ExchangeRefused([f"the database refused a row, and nothing was written: {describe(error)}"]) from error
    for change in changes:
        if change.outcome not in ("unchanged", "left alone"):
            logger.info("imported flow %s: %s", visible(change.name), change.outcome)
    return changes


def _read_files(paths: Iterable[Path]) -> list[_File]:
    problems: list[str] = []
    files: list[_File] = []
    for path in _files_of(paths, problems):
        try:
            files.append(_read(path))
        except FlowError as error:
            problems += [f"{_shown(path)}: {line}" for line in str(error).split("\n")]
        except OSError as error:
            problems.append(f"{_shown(path)}: the file cannot be read: {error.strerror}")
    problems += _two_for_one(files)
    problems += _invalid(files)
    if problems:
        raise ExchangeRefused(problems)
    return [file._replace(document=_laid_out(file.document)) for file in files]


def _files_of(paths: Iterable[Path], problems: list[str]) -> list[Path]:
    """Return the files that the paths name, each once; what is wrong with a path goes to `problems`."""
    found: dict[Path, Path] = {}
    for path in paths:
        try:
            for file in _files_at(path):
                found.setdefault(file.resolve(), file)
        except _BadFile as error:
            problems.append(f"{_shown(path)}: {error}")
        except OSError as error:
            problems.append(f"{_shown(path)}: {error.strerror}")
    return list(found.values())


def _files_at(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix == SUFFIX and not file.name.startswith("."))
        if not files:
            raise _BadFile(f"the folder holds no {SUFFIX} file")
        return files
    if not path.exists():
        raise _BadFile("there is no such file or folder")
    if not path.is_file() or path.suffix != SUFFIX:
        raise _BadFile(f"this is no {SUFFIX} file")
    return [path]


def _read(path: Path) -> _File:
    name = flow_name(path)
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _BadFile("the document is larger than 1 MiB")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise _BadFile(f"the document is not UTF-8: {error.reason} at position {error.start}") from error
    return _File(path, name, text)


def _invalid(files: Sequence[_File]) -> Iterator[str]:
    """Yield each finding of each file; a sub-flow may come with the same import."""
    documents = {file.name: file.document for file in files}
    for file in files:
        for finding in services.check_document(file.document, file.name, documents).findings:
            yield f"{_shown(file.path)}: {finding}"


def _two_for_one(files: Sequence[_File]) -> Iterator[str]:
    groups: defaultdict[str, list[_File]] = defaultdict(list)
    for file in files:
        groups[file.name.casefold()].append(file)
    for group in groups.values():
        if len(group) > 1:
            yield f"{', '.join(_shown(file.path) for file in group)}: these stand for one flow; keep one of them"


def _stored(files: Sequence[_File], flows: FlowQuerySet) -> dict[str, Flow]:
    """Return the flows of these files by name, those that differ only in case too."""
    # Compared here and not by the database: servers differ in what they take for the same name.
    wanted = {file.name.casefold() for file in files}
    names = Flow.objects.values_list("flow_name", flat=True)
    return {flow.flow_name: flow for flow in flows.filter(flow_name__in=[n for n in names if n.casefold() in wanted])}


def _plan(files: Sequence[_File], stored: dict[str, Flow], wishes: Wishes) -> tuple[Change, ...]:
    problems = [f"{_shown(file.path)}: {problem}" for file in files for problem in _problems_of(file, stored, wishes)]
    if problems:
        raise ExchangeRefused(problems)
    return tuple(_change(file, stored.get(file.name), wishes) for file in files)


def _problems_of(file: _File, stored: dict[str, Flow], wishes: Wishes) -> Iterator[str]:
    flow = stored.get(file.name)
    if flow is None:
        alike = [name for name in stored if name.casefold() == file.name.casefold()]
        if alike:
            yield f"the flow {quoted(alike[0])} differs from it only in case; rename the file or the flow"
    elif flow.deleted and not wishes.restore and not wishes.only_new:
        yield f"the flow {quoted(file.name)} is deleted; take the file away, or import with --restore"


def _change(file: _File, flow: Flow | None, wishes: Wishes) -> Change:
    if flow is None:
        return Change(file.name, file.path, file.document, "created", wishes.enable, wishes.enable, "")
    if wishes.only_new:
        return Change(file.name, file.path, file.document, "left alone", bool(flow.enabled), enables=False, diff="")
    same = _meaning(flow.flow_json) == _meaning(file.document)
    was_on = bool(flow.enabled) and not flow.deleted
    return Change(
        name=file.name,
        file=file.path,
        document=file.document,
        outcome="restored" if flow.deleted else "unchanged" if same else "changed",
        enabled=was_on or wishes.enable,
        enables=wishes.enable and not was_on,
        diff="" if same else _diff(flow.flow_json, file),
    )


def _write(change: Change, flow: Flow | None) -> None:
    if flow is None:
        made = Flow(flow_name=change.name, flow_json=change.document, enabled=change.enabled, deleted=False)
        with _keeping(made, change):
            made.save()
        return
    fields = []
    if change.diff:
        flow.flow_json = change.document
        fields.append("flow_json")
    if change.outcome == "restored":
        flow.deleted = False
        fields.append("deleted")
    if change.enables or (change.outcome == "restored" and flow.enabled):
        flow.enabled = change.enabled
        fields.append("enabled")
    if fields:
        with _keeping(flow, change):
            flow.save_fields(fields)


def _keeping(flow: Flow, change: Change) -> AbstractContextManager[None]:
    return versions.keeping(flow, author="importflows (command)", why=f"Imported from {_shown(change.file)}")


def _meaning(text: str) -> str | None:
    """Return the same text for documents that say the same; None for what is not JSON."""
    value, findings = load_document(text)
    return None if findings else json.dumps(value, sort_keys=True)


def _diff(stored: str, file: _File) -> str:
    before, after = _readable(stored).split("\n"), file.document.split("\n")
    if max(len(before), len(after)) > LONGEST_DIFF:
        return f"(too long to compare: {len(before):,} lines before, {len(after):,} lines after)"
    lines = difflib.unified_diff(before, after, f"{file.name} (stored)", _shown(file.path), lineterm="")
    return "\n".join(map(visible, lines))


def _readable(text: str) -> str:
    try:
        return format_document(text)
    except InvalidFlow:
        return text


def _shown(path: Path) -> str:
    return visible(str(path))
