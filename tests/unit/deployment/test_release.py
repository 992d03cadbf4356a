"""`make release`: what is released is what is committed, once, and the same bytes each time."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deployment.changelog import notes_of, problems_of
from deployment.package import PackageError, files_of, write_folder, write_zip
from deployment.release import main, version_of
from deployment.sbom import needed_by, requirements_in, sbom
from releases import previous_version

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
VERSION = "7.8.9"
CHANGES = "### For users\n* Jobs run faster.\n"
CHANGELOG = f"""\
# Changelog

## [Unreleased]

## [{VERSION}] - 2031-02-03
{CHANGES}
## [7.8.8] - 2031-01-01
* The first.
"""
AZURES_PYTHON = (3, 13)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A committed checkout of the app, with a version of its own."""
    app = tmp_path / "checkout"
    write_folder(files_of(ROOT), app)
    (app / "acijobs" / "version.py").write_text(f'"""It."""\n\nVERSION = "{VERSION}"\n', "utf-8")
    (app / "pyproject.toml").write_text(f'[project]\nversion = "{VERSION}"\n', "utf-8")
    (app / "CHANGELOG.md").write_text(CHANGELOG, "utf-8")
    (app / ".gitignore").write_text("build/\n__pycache__/\n", "utf-8")
    host = json.loads((app / "host.json").read_text("utf-8"))
    host["extensions"]["durableTask"]["defaultVersion"] = VERSION
    (app / "host.json").write_text(json.dumps(host), "utf-8")
    git(app, "init", "--quiet", "--initial-branch=main")
    for name, value in (
        ("user.name", "A"),
        ("user.email", "a@b.example"),
        ("tag.gpgsign", "false"),
    ):
        git(app, "config", name, value)
    commit(app)
    return app


def git(app: Path, *words: str) -> str:
    command = ["git", "-C", str(app), *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(app: Path) -> None:
    git(app, "add", "--all")
    git(app, "-c", "commit.gpgsign=false", "commit", "--quiet", "--allow-empty", "-m", "All of it")


def release(app: Path, *arguments: str) -> int:
    return main(arguments, app=app, python=AZURES_PYTHON)


def bytes_in(app: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (app / "build" / "release").iterdir()}


def test_a_release_is_its_zip_its_bill_of_materials_their_checksums_and_its_notes(
    checkout: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """And a tag at this commit, which is not pushed: where to, nobody was asked."""
    (checkout / "build" / "release").mkdir(parents=True)
    (checkout / "build" / "release" / "acijobs-1.0.0.zip").touch()
    assert release(checkout) == 0
    found = bytes_in(checkout)
    package, bill = f"acijobs-{VERSION}.zip", f"acijobs-{VERSION}.cdx.json"
    assert set(found) == {package, bill, "SHA256SUMS", "notes.md"}
    write_zip(files_of(checkout), tmp_path / "package.zip")
    assert found[package] == (tmp_path / "package.zip").read_bytes()
    sums = dict(reversed(line.split()) for line in found["SHA256SUMS"].decode().splitlines())
    assert sums == {name: hashlib.sha256(found[name]).hexdigest() for name in (package, bill)}
    assert found["notes.md"].decode() == CHANGES
    assert git(checkout, "cat-file", "-t", f"v{VERSION}") == "tag"
    assert git(checkout, "rev-parse", f"v{VERSION}^{{commit}}") == git(
        checkout, "rev-parse", "HEAD"
    )
    assert f"git push origin v{VERSION}" in capsys.readouterr().out


def test_the_checksums_are_read_by_sha256sum(checkout: Path) -> None:
    """As somebody does who has downloaded all of it."""
    assert release(checkout, "--dry-run") == 0
    where = checkout / "build" / "release"
    done = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=where, check=False)
    assert done.returncode == 0


def test_a_dry_run_makes_the_same_files_and_no_tag(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that one can look at them first."""
    assert release(checkout, "--dry-run") == 0
    dry = bytes_in(checkout)
    assert git(checkout, "tag") == ""
    assert "dry run" in capsys.readouterr().out
    assert release(checkout) == 0
    assert bytes_in(checkout) == dry


def test_a_tagged_commit_makes_the_same_bytes_again_and_no_other_tag(checkout: Path) -> None:
    """So a workflow that a pushed tag starts makes what was made by hand."""
    assert release(checkout) == 0
    first, tag = bytes_in(checkout), git(checkout, "rev-parse", f"v{VERSION}")
    assert release(checkout) == 0
    assert (bytes_in(checkout), git(checkout, "rev-parse", f"v{VERSION}")) == (first, tag)


def later(app: Path) -> None:
    assert release(app) == 0
    commit(app)


def changed(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(app: Path) -> None:
        text = (app / name).read_text("utf-8")
        assert old in text
        (app / name).write_text(text.replace(old, new), "utf-8")
        commit(app)

    return change


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda app: (app / "host.json").write_text("{}", "utf-8"), "not committed: host.json"),
        (lambda app: (app / "new.txt").touch(), "not committed: new.txt"),
        (later, f"v{VERSION} is .* already: raise VERSION in acijobs/version.py"),
        (changed("CHANGELOG.md", f"[{VERSION}]", "[7.9.0]"), f"add `## .{VERSION}. - YYYY-MM-DD`"),
        (changed("CHANGELOG.md", " - 2031-02-03", ""), f"add `## .{VERSION}. - YYYY-MM-DD`"),
        (changed("CHANGELOG.md", CHANGES, ""), f"add `## .{VERSION}. - YYYY-MM-DD`"),
        (
            changed("CHANGELOG.md", "[Unreleased]\n", "[Unreleased]\n* More.\n"),
            r"under .Unreleased.",
        ),
        (changed("host.json", VERSION, "7.8.8"), "host.json, defaultVersion says 7.8.8"),
        (changed("pyproject.toml", VERSION, "7.8.8"), "pyproject.toml says 7.8.8"),
        (changed("acijobs/version.py", VERSION, "next"), "must have a line like VERSION"),
        (changed("requirements.txt", "pydantic==", "pydantic==1"), "pydantic==.* is wanted, and"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_would_make_another_release_than_is_meant_is_refused(
    checkout: Path,
    harm: Callable[[Path], Any],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Changes that are not committed, a version that was released, a changelog without it: no tag."""
    harm(checkout)
    tags = git(checkout, "tag", "--format", "%(objectname)")
    capsys.readouterr()
    assert release(checkout) == 1
    told = capsys.readouterr().err
    assert len(re.findall(words, told)) == 1, told
    assert git(checkout, "tag", "--format", "%(objectname)") == tags


def test_all_that_is_wrong_is_told_at_once(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line each; and of another Python than Azure's the bill would be another."""
    (checkout / "new.txt").touch()
    (checkout / "pyproject.toml").write_text('[project]\nversion = "1.0.0"\n', "utf-8")
    assert main([], app=checkout, python=(3, 11)) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "new.txt" in lines[0]
    assert "pyproject.toml says 1.0.0" in lines[1]
    assert "make release PYTHON=python3.13 VENV=.venv-3.13" in lines[2]


def test_the_bill_of_materials_is_valid_and_names_what_is_needed_in_the_end() -> None:
    """Packages that requirements.txt names and those that these need, and nothing for developing."""
    # Their import takes a second, which every worker that collects this file would need.
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = (ROOT / "requirements.txt").read_text("utf-8")
    told = sbom(b"the zip", VERSION, text)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(told)) is None
    versions = {one["name"].lower(): one["version"] for one in told["components"]}
    assert versions["pydantic"] == installed("pydantic")
    assert {one.replace("_", "-"): v for one, v in versions.items()}["pydantic-core"] == installed(
        "pydantic-core"
    )
    assert not {"pytest", "ruff", "mypy", "aiohttp-stubs", "schemathesis"} & versions.keys()
    assert (
        told["metadata"]["component"]["hashes"][0]["content"]
        == hashlib.sha256(b"the zip").hexdigest()
    )
    named = {one["bom-ref"] for one in told["components"]} | {"acijobs"}
    assert {edge["ref"] for edge in told["dependencies"]} == named
    assert {ref for edge in told["dependencies"] for ref in edge["dependsOn"]} == named - {
        "acijobs"
    }


def test_the_same_zip_has_the_same_bill_and_another_has_another() -> None:
    """No times, and a serial number that follows from the zip."""
    text = (ROOT / "requirements.txt").read_text("utf-8")
    first = sbom(b"the zip", VERSION, text)
    assert "timestamp" not in first["metadata"]
    assert first == sbom(b"the zip", VERSION, text)
    assert first["serialNumber"] != sbom(b"another", VERSION, text)["serialNumber"]


def test_an_extra_counts_where_it_is_asked_for_and_nowhere_else() -> None:
    """Or all that developers install beside would be said to be deployed."""
    plain = needed_by(requirements_in("azure-core"))
    with_aio = needed_by(requirements_in("azure-core[aio]  # a comment\n"))
    assert "aiohttp" not in plain["azure-core"]
    assert "aiohttp" in with_aio["azure-core"]


def test_what_is_not_installed_has_no_bill() -> None:
    """Rather than one that leaves it out."""
    with pytest.raises(PackageError, match="no-such-package is not installed here"):
        needed_by(requirements_in("no-such-package==1"))


def test_this_release_has_its_lines_in_the_changelog() -> None:
    """And they end where those of the release before it begin."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    version = version_of(ROOT)
    assert problems_of(text, version) == []
    notes = notes_of(text, version)
    assert f"## [{previous_version()}]" in text.partition(notes)[2]
    assert "\n## " not in notes
