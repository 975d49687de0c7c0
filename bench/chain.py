"""The document that the benchmarks run: steps that hand one message on, with one reference each."""

import json
from typing import Any

from bench.contest import MESSAGE


def document(steps: int, method: str = "echo") -> str:
    """Return the text of a flow of that many steps, as it would be stored."""
    return json.dumps({"procedures": [_step(number, method) for number in range(steps)]})


def last_step(steps: int) -> str:
    """Return the name of the last step."""
    return f"step{steps - 1}"


def _step(number: int, method: str) -> dict[str, Any]:
    msg = f"@step{number - 1}.msg" if number else MESSAGE
    return {"name": f"step{number}", "mod": "Chain", "method": method, "params": {"msg": msg}}
