"""Results: what large results cost the steps after them, and what it costs to record one."""

from bench import draw
from bench.ours.large import STEPS
from bench.outcome import Goal, Outcome, duration
from bench.rounds import Contestant, Effort, Samples, Spread, play

SIZES = (1_000, 10_000, 100_000, 1_040_000)
SMALL, LARGE = SIZES[0], SIZES[-1]

UNTOUCHED = Contestant("a step that does not touch it", "ours.untouched", "reads one small key of it")
TOUCHED = Contestant("a step that gets all of it", "ours.touched", "a copy of its own")
DEEPCOPY = Contestant("copy.deepcopy of it", "ours.deepcopy", "the limit for a copy")
RECORDED = Contestant("recording it", "ours.recorded", "checks it, and reads it back from JSON")
ROUND_TRIP = Contestant("json.dumps and json.loads", "ours.round_trip", "the limit for recording")

EVERYBODY = (UNTOUCHED, TOUCHED, DEEPCOPY, RECORDED, ROUND_TRIP)


def results(effort: Effort) -> Outcome:
    """What does a large result cost the steps after it?"""
    samples = play(EVERYBODY, SIZES, effort)
    heading = ("what", *(_size(size) for size in SIZES), "")
    rows = [(one.label, *(duration(_one(one, samples, size).median) for size in SIZES), one.does) for one in EVERYBODY]
    goals = [
        Goal(
            f"a step that does not touch {_size(LARGE)}, against one that does not touch {_size(SMALL)}",
            samples.ratio(UNTOUCHED.label, UNTOUCHED.label, LARGE, SMALL),
            1.1,
        )
    ]
    series = [
        draw.Line(
            one.label,
            [(size, _one(one, samples, size).median * 1e6) for size in SIZES],
            "limit" if one in (DEEPCOPY, ROUND_TRIP) else "ours",
        )
        for one in EVERYBODY
    ]
    return Outcome(
        "results",
        "What does a large result cost the steps after it? Rows of small values, by their size as JSON.",
        "The goal is that it costs nothing; 1.1x is how far two equal figures may lie apart on a noisy machine. "
        "The ten steps right after it are left out: they find the processor's caches cold, some 30 µs once. "
        "Recording is paid once a result, by the step that returns it; a small flat result takes a shorter way.",
        [heading, *rows],
        goals,
        samples,
        draw.lines("A result and the steps after it", "bytes of JSON", "µs", series),
    )


def _one(one: Contestant, samples: Samples, size: int) -> Spread:
    """Return the seconds of one step, or of one copy."""
    seconds = samples.of(one.label, size)
    return Spread(*(part / STEPS for part in seconds)) if one in (UNTOUCHED, TOUCHED) else seconds


def _size(size: int) -> str:
    return f"{size // 1000} kB" if size < LARGE else "1 MiB"
