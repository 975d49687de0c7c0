"""log-call: what a log call costs the one who makes it."""

from bench import draw
from bench.outcome import Goal, Outcome, duration, times
from bench.rounds import Contestant, Effort, Samples, play

NULL = Contestant("NullHandler", "ours.log_null", "the limit: makes the record and throws it away")
QUEUE = Contestant("QueueHandler", "ours.log_queue_handler", "standard library; formats, copies; writes nothing here")
DATABASE = Contestant("ours, table", "ours.log_database", "merges the message, appends; a thread writes to SQLite")
FILE = Contestant("ours, file", "ours.log_file", "one line a record, any number of processes")
ROTATING = Contestant("RotatingFileHandler", "ours.log_rotating", "standard library; one process")
PEER = Contestant("django-db-logger, SQLite", "peers.django_db_logger", "one INSERT and commit a record")

EVERYBODY = (NULL, DATABASE, QUEUE, FILE, ROTATING, PEER)


def log_call(effort: Effort) -> Outcome:
    """What does one log call cost the caller?"""
    samples = play(EVERYBODY, [1], effort)
    present = [one for one in EVERYBODY if one.label in samples.seconds]
    goals = [Goal("ours, table, against NullHandler", samples.ratio(DATABASE.label, NULL.label, 1), 1.4)]
    if PEER.label in samples.seconds:
        goals.append(
            Goal("django-db-logger, against ours", samples.ratio(PEER.label, DATABASE.label, 1), 50, at_least=True)
        )
    return Outcome(
        "log-call",
        "What does one log call with two arguments cost the one who makes it?",
        "The median of single calls, in bursts of 100 with rests of 10 ms. Without rests the writing thread takes its "
        "share of the processor too, about as much again. One process, nobody else at the file.",
        [("handler", "a call", "of NullHandler", "what it does"), *(_row(one, samples) for one in present)],
        goals,
        samples,
        draw.bars("One log call, for its caller", "µs", [_bar(one, samples) for one in present]),
    )


def _row(one: Contestant, samples: Samples) -> tuple[str, ...]:
    return (
        one.label,
        duration(samples.of(one.label, 1).median),
        times(samples.ratio(one.label, NULL.label, 1)),
        one.does,
    )


def _bar(one: Contestant, samples: Samples) -> draw.Bar:
    value, low, high = (seconds * 1e6 for seconds in samples.of(one.label, 1))
    kind = "limit" if one is NULL else "ours" if one in (DATABASE, FILE) else "peer"
    return draw.Bar(one.label, value, low, high, duration(value / 1e6), kind)
