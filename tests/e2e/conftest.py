"""One local stack, as subprocesses, for the end-to-end tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The running stack, shared by all tests of the session; every job has its own id."""
    with LocalStack(_options(tmp_path_factory.mktemp("stack"))) as running:
        yield running


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[LocalStack]:
    """A running stack that the test may break."""
    with LocalStack(_options(tmp_path)) as running:
        yield running


def _options(state: Path) -> StackOptions:
    return StackOptions(app=APP, state=state, runtime="process")
