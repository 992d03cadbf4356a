"""What crosses the durable wire has one page: `domain/messages.py`. Nobody else spells it out."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from acijobs.domain.messages import CANCEL_EVENT, LOG_NOT_READ, LOOK_EVENT, REPLIES, Function

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "acijobs" / "domain" / "messages.py"
FOLDERS = sorted(path.parent for path in ROOT.glob("*/function.json"))
DEPLOYED = sorted(
    path for folder in (ROOT / "acijobs", *FOLDERS) for path in folder.rglob("*.py") if path != PAGE
)

NAMES = {function.value for function in Function} | {CANCEL_EVENT, LOOK_EVENT, LOG_NOT_READ}
"""No other text of the app is ever one of these."""

KINDS = set(REPLIES)
"""Plain words, like `created`, which are also events of the log and members of JSON objects.

So they are allowed in two places, where they cannot be taken for a reply's kind: as the first
argument of `tell`, which is the name of a log line; and as a name in a `{…: …}`. A reply that is made
or read by hand has its kind as a value (`{"kind": "created"}`), as an argument, or on a side of a
comparison, and none of these is allowed.
"""


def docstrings(tree: ast.AST) -> set[int]:
    """Return the nodes that are texts standing by themselves, which nothing reads."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def allowed_kinds(tree: ast.AST) -> set[int]:
    """Return the nodes where a word that is also a reply's kind means something else."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            names |= {id(node.args[0])} if node.func.id == "tell" and node.args else set()
        if isinstance(node, ast.Dict):
            names |= {id(key) for key in node.keys if key is not None}
    return names


def spelled_out(source: str) -> list[str]:
    """Return the texts of the wire that this source spells out."""
    tree = ast.parse(source)
    prose, allowed = docstrings(tree), allowed_kinds(tree)
    return [
        f"line {node.lineno}: {node.value!r}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
        if node.value in NAMES or (node.value in KINDS and id(node) not in allowed)
    ]


@pytest.mark.parametrize("path", DEPLOYED, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_kind_function_or_event_is_spelled_out_elsewhere(path: Path) -> None:
    """A name that is written twice is written wrongly once."""
    assert spelled_out(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('reply = {"kind": "created"}', 1),
        ('if reply["kind"] == "created": ...', 1),
        ('match kind:\n    case "busy": ...', 1),
        ('replies["refused"]', 1),
        ('context.call_activity("CreateContainerActivity")', 1),
        ('names = {"Cancel": 1}', 1),
        ('tell("created", job=1)', 0),
        ('tell(event, phase="created")', 1),
        ('shown = {"created": 1}', 0),
        ('"""created"""', 0),
        ('text = "it was created"', 0),
    ],
)
def test_the_rule_finds_what_it_should(source: str, count: int) -> None:
    """And leaves alone what only looks like it."""
    assert len(spelled_out(source)) == count


def test_there_is_code_to_look_at() -> None:
    """The test would pass on an empty list."""
    assert len(DEPLOYED) > 30
    assert {folder.name for folder in FOLDERS} >= {function.value for function in Function}


@pytest.mark.parametrize("function", Function)
def test_every_function_that_is_called_has_its_folder_and_trigger(function: Function) -> None:
    """Orchestrators are orchestration triggers, activities activity triggers."""
    bindings = json.loads((ROOT / function.value / "function.json").read_text())["bindings"]
    kind = "orchestrationTrigger" if "Orchestrator" in function.value else "activityTrigger"
    assert [binding["type"] for binding in bindings] == [kind]
