"""docs/reference/log-lines.md has every event that the app's own log tells."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from acijobs.domain.messages import Busy, Refused, Superseded
from acijobs.domain.reconciling import Act

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "log-lines.md").read_text("utf-8")


def events_told() -> set[str]:
    """Return the first argument of each call of `tell`; replies and acts are told by their names."""
    acts = {act.value for act in Act if act is not Act.NOTHING}
    found = {Busy.kind, Refused.kind, Superseded.kind, *acts}
    for path in (ROOT / "acijobs").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tell":
                first = node.args[0]
                found |= {first.value} if isinstance(first, ast.Constant) else set()
    return found


def test_every_event_is_on_the_page_and_no_other() -> None:
    """An operator's alert names an event, so none may be renamed unseen."""
    cells = re.findall(r"^\| (`[^|]*) \|", PAGE, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == events_told()
