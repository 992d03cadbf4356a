from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aci_emulator.groups.log_buffer import (
    KEPT_RUNNING_BYTES,
    KEPT_STOPPED_BYTES,
    KEPT_STOPPED_LINES,
    LogBuffer,
)

_AT = datetime(2026, 8, 1, 5, 3, 18, 464123, tzinfo=UTC)


def test_chunks_of_any_cut_make_the_same_log() -> None:
    """Where the runtime cuts its chunks does not matter."""
    whole, cut = LogBuffer(), LogBuffer()
    text = b"one\ntwo\n\nthree"
    whole.write(text, _AT)
    for index in range(len(text)):
        cut.write(text[index : index + 1], _AT)
    assert whole.read() == cut.read() == "one\ntwo\n\nthree"
    assert whole.read(tail=2) == cut.read(tail=2) == "\nthree"


def test_a_stamp_is_the_time_of_the_lines_first_byte() -> None:
    """Nine digits, UTC; a line that arrives in pieces keeps its first time."""
    log = LogBuffer()
    log.write(b"slow", _AT)
    log.write(b" line\nnext\n", _AT + timedelta(seconds=1))
    assert log.read(timestamps=True) == (
        "2026-08-01T05:03:18.464123000Z slow line\n2026-08-01T05:03:19.464123000Z next\n"
    )


def test_an_incomplete_character_waits_for_its_rest() -> None:
    """A poll between two bytes of a character does not see half of it."""
    log = LogBuffer()
    snowman = "☃".encode()
    log.write(b"a" + snowman[:2], _AT)
    assert log.read() == "a"
    log.write(snowman[2:], _AT)
    assert log.read() == "a☃"


def test_bytes_that_are_no_text_are_replaced() -> None:
    """Output that is not UTF-8 is still served."""
    log = LogBuffer()
    log.write(b"\xff\xfe ok\n", _AT)
    assert log.read() == "\ufffd\ufffd ok\n"


def test_tail_of_nothing_and_of_more_than_there_is() -> None:
    """0 is nothing; more than there is is everything."""
    log = LogBuffer()
    log.write(b"a\nb\n", _AT)
    assert log.read(tail=0) == ""
    assert log.read(tail=99) == "a\nb\n"


def test_a_running_container_keeps_the_newest_four_megabytes() -> None:
    """The oldest lines go first, whole."""
    log = LogBuffer()
    line = b"x" * 1023 + b"\n"
    for _ in range(5000):
        log.write(line, _AT)
    kept = log.read()
    assert len(kept) == KEPT_RUNNING_BYTES
    assert kept.startswith("x")


def test_stopping_keeps_a_thousand_lines_or_sixteen_kilobytes() -> None:
    """Whichever is less, also of what arrives after the stop."""
    short, wide = LogBuffer(), LogBuffer()
    short.write(b"1\n" * 3000, _AT)
    wide.write((b"y" * 99 + b"\n") * 3000, _AT)
    for log in (short, wide):
        log.stop()
        log.write(b"last\n", _AT)
    assert short.read().count("\n") == KEPT_STOPPED_LINES
    assert KEPT_STOPPED_BYTES - 100 <= len(wide.read()) <= KEPT_STOPPED_BYTES
    assert wide.read().endswith("last\n")


def test_a_long_line_is_one_line() -> None:
    """Engines keep a line over 16 KiB in parts, and readers join them."""
    log = LogBuffer()
    line = "a" + "ż" * 20_000 + "\n"
    content = line.encode()
    for start in range(0, len(content), 4097):
        log.write(content[start : start + 4097], _AT + timedelta(seconds=start))
    log.write(b"next\n", _AT)
    assert log.read() == line + "next\n"
    assert log.read(tail=2, timestamps=True).count("2026-08-01T05:03:18.464123000Z ") == 2


def test_one_line_over_all_limits_keeps_its_end() -> None:
    """A line longer than what is kept loses its beginning, not everything."""
    log = LogBuffer()
    for number in range(100):
        log.write(b"%05d" % number * 10_000, _AT)
    log.write(b"end", _AT)
    assert len(log.read()) == KEPT_RUNNING_BYTES
    assert log.read().endswith("00099end")
    log.stop()
    assert len(log.read()) == KEPT_STOPPED_BYTES


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_what_was_written_is_what_is_read(chunks: list[bytes]) -> None:
    """Below the limits nothing is lost, doubled or moved (an incomplete last character waits)."""
    log = LogBuffer()
    for chunk in chunks:
        log.write(chunk, _AT)
    whole = b"".join(chunks).decode("utf-8", errors="replace")
    seen = log.read()
    assert whole.startswith(seen)
    assert len(whole) - len(seen) <= 3
    assert log.read(tail=1000) == seen
