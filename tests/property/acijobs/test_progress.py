from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from acijobs.domain.ending import Ending
from acijobs.domain.progress import MAX_STATUS_BYTES, CleanUp, LogState, Phase, Progress, shortened

ANY_TEXT = st.text(st.characters(codec=None), max_size=50).flatmap(
    lambda text: st.sampled_from([text, text * 100, "😀" * 5000 + text, "\0" * 5000 + text])
)
TIMES = st.sampled_from(["2026-11-23T10:00:00.123456Z", "2026-11-23T10:00:00.123456+00:00"])
AZURE_TIMES = ["imagePulling", "containerStarted", "containerFinished"]


@given(
    st.sampled_from(Phase),
    TIMES,
    st.lists(ANY_TEXT, min_size=4, max_size=4),
    st.integers(0, 2**63),
    st.none() | st.integers(-(2**31), 2**31),
)
def test_the_custom_status_fits_however_long_its_texts_are(
    phase: Phase, at: str, texts: list[str], number: int, exit_code: int | None
) -> None:
    """Durable fails an orchestration whose custom status is over 16 KB of UTF-16."""
    progress = Progress(
        phase=phase,
        group="job-" + "x" * 59,
        exit_code=exit_code,
        reason_code=texts[0],
        reason=texts[1],
        waiting_for=texts[2],
        clean_up=CleanUp.FAILED,
        clean_up_detail=texts[3],
        restarts=number,
        logs=LogState(archived_bytes=number, truncated=True, complete=True),
    )
    for entered in Phase:
        progress = progress.enter(entered, at)
    for name in AZURE_TIMES:
        progress = progress.note(name, at)
    assert len(json.dumps(progress.to_json()).encode("utf-16-le")) <= MAX_STATUS_BYTES
    assert len(progress.summary) < 2000
    assert "\n" not in progress.summary


@given(ANY_TEXT, st.integers(1, 2000))
def test_a_shortened_text_is_the_longest_beginning_that_fits(text: str, limit: int) -> None:
    """It is cut by its size in JSON, and loses little more than it must."""
    short = shortened(text, limit)
    assert text.startswith(short)
    assert len(json.dumps(short)) - 2 <= limit
    if short != text:
        assert len(json.dumps(text[: len(short) + 1])) - 2 > limit - 12


@given(ANY_TEXT | st.none() | st.integers() | st.lists(st.integers()) | st.just("[" * 100_000))
def test_any_data_of_a_cancel_ends_the_job_as_cancelled(data: object) -> None:
    """Everyone may post anything to the event; the reason is one short line."""
    ending = Ending.cancelled(data)
    assert (ending.phase, ending.code) == (Phase.CANCELLED, "Cancelled")
    assert len(ending.message) <= 250
    assert len(ending.message.splitlines()) == 1
