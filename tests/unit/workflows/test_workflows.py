"""The workflows of GitHub ask for what the project has, and nothing that they run may change unseen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra_templates import resources

ROOT = Path(__file__).parents[3]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
NAMES = [path.stem for path in WORKFLOWS]
ACTION = re.compile(
    r"uses: (?P<name>[\w/-]+)@(?P<commit>[0-9a-f]{40}) # (?P<version>v\d+\.\d+\.\d+)\n"
)


def read(name: str) -> dict[str, Any]:
    """Return a workflow."""
    found: dict[str, Any] = yaml.safe_load((GITHUB / "workflows" / f"{name}.yml").read_text())
    return found


def steps(name: str) -> list[dict[str, Any]]:
    """Return the steps of all jobs of a workflow that have steps of their own."""
    return [step for job in read(name)["jobs"].values() for step in job.get("steps", ())]


def commands(name: str) -> str:
    """Return what the steps of a workflow run."""
    return "\n".join(step.get("run", "") for step in steps(name))


def pythons(name: str) -> list[str]:
    """Return the versions of Python that a workflow sets up, those of a matrix one by one."""
    found = []
    for job in read(name)["jobs"].values():
        matrix = job.get("strategy", {}).get("matrix", {}).get("python", [])
        for step in job.get("steps", ()):
            if "setup-python" in step.get("uses", ""):
                asked = step["with"]["python-version"]
                found += matrix if "matrix.python" in asked else [asked]
    return found


def deployed_python() -> str:
    """Return the version that the templates ask Azure for."""
    (app,) = resources("flex", "Microsoft.Web/sites")
    return str(app["properties"]["functionAppConfig"]["runtime"]["version"])


@pytest.mark.parametrize("name", NAMES)
def test_workflows_call_targets_that_the_makefile_has(name: str) -> None:
    """With variables that it reads."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    lines = [line for line in commands(name).splitlines() if re.search(r"\bmake ", line)]
    called = {target for line in lines for target in re.findall(r"\bmake ([a-z-]+)", line)}
    assert called <= targets
    given = {variable for line in lines for variable in re.findall(r"\b([A-Z_]+)=", line)}
    assert given <= set(re.findall(r"\$\((?:value )?([A-Z_]+)\)", makefile))


@pytest.mark.parametrize("name", NAMES)
def test_workflows_run_scripts_that_can_be_run(name: str) -> None:
    """Those of .ci."""
    for script in re.findall(r"\.ci/[\w.]+", commands(name)):
        assert os.access(ROOT / script, os.X_OK), script


@pytest.mark.parametrize("name", NAMES)
def test_a_step_fails_with_any_part_of_its_pipe(name: str) -> None:
    """GitHub adds `-o pipefail` where a workflow names bash, and only there.

    What installs a tool for tests is piped. Were its failure passed over, they would be skipped.
    """
    assert read(name)["defaults"]["run"]["shell"] == "bash"
    assert not any("shell" in step for step in steps(name))


def test_every_release_of_python_is_tested_from_the_oldest_to_the_deployed_one() -> None:
    """The oldest is that of pyproject.toml, the newest that of the templates."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        oldest = tomllib.load(file)["project"]["requires-python"].removeprefix(">=")
    tested = read("ci")["jobs"]["test"]["strategy"]["matrix"]["python"]
    first, last = (int(version.split(".")[1]) for version in (oldest, deployed_python()))
    assert tested == [f"3.{minor}" for minor in range(first, last + 1)]


@pytest.mark.parametrize("name", NAMES)
def test_everything_else_runs_on_the_deployed_python(name: str) -> None:
    """What is linted, packaged and released is what runs in Azure."""
    tested = read("ci")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert pythons(name)
    assert set(pythons(name)) <= {deployed_python(), *(tested if name == "ci" else ())}


def test_an_action_is_the_same_commit_wherever_it_is_used() -> None:
    """By its whole hash, and with the version that it is, which Dependabot keeps true."""
    text = "".join(path.read_text("utf-8") for path in WORKFLOWS)
    used = [match.groupdict() for match in ACTION.finditer(text)]
    assert len(used) == text.count("uses: ") - text.count("uses: ./")
    pins = {(one["name"], one["commit"], one["version"]) for one in used}
    assert len(pins) == len({one["name"] for one in used})


@pytest.mark.parametrize("name", NAMES)
def test_packages_of_tests_are_not_given_what_signs_in_to_azure(name: str) -> None:
    """They are many, and none of them is deployed: where `make` installs them, nothing signs in."""
    jobs = [
        job
        for job in read(name)["jobs"].values()
        if any(re.search(r"\bmake ", step.get("run", "")) for step in job.get("steps", ()))
    ]
    assert jobs
    for job in jobs:
        assert job["permissions"] == {"contents": "read"}
        assert not any("azure/login" in step.get("uses", "") for step in job["steps"])


def test_the_key_of_the_app_is_given_only_to_what_asks_the_app() -> None:
    """Neither to what installs packages, nor to the job that signs in to Azure."""
    given = [step["run"] for step in steps("deploy") if "secrets.APP_KEY" in str(step.get("env"))]
    whole = (GITHUB / "workflows" / "deploy.yml").read_text("utf-8")
    assert len(given) == whole.count("secrets.")
    assert ["health/deep" in run or run == "make accept" for run in given] == [True, True]
    assert read("deploy")["jobs"]["check"]["environment"] != "azure"


def test_what_was_deployed_is_checked_at_the_url_that_was_probed() -> None:
    """And at the same tag."""
    jobs = read("deploy")["jobs"]
    assert jobs["check"]["needs"] == "deploy"
    (probe,) = [step for step in jobs["deploy"]["steps"] if step.get("id") == "probe"]
    assert 'echo "url=' in probe["run"]
    # `az functionapp show` of azure-cli 2.91.0, custom.py: the raw resource of an app on Flex.
    assert "--query 'properties.defaultHostName || defaultHostName'" in probe["run"]
    assert jobs["deploy"]["outputs"] == {"url": "${{ steps.probe.outputs.url }}"}
    assert jobs["check"]["env"] == {"URL": "${{ needs.deploy.outputs.url }}"}
    refs = [step["with"]["ref"] for step in steps("deploy") if "checkout" in step.get("uses", "")]
    assert refs == ["refs/tags/${{ env.TAG }}"] * 2


@pytest.mark.parametrize("name", NAMES)
def test_no_job_runs_for_ever(name: str) -> None:
    """Six hours are what GitHub allows."""
    jobs = read(name)["jobs"]
    assert [
        job for job, said in jobs.items() if "steps" in said and "timeout-minutes" not in said
    ] == []


def test_dependabot_groups_every_package_that_is_deployed() -> None:
    """One change raises what must be raised together."""
    (pip,) = [
        one
        for one in yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]
        if one["package-ecosystem"] == "pip"
    ]
    groups = pip["groups"]
    names = re.findall(r"^([\w-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert names
    for name in names:
        assert any(Path(name).match(pattern) for pattern in groups["deployed"]["patterns"]), name
    assert groups["development"]["exclude-patterns"] == groups["deployed"]["patterns"]


def zizmor(folder: Path) -> subprocess.CompletedProcess[str]:
    """Look for weaknesses, as `make lint` does."""
    command = [str(Path(sys.executable).parent / "zizmor"), "--offline", "--persona=auditor"]
    return subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)


SPOILT = {
    "unpinned-uses": (r"(actions/checkout)@\S+", r"\1@v7"),
    "artipacked": (r"persist-credentials: false", "persist-credentials: true"),
    "template-injection": (r"run: make lint", "run: make lint && echo ${{ github.head_ref }}"),
    "excessive-permissions": (r"permissions: \{\}", "permissions: write-all"),
}


@pytest.mark.parametrize("weakness", SPOILT)
def test_the_linter_finds_a_weakness_that_somebody_brings_in(weakness: str, tmp_path: Path) -> None:
    """So that nothing found means something."""
    shutil.copytree(GITHUB, tmp_path / ".github")
    workflow = tmp_path / ".github" / "workflows" / "ci.yml"
    pattern, spoilt = SPOILT[weakness]
    text, count = re.subn(pattern, spoilt, workflow.read_text("utf-8"))
    assert count
    workflow.write_text(text, "utf-8")
    found = zizmor(tmp_path / ".github")
    assert found.returncode != 0
    assert f"[{weakness}]" in found.stdout
