"""Fixtures of the engine's tests: sample procedures, and nothing of Django."""

from collections.abc import Iterator

import pytest

from flows.engine import Registry
from tests.engine import stage


@pytest.fixture
def registry() -> Registry:
    """The registry of the sample procedures."""
    return stage.REGISTRY


@pytest.fixture(autouse=True)
def _empty_stage() -> Iterator[None]:
    stage.clear()
    yield
    stage.clear()
