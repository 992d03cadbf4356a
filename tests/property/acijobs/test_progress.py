from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import MAX_STATUS_BYTES, CleanUp, LogState, Progress
from acijobs.domain.public_text import shortened
from acijobs.domain.reasons import Reason

ANY_TEXT = st.text(st.characters(codec=None), max_size=50).flatmap(
    lambda text: st.sampled_from([text, text * 100, "😀" * 5000 + text, "\0" * 5000 + text])
)
AT = datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=UTC)
AZURE_TIMES = ["imagePulling", "containerStarted", "containerFinished", "deleted"]


@given(
    st.sampled_from(Phase),
    st.sampled_from(Reason),
    st.lists(ANY_TEXT, min_size=5, max_size=5),
    st.integers(0, 2**63),
    st.none() | st.integers(-(2**31), 2**31),
)
def test_the_custom_status_fits_however_long_its_texts_are(
    phase: Phase, reason: Reason, texts: list[str], number: int, exit_code: int | None
) -> None:
    """Durable fails an orchestration whose custom status is over 16 KB of UTF-16."""
    refused = Outcome.refused(texts[0], texts[1])
    outcome = replace(refused, phase=phase, reason=reason.value, exit_code=exit_code)
    progress = Progress(
        run="x" * 36,
        phase=phase,
        group="job-" + "x" * 59,
        outcome=outcome,
        waiting_for=texts[2],
        clean_up=CleanUp.FAILED,
        clean_up_detail=texts[3],
        restarts=number,
        log=LogState(archived_bytes=number, truncated=True, complete=True, trouble=texts[4]),
    )
    for entered in Phase:
        progress = progress.enter(entered, AT)
    progress = progress.note(dict.fromkeys(AZURE_TIMES, AT))
    assert len(json.dumps(progress.shown()).encode("utf-16-le")) <= MAX_STATUS_BYTES
    assert len(outcome.summary) < 2000
    assert "\n" not in outcome.summary


@given(ANY_TEXT, st.integers(1, 2000))
def test_a_shortened_text_is_the_longest_beginning_that_fits(text: str, limit: int) -> None:
    """It is cut by its size in JSON, and loses little more than it must."""
    short = shortened(text, limit)
    assert text.startswith(short)
    assert len(json.dumps(short)) - 2 <= limit
    if short != text:
        assert len(json.dumps(text[: len(short) + 1])) - 2 > limit - 12
