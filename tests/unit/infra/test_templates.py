"""The templates compile without a warning, and would deploy what their snapshots show."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

import pytest

from bicep_compiler import MISSING, Bicep, compiler
from infra_templates import INFRA, SETS, committed, parameters_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(compiler() is None, reason=MISSING)


@pytest.fixture(scope="module")
def bicep() -> Iterator[Bicep]:
    """One compiler for all."""
    with Bicep() as running:
        yield running


def test_the_templates_compile_without_a_warning(bicep: Bicep) -> None:
    """With the linter's rules of infra/bicepconfig.json."""
    assert bicep.compiled(INFRA / "main.bicep")[1] == []


def test_the_linter_is_awake(bicep: Bicep, tmp_path: Path) -> None:
    """A template with an unused parameter is complained of, so silence means something."""
    template = tmp_path / "main.bicep"
    template.write_text("param unused string\n", "utf-8")
    assert "no-unused-params" in "".join(bicep.compiled(template)[1])


def test_what_azd_deploys_has_parameters_of_the_right_kinds(bicep: Bicep) -> None:
    """infra/main.bicepparam reads them of azd's environment."""
    assert bicep.complaints_of_parameters(INFRA / "main.bicepparam") == []


def test_each_file_is_written_as_the_compiler_formats_it(bicep: Bicep) -> None:
    """So that changes show what was meant."""
    files = [*INFRA.rglob("*.bicep"), *INFRA.rglob("*.bicepparam")]
    assert len(files) > 15
    untidy = [path.name for path in files if bicep.formatted(path) != path.read_text("utf-8")]
    assert untidy == []


@pytest.mark.parametrize("name", SETS)
def test_a_deployment_makes_what_its_snapshot_shows(bicep: Bicep, name: str) -> None:
    """`make infra` renews the snapshots; their difference is then read like code."""
    assert bicep.snapshot(parameters_of(name)) == committed(name)


@pytest.mark.parametrize("change", ["param plan = 'Flex'", "param scheduler = true"])
def test_mssql_is_refused_where_it_cannot_run(bicep: Bicep, tmp_path: Path, change: str) -> None:
    """On Flex, and beside the Scheduler: a parameter without an effect would be found out late."""
    given = ["param environmentName = 'sample'", "param location = 'westeurope'"]
    template = os.path.relpath(INFRA / "main.bicep", tmp_path)  # the compiler takes no other
    given += [f"using '{template}'", "param mssqlServer = 'a.example'", change]
    if "plan" not in change:
        given.append("param plan = 'Premium'")
    parameters = tmp_path / "wrong.bicepparam"
    parameters.write_text("\n".join(given) + "\n", "utf-8")
    with pytest.raises(RuntimeError, match="mssqlServer needs the plan Premium"):
        bicep.snapshot(parameters)


def test_a_second_deployment_leaves_the_seal_keys(bicep: Bicep) -> None:
    """Others would not open what these have sealed. No snapshot shows it, so the template must."""
    template, _ = bicep.compiled(INFRA / "seal-keys.bicep")
    assert template["resources"]["sealKeys"]["@options"] == {"onlyIfNotExists": []}


@pytest.mark.parametrize("data", [bytes(32), bytes(range(7, 39)), b"\xff" * 32, b"\xfb\xef" * 16])
def test_a_seal_key_is_the_base64_of_its_bytes(bicep: Bicep, tmp_path: Path, data: bytes) -> None:
    """ARM cannot encode bytes, so infra/fernet.bicep does; Fernet reads the same 32 bytes."""
    (tmp_path / "fernet.bicep").write_text((INFRA / "fernet.bicep").read_text("utf-8"), "utf-8")
    (tmp_path / "main.bicep").write_text(
        "import { base64OfHex } from 'fernet.bicep'\n"
        "param hex string\noutput encoded string = base64OfHex(hex)\n",
        "utf-8",
    )
    parameters = tmp_path / "main.bicepparam"
    parameters.write_text(f"using 'main.bicep'\nparam hex = '{data.hex()}'\n", "utf-8")
    encoded = bicep.snapshot(parameters)["outputs"]["encoded"]
    assert base64.urlsafe_b64decode(encoded) == data
    assert encoded == base64.urlsafe_b64encode(data).decode()
