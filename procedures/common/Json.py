"""JSON files: what a flow has found out, for people and other programs."""

import json
import logging
from typing import Any, TypedDict

from procedures.common import _files


class WriteParams(TypedDict):
    path: str
    content: Any


class WriteResult(TypedDict):
    path: str
    bytes: int


class Json:
    """Write JSON files."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger

    def write(self, context: dict[str, Any], params: WriteParams) -> WriteResult:
        """Write a value as one readable JSON file, in place of the one that was there.

        Params: `path`, in `var/results` or `var/reports`, ending in .json; `content`, any value, usually an object
        of references to earlier results. Result: `path` as given to a later step; `bytes`, the size of the file.

        Raises `ValueError` for a path elsewhere and for NaN or Infinity, `TypeError` for what is not JSON,
        `OSError` where the disk refuses.
        """
        path = _files.writable(params["path"], (".json",))
        text = json.dumps(params["content"], indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        size = _files.write_text(path, text)
        self.logger.info("wrote %s, %d bytes", _files.shown(path), size)
        return {"path": _files.shown(path), "bytes": size}
