"""docs/reference/reasons.md is made from the failure taxonomy."""

from __future__ import annotations

import ast
from pathlib import Path

from acijobs.domain.reasons import Reason
from reasons_page import NOT_GIVEN_YET, PAGE, render

ROOT = Path(__file__).parents[3]
GIVEN_BY_AZURES_CODE = {
    Reason.INVALID_REQUEST,
    Reason.INVALID_SETTINGS,
    Reason.NAME_TAKEN,
    Reason.ACCESS_DENIED,
}


def test_the_page_is_what_the_taxonomy_says() -> None:
    """Code, meaning, fault, retryable and advice of every reason."""
    assert PAGE.read_text("utf-8") == render(), (
        "run `make docs` and commit docs/reference/reasons.md"
    )


def reasons_named() -> set[Reason]:
    """Return the reasons that the deployed code names outside of the taxonomy."""
    folders = ["acijobs", *(path.parent.name for path in ROOT.glob("*/function.json"))]
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return {
        Reason[node.attr]
        for path in paths
        if path.name != "reasons.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.value.id == "Reason" and node.attr in Reason.__members__
    }


def test_only_what_no_code_gives_is_called_not_given_yet() -> None:
    """A reason that is used must not be said to be for later, nor the other way round."""
    assert set(Reason) - reasons_named() - GIVEN_BY_AZURES_CODE == NOT_GIVEN_YET
