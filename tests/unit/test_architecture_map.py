"""docs/architecture.md names files and functions that exist, and the layers that are enforced."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
MAP = PAGE.split("\n## Where is …\n", 1)[1]
ROWS = [line for line in MAP.splitlines() if line.startswith("| ")][1:]
REFERENCE = re.compile(r"`([\w./-]+\.py):([\w.]+)`")
LEAST_ROWS = 28


def defined(path: Path) -> set[str]:
    """Return the names that a file defines: functions, classes, their members, and constants."""
    return _names(ast.parse(path.read_text("utf-8")).body, "")


def _names(body: list[ast.stmt], prefix: str) -> set[str]:
    found = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(prefix + node.name)
        if isinstance(node, ast.ClassDef):
            found |= _names(node.body, f"{prefix}{node.name}.")
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        found |= {prefix + target.id for target in targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_every_row_names_a_file_and_a_name_that_it_defines(row: str) -> None:
    """A row that has none, or a wrong one, is worse than no row."""
    references = REFERENCE.findall(row)
    assert references
    for file, name in references:
        assert (ROOT / file).is_file(), file
        assert name in defined(ROOT / file), f"{file} defines no {name}"


def test_every_reference_elsewhere_on_the_page_holds_too() -> None:
    """The walk through the files names functions as well."""
    for file, name in REFERENCE.findall(PAGE):
        assert name in defined(ROOT / file), f"{file} defines no {name}"


def test_the_map_has_all_its_rows() -> None:
    """Each question once."""
    questions = [row.split("|")[1].strip() for row in ROWS]
    assert len(questions) >= LEAST_ROWS
    assert len(set(questions)) == len(questions)


def test_the_layers_on_the_page_are_those_that_are_enforced() -> None:
    """Every package of import-linter's layers, in its order."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    layers = contracts["contracts"][0]["layers"][1:]
    drawn = re.findall(r"acijobs\.\w+", PAGE.split("\n## Layers\n", 1)[1].split("```")[1])
    assert drawn == [name for layer in layers for name in re.findall(r"acijobs\.\w+", layer)]
