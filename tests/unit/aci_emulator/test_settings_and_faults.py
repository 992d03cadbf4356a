from __future__ import annotations

import re
from pathlib import Path

import pytest

from aci_emulator.faults import (
    GROUP_KINDS,
    REQUEST_KINDS,
    FaultError,
    FaultPlan,
    FaultRule,
    parse_rule,
)
from aci_emulator.runtimes.scripted import ScriptError, parse_script
from aci_emulator.settings import SettingsError, for_profile, with_file

_ROOT = Path(__file__).parents[3]


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_documented_config_file_is_valid(tmp_path: Path) -> None:
    """The example in the reference can be used as it stands, and means what it says."""
    page = (_ROOT / "docs" / "reference" / "aci-emulator.md").read_text(encoding="utf-8")
    first, second = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    settings = with_file(for_profile("demo"), _file(tmp_path, first))
    assert (settings.limits.groups, settings.limits.cores) == (10, 4)
    assert settings.delays.delete_s == 3
    rules = [parse_rule(raw) for raw in settings.faults]
    assert [rule.kind for rule in rules] == ["respond", "drop_reply", "capacity_async"]
    assert (rules[0].share, rules[0].status, rules[1].nth) == (0.1, 429, (2,))
    scripts = with_file(for_profile("demo"), _file(tmp_path, second)).scripts
    assert parse_script(scripts[0]).exit_codes == (3, 4)


def test_the_reference_names_every_fault() -> None:
    """No kind is undocumented, none is documented that does not exist."""
    page = (_ROOT / "docs" / "reference" / "aci-emulator.md").read_text(encoding="utf-8")
    table = page.partition("| Kind | Effect |")[2].partition("\n\n")[0]
    named = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert named == {*REQUEST_KINDS, *GROUP_KINDS}


def test_false_lifts_a_limit(tmp_path: Path) -> None:
    """TOML has no null."""
    settings = with_file(for_profile("demo"), _file(tmp_path, "[limits]\ngroups = false\n"))
    assert settings.limits.groups is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("prot = 1", "unknown key 'prot'"),
        ("locations = 'eastus'", "locations must be a list of strings"),
        ("arm_port = 'x'", "arm_port must be a number"),
        ("registered = 1", "registered must be a bool"),
        ("delays = 3", "[delays] must be a table"),
        ("faults = 3", "[[faults]] must be an array of tables"),
        ("[limits]\ncores = 'many'", "cores must be a number"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    """The message has the file, the key and what it should be."""
    with pytest.raises(SettingsError, match=re.escape(complaint)):
        with_file(for_profile("demo"), _file(tmp_path, text))


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ({}, "unknown kind None"),
        ({"kind": "respond", "opeartion": "x"}, "unknown key 'opeartion'"),
        ({"kind": "respond", "share": 2}, "share must be between 0 and 1"),
        ({"kind": "respond", "status": 99}, "status must be between"),
        ({"kind": "respond", "nth": [0]}, "nth must be"),
        ({"kind": "respond", "nth": "2"}, "nth must be"),
        ({"kind": "delay", "delay_s": -1}, "delay_s must be a number"),
        ({"kind": "delay", "times": 1.5}, "times must be a whole number"),
        ({"kind": "respond", "code": 5}, "code must be a string"),
    ],
)
def test_a_wrong_rule_is_refused(raw: dict[str, object], complaint: str) -> None:
    """A rule that would never strike as meant is not accepted."""
    with pytest.raises(FaultError, match=re.escape(complaint)):
        parse_rule(raw)


@pytest.mark.parametrize(
    "raw", [{"run": 1}, {"run_s": "x"}, {"exit_codes": 3}, {"lines": -1}, {"image": 1}]
)
def test_a_wrong_script_is_refused(raw: dict[str, object]) -> None:
    """Likewise scripts."""
    with pytest.raises(ScriptError):
        parse_script(raw)


def test_rules_count_and_roll_for_themselves() -> None:
    """Adding a rule after another leaves the first one's strikes as they were."""

    def strikes(*rules: FaultRule) -> list[bool]:
        plan = FaultPlan(3)
        first = plan.add(rules[0]).id
        for rule in rules[1:]:
            plan.add(rule)
        return [first in {rule.id for rule in plan.for_request("A_Get", "g")} for _ in range(50)]

    shared = FaultRule(kind="respond", share=0.3)
    alone = strikes(shared)
    assert strikes(shared, FaultRule(kind="delay", share=0.5)) == alone
    assert 5 < sum(alone) < 25


def test_kinds_of_groups_do_not_strike_requests_nor_the_reverse() -> None:
    """A rule's count moves only by what it is for."""
    plan = FaultPlan()
    plan.add(FaultRule(kind="vanish", nth=(1,)))
    plan.add(FaultRule(kind="respond", nth=(1,)))
    assert [rule.kind for rule in plan.for_request("ContainerGroups_Get", "g")] == ["respond"]
    assert [rule.kind for rule in plan.for_creation("g")] == ["vanish"]
