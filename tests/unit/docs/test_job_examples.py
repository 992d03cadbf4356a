"""Every job that the documentation shows is one that the app takes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.errors import InvalidSpecError
from acijobs.domain.spec.job import parse
from azure_commands import PAGES, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHELLS_OWN = re.compile(r"""'"\$(\w+)"'""")
"""A variable of the shell within a text in single quotes."""
VALUES = {"KEY_VAULT_URL": "https://v.vault.azure.net"}


def objects_in(text: str) -> Iterator[dict[str, Any]]:
    """Yield every JSON object in a text, those within others left out."""
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find("{", at)) >= 0:
        try:
            found, end = decoder.raw_decode(text, at)
        except ValueError:
            at += 1
            continue
        at = end
        if isinstance(found, dict):
            yield found


def jobs_in(text: str) -> list[dict[str, Any]]:
    """Return the jobs in a text: the objects with an image, which is what only a job must have."""
    text = _SHELLS_OWN.sub(lambda found: VALUES.get(found[1], "1"), text)
    found = [one for one in objects_in(text) if isinstance(one.get("image"), str)]
    return [one for one in found if "state" not in one]


JOBS = [
    pytest.param(job, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, job in enumerate(jobs_in(page.read_text("utf-8")), 1)
]


@pytest.mark.parametrize("job", JOBS)
def test_a_job_of_the_documentation_is_valid(job: dict[str, Any]) -> None:
    """By the parser that every request goes through."""
    try:
        parse(job)
    except InvalidSpecError as error:
        pytest.fail("\n".join(f"{each.pointer} {each.detail}" for each in error.violations))


def test_the_jobs_are_found() -> None:
    """In JSON, in commands, in strings of Python; a page that shows none is not looked for."""
    pages = {str(parameters.id).rsplit("-", 1)[0] for parameters in JOBS}
    assert {
        "README.md",
        "docs/tutorial.md",
        "docs/guides/arrays.md",
        "docs/guides/describe-a-job.md",
        "docs/guides/network.md",
        "docs/guides/private-registry.md",
        "docs/guides/retry.md",
        "docs/guides/secrets.md",
        "docs/guides/start-from-a-queue.md",
    } <= pages
    assert len(JOBS) > 20


@pytest.mark.parametrize(
    "text", ['{"image": "Alpine"}', '{"image": "alpine", "cpus": 2}', '-d \'{"image": ""}\'']
)
def test_a_wrong_job_would_be_seen(text: str) -> None:
    """So that the test above can fail."""
    [job] = jobs_in(text)
    with pytest.raises(InvalidSpecError):
        parse(job)
