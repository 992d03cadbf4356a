"""Every refusal of the emulator can be said: it is called with as many parts as its text has."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from string import Formatter

import pytest

import aci_emulator
from aci_emulator.errors import Refusal

_ROOT = Path(aci_emulator.__file__).parent
_PAGES = [page for page in _ROOT.rglob("*.py") if page.name != "__main__.py"]


def _refusals_called_in(page: Path) -> list[tuple[str, Refusal, int]]:
    """Return each refusal a page calls by name, with the number of parts it is given."""
    name = ".".join(("aci_emulator", *page.relative_to(_ROOT).with_suffix("").parts))
    module = importlib.import_module(name.removesuffix(".__init__"))
    found = []
    for node in ast.walk(ast.parse(page.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = vars(module).get(ast.unparse(node.func).split(".")[0])
            for attribute in ast.unparse(node.func).split(".")[1:]:
                called = getattr(called, attribute, None)
            if isinstance(called, Refusal):
                found.append((ast.unparse(node), called, len(node.args)))
    return found


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_a_refusal_is_given_the_parts_of_its_text(page: Path) -> None:
    """A part too few or too many would be an internal error where a client waits for the reason."""
    for call, refusal, parts in _refusals_called_in(page):
        names = {name for _, name, _, _ in Formatter().parse(refusal.text) if name}
        assert parts == len(names), call


def test_what_a_client_sent_is_cut() -> None:
    """An answer does not carry a megabyte back; braces in a part are text."""
    refusal = Refusal("Code", "'{name}' of {limit:g} is {name}")
    assert refusal("{x}", 1.5).message == "'{x}' of 1.5 is {x}"
    assert len(refusal("n" * 10_000, 1).message) < 1_200
