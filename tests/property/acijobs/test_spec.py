from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acijobs.domain.errors import InvalidSpecError, Violation
from acijobs.domain.group import GroupRef
from acijobs.domain.job_id import is_valid
from acijobs.domain.spec.job import JobSpec, parse
from spec_complaints import EVERYTHING

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
    *(JobSpec.wire_name(name) for name in JobSpec.model_fields),
    *("memory_gb", "restart_policy"),
]
AZURE_GROUP_NAME = re.compile(r"^(?!-.*)(?!.*-$)(?!.*-{2}.*)[a-z0-9-]{1,63}$")

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,62}", fullmatch=True)
PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
IMAGE = r"(?a)([a-z]{1,9}\.io(:\d{1,5})?/)?[a-z0-9]{1,80}(:\w{1,9})?"
VALID = st.fixed_dictionaries(
    {
        "image": st.from_regex(
            r"(?a)([a-z]{1,9}\.io(:\d{1,5})?/)?[a-z0-9]{1,80}(:\w{1,9})?", fullmatch=True
        )
    },
    optional={
        "command": st.lists(PLAIN, min_size=1, max_size=5).filter(lambda words: words[0] != ""),
        "environment": st.dictionaries(NAMES, PLAIN, max_size=5),
        "cpu": st.integers(1, 3_100).map(lambda hundredths: hundredths / 100),
        "memoryGb": st.integers(1, 2_400).map(lambda tenths: tenths / 10) | st.integers(1, 240),
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


def _mutated(data: Any, path: list[int], value: Any) -> Any:
    """Return the data with this value in the place that the path leads to."""
    if not path or not data or not isinstance(data, dict | list):
        return value
    keys: list[Any] = sorted(data) if isinstance(data, dict) else list(range(len(data)))
    chosen = keys[path[0] % len(keys)]
    changed: Any = dict(data) if isinstance(data, dict) else list(data)
    changed[chosen] = _mutated(data[chosen], path[1:], value)
    return changed


@given(st.lists(st.integers(0, 30), min_size=1, max_size=6), JSON)
def test_one_thing_wrong_in_a_job_with_everything_is_told_where_it_is(
    path: list[int], value: Any
) -> None:
    """However deep, whatever it is: no other exception, no secret, a pointer that leads there."""
    data = _mutated(EVERYTHING, path, value)
    try:
        parse(data)
    except InvalidSpecError as error:
        found = error.violations
    else:
        found = ()
    for violation in found:
        assert _leads_somewhere(data, violation), violation
        assert "s3cret" not in violation.detail


def _leads_somewhere(data: Any, violation: Violation) -> bool:
    """Tell whether a pointer leads to something that was sent, or to what is missing there."""
    parts = violation.pointer.removeprefix("#").split("/")[1:]
    for at, part in enumerate(parts):
        name = part.replace("~1", "/").replace("~0", "~")
        is_last = at == len(parts) - 1
        if isinstance(data, list):
            data = data[int(name)]
        elif isinstance(data, dict) and (name in data or is_last or "\ufffd" in name):
            data = data.get(name)
        else:
            return False
    return True


@given(VALID)
def test_a_job_survives_its_way_through_the_store(data: dict[str, Any]) -> None:
    """What is stored is JSON, and means the same job when it is read again."""
    spec = parse(data)
    assert JobSpec.stored(json.loads(json.dumps(spec.to_json()))) == spec
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


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_a_stored_job_is_read_whatever_it_holds(data: dict[str, Any]) -> None:
    """Only requests are validated."""
    assert isinstance(JobSpec.stored(data), JobSpec)


JOB_IDS = st.from_regex(r"[a-z0-9]{1,19}(-[a-z0-9]{1,19}){0,4}", fullmatch=True).filter(is_valid)
NONCES = st.from_regex(r"[a-z0-9]{10}", fullmatch=True)


@given(JOB_IDS, NONCES)
def test_every_job_has_a_group_name_that_azure_takes(job_id: str, nonce: str) -> None:
    """Readable, and with the attempt's nonce whole."""
    name = GroupRef(job_id=job_id, nonce=nonce).name
    assert AZURE_GROUP_NAME.fullmatch(name)
    assert name.startswith(f"job-{job_id[:20].rstrip('-')}")
    assert name.endswith(f"-{nonce}")


@given(JOB_IDS, JOB_IDS, st.lists(NONCES, min_size=2, max_size=2, unique=True))
def test_a_group_name_is_used_by_one_attempt_only(one: str, other: str, nonces: list[str]) -> None:
    """Also by another attempt of the same job, and where long ids are cut."""
    names = {
        GroupRef(job_id=job_id, nonce=nonce).name
        for job_id, nonce in zip((one, other), nonces, strict=True)
    }
    assert len(names) == 2


@pytest.mark.parametrize("job_id", ["A", "-a", "a-", "a--b", "a_b", "", "a" * 60, "a/b", "é"])
def test_an_id_that_no_group_name_could_hold_is_refused(job_id: str) -> None:
    """By the rule for group names, less the prefix."""
    assert not is_valid(job_id)
