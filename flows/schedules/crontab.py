"""The lines of a crontab with which a site without a scheduler runs a flow at set times."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from flows.engine.inputs import Input


def crontab_lines(flow_name: str, declared: Mapping[str, Input]) -> list[str]:
    """Return the line that runs a flow at 02:30, and the one that turns lost runs into interrupted ones.

    A flow whose name has characters that no crontab can hold gets none.
    """
    if not flow_name.isprintable():
        return []
    needed = [word for name, one in declared.items() if not one.has_default for word in ("--input", f"{name}=…")]
    return [_line("30 2 * * *", "runflow", flow_name, *needed), _line("*/5 * * * *", "reapruns")]


def _line(when: str, *words: str) -> str:
    place = Path(settings.BASE_DIR)
    python = Path(sys.executable)
    program = python.relative_to(place) if python.is_relative_to(place) else python
    command = f"cd {shlex.quote(str(place))} && {shlex.join([str(program), 'manage.py', *words])}"
    # To cron a percent sign is the end of the line.
    return f"{when}  {command}".replace("%", r"\%")
