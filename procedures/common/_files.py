"""The files a procedure may touch: named in params, relative to the project's folder, never outside of it.

Whoever may edit a flow chooses these paths. So what is hidden (`.env`, `.git`) cannot be read, and only the output
folders can be written: a flow must not be able to replace code, settings or the database.
"""

import os
import secrets
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
OUTPUT_FOLDERS = ("var/reports", "var/results")


def readable(path: str, suffixes: tuple[str, ...]) -> Path:
    """Return the file that a parameter names for reading.

    `path` is relative to the project's folder, with slashes; `suffixes` are the endings that are read, in lower case.
    Raises `ValueError` where the path leaves the folder, is hidden or ends otherwise, `FileNotFoundError` where no
    file is.
    """
    found = _inside(path)
    if any(part.startswith(".") for part in found.relative_to(_project()).parts):
        raise ValueError(f'the path "{path}" is hidden (a part of it begins with a dot); such files are not read')
    _check_suffix(path, suffixes)
    if not found.is_file():
        raise FileNotFoundError(f'there is no file "{path}" in the project\'s folder')
    return found


def writable(path: str, suffixes: tuple[str, ...]) -> Path:
    """Return the file that a parameter names for writing; it lies in one of the output folders.

    Raises `ValueError` where the path leaves them or ends otherwise.
    """
    found = _inside(path)
    if not any(found.is_relative_to(_project() / folder) for folder in OUTPUT_FOLDERS):
        raise ValueError(
            f'the path "{path}" is not in an output folder; write it like "{OUTPUT_FOLDERS[-1]}/{found.name}"'
        )
    _check_suffix(path, suffixes)
    return found


def shown(path: Path) -> str:
    """Return a path as results and messages name it: relative to the project's folder, with slashes."""
    return path.relative_to(_project()).as_posix()


def write_text(path: Path, text: str) -> int:
    """Write a whole UTF-8 file or nothing, make its folder where it is missing, and return the size in bytes.

    A reader sees the old file or the new one, never half of either.
    """
    data = text.encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with unfinished.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return len(data)


def _project() -> Path:
    return PROJECT.resolve()


def _inside(path: str) -> Path:
    if not isinstance(path, str) or not path or "\0" in path:
        raise ValueError(f'a path is a text like "var/results/name.json", not {path!r}')
    # Resolved first: neither ".." nor a link may lead out.
    found = (_project() / path).resolve()
    if not found.is_relative_to(_project()):
        raise ValueError(
            f'the path "{path}" leaves the project\'s folder; write one that is relative to it and stays inside'
        )
    return found


def _check_suffix(path: str, suffixes: tuple[str, ...]) -> None:
    if not path.lower().endswith(suffixes):
        raise ValueError(f'the path "{path}" does not end in {" or ".join(suffixes)}')
