from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from acijobs.domain.errors import InvalidSpecError
from acijobs.settings import Settings
from acijobs.web.job_requests import BodyTooLargeError, read_spec

SETTINGS = Settings(
    subscription_id="s", resource_group="rg", location="l", log_archive="file:///x", app_name="app"
)
JSON_TEXT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
).map(lambda data: json.dumps(data).encode())


@given(st.binary(max_size=200) | JSON_TEXT | st.text(max_size=50).map(str.encode))
def test_any_body_is_a_job_or_refused(body: bytes) -> None:
    """Whatever bytes are sent, nothing but the two documented errors is raised."""
    with suppress(InvalidSpecError, BodyTooLargeError):
        assert read_spec(body, SETTINGS).image
