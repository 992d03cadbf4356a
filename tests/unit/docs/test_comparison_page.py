"""docs/concepts/comparison.md: each row links to what it tells of, and to the test that proves it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "concepts" / "comparison.md"
HEADINGS = [
    ["", "PowerShell", "markheath", "Prefect", "Airflow", "Services", "acijobs", "Test"],
    ["", "Asked in", "acijobs", "Test"],
]
NOTHING = "\N{EN DASH}"


def rows() -> list[list[str]]:
    """Return the cells of each row, without the headings."""
    lines = re.findall(r"^\|(.+)\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [row for row in cells if row not in HEADINGS and set(row[0]) != {"-"}]


def defines(page_link: str, name: str) -> bool:
    """Tell whether the file that the link leads to has a test of this name."""
    path = (PAGE.parent / page_link).resolve()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    body = ast.parse(path.read_text("utf-8")).body if path.is_file() else []
    return name in {node.name for node in body if isinstance(node, kinds)}


def test_every_row_says_something_of_everybody() -> None:
    """What somebody has not got is said, too."""
    assert len(rows()) > 70
    widths = {len(heading) for heading in HEADINGS}
    assert [row[0] for row in rows() if len(row) not in widths or "" in row] == []


def test_every_row_has_a_test_that_exists() -> None:
    """In the file that its link leads to; but for what acijobs has not got, which has none."""
    wrong = []
    for name, *_, ours, proof in rows():
        tests = re.findall(r"\[(test_\w+)\]\(([^)]+)\)", proof)
        is_there = bool(tests) and all(defines(link, test) for test, link in tests)
        if not (proof == NOTHING if ours.startswith("**no**") else is_there):
            wrong.append(name)
    assert wrong == []


def test_every_row_of_what_there_is_leads_to_its_description() -> None:
    """To a guide, a concept or the reference."""
    described = [row for row in rows() if not row[-2].startswith("**no**")]
    assert [row[0] for row in described if "](" not in row[-2]] == []
