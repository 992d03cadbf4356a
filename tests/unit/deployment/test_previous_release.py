"""The package of the release before this one, which tests of upgrades run."""

from __future__ import annotations

import re
import subprocess
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from acijobs.version import VERSION
from deployment.changelog import notes_of
from deployment.package import files_of, write_zip
from deployment.release import version_of
from releases import previous_package, previous_release, previous_version

ROOT = Path(__file__).parents[3]
PAGE = (previous_package().parent / "README.md").read_text("utf-8")
_ENTRY = re.compile(r"^\* .*(?:\n  .*)*", re.MULTILINE)


def commit_of_previous() -> str:
    """Return the commit that the page names."""
    [commit] = re.findall(r"commit `([0-9a-f]+)`", PAGE)
    return str(commit)


def test_it_is_the_release_that_its_name_says_and_not_this_one(tmp_path: Path) -> None:
    """And an older one; its zip is whole."""
    with zipfile.ZipFile(previous_package()) as package:
        assert package.testzip() is None
    assert version_of(previous_release(tmp_path)) == previous_version()
    before, now = (tuple(map(int, one.split("."))) for one in (previous_version(), VERSION))
    assert before < now


def test_it_is_what_make_package_makes_of_the_commit_that_its_page_names(tmp_path: Path) -> None:
    """Byte for byte, by today's code: nobody has changed it since."""
    commit = commit_of_previous()
    command = ["git", "-C", str(ROOT), "archive", commit]
    archive = subprocess.run(command, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"this checkout has no history back to {commit}")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(tmp_path / "then", filter="data")
    write_zip(files_of(tmp_path / "then"), tmp_path / "then.zip")
    assert (tmp_path / "then.zip").read_bytes() == previous_package().read_bytes()
    assert f"{previous_package().stat().st_size:,} bytes" in PAGE


def test_the_changelog_adds_nothing_to_a_release_that_is_out() -> None:
    """A line that a merge put there belongs to this release: its users would not look for it there."""
    told = subprocess.run(
        ["git", "-C", str(ROOT), "show", f"{commit_of_previous()}:CHANGELOG.md"],
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        pytest.skip("this checkout has no history back to the release before this one")
    then = " ".join(told.stdout.split())
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    lines = [" ".join(one.split()) for one in _ENTRY.findall(notes_of(text, previous_version()))]
    assert len(lines) > 10
    assert [line for line in lines if line not in then] == [], f"move these to [{VERSION}]"
