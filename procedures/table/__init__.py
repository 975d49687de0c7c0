"""Tables of up to some ten thousand rows: read, checked, summarised, written, one step each.

A row is a flat dict. Keys with a leading underscore are ours: `_line` is where the row began in its file, `_reason`
is what is wrong with it, `_extra` holds the fields that the header has no names for, as a JSON list.
"""

from typing import Any

Row = dict[str, Any]
