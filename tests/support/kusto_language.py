"""Kusto.Language, Microsoft's own analyser of KQL, as `.ci/kusto.sh` installs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MISSING = (
    "Kusto.Language is not at hand: set ACIJOBS_KUSTO to what `.ci/kusto.sh` prints; it needs npm"
)
_SCRIPT = Path(__file__).with_name("kusto_language.js")


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What the analyser says of one query.

    Attributes:
        wrong: Every complaint, with its place.
        columns: The columns of the result, and their types.
    """

    wrong: tuple[str, ...]
    columns: dict[str, str]


def is_at_hand() -> bool:
    """Tell whether queries can be analysed here."""
    return bool(os.environ.get("ACIJOBS_KUSTO")) and shutil.which("node") is not None


def analyse(
    queries: Mapping[str, str], *, tables: Mapping[str, Mapping[str, str]]
) -> dict[str, Analysis]:
    """Analyse each query against a workspace of these tables and no others."""
    node = shutil.which("node")
    assert node is not None, MISSING
    done = subprocess.run(
        [node, str(_SCRIPT), os.environ["ACIJOBS_KUSTO"]],
        input=json.dumps({"tables": tables, "queries": queries}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return {
        name: Analysis(wrong=tuple(found["wrong"]), columns=found["columns"])
        for name, found in json.loads(done.stdout).items()
    }
