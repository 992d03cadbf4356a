"""What was accepted earlier is read as far as it can be."""

from __future__ import annotations

from typing import Any

import pytest

from acijobs.domain.spec.job import JobSpec, parse
from spec_complaints import EVERYTHING, job


def test_a_specification_comes_back_as_it_was_stored() -> None:
    """With all its parts."""
    spec = parse(EVERYTHING)
    again = JobSpec.stored(spec.to_json())
    assert again == spec
    assert type(again.retry.rules[0]) is type(spec.retry.rules[0])


def test_an_older_releases_specification_has_the_defaults() -> None:
    """It knew of none of these."""
    assert (
        JobSpec.stored({"image": "a", "timeouts": {"runSeconds": 5}}).to_json()
        == parse(job(image="a", timeouts={"runSeconds": 5})).to_json()
    )


@pytest.mark.parametrize(
    ("stored", "field", "read"),
    [
        ({"sidecars": "many"}, "sidecars", []),
        ({"volumes": {"a": 1}}, "volumes", []),
        ({"volumes": [5, "x"]}, "volumes", []),
        ({"secrets": {"A": "plain"}}, "secrets", {}),
        ({"secrets": ["A"]}, "secrets", {}),
        ({"retry": []}, "retry", None),
        ({"registry": "x"}, "registry", None),
        ({"locations": None}, "locations", []),
        ({"futureField": {"x": 1}}, "priority", "Regular"),
    ],
)
def test_what_is_of_another_shape_is_left_out(
    stored: dict[str, Any], field: str, read: Any
) -> None:
    """Another release may have written it; no deployment fails a job for that."""
    assert getattr(JobSpec.stored({"image": "a"} | stored), field) == read


def test_what_is_required_now_and_was_not_stored_is_empty() -> None:
    """Then Azure refuses it in its own words; nothing breaks here."""
    spec = JobSpec.stored(
        {
            "sidecars": [{"name": "p"}],
            "volumes": [{"azureFile": {}}],
            "registry": {},
            "retry": {"rules": [{}]},
            "callback": {},
        }
    )
    assert (spec.image, spec.sidecars[0].image, spec.sidecars[0].cpu) == ("", "", 0.0)
    assert spec.volumes[0].azure_file is not None
    assert spec.volumes[0].azure_file.key.content == ""
    assert spec.retry.rules[0].action == "retry"
    assert (spec.resources.cpu, spec.containers) == (1.0, ("job", "p"))
    assert spec.to_json()["volumes"][0]["azureFile"]["share"] == ""


def test_a_volume_of_an_unknown_kind_has_none() -> None:
    """It is still a volume with a name."""
    volume = JobSpec.stored({"volumes": [{"name": "v", "nfs": {}}]}).volumes[0]
    assert (volume.name, volume.kind) == ("v", None)
