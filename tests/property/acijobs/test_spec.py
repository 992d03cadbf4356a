from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acijobs.domain.errors import InvalidSpecError, Violation
from acijobs.domain.job_id import group_name, is_valid
from acijobs.domain.spec import parse

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**310)
    | st.floats()
    | st.text(alphabet=st.characters(codec=None), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(alphabet=st.characters(codec=None), max_size=20), inner, max_size=4
        )
    ),
    max_leaves=10,
)
FIELDS = [
    *("image", "command", "environment", "cpu", "memoryGb", "os"),
    *("restartPolicy", "tags", "timeouts", "id", "memory_gb", "restart_policy"),
]
AZURE_GROUP_NAME = re.compile(r"^(?!-.*)(?!.*-$)(?!.*-{2}.*)[a-z0-9-]{1,63}$")

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,62}", fullmatch=True)
PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
VALID = st.fixed_dictionaries(
    {"image": st.from_regex(r"[a-z0-9./:@-]{1,80}", fullmatch=True)},
    optional={
        "command": st.lists(PLAIN, min_size=1, max_size=5).filter(lambda words: words[0] != ""),
        "environment": st.dictionaries(NAMES, PLAIN, max_size=5),
        "cpu": st.floats(min_value=0.01, max_value=31),
        "memoryGb": st.floats(min_value=0.01, max_value=240) | st.integers(1, 240),
        "os": st.sampled_from(["Linux", "Windows"]),
        "restartPolicy": st.sampled_from(["Never", "OnFailure"]),
        "tags": st.dictionaries(st.from_regex(r"t[a-z ._-]{0,127}", fullmatch=True), PLAIN),
        "timeouts": st.fixed_dictionaries(
            {},
            optional={
                "provisionSeconds": st.integers(1, 21_600),
                "runSeconds": st.integers(1, 1_209_600),
            },
        ),
        "id": st.from_regex(r"[a-z0-9]{1,9}(-[a-z0-9]{1,9}){0,5}", fullmatch=True),
    },
)


@given(JSON | st.dictionaries(st.sampled_from(FIELDS), JSON))
@example({"\ud800": 1, "environment": {"\ud800": "\udfff"}, "image": "\ud800"})
@example({"image": "a", "cpu": 10**400, "timeouts": {"runSeconds": 10**5000}})
@example({"image": "a", "cpu": float("nan"), "memoryGb": float("inf")})
def test_anything_is_a_job_or_told_what_is_wrong(data: Any) -> None:
    """No JSON makes parsing fail in another way, and every complaint can be sent as JSON."""
    violations: tuple[Violation, ...] = ()
    try:
        parse(data)
    except InvalidSpecError as error:
        violations = error.violations
        described = str(error)
    else:
        described = "a job"
    assert described
    assert all(v.pointer.startswith("#") and v.detail for v in violations)
    assert json.dumps([vars(violation) for violation in violations])


@given(VALID)
def test_a_job_survives_its_way_through_the_history(data: dict[str, Any]) -> None:
    """What is stored is JSON, and means the same job when it is read again."""
    spec = parse(data)
    assert parse(json.loads(json.dumps(spec.to_json()))) == spec
    assert {name: spec.to_json()[name] for name in data if name != "timeouts"} == {
        name: value for name, value in data.items() if name != "timeouts"
    }


@given(VALID, st.sets(st.sampled_from(["image", "cpu", "os", "id", "tags", "timeouts"])))
def test_every_wrong_field_is_named_and_no_other(data: dict[str, Any], broken: set[str]) -> None:
    """All at once, so that a user mends a specification in one round."""
    wrong = data | dict.fromkeys(broken, True)
    if not broken:
        parse(wrong)
        return
    with pytest.raises(InvalidSpecError) as raised:
        parse(wrong)
    assert {v.pointer for v in raised.value.violations} == {f"#/{name}" for name in broken}


@given(st.text(max_size=80) | st.from_regex(r"[a-z0-9-]{1,70}", fullmatch=True))
def test_every_instance_id_has_a_name_that_azure_takes(job_id: str) -> None:
    """An instance started past our API may have any id."""
    name = group_name(job_id)
    assert AZURE_GROUP_NAME.fullmatch(name)
    assert name == group_name(job_id)
    if is_valid(job_id):
        assert name == f"job-{job_id}"


@given(st.sets(st.text(max_size=80), min_size=2, max_size=20))
def test_different_jobs_have_different_groups(job_ids: set[str]) -> None:
    """Ids that do not fit a name are told apart by their digest."""
    assert len({group_name(job_id) for job_id in job_ids}) == len(job_ids)
