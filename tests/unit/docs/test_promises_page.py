"""docs/concepts/promises.md and security.md name a test for each claim, and constants that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CONCEPTS = ROOT / "docs" / "concepts"
TEXT = (CONCEPTS / "promises.md").read_text("utf-8")


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds)}


@pytest.mark.parametrize(("page", "least"), [("promises.md", 30), ("security.md", 20)])
def test_every_test_that_is_named_exists(page: str, least: int) -> None:
    """In the file that the link leads to."""
    links = re.findall(r"\[(test_\w+)\]\(([^)]+)\)", (CONCEPTS / page).read_text("utf-8"))
    assert len(links) > least
    missing = [name for name, path in links if name not in functions((CONCEPTS / path).resolve())]
    assert missing == []


def test_every_promise_names_its_test() -> None:
    """Each row of the tables, but those that tell what a round costs."""
    promised = TEXT.partition("## What a round costs")[0]
    rows = re.findall(r"^\| (?!Promise|---).*$", promised, re.MULTILINE)
    assert len(rows) > 15
    assert [row for row in rows if "[test_" not in row] == []


def test_every_constant_that_is_named_exists() -> None:
    """A renamed one takes its mention along."""
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "acijobs").rglob("*.py"))
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+|MANY)`", TEXT))
    assert {name for name in named if not re.search(rf"^{name} = ", sources, re.MULTILINE)} == set()
