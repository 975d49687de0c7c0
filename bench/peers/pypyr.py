"""pypyr: a pipeline file whose steps are Python modules; the file is read once and cached by pypyr."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pypyr import pipelinerunner

from bench.contest import MESSAGE, serve

_STEP = """\
def run_step(context):
    context[context["target"]] = context.get_formatted("source")
"""


def prepare(steps: int) -> Callable[[], Any]:
    Path("echo_step.py").write_text(_STEP, encoding="utf-8")
    name = write_pipeline(steps)
    last = f"step{steps - 1}"
    return lambda: pipelinerunner.run(name, py_dir=Path.cwd())[last]


def write_pipeline(steps: int) -> str:
    """Write the pipeline into the working folder and return its name."""
    lines = ["steps:"]
    for number in range(steps):
        source = f"'{{step{number - 1}}}'" if number else MESSAGE
        lines += ["  - name: echo_step", "    in:", f"      source: {source}", f"      target: step{number}"]
    name = f"chain{steps}"
    Path(f"{name}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name


if __name__ == "__main__":
    serve(prepare, "pypyr")
