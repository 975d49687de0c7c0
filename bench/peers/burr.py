"""Burr: a graph of actions that is built once, and an application over it for each run."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from burr.core import ApplicationBuilder, State, action
from burr.core.graph import GraphBuilder

from bench.contest import MESSAGE, serve


def _echo(number: int) -> Any:
    source, target = f"msg{number}", f"msg{number + 1}"

    def echo(state: State) -> State:
        return state.update(**{target: state[source]})

    return action(reads=[source], writes=[target])(echo)


def prepare(steps: int) -> Callable[[], Any]:
    names = [f"step{number}" for number in range(steps)]
    actions = {name: _echo(number) for number, name in enumerate(names)}
    graph = GraphBuilder().with_actions(**actions).with_transitions(*pairwise(names)).build()

    def run() -> Any:
        app = ApplicationBuilder().with_graph(graph).with_entrypoint(names[0]).with_state(msg0=MESSAGE).build()
        _, _, state = app.run(halt_after=[names[-1]])
        return state[f"msg{steps}"]

    return run


if __name__ == "__main__":
    serve(prepare, "burr")
