"""Luigi: tasks that require each other, with targets in memory and the scheduler in the caller's process."""

from collections.abc import Callable
from itertools import count
from typing import Any

import luigi
from luigi.mock import MockTarget

from bench.contest import MESSAGE, serve


class Echo(luigi.Task):  # type: ignore[misc]
    """One step; `run_number` makes each run's tasks new ones."""

    run_number = luigi.IntParameter()
    number = luigi.IntParameter()

    def requires(self) -> list["Echo"]:
        return [Echo(run_number=self.run_number, number=self.number - 1)] if self.number else []

    def output(self) -> MockTarget:
        return MockTarget(f"{self.run_number}-{self.number}")

    def run(self) -> None:
        with self.output().open("w") as target:
            target.write(self._message())

    def _message(self) -> str:
        if not self.number:
            return MESSAGE
        with self.input()[0].open("r") as source:
            text: str = source.read()
            return text


def prepare(steps: int) -> Callable[[], Any]:
    runs = count()

    def run() -> Any:
        MockTarget.fs.clear()
        last = Echo(run_number=next(runs), number=steps - 1)
        luigi.build([last], local_scheduler=True, log_level="WARNING")
        with last.output().open("r") as target:
            return target.read()

    return run


if __name__ == "__main__":
    serve(prepare, "luigi")
