"""Command: a whole runflow, from the start of the process to its end."""

import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import draw
from bench.environments import ROOT, Missing, python_of, quiet_environment
from bench.outcome import Goal, Outcome, duration, times
from bench.rounds import Command, Effort, Samples, play_commands
from tests.environment import site_environment

PASS = "python -c pass"
DJANGO = "import django"
NOTHING = "an empty command, contrib apps"
RUNFLOW = "runflow hello"
PYPYR = "pypyr"
LUIGI = "luigi"
LIMITS = (PASS, DJANGO, NOTHING)

_TWO_STEPS = """\
steps:
  - name: pypyr.steps.set
    in: {set: {msg: hello}}
  - name: pypyr.steps.echo
    in: {echoMe: '{msg}'}
"""


def command(effort: Effort) -> Outcome:
    """How long does a whole runflow take?"""
    samples = Samples()
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        environment = quiet_environment(folder) | site_environment(folder)
        _make_site(environment)
        commands = [*_our_commands(folder, environment), *_peer_commands(folder, samples)]
        play_commands(commands, effort, samples)
        rows, runs = (_rows(folder, table) for table in ("wf_syslog", "wf_run"))
    present = [one for one in commands if one.label in samples.seconds]
    caveat = (
        "A warm file cache, compiled bytecode, SQLite; on MySQL the connection comes on top. Neither of the two "
        "commands runs the system checks. Each runflow wrote its log lines to a file and to the table, and its record "
        f"({rows} log rows and {runs} runs in all rounds), before it ended. The peers print, and keep nothing."
    )
    return Outcome(
        "command",
        "How long does a whole runflow of two steps take, from the start of the process to its end?",
        caveat,
        [("process", "time", "of the empty command", "what it does"), *(_row(one, samples) for one in present)],
        [Goal("runflow, against the empty command", samples.ratio(RUNFLOW, NOTHING, 0), 1.25)],
        samples,
        draw.bars("A whole process", "ms", [_bar(one.label, samples) for one in present]),
    )


def _make_site(environment: dict[str, str]) -> None:
    for arguments in (["migrate"], ["createtables"], ["importflows", str(ROOT / "samples" / "hello.json"), "--enable"]):
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{done.stderr}\n{arguments[0]} failed: the site of the benchmark could not be made")


def _rows(folder: Path, table: str) -> int:
    """Return how many rows the runs left in a table; raises where they left none, or no log file."""
    connection = sqlite3.connect(folder / "site.sqlite3")
    rows: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    connection.close()
    if not rows or not list((folder / "log").glob("*.log")):
        raise SystemExit(f"runflow left nothing in {table}, or no log file: that would be no fair measurement")
    return rows


def _our_commands(folder: Path, environment: dict[str, str]) -> list[Command]:
    plain = quiet_environment(folder)
    contrib = plain | {"BENCH_DATABASE": str(folder / "contrib.sqlite3")}
    manage = str(ROOT / "bench" / "contrib_only" / "manage.py")
    return [
        Command(PASS, [sys.executable, "-c", "pass"], plain, "the interpreter"),
        Command(DJANGO, [sys.executable, "-c", "import django"], plain, "and the framework's first module"),
        Command(NOTHING, [sys.executable, manage, "nothing"], contrib, "the limit: loads the apps and does nothing"),
        Command(
            RUNFLOW,
            [sys.executable, str(ROOT / "manage.py"), "runflow", "hello"],
            environment,
            "reads the flow, checks it, runs it, writes file, table and record",
        ),
    ]


def _peer_commands(folder: Path, samples: Samples) -> list[Command]:
    (folder / "two.yaml").write_text(_TWO_STEPS, encoding="utf-8")
    luigi = ["luigi", "--module", "bench.peers.luigi", "Echo", "--local-scheduler", "--log-level", "WARNING"]
    arguments = {
        PYPYR: ["pypyr", str(folder / "two")],
        LUIGI: [*luigi, "--run-number", "0", "--number", "1"],
    }
    commands = []
    for peer, rest in arguments.items():
        try:
            command = [str(python_of(peer)), "-P", "-m", *rest]
            commands.append(Command(peer, command, quiet_environment(folder), "two steps, no database, no log table"))
        except Missing as error:
            samples.skip(peer, str(error))
    return commands


def _row(one: Command, samples: Samples) -> tuple[str, ...]:
    seconds = samples.of(one.label, 0).median
    return one.label, duration(seconds), times(samples.ratio(one.label, NOTHING, 0)), one.does


def _bar(label: str, samples: Samples) -> draw.Bar:
    value, low, high = (seconds * 1e3 for seconds in samples.of(label, 0))
    kind = "ours" if label == RUNFLOW else "limit" if label in LIMITS else "peer"
    return draw.Bar(label, value, low, high, duration(value / 1e3), kind)
