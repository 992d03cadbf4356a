"""An app as on Azure: its functions ask for keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from guide_shell import ROOT
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def keyed_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The running stack, shared by all tests of the session."""
    options = StackOptions(
        app=ROOT,
        state=tmp_path_factory.mktemp("keyed"),
        runtime="process",
        host_options=("--require-keys",),
    )
    with LocalStack(options) as stack:
        yield stack
