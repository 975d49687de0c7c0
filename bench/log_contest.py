"""What runs inside a contestant's process of the log benchmarks: it times single log calls and prints JSON."""

import logging
from statistics import median
from time import perf_counter, sleep

from bench.contest import asked, report

_BURST = 100
_REST_SECONDS = 0.01


def logger_of(*handlers: logging.Handler) -> logging.Logger:
    """Return a logger that has these handlers alone."""
    logger = logging.getLogger("bench.logs")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    for handler in handlers:
        logger.addHandler(handler)
    return logger


def serve_calls(logger: logging.Logger, package: str = "") -> None:
    """Time single calls in bursts, with rests in which a writer comes after, and report the median."""
    limit, sizes = asked()
    times: list[float] = []
    ends = perf_counter() + limit
    number = 0
    while not times or perf_counter() < ends:
        for _ in range(_BURST):
            number += 1
            began = perf_counter()
            logger.info("loaded %d rows from %s", number, "orders")
            times.append(perf_counter() - began)
        sleep(_REST_SECONDS)
    report({size: median(times) for size in sizes}, package)
