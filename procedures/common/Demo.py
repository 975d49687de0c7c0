"""Small procedures to try the keys of a flow with: decide, wait, fail."""

import logging
import time
from itertools import count
from typing import Any, NotRequired, TypedDict

_calls = count(1)


class CompareParams(TypedDict):
    value: float
    at_least: float


class CompareResult(TypedDict):
    holds: bool


class SleepParams(TypedDict):
    seconds: float


class SleepResult(TypedDict):
    seconds: float


class FailParams(TypedDict):
    message: NotRequired[str]


class UnsteadyParams(TypedDict):
    fails: int


class UnsteadyResult(TypedDict):
    call: int


class Demo:
    """Decide, wait, fail: copy what you need into a class of your own."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger

    def compare(self, context: dict[str, Any], params: CompareParams) -> CompareResult:
        """Say whether a number is large enough; a later step takes the answer for its `when`.

        Params: `value` and `at_least`, numbers of the same unit. Result: `holds`, true or false.
        """
        holds = params["value"] >= params["at_least"]
        self.logger.info("%s is %s %s", params["value"], "at least" if holds else "less than", params["at_least"])
        return {"holds": holds}

    def sleep(self, context: dict[str, Any], params: SleepParams) -> SleepResult:
        """Wait. Params and result: `seconds`, 0 or more. Raises `ValueError` for a negative number."""
        time.sleep(params["seconds"])
        return {"seconds": params["seconds"]}

    def fail(self, context: dict[str, Any], params: FailParams) -> dict[str, Any]:
        """Raise `RuntimeError` with the text of `message`, default "failed on purpose"."""
        raise RuntimeError(params.get("message", "failed on purpose"))

    def unsteady(self, context: dict[str, Any], params: UnsteadyParams) -> UnsteadyResult:
        """Fail several times and then succeed, as a service does that comes back.

        Params: `fails`, how many calls in a row raise `ConnectionError` before one succeeds. Result: `call`, the
        number of this call. The calls of the whole process are counted.
        """
        call = next(_calls)
        if call % (params["fails"] + 1):
            raise ConnectionError(f"call {call}: nobody answers")
        self.logger.info("call %d succeeded", call)
        return {"call": call}
