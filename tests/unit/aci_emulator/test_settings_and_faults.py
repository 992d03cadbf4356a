from __future__ import annotations

import re
from pathlib import Path

import pytest

from aci_emulator.__main__ import command_line, settings_from
from aci_emulator.clock import VirtualClock
from aci_emulator.documents import DocumentError, read
from aci_emulator.fault_rules import GROUP_KINDS, REQUEST_KINDS, FaultRule
from aci_emulator.faults import FaultPlan
from aci_emulator.scripts import Script, script_of
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
    rules = settings.faults
    assert [rule.kind for rule in rules] == ["respond", "drop_reply", "capacity_async"]
    assert (rules[0].share, rules[0].status, rules[1].nth) == (0.1, 429, (2,))
    scripts = with_file(for_profile("demo"), _file(tmp_path, second)).scripts
    assert scripts[0].exit_codes == (3, 4)


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


def test_quotas_can_be_lifted_alone(tmp_path: Path) -> None:
    """`--no-quotas` goes over profile and file; ARM's own buckets stay."""
    config = _file(tmp_path, "[limits]\ngroups = 3\nread_burst = 7\n")
    options = ["--config", str(config)]
    limits = settings_from(command_line().parse_args([*options, "--no-quotas"])).limits
    lifted = (limits.groups, limits.cores, limits.creates_per_hour, limits.deletes_per_5_min)
    assert lifted == (None, None, None, None)
    assert (limits.read_burst, limits.write_burst) == (7, 200)
    assert settings_from(command_line().parse_args(options)).limits.groups == 3


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("prot = 1", "prot: unknown"),
        ("locations = 'eastus'", "locations: must be a valid tuple"),
        ("locations = []", "locations: Tuple should have at least 1 item"),
        ("arm_port = 'x'", "arm_port: must be a valid integer"),
        ("registered = 1", "registered: must be a valid boolean"),
        ("delays = 3", "delays: must be a valid dictionary"),
        ("faults = 3", "faults: must be a valid tuple"),
        ("[limits]\ncores = 'many'", "limits.cores: must be a valid number"),
        ("[delays]\npull_s = nan", "delays.pull_s: must be a finite number"),
        ("[[faults]]\nkind = 'delay'\nshare = 2", "faults.0.share: must be less than"),
        ("[[scripts]]\nrun = 1", "scripts.0.run: unknown"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    """The message has the file, the key and what it should be."""
    path = _file(tmp_path, text)
    with pytest.raises(SettingsError, match=f"^{re.escape(f'{path}: {complaint}')}"):
        with_file(for_profile("demo"), path)


def test_every_wrong_setting_is_named_at_once(tmp_path: Path) -> None:
    """Nobody mends a file one complaint at a time."""
    text = "prot = 1\nseed = -1\n[limits]\ncores = 'many'\n[[faults]]\nkind = 'x'\nnth = 0\n"
    with pytest.raises(SettingsError) as wrong:
        with_file(for_profile("demo"), _file(tmp_path, text))
    for name in ("prot", "seed", "limits.cores", "faults.0.kind", "faults.0.nth"):
        assert f"{name}" in str(wrong.value)


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ({}, "kind: Field required"),
        ({"kind": "no"}, "kind: must be one of respond, "),
        ({"kind": "respond", "opeartion": "x"}, "opeartion: unknown"),
        ({"kind": "respond", "share": 2}, "share: must be less than or equal to 1"),
        ({"kind": "respond", "status": 99}, "status: must be greater than or equal to 200"),
        ({"kind": "respond", "nth": [0]}, "nth.0: must be greater"),
        ({"kind": "respond", "nth": "2"}, "nth.0: must be a valid integer"),
        ({"kind": "delay", "delay_s": -1}, "delay_s: must be greater"),
        ({"kind": "delay", "times": 1.5}, "times: must be a valid integer"),
        ({"kind": "respond", "code": 5}, "code: must be a valid string"),
        ({"kind": "respond", "nth": 0, "times": -1}, "times: must be greater"),
    ],
)
def test_a_wrong_rule_is_refused(raw: dict[str, object], complaint: str) -> None:
    """A rule that would never strike as meant is not accepted."""
    with pytest.raises(DocumentError, match=re.escape(complaint)):
        read(FaultRule, raw)


@pytest.mark.parametrize(
    "raw", [{"run": 1}, {"run_s": "x"}, {"exit_codes": 3}, {"lines": -1}, {"image": 1}]
)
def test_a_wrong_script_is_refused(raw: dict[str, object]) -> None:
    """Likewise scripts."""
    with pytest.raises(DocumentError):
        read(Script, raw)


def test_a_command_spells_a_script() -> None:
    """Numbers are read from its words; `forever` is no end."""
    script = script_of(("script", "run_s=2.5", "exit_code=3", "lines=30", "output=a=b"))
    assert (script.run_s, script.exit_code, script.lines, script.output) == (2.5, 3, 30, "a=b")
    assert script_of(("script", "run_s=forever")).run_s is None
    with pytest.raises(DocumentError, match=r"exit_code.*; run"):
        script_of(("script", "exit_code=x", "run=1"))


def test_rules_count_and_roll_for_themselves() -> None:
    """Adding a rule after another leaves the first one's strikes as they were."""

    def strikes(*rules: FaultRule) -> list[bool]:
        plan = FaultPlan(VirtualClock(), 3)
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
    plan = FaultPlan(VirtualClock())
    plan.add(FaultRule(kind="vanish", nth=(1,)))
    plan.add(FaultRule(kind="respond", nth=(1,)))
    assert [rule.kind for rule in plan.for_request("ContainerGroups_Get", "g")] == ["respond"]
    assert [rule.kind for rule in plan.for_creation("g")] == ["vanish"]
