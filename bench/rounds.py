"""Play a contest: round robin, one process for each contestant and round, so that noise hits all of them alike."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

from bench.environments import Missing, python_of, quiet_environment

_PATIENCE_SECONDS = 120


class Effort(NamedTuple):
    """How often everything is measured, and for how many seconds each time."""

    rounds: int
    seconds: float


class Contestant(NamedTuple):
    """Who takes part: a module of bench, run by our Python or by a peer's; `does` says what it does more.

    `database` is the URL of the one it works on, where that is no file of its own.
    """

    label: str
    module: str
    does: str = ""
    database: str = ""

    @property
    def peer(self) -> str:
        """The name of the peer; empty for ours."""
        package, _, name = self.module.partition(".")
        return name if package == "peers" else ""


class Spread(NamedTuple):
    """The median of the rounds, and the least and the most of them."""

    median: float
    low: float
    high: float


@dataclass
class Samples:
    """Seconds by contestant's label and by size, one for each round; and who was left out, and why.

    `figures` are what else was counted, by what it is.
    """

    seconds: dict[str, dict[int, list[float]]] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def of(self, label: str, size: int) -> Spread:
        return spread(self.seconds[label][size])

    def ratio(self, label: str, other: str, size: int, other_size: int | None = None) -> Spread:
        """Return how many times the seconds of `other` one takes, round by round."""
        others = self.seconds[other][size if other_size is None else other_size]
        return spread([one / two for one, two in zip(self.seconds[label][size], others, strict=True)])

    def skip(self, label: str, reason: str) -> None:
        print(f"LEFT OUT: {label}: {reason}", file=sys.stderr, flush=True)
        self.skipped[label] = reason
        self.seconds.pop(label, None)


def spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


def play(contestants: Iterable[Contestant], sizes: Sequence[int], effort: Effort) -> Samples:
    """Measure each contestant at each size in each round."""
    samples = Samples()
    pythons = {}
    for one in contestants:
        try:
            pythons[one] = str(python_of(one.peer)) if one.peer else sys.executable
        except Missing as error:
            samples.skip(one.label, str(error))
    for number in range(effort.rounds):
        _say(f"round {number + 1} of {effort.rounds}")
        for one, python in pythons.items():
            if one.label not in samples.skipped:
                _measure(one, python, sizes, effort, samples)
    return samples


def _measure(one: Contestant, python: str, sizes: Sequence[int], effort: Effort, samples: Samples) -> None:
    command = [python, "-P", "-m", f"bench.{one.module}", str(effort.seconds), *map(str, sizes)]
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=quiet_environment(Path(folder)) | ({"DATABASE_URL": one.database} if one.database else {}),
                capture_output=True,
                text=True,
                timeout=_PATIENCE_SECONDS,
                check=True,
            )
        except subprocess.TimeoutExpired:
            samples.skip(one.label, f"took longer than {_PATIENCE_SECONDS} s")
            return
        except subprocess.CalledProcessError as error:
            print(error.stderr[-2000:], file=sys.stderr)
            samples.skip(one.label, f"ended with exit code {error.returncode}")
            return
    answer = json.loads(done.stdout.splitlines()[-1])
    samples.versions[one.label] = answer["version"]
    by_size = samples.seconds.setdefault(one.label, {size: [] for size in sizes})
    for size, seconds in answer["seconds"].items():
        by_size[int(size)].append(seconds)
    if commits := answer["commits"]:
        samples.figures.setdefault("commits", {})[one.label] = {int(size): count for size, count in commits.items()}


class Command(NamedTuple):
    """A whole process that takes part, and the environment it runs in."""

    label: str
    arguments: list[str]
    environment: dict[str, str]
    does: str = ""


def play_commands(commands: Sequence[Command], effort: Effort, samples: Samples) -> None:
    """Measure each whole process in each round, under size 0; the first round warms up and does not count."""
    for number in range(effort.rounds + 1):
        _say(f"round {number} of {effort.rounds}" if number else "warming up")
        for one in commands:
            if one.label in samples.skipped:
                continue
            began = perf_counter()
            done = subprocess.run(one.arguments, env=one.environment, capture_output=True, text=True, check=False)
            seconds = perf_counter() - began
            if done.returncode:
                print(done.stderr[-2000:], file=sys.stderr)
                samples.skip(one.label, f"ended with exit code {done.returncode}")
            elif number:
                samples.seconds.setdefault(one.label, {0: []})[0].append(seconds)


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
