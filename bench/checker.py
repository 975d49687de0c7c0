"""Check: what it costs to prove a long document before anything runs."""

from bench import draw
from bench.outcome import Outcome, duration, times
from bench.rounds import Contestant, Effort, Samples, play

STEPS = 500

LOADS = Contestant("json.loads", "ours.loads", "the limit: says whether it is JSON, knows no flow")
CHECKED = Contestant("ours, parsed and checked", "ours.check", "names, procedures, references, limits")
DECLARED = Contestant("ours, all references proved", "ours.check_declared", "the types of each reference besides")
SCHEMA = Contestant("jsonschema, the flow's schema", "peers.jsonschema", "the shape alone, no references")

EVERYBODY = (LOADS, CHECKED, DECLARED, SCHEMA)


def check(effort: Effort) -> Outcome:
    """How long does it take to check a document of 500 steps?"""
    samples = play(EVERYBODY, [STEPS], effort)
    present = [one for one in EVERYBODY if one.label in samples.seconds]
    heading = ("contestant", "the document", "a step", "of json.loads", "of ours", "what it does")
    return Outcome(
        "check",
        f"How long does it take to parse and check a document of {STEPS} steps, from the stored text?",
        "One well-formed document. jsonschema is pure Python too and looks at the shape alone.",
        [heading, *(_row(one, samples) for one in present)],
        [],
        samples,
        draw.bars(f"Checking a document of {STEPS} steps", "ms", [_bar(one, samples) for one in present]),
    )


def _row(one: Contestant, samples: Samples) -> tuple[str, ...]:
    seconds = samples.of(one.label, STEPS).median
    of_loads = times(samples.ratio(one.label, LOADS.label, STEPS))
    of_ours = times(samples.ratio(one.label, CHECKED.label, STEPS))
    return one.label, duration(seconds), duration(seconds / STEPS), of_loads, of_ours, one.does


def _bar(one: Contestant, samples: Samples) -> draw.Bar:
    value, low, high = (seconds * 1e3 for seconds in samples.of(one.label, STEPS))
    kind = "limit" if one is LOADS else "peer" if one.peer else "ours"
    return draw.Bar(one.label, value, low, high, duration(value / 1e3), kind)
