"""Kill -9 at each boundary and at random times: nothing is lost, nothing is recorded twice, every run ends."""

import pytest

from flows.failpoints import POINTS
from tests.faults.checker import Reader, Row, Seen, check, poisoned
from tests.faults.flows import EXPECTED
from tests.faults.harness import AT_ANY_TIME, Campaign, Forge, Length

pytestmark = pytest.mark.django_db(transaction=True)


def test_no_kill_loses_a_step_doubles_an_outcome_or_leaves_a_run_stuck(
    forge: Forge, reader: Reader, length: Length
) -> None:
    kills = length(100, 20_000)
    campaign = Campaign(forge, reader, seed=kills)
    for so_far in (*range(1000, kills, 1000), kills):
        report = campaign.run(so_far)
        length.tell(str(report))
    assert not report.findings, str(report)
    assert set(report.kills) == {*POINTS, AT_ANY_TIME}
    assert 0 < report.extra <= report.kills.total()


@pytest.mark.parametrize("flow", EXPECTED)
def test_an_undisturbed_run_keeps_the_law_without_one_execution_more(flow: str, forge: Forge, reader: Reader) -> None:
    forge.work(flow=flow, key=flow)
    seen = reader.seen(flow)
    assert check(seen, EXPECTED[flow], kills=0) == []
    assert seen.executions == EXPECTED[flow].executions


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        ("late", "order"),
        ("at_the_end", "order"),
        ("twice", "double"),
        ("forgetful", "lost"),
        ("short_of_a_step", "lost"),
    ],
)
def test_the_checker_catches_a_recorder_that_is_broken(broken: str, kind: str, forge: Forge, reader: Reader) -> None:
    report = Campaign(forge, reader, seed=1, changes=(broken,)).run(kills=8, flows=("chain",))
    assert report.count(kind), str(report)


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("course", "counted"),
    [("iii!", {"flaky": 3}), ("iiii!", {"flaky": 4}), ("irii", {}), ("iiriir", {}), ("iriii!", {"flaky": 3})],
)
def test_the_checker_counts_the_interruptions_since_an_attempt_last_ended(course: str, counted: dict[str, int]) -> None:
    interrupted, tried_again, failed = ("interrupted", None), ("failed", 0.0), ("failed", None)
    kinds = {"i": interrupted, "r": tried_again, "!": failed}
    ends = [kinds[letter] for letter in course]
    rows = [Row(n, "flaky", n, status, 0.0, retry_in, "") for n, (status, retry_in) in enumerate(ends, 1)]
    assert poisoned(Seen("flaky-1", rows=rows)) == counted
