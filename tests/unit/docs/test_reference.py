"""The reference has every route, make target, and option and setting of the local tools."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aci_emulator.__main__ import command_line
from aci_emulator.admin.fault_controls import FaultControls
from aci_emulator.admin.group_controls import GroupControls
from aci_emulator.admin.service_controls import ServiceControls
from aci_emulator.fault_rules import GROUP_KINDS, REQUEST_KINDS, FaultRule
from aci_emulator.scripts import Script
from aci_emulator.settings import Delays, Images, Limits, Settings
from acijobs.web.by_capability import DOORS
from acijobs.web.openapi.operations import OPERATIONS
from azure_commands import PAGES
from functions_host.__main__ import _parser as host_parser
from functions_host.durable import faults
from stack.__main__ import _parser as stack_parser

if TYPE_CHECKING:
    import argparse

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs" / "reference"
API, EMULATOR, HOST, ENGINE = (
    (REFERENCE / f"{name}.md").read_text("utf-8")
    for name in ("api", "aci-emulator", "functions-host", "durable-engine")
)
FUNCTIONS = {
    path.parent.name: json.loads(path.read_text("utf-8"))["bindings"]
    for path in sorted(ROOT.glob("*/function.json"))
}
BY_TOKEN = "jobs/{id}/by/{token}"


def routes() -> set[tuple[str, str]]:
    """Return the method and route of each HTTP function."""
    triggers = [
        binding
        for bindings in FUNCTIONS.values()
        for binding in bindings
        if binding["type"] == "httpTrigger"
    ]
    return {(method, each["route"]) for each in triggers for method in each["methods"]}


def doors() -> set[tuple[str, str]]:
    """Return the method and route of each door that a capability opens."""
    return {
        (method.lower(), f"{BY_TOKEN}/{part}".rstrip("/"))
        for part, methods in DOORS.items()
        for method in methods
    }


def test_every_route_is_in_the_reference() -> None:
    """As a heading; what is below a capability in the table of the job's own URLs."""
    by_key = {route for route in routes() if not route[1].startswith(BY_TOKEN)}
    headings = re.findall(r"^## ([A-Z]+) /api/([^?\s]+)$", API, re.MULTILINE)
    assert {(method.lower(), route) for method, route in headings} == by_key
    table = re.findall(rf"^\| `\w+` \| `/api/({re.escape(BY_TOKEN)}[^`]*)` \| ", API, re.MULTILINE)
    assert set(table) == {route for _, route in doors()}


def test_every_door_behind_a_capability_is_a_route() -> None:
    """The two functions take the methods of all doors, and no other."""
    taken = {
        (method, BY_TOKEN if route == BY_TOKEN else f"{BY_TOKEN}/{{part}}")
        for method, route in doors()
    }
    assert taken == {route for route in routes() if route[1].startswith(BY_TOKEN)}


def test_every_route_is_in_the_description_for_machines() -> None:
    """And no other: what is behind capabilities is described door by door."""
    described = {(each.method, each.path.strip("/")) for each in OPERATIONS}
    by_key = {route for route in routes() if not route[1].startswith(BY_TOKEN)}
    assert described == by_key | doors()


def test_four_functions_ask_for_no_key() -> None:
    """As the threat model says."""
    open_ = {
        name
        for name, bindings in FUNCTIONS.items()
        for each in bindings
        if each.get("authLevel") == "anonymous"
    }
    assert open_ == {"OpenApi", "Health", "JobCapability", "JobPartCapability"}
    model = (ROOT / "docs" / "concepts" / "security.md").read_text("utf-8")
    assert "each function but four asks for a function key" in model


def test_every_function_is_on_the_architecture_page() -> None:
    """The five activities as such."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    named = [name for name in FUNCTIONS if not name.endswith("Activity")]
    assert [name for name in named if not re.search(rf"\b{name}\b", page)] == []
    assert len(FUNCTIONS) - len(named) == 5
    assert "and five activities" in page


MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = re.findall(r"^([a-z-]+):.*  ## ", MAKEFILE, re.MULTILINE)


def test_make_lists_every_target() -> None:
    """With what it does."""
    assert set(TARGETS) == set(re.findall(r"^([a-z-]+):(?!=)", MAKEFILE, re.MULTILINE))
    said = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert re.findall(r"^  make ([a-z-]+) +\S", said.stdout, re.MULTILINE) == TARGETS


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "help"])
def test_every_target_is_explained(target: str) -> None:
    """On one of the pages."""
    pages = [page.read_text("utf-8") for page in PAGES if page.name != "CHANGELOG.md"]
    assert any(re.search(rf"\bmake {target}(?![\w-])", page) for page in pages)


def options_of(parser: argparse.ArgumentParser) -> list[str]:
    """Return its long options."""
    options = [option for action in parser._actions for option in action.option_strings]
    return [option for option in options if option.startswith("--") and option != "--help"]


@pytest.mark.parametrize(
    ("parser", "page"),
    [(command_line(), EMULATOR), (host_parser(), HOST)],
    ids=["aci_emulator", "functions_host"],
)
def test_every_option_of_the_local_tools(parser: argparse.ArgumentParser, page: str) -> None:
    """On the tool's own page."""
    assert [option for option in options_of(parser) if option not in page] == []


def test_every_option_of_the_stack_is_a_variable_of_make() -> None:
    """`--arm-port` is ARM_PORT, and so on; each is on the page on running locally."""
    guide = (ROOT / "docs" / "guides" / "run-locally.md").read_text("utf-8")
    for option in options_of(stack_parser()):
        variable = option.removeprefix("--").replace("-", "_").upper()
        assert f"{option}='$({variable})'" in MAKEFILE
        assert f"{variable}=" in guide


@pytest.mark.parametrize("model", [Settings, Delays, Limits, Images, FaultRule, Script])
def test_every_setting_of_the_emulator(model: Any) -> None:
    """What a file for `--config` may hold, faults and scripts too; `id` is given by the emulator."""
    missing = [name for name in model.model_fields if not re.search(rf"\b{name}\b", EMULATOR)]
    assert [name for name in missing if name != "id"] == []


@pytest.mark.parametrize("kind", [*REQUEST_KINDS, *GROUP_KINDS])
def test_every_kind_of_fault_of_the_emulator(kind: str) -> None:
    """With its effect."""
    assert re.search(rf"^\| `{kind}` \| \S", EMULATOR, re.MULTILINE)


def admin_routes() -> set[tuple[str, str]]:
    """Return the method and path of each operation of the admin API."""
    made: list[Any] = [FaultControls.routes, GroupControls.routes, ServiceControls.routes]
    sources = {Path(each.__code__.co_filename) for each in made}
    texts = [path.read_text("utf-8") for path in sources]
    return {found for text in texts for found in re.findall(r'Route\("([A-Z]+)", "([^"]+)"', text)}


def test_every_operation_of_the_admin_api() -> None:
    """Method and path; names within braces differ."""
    shown = set()
    for cell in re.findall(r"^\| (`(?:GET|POST|DELETE)\b[^|]*) \|", EMULATOR, re.MULTILINE):
        path = re.search(r"/admin/[^\s`?]*", cell)
        assert path is not None
        for each in re.findall(r"`[^`]+`", cell):
            own = re.search(r"/admin/[^\s`?]*", each) or path
            methods = re.findall(r"GET|POST|DELETE", each)
            shown |= {(method, re.sub(r"\{[^}]*\}", "{}", own[0])) for method in methods}
    known = {(method, re.sub(r"\{[^}]*\}", "{}", path)) for method, path in admin_routes()}
    assert known == shown
    assert len(known) > 10


@pytest.mark.parametrize("kind", faults.Fault.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_named_fault_of_the_local_host(kind: type[faults.Fault]) -> None:
    """With the fields of its own, as the variable names it."""
    row = re.search(rf"^\| `{kind.__name__}\(([^`]*)\)` \| \S", ENGINE, re.MULTILINE)
    assert row is not None
    own = {each.name for each in fields(kind)} - {each.name for each in fields(faults.Fault)}
    assert set(re.findall(r"(\w+)=", row[1])) == own
