"""However a log grows, and wherever its readers stop: they read all of it, and nothing twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from acijobs.logs.text import LOOK_BACK_BYTES, ArchivedPart, LogText, text_from, without_stamps
from acijobs.logs.window import LOST_MARK
from acijobs_log_model import ServiceLog

WORDS = st.text(alphabet="ab:Z -T.0123456789\r\té漢😀", max_size=60)
LINES = st.lists(WORDS | st.just("2026-01-01T00:00:00Z "), max_size=12)
MARK = f"{LOST_MARK}\n".encode()


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """Return an archive: lines with times, marks, the rest of a line behind them, bytes torn apart."""
    service = ServiceLog(running_bytes=10**9, stopped_bytes=10**9, stopped_lines=10**9)
    pieces = [b""]
    for text in draw(LINES):
        service.whole = b""
        service.write(text, ends_line=draw(st.booleans()))
        pieces.append(service.whole[: draw(st.just(10**9) | st.integers(0, 80))])
        if draw(st.booleans()):
            pieces.append(b"\n" + MARK + draw(WORDS).encode() + b"\n")
    whole = b"".join(pieces)
    return whole[: draw(st.integers(0, len(whole)))]


def read(archive: bytes, offset: int, limit: int, *, is_final: bool) -> LogText:
    start = max(0, offset - LOOK_BACK_BYTES)
    data = archive[start : offset + limit]
    part = ArchivedPart(size_bytes=len(archive), offset=start, data=data)
    return text_from(part, offset, is_final=is_final)


def shown(data: bytes) -> bytes:
    return without_stamps(data).decode("utf-8", "replace").encode()


@given(archives(), st.data())
def test_the_parts_that_a_follower_reads_are_the_whole(archive: bytes, data: st.DataObject) -> None:
    """Whenever it asks while the log grows, and however little an answer holds."""
    size, offset, got = 0, 0, b""
    while size < len(archive):
        size = data.draw(st.integers(size, len(archive)) | st.just(len(archive)), label="size")
        for _ in range(data.draw(st.integers(0, 3), label="reads")):
            limit = data.draw(st.integers(1, 200), label="limit")
            text = read(archive[:size], offset, limit, is_final=False)
            assert offset <= text.next_offset <= size
            text.data.decode()
            got, offset = got + text.data, text.next_offset
    while offset < len(archive):
        text = read(archive, offset, 100, is_final=True)
        assert text.next_offset > offset
        got, offset = got + text.data, text.next_offset
    assert got == shown(archive)


@given(archives(), st.integers(0, 600), st.integers(0, 600))
def test_any_two_offsets_that_answers_gave_meet(archive: bytes, first: int, second: int) -> None:
    """What is read from an offset on is the end of what is read from the start."""
    head = read(archive, 0, first, is_final=False)
    middle = read(archive, head.next_offset, second, is_final=False)
    rest = read(archive, middle.next_offset, 10**9, is_final=True)
    assert head.data + middle.data + rest.data == shown(archive)


@given(archives(), st.integers(0, 600))
def test_any_offset_shows_an_end_of_the_text(archive: bytes, offset: int) -> None:
    """Within a time or a character, too: nothing comes that is not in the log."""
    text = read(archive, min(offset, len(archive)), 10**9, is_final=True)
    assert shown(archive).endswith(text.data)


@given(st.lists(WORDS, max_size=20))
def test_the_times_are_taken_off_again_and_nothing_else_is(texts: list[str]) -> None:
    """What a user reads is what the container wrote."""
    service = ServiceLog(running_bytes=10**9, stopped_bytes=10**9, stopped_lines=10**9)
    for text in texts:
        service.write(text)
    assert without_stamps(service.whole).decode() == "".join(f"{text}\n" for text in texts)
