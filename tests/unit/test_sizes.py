"""Functions are small enough to hold in mind, and the job's orchestrator is one screen."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_FUNCTION_LINES = 35
MAX_ORCHESTRATOR_LINES = 60
SOURCES = sorted(
    path
    for pattern in ("acijobs/**/*.py", "local/**/*.py", "*/__init__.py")
    for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_function_is_longer_than_one_can_hold_in_mind(path: Path) -> None:
    """35 lines, docstring included."""
    tree = ast.parse(path.read_text("utf-8"))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    sizes = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions}
    assert {name: size for name, size in sizes.items() if size > MAX_FUNCTION_LINES} == {}


def test_the_jobs_orchestrator_is_one_screen() -> None:
    """create, watch, finish: to be read at a glance."""
    lines = (ROOT / "JobOrchestrator" / "__init__.py").read_text("utf-8").splitlines()
    assert len(lines) <= MAX_ORCHESTRATOR_LINES
