"""The text of a part of an archived log: from any offset, at any end."""

from __future__ import annotations

import pytest

from acijobs.logs.text import (
    LOOK_BACK_BYTES,
    ArchivedPart,
    LogText,
    start_of_last_lines,
    text_from,
    whole_characters,
    without_stamps,
)
from acijobs.logs.window import LOST_MARK

STAMP = "2026-11-23T10:00:00.{:09d}Z "
ONE = STAMP.format(1) + "one\n"
TWO = STAMP.format(2) + "zwei €\n"
LONGEST_STAMP = b"2026-01-01T00:00:00.000000000+00:00 "


def text(
    archive: str | bytes, offset: int = 0, *, is_final: bool = False, limit: int = 10**9
) -> LogText:
    """Return the text from an offset, read as the API reads it: with a look back, and a limit."""
    data = archive.encode() if isinstance(archive, str) else archive
    start = max(0, offset - LOOK_BACK_BYTES)
    part = ArchivedPart(size_bytes=len(data), offset=start, data=data[start : offset + limit])
    return text_from(part, offset, is_final=is_final)


def test_times_come_off_each_line_once() -> None:
    """What looks like a time within a line stays."""
    stamp = STAMP.format(7)
    assert without_stamps(f"{stamp}{stamp}x\n{LOST_MARK}\n".encode()).decode() == (
        f"{stamp}x\n{LOST_MARK}\n"
    )


def test_an_offset_within_a_line_goes_on_there() -> None:
    """No time is shown, and none is missed at the next line."""
    log = ONE + TWO
    assert text(log).data == "one\nzwei €\n".encode()
    assert text(log, log.index("ne\n")).data == "ne\nzwei €\n".encode()
    assert text(log, len(ONE)).data == "zwei €\n".encode()


@pytest.mark.parametrize("within", [1, 4, 19, 28, 30])
def test_an_offset_within_a_time_counts_as_behind_it(within: int) -> None:
    """Half a time is never shown."""
    assert text(ONE + TWO, len(ONE) + within).data == "zwei €\n".encode()


def test_an_offset_within_a_character_counts_as_behind_it() -> None:
    """No sign that nobody wrote is shown."""
    log = ONE + TWO
    at = log.encode().index("€".encode()) + 1
    assert text(log, at) == LogText(data=b"\n", next_offset=len(log.encode()))


@pytest.mark.parametrize("size", range(1, len(STAMP.format(2)) - 1))
def test_half_a_time_is_held_back_until_it_can_be_told(size: int) -> None:
    """The next offset lies before it, so that nothing is lost."""
    assert text(ONE + STAMP.format(2)[:size]) == LogText(data=b"one\n", next_offset=len(ONE))


@pytest.mark.parametrize(
    "ending", ["2026-11-23 10:00", "20x", "x", "2026-11-23T10:00:00.1+0:", "-"]
)
def test_what_can_be_no_time_is_shown_at_once(ending: str) -> None:
    """A prompt of a log that has lost the beginning of a line."""
    assert text(f"{LOST_MARK}\n{ending}").data.decode() == f"{LOST_MARK}\n{ending}"


def test_what_never_became_a_time_is_shown_once_the_log_is_at_its_end() -> None:
    """In a log without times it is what the container wrote."""
    assert text("result:\n42").data == b"result:\n"
    assert text("result:\n42", is_final=True) == LogText(data=b"result:\n42", next_offset=10)


def test_half_a_character_is_held_back_until_its_rest_is_there() -> None:
    """At the end of what is archived, and where one answer ends."""
    whole = f"{STAMP.format(1)}€😀".encode()
    for cut in range(1, 4):
        shown = text(whole[:-cut])
        assert shown == LogText(data="€".encode(), next_offset=len(whole) - 4)
        assert text(whole, limit=len(whole) - cut) == shown
    assert text(whole, len(whole) - 4).data == "😀".encode()


def test_what_is_no_character_is_shown_as_a_sign() -> None:
    """An append that a crash cut short, and a mark behind it."""
    log = f"{STAMP.format(1)}a".encode() + b"\xe2\x82\n" + LOST_MARK.encode() + b"\n"
    assert text(log).data.decode() == f"a\N{REPLACEMENT CHARACTER}\n{LOST_MARK}\n"
    assert text(b"x\xe2\x82", is_final=True).data.decode() == "x\N{REPLACEMENT CHARACTER}"


def test_the_longest_time_is_shorter_than_what_is_looked_back() -> None:
    """Else an offset within a time could not be told from one within a line."""
    assert len(LONGEST_STAMP) < LOOK_BACK_BYTES
    line = LONGEST_STAMP + b"x\n"
    log = b"y" * 100 + b"\n" + line
    for offset in range(101, 101 + len(LONGEST_STAMP) + 1):
        assert text(log, offset).data == b"x\n"


def test_what_looks_like_a_time_within_a_long_line_is_shown() -> None:
    """The start of what was read is not the start of a line."""
    log = (STAMP.format(1) + STAMP.format(2) * 9 + "\n").encode()
    for offset in range(100, 180):
        assert text(log, offset).data == log[offset:]


def test_an_offset_at_the_end_shows_nothing_and_stays() -> None:
    """Also one in what is held back."""
    assert text(ONE, len(ONE)) == LogText(data=b"", next_offset=len(ONE))
    assert text(ONE + "2026", len(ONE) + 2) == LogText(data=b"", next_offset=len(ONE) + 2)
    assert text("", 0) == LogText(data=b"", next_offset=0)


def test_the_archives_own_bytes_are_cut_between_characters_only() -> None:
    """Times stay, and half of one, too."""
    data = f"{ONE}2026-1€".encode()
    part = ArchivedPart(size_bytes=len(data), offset=0, data=data[:-1])
    assert whole_characters(part, 0, is_final=False).data == f"{ONE}2026-1".encode()
    assert whole_characters(part, len(data) - 1, is_final=False).next_offset == len(data) - 1
    rest = ArchivedPart(size_bytes=len(data) - 1, offset=0, data=data[:-1])
    assert whole_characters(rest, 0, is_final=True).data == data[:-1]


@pytest.mark.parametrize(
    ("count", "expected"), [(0, ""), (1, "c"), (2, "b\nc"), (3, "a\nb\nc"), (9, "a\nb\nc")]
)
def test_the_last_lines_are_counted_from_the_end(count: int, expected: str) -> None:
    """A line that is still being written is one; half a time is none."""
    log = "".join(f"{STAMP.format(n)}{word}\n" for n, word in enumerate("abc")).encode()
    for data in (log, log[:-1], log + b"2026-"):
        part = ArchivedPart(size_bytes=len(data), offset=0, data=data)
        start = start_of_last_lines(part, count, is_final=False)
        shown = text_from(part, start, is_final=False).data.decode()
        assert shown.removesuffix("\n") == expected


def test_the_last_lines_of_a_part_begin_with_its_first_whole_line() -> None:
    """What is cut by the part's start is not shown."""
    log = (ONE * 5).encode()
    part = ArchivedPart(size_bytes=len(log), offset=10, data=log[10:])
    start = start_of_last_lines(part, 99, is_final=False)
    assert text_from(part, start, is_final=False).data == b"one\n" * 4
