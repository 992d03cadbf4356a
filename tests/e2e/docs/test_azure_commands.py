"""Every command of the Azure CLI that the documentation names is one that azure-cli would take.

Its own parser is asked, where `az` is at hand: ACIJOBS_AZ (`.ci/az.sh` prints it), or `az` on PATH.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azure_cli import find_az
from azure_cli_parser import complaints_of
from azure_commands import commands_of

if TYPE_CHECKING:
    from pathlib import Path

AZ = find_az()
OF_EXTENSIONS = {"monitor log-analytics query"}
"""Commands that azure-cli has only once it has installed an extension."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(AZ is None, reason="no Azure CLI: set ACIJOBS_AZ, or put az on PATH"),
]


def test_the_azure_cli_takes_every_command(tmp_path: Path) -> None:
    """And not one that is wrong: the parser is seen to refuse, too."""
    assert AZ is not None
    named = {
        tuple(words): where
        for where, words in commands_of("az")
        if not any(" ".join(words).startswith(each) for each in OF_EXTENSIONS)
    }
    assert len(named) > 20
    wrong = [["container", "lis"], ["functionapp", "keys", "list", "-n", "app"]]
    refused = complaints_of(AZ, [*(list(words) for words in named), *wrong], tmp_path)
    assert [complaint.partition(":")[0] for complaint in refused] == [
        f"az {' '.join(words)}" for words in wrong
    ], refused
