from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from acijobs.domain.errors import BodyTooLargeError, InvalidSpecError
from acijobs.domain.spec.job import parse
from acijobs.security.sealing import Seals
from acijobs.settings.jobs import DefaultJobSettings
from acijobs.submitting import Submission, read_submission

JSON_TEXT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
).map(lambda data: json.dumps(data).encode())


@given(st.binary(max_size=200) | JSON_TEXT | st.text(max_size=50).map(str.encode))
def test_any_body_is_a_job_or_refused(body: bytes) -> None:
    """Whatever bytes are sent, nothing but the two documented errors is raised."""
    with suppress(InvalidSpecError, BodyTooLargeError):
        assert read_submission(body, DefaultJobSettings()).spec.image


SENT = st.dictionaries(
    st.sampled_from(["image", "cpu", "tags", "command", "id"]),
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    ),
)


def digest(sent: dict[str, Any], key: bytes = b"k") -> str:
    (only,) = Submission(spec=parse({"image": "a"}), sent=sent).digests(key, Seals())
    return only


def reordered(data: Any) -> Any:
    """Return the same data, written in another order and with whole numbers as 1.0."""
    if isinstance(data, dict):
        return {name: reordered(data[name]) for name in reversed(data)}
    if isinstance(data, list):
        return [reordered(item) for item in data]
    return float(data) if isinstance(data, int) and not isinstance(data, bool) else data


@given(SENT)
def test_the_same_job_has_the_same_digest_however_it_is_written(sent: dict[str, Any]) -> None:
    """In any order, with 1 or 1.0, under any id."""
    assert digest(reordered(sent)) == digest(sent)
    assert digest(sent | {"id": "another"}) == digest(sent)


@given(SENT, SENT)
def test_another_job_has_another_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    """True is not 1, a field that was left out is not its default, and the key counts."""
    told = [
        json.dumps({n: v for n, v in d.items() if n != "id"}, sort_keys=True) for d in (one, other)
    ]
    assert (digest(one) == digest(other)) is (told[0] == told[1])
    assert digest(one) != digest(one, key=b"z")
