"""checkov finds in the templates what was looked at and accepted, and nothing else.

It reads what a deployment would make, every condition and loop evaluated: the committed snapshots.
ACIJOBS_CHECKOV names the program (.ci/checkov.sh installs it).
"""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from infra_templates import INFRA, SETS, resources

if TYPE_CHECKING:
    from pathlib import Path

CHECKOV = os.environ.get("ACIJOBS_CHECKOV", "")
pytestmark = pytest.mark.skipif(not CHECKOV, reason="ACIJOBS_CHECKOV names no checkov")
TEMPLATE = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
}
FEWEST_PASSED = 15  # of each set; so that what was not understood is not taken for safe


def findings(folder: Path) -> tuple[dict[str, set[str]], dict[str, int]]:
    """Return which checks fail in each template of a folder, and how many pass there."""
    command = [CHECKOV, "--directory", str(folder), "--framework", "arm", "--output", "json"]
    ended = subprocess.run(
        [*command, "--compact", "--skip-download"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LOG_LEVEL": "ERROR"},
    )
    assert ended.stdout.startswith("{"), ended.stdout + ended.stderr
    report = json.loads(ended.stdout)
    assert report["summary"]["parsing_errors"] == 0, report
    failed, passed = defaultdict(set), defaultdict(int)
    for one in report["results"]["failed_checks"]:
        failed[one["file_path"].strip("/").removesuffix(".json")].add(one["check_id"])
    for one in report["results"]["passed_checks"]:
        passed[one["file_path"].strip("/").removesuffix(".json")] += 1
    return failed, passed


def write(folder: Path, name: str, made: list[dict[str, Any]]) -> None:
    """Write resources as a template."""
    text = json.dumps(TEMPLATE | {"resources": made}, indent=2)
    (folder / f"{name}.json").write_text(text, "utf-8")


def accepted_in(name: str) -> set[str]:
    """Return which findings are accepted in a set of parameters."""
    kinds = {"all", "private" if resources(name, "Microsoft.Network/virtualNetworks") else "public"}
    (farm,) = resources(name, "Microsoft.Web/serverfarms")
    kinds |= {"flex"} if farm["sku"]["tier"] == "FlexConsumption" else set()
    kinds |= {"registry"} if resources(name, "Microsoft.ContainerRegistry/registries") else set()
    accepted = tomllib.loads((INFRA / "accepted-findings.toml").read_text("utf-8"))
    return {check for check, one in accepted.items() if one["where"] in kinds}


def test_what_is_found_is_what_was_accepted(tmp_path: Path) -> None:
    """An accepted finding that is there no longer must go from the list, too."""
    for name in SETS:
        write(tmp_path, name, resources(name))
    failed, passed = findings(tmp_path)
    assert {name: failed[name] for name in SETS} == {name: accepted_in(name) for name in SETS}
    assert {name: count for name, count in passed.items() if count < FEWEST_PASSED} == {}
    assert set(passed) == set(SETS)


SPOILT: dict[str, tuple[str, str, dict[str, Any]]] = {
    "http": ("CKV_AZURE_14", "Microsoft.Web/sites", {"httpsOnly": False}),
    "old-tls": (
        "CKV_AZURE_44",
        "Microsoft.Storage/storageAccounts",
        {"minimumTlsVersion": "TLS1_0"},
    ),
    "purge": ("CKV_AZURE_110", "Microsoft.KeyVault/vaults", {"enablePurgeProtection": False}),
    "public-storage": (
        "CKV_AZURE_35",
        "Microsoft.Storage/storageAccounts",
        {"networkAcls": {"bypass": "None", "defaultAction": "Allow"}},
    ),
}


def test_a_template_that_was_made_less_safe_is_found(tmp_path: Path) -> None:
    """Each of these, in the set that is safest; so that nothing found means something."""
    for name, (_, kind, properties) in SPOILT.items():
        made = resources("premium-network")
        for one in made:
            if one["type"] == kind:
                one["properties"] |= properties
        write(tmp_path, name, made)
    failed, _ = findings(tmp_path)
    known = accepted_in("premium-network")
    missed = [name for name, (check, _, _) in SPOILT.items() if check not in failed[name] - known]
    assert missed == []
