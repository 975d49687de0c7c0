"""SpiffWorkflow: a BPMN process of script tasks that is parsed once, and a workflow of it for each run."""

from collections.abc import Callable
from typing import Any

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine, TaskDataEnvironment

from bench.contest import MESSAGE, serve

_HEAD = """\
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="bench">
<process id="chain" isExecutable="true"><startEvent id="start"><outgoing>f0</outgoing></startEvent>
<sequenceFlow id="f0" sourceRef="start" targetRef="step0"/>
"""
_STEP = """\
<scriptTask id="step{0}"><incoming>f{0}</incoming><outgoing>f{1}</outgoing><script>msg = echo(msg)</script></scriptTask>
<sequenceFlow id="f{1}" sourceRef="step{0}" targetRef="{2}"/>
"""
_TAIL = """<endEvent id="end"><incoming>f{0}</incoming></endEvent></process></definitions>"""


def _echo(msg: str) -> str:
    return msg


def prepare(steps: int) -> Callable[[], Any]:
    tasks = (_STEP.format(n, n + 1, f"step{n + 1}" if n + 1 < steps else "end") for n in range(steps))
    parser = BpmnParser()
    parser.add_bpmn_str((_HEAD + "".join(tasks) + _TAIL.format(steps)).encode())
    spec = parser.get_spec("chain")
    engine = PythonScriptEngine(environment=TaskDataEnvironment({"echo": _echo}))

    def run() -> Any:
        workflow = BpmnWorkflow(spec, script_engine=engine)
        workflow.get_next_task().data["msg"] = MESSAGE
        workflow.do_engine_steps()
        return workflow.last_task.data["msg"]

    return run


if __name__ == "__main__":
    serve(prepare, "SpiffWorkflow")
