"""Engine and growth: what a step costs, against a loop written by hand and against other people's engines."""

from collections.abc import Sequence

from bench import draw
from bench.outcome import Goal, Outcome, duration, times
from bench.rounds import Contestant, Effort, Samples, play, spread

STEPS = 100
SIZES = (2, 10, 100, 500)

LOOP = Contestant("hand-written loop", "ours.loop", "the limit: no document, no isolation, no events")
CALLS = Contestant("the bare calls", "ours.calls", "a loop that fits this one chain")
COMPILED = Contestant("ours, compiled once", "ours.compiled", "copies for each step, events, results as recorded")
STORED = Contestant("ours, from the stored text", "ours.stored", "parses and checks the document for each run")
PYPYR = Contestant("pypyr", "peers.pypyr", "formats texts; retries, loops, conditions a step; YAML cached")
CELERY = Contestant("Celery, eager", "peers.celery", "signals, task states, task ids")
BURR = Contestant("Burr", "peers.burr", "immutable state, conditions between actions, hooks")
SPIFF = Contestant("SpiffWorkflow", "peers.spiff", "BPMN task tree that could be stored at any point")
LUIGI = Contestant("Luigi", "peers.luigi", "a scheduler, targets that show what is done already")
REDUN = Contestant("redun", "peers.redun", "a cache and the provenance of each value, in SQLite in memory")
DBOS = Contestant("DBOS, SQLite", "peers.dbos", "durable: each step committed to a file")

EVERYBODY = (CALLS, LOOP, COMPILED, STORED, PYPYR, BURR, CELERY, SPIFF, LUIGI, DBOS, REDUN)
GROWING = (LOOP, COMPILED, STORED, PYPYR, BURR, CELERY)


def engine(effort: Effort) -> Outcome:
    """What does one step cost, beside the work of its procedure?"""
    samples = play(EVERYBODY, [STEPS], effort)
    present = sorted(
        (one for one in EVERYBODY if one.label in samples.seconds), key=lambda one: samples.of(one.label, STEPS).median
    )
    rows = [_engine_row(one, samples) for one in present]
    goals = [
        Goal("compiled once, against the loop", samples.ratio(COMPILED.label, LOOP.label, STEPS), 5),
        Goal("from the stored text, against the loop", samples.ratio(STORED.label, LOOP.label, STEPS), 20),
    ]
    if PYPYR.label in samples.seconds:
        faster = samples.ratio(PYPYR.label, COMPILED.label, STEPS)
        goals.append(Goal("pypyr, against ours compiled once", faster, 7, at_least=True))
    return Outcome(
        "engine",
        f"What does one step cost, beside the work of its procedure? A chain of {STEPS} steps with one reference each.",
        "The procedures do nothing, so this is overhead alone: in a step of a millisecond nobody will notice it. "
        "No log lines, no history. The peers do other things besides, see the last column.",
        [("contestant", "a step", "of the loop", "of ours, compiled once", "what it does more"), *rows],
        goals,
        samples,
        draw.bars("One step of a chain, overhead alone", "µs a step", [_bar(one, samples, STEPS) for one in present]),
    )


def _engine_row(one: Contestant, samples: Samples) -> tuple[str, ...]:
    a_step = duration(samples.of(one.label, STEPS).median / STEPS)
    of_the_loop = times(samples.ratio(one.label, LOOP.label, STEPS))
    return one.label, a_step, of_the_loop, times(samples.ratio(one.label, COMPILED.label, STEPS)), one.does


def _bar(one: Contestant, samples: Samples, steps: int) -> draw.Bar:
    value, low, high = (seconds / steps * 1e6 for seconds in samples.of(one.label, steps))
    kind = "limit" if one in (CALLS, LOOP) else "peer" if one.peer else "ours"
    return draw.Bar(one.label, value, low, high, duration(value / 1e6), kind)


def growth(effort: Effort) -> Outcome:
    """Does a step of a long flow cost more than one of a short flow?"""
    samples = play(GROWING, SIZES, effort)
    present = [one for one in GROWING if one.label in samples.seconds]
    slopes = {one.label: spread(_slope_ratios(samples.seconds[one.label])) for one in present}
    heading = ("contestant", *(f"{size} steps" for size in SIZES), "slope 100..500 of slope 2..100")
    rows = [
        (one.label, *(duration(samples.of(one.label, size).median) for size in SIZES), times(slopes[one.label]))
        for one in present
    ]
    series = [
        draw.Line(
            one.label,
            [(size, samples.of(one.label, size).median * 1e6) for size in SIZES],
            "limit" if one in (CALLS, LOOP) else "peer" if one.peer else "ours",
        )
        for one in present
    ]
    return Outcome(
        "growth",
        "Does a step of a long flow cost more than one of a short flow? Whole runs, by their number of steps.",
        "A slope is a difference of two noisy figures, so it scatters more than they do. 500 steps is the most that a "
        "flow may have.",
        [heading, *rows],
        [Goal(f"slope of {one.label}", slopes[one.label], 1.3) for one in (COMPILED, STORED)],
        samples,
        draw.lines("A run by its number of steps", "steps", "µs a run", series),
    )


def _slope_ratios(seconds: dict[int, list[float]]) -> Sequence[float]:
    few, _, many, most = SIZES
    by_round = zip(seconds[few], seconds[many], seconds[most], strict=True)
    return [(three - two) / (most - many) / ((two - one) / (many - few)) for one, two, three in by_round]
