"""Text that becomes public holds nothing that the Functions host would cut out, JSON and all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acijobs.domain.messages import Busy, Fetched, Refused, merged
from acijobs.domain.outcome import Outcome
from acijobs.domain.progress import LogState, Progress
from acijobs.domain.public_text import public_text, shortened
from acijobs.domain.reasons import Reason
from acijobs.domain.row import Row, cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

TOKENS = [
    *("key=", "token=", "password=", "pwd=", "server=", "data source=", "accountkey="),
    *("sharedaccesskey=", "?sig=", "&sig=", "&amp;sig=", "?code=", "&code=", "&amp;code="),
    "defaultendpointsprotocol=http",
]
"""What the host's sanitizer was seen to cut at, in any case, with all that follows."""

PLACES = ["{}", "{}s3cret", "API_{}s3cret", "a {}s3cret b", "a b{}", "'{}s3cret'", "x\n{}s3cret\ty"]
WRITINGS: list[Callable[[str], str]] = [str.lower, str.upper, str.title, str.swapcase]
PIECES = st.lists(
    st.sampled_from(
        [*TOKENS, *(t.upper() for t in TOKENS), "\u212a", "\u017f", "=", " ", "\n", "[hidden]"]
    )
    | st.text(max_size=5),
    max_size=8,
).map("".join)


def tokens_in(text: str) -> list[str]:
    lowered = text.lower()
    return [token for token in TOKENS if token in lowered]


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("write", WRITINGS)
def test_a_credential_is_hidden_wherever_it_stands(
    token: str, place: str, write: Callable[[str], str]
) -> None:
    """In any case, with its value, and nothing is left of either."""
    text = public_text(place.format(write(token)))
    assert tokens_in(text) == []
    assert "s3cret" not in text
    assert "[hidden]" in text


@pytest.mark.parametrize("first", TOKENS)
@pytest.mark.parametrize("second", TOKENS)
def test_two_credentials_next_to_each_other_are_both_hidden(first: str, second: str) -> None:
    """Directly, as values of one another, and across what ends a value."""
    for between in ("", "a", ";", "&", " ", '"', "="):
        text = public_text(f"x {first}{between}{second}s3cret y")
        assert tokens_in(text) == []
        # `key=data source=…` is a value "data" and a word "source=…", which is no credential.
        assert "s3cret" not in text or (second == "data source=" and between in {"", "a", "="})


@given(PIECES)
@example("data  source=x")
@example("data\nsource=x")
@example("ke\u00adkey=y=x")
@example("pwd=" * 50)
def test_no_text_keeps_a_credential(text: str) -> None:
    """However it is put together; the result is one line, and stays as it is."""
    public = public_text(text)
    assert tokens_in(public) == []
    assert len(public.splitlines()) <= 1
    assert public_text(public) == public
    assert public_text(shortened(public)) == shortened(public)
    json.dumps(public).encode()


@given(PIECES, PIECES)
def test_no_outcome_holds_a_credential(text: str, code: str) -> None:
    """Neither in what is stored of it, nor in what is shown, nor in its one line."""
    outcomes = [
        Outcome.failed(Reason.INTERNAL, text),
        Outcome.cancelled(text),
        Outcome.refused(code, text),
        Outcome.timed_out(Reason.RUN_TIMEOUT, text),
    ]
    for outcome in outcomes:
        assert tokens_in(outcome.message + outcome.azure_code + outcome.summary) == []
        assert tokens_in(json.dumps(outcome.shown())) == []


@given(PIECES)
def test_no_status_holds_a_credential(text: str) -> None:
    """A failing orchestration's status crosses the host's sanitizer as JSON, which a cut breaks."""
    progress = Progress(
        outcome=Outcome.failed(Reason.INTERNAL, text),
        waiting_for=text,
        clean_up_detail=text,
        log=LogState(trouble=text),
    )
    assert tokens_in(json.dumps(progress.shown(), ensure_ascii=False)) == []


@given(PIECES)
def test_no_trouble_of_a_log_holds_a_credential(text: str) -> None:
    """It is an input of later steps, which the exception of a failing orchestration holds, too."""
    for reply in (Fetched(trouble=text), Busy(code="B", message=text), Refused(message=text)):
        assert tokens_in(merged(LogState(), reply, has_ended=False).trouble) == []


@given(PIECES)
def test_no_request_to_cancel_holds_a_credential(text: str) -> None:
    """It is stored, and sent to the job's orchestration."""
    row = cancelled(Row(job_id="j"), why=text, now=Row().accepted_at)
    assert row is not None
    assert row.cancel is not None
    assert tokens_in(row.cancel.why) == []
