"""One parent of workers for all fault tests of a run; each test has its own flows, journals and output."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

if TYPE_CHECKING:
    from tests.faults.checker import Reader
    from tests.faults.harness import Forge, Length


@pytest.fixture(params=["short", pytest.param("full", marks=pytest.mark.faults)])
def length(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> "Length":
    """Make two tests of one: a short one of the default run, and a long one of `make faults`."""
    from tests.faults.harness import Length

    share: float = request.config.getoption("--share")
    return Length(share if request.param == "full" else 0.0, capsys, request.node.originalname)


@pytest.fixture(scope="session")
def parent(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Forge"]:
    from tests.faults.harness import Forge
    from tests.test_log_process import url_of_the_test_database

    with django_db_blocker.unblock():
        url = url_of_the_test_database()
        connections.close_all()
    with Forge(tmp_path_factory.mktemp("forge"), url) as forge:
        yield forge


@pytest.fixture
def forge(parent: "Forge", tmp_path: Path, transactional_db: None) -> "Forge":
    """The parent of the workers, with the flows of `tests.faults.flows` stored."""
    from tests.faults.harness import store_flows

    store_flows()
    parent.use(tmp_path)
    parent.warm("chain")
    return parent


@pytest.fixture
def reader(forge: "Forge") -> Iterator["Reader"]:
    from tests.faults.harness import reader_of_the_test_database

    reader = reader_of_the_test_database(forge.journal)
    yield reader
    reader.close()
