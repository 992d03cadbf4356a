from __future__ import annotations

import pytest

from acijobs.logs.window import (
    COMPARED_BYTES,
    LOST_MARK,
    Addition,
    ArchivedEnd,
    addition,
    has_lost_lines,
    may_be_of_stopped,
)

T = "2026-11-23T10:00:00.{:09d}Z "


def lines(*texts: str, first: int = 1) -> str:
    return "".join(f"{T.format(first + n)}{text}\n" for n, text in enumerate(texts))


def kept(text: str) -> ArchivedEnd:
    data = text.encode()
    return ArchivedEnd(size_bytes=len(data), data=data[-COMPARED_BYTES:])


def test_many_lines_that_are_the_same_are_counted_by_position_beyond_what_is_compared() -> None:
    """Where nothing has rolled out, even 64 KB of one repeated line and one time stay exact."""
    line = f"{T.format(1)}tick\n"
    count = COMPARED_BYTES // len(line) + 100
    added = addition(kept(line * count), line * (count + 3), ended=False)
    assert added == Addition(data=(line * 3).encode())


def test_lines_that_are_the_same_after_a_lost_place_are_counted_by_position() -> None:
    """The window after a restart is the whole new log: its equal lines are not taken for kept ones."""
    line = f"{T.format(1)}tick\n"
    archived = f"{lines('old')}{LOST_MARK}\n{line}"
    assert addition(kept(archived), line * 3, ended=False).data == (line * 2).encode()


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_window_cut_within_a_character_still_connects(cut: int) -> None:
    """Azure's window starts at any byte; the broken character at its start is not a difference."""
    archived = lines("zero", "one 😀", "two")
    at = archived.encode().index("😀".encode()) + cut
    window = archived.encode()[at:].decode("utf-8", "replace") + lines("three", first=4)
    assert addition(kept(archived), window, ended=False).data == lines("three", first=4).encode()


def test_an_archive_end_that_starts_within_a_character_still_connects() -> None:
    """Only the archive's end is compared, which may start anywhere too."""
    archived = "😀" * COMPARED_BYTES + "\n" + lines("one", "two")
    end = ArchivedEnd(size_bytes=10**7, data=archived.encode()[-COMPARED_BYTES + 1 :])
    window = archived[-2000:] + lines("three", first=3)
    assert addition(end, window, ended=False).data == lines("three", first=3).encode()


def test_text_that_is_no_unicode_still_connects() -> None:
    """A lone surrogate in Azure's JSON is archived as '?' and found again as such."""
    window = lines("gone", "bad \ud800 text", "two")
    archived = window.encode("utf-8", "replace").decode()
    rolled = window[window.index("\n") + 1 :] + lines("three", first=4)
    assert addition(kept(archived), rolled, ended=False).data == lines("three", first=4).encode()


def test_a_line_that_was_cut_by_a_cancel_goes_on_where_it_was_cut() -> None:
    """Nothing is marked as lost when a container wrote on after its log was collected."""
    first = addition(kept(""), f"{lines('one')}{T.format(2)}tw", ended=True)
    assert first.data.endswith(b"tw")
    archived = first.data.decode()
    window = f"{archived}o\n{lines('three', first=3)}"
    assert (
        addition(kept(archived), window, ended=False).data
        == b"o\n" + lines("three", first=3).encode()
    )


def test_a_mark_begins_a_line_of_its_own() -> None:
    """Also where the archive ends within a line."""
    added = addition(kept(T.format(1) + "half"), lines("other", first=900), ended=False)
    assert added.lost
    assert added.data.startswith(f"\n{LOST_MARK}\n".encode())


def test_an_older_window_adds_nothing() -> None:
    """A slow read that is overtaken by another is not taken for a gap."""
    assert addition(kept(lines("a", "b", "c")), lines("a", "b"), ended=False) == Addition(data=b"")


@pytest.mark.parametrize("torn", [1, 20, len(LOST_MARK)])
def test_an_archive_end_that_starts_within_a_mark_still_connects(torn: int) -> None:
    """Also with a late window from before the loss: its lines are not archived twice."""
    newest = lines("three", "four", first=3)
    end = ArchivedEnd(size_bytes=10**7, data=f"{LOST_MARK}\n{newest}".encode()[torn:])
    window = lines("one", "two") + newest
    assert addition(end, window, ended=False) == Addition(data=b"")
    more = lines("five", first=5)
    assert addition(end, window + more, ended=False) == Addition(data=more.encode())


def test_a_last_line_that_is_being_written_counts_for_how_full_a_window_is() -> None:
    """The first window is full with it, and may lack the log's beginning."""
    window = lines(*["x" * 968] * 3999) + "2026-11-23T10:00:01Z " + "y" * 10_000
    assert len(lines(*["x" * 968] * 3999)) < 4_000_000 <= len(window)
    assert addition(kept(""), window, ended=False).lost


def test_half_of_a_time_proves_nothing() -> None:
    """All that a torn first append left is like the start of any line: lost lines are flagged."""
    torn = kept(T.format(1)[:20])
    stopped = lines(*["x"] * 1000, first=2)
    marked = f"\n{LOST_MARK}\n{stopped}".encode()
    assert addition(torn, stopped, ended=True) == Addition(data=marked, lost=True)
    whole = lines("one", "two")
    assert addition(torn, whole, ended=True) == Addition(data=whole.encode()[20:])


def test_the_rest_of_a_cut_line_proves_nothing() -> None:
    """A window that starts with the tail of a line that looks kept may be far behind the archive."""
    added = addition(kept(lines("step 5")), "5\n" + lines("step 900", first=900), ended=False)
    assert added.lost


@pytest.mark.parametrize(
    ("window", "ended", "lost"),
    [
        (lines("x" * 7_000), True, False),
        (lines("x" * 9_000), True, True),
        (lines("x" * 16_384), True, True),
        (lines(*["x"] * 1000), True, True),
        (lines(*["x"] * 1001), True, False),
        (lines("x" * 70_000), True, False),
        (lines(*["x"] * 1000), False, False),
        (lines("x" * 4_000_000), False, True),
    ],
)
def test_a_first_window_as_large_as_allowed_may_lack_its_beginning(
    window: str, *, ended: bool, lost: bool
) -> None:
    """What a stopped container shows at most counts as cut; more than that shows it is not stopped."""
    assert addition(kept(""), window, ended=ended).lost is lost


def test_it_matters_only_for_a_large_first_window_whether_the_container_had_stopped() -> None:
    """So the group is looked at again in this one case only."""
    large = lines(*["x"] * 1000)
    assert may_be_of_stopped(kept(""), large)
    assert not may_be_of_stopped(kept(""), lines("small"))
    assert not may_be_of_stopped(kept(large), large)


def test_a_container_that_prints_the_mark_does_not_forge_it() -> None:
    """Its own lines carry a time, the mark does not."""
    assert not has_lost_lines(lines(LOST_MARK).encode())
    assert has_lost_lines(f"{lines('a')}{LOST_MARK}\n".encode())
    assert has_lost_lines(f"{LOST_MARK}\n{lines('a')}".encode())


def test_an_unstamped_log_ends_in_time_and_is_flagged_when_it_rolls() -> None:
    """A log without times, of many equal lines, is neither joined by guess nor slow."""
    archived = "x\n" * 200_000
    for window in ("y\n" + "x\n" * 100_000, "x\n" * 100_000):
        assert addition(kept(archived), window, ended=False).lost


def test_a_full_window_of_equal_lines_repeats_none() -> None:
    """How many of them have rolled out cannot be told, so all of them count as kept."""
    line = f"{T.format(1)}tick\n"
    window = line * (4_000_000 // len(line) + 1)
    assert addition(kept(line * 200_000), window, ended=False) == Addition(data=b"")


def at(second: float, text: str, end: str = "\n") -> str:
    return f"2026-11-23T10:00:{second:012.9f}Z {text}{end}"


def stopped(log: str) -> str:
    """Return what is left of a log once its container stopped: 16 KB, not counting the times."""
    return log.encode()[-16_384:].decode("utf-8", "replace")


@pytest.mark.parametrize("texts", ["alike", "unlike"])
@pytest.mark.parametrize("size", [12_008, 36_000, 200_000])
def test_a_last_window_that_begins_within_the_last_archived_line_connects(
    size: int, texts: str
) -> None:
    """No repetition, and no false mark: whether the two lines are the same or not."""
    words = "".join(f"{n:07d};" for n in range(size))
    one, two = (words[:size], words[-size:]) if texts == "unlike" else ("x" * size, "x" * 9_000)
    first, second = at(1, one), at(7, two[:9_000])
    added = addition(kept(first), stopped(first + second), ended=True)
    assert added == Addition(data=second.encode())
    assert addition(kept(first), stopped(first), ended=True) == Addition(data=b"")


def test_steady_lines_that_are_all_alike_connect_until_one_may_be_missing() -> None:
    """A gap of twice the usual may be a line that nobody has seen."""
    lines = [at(second, "x" * 12_000) for second in (1, 7, 13, 19, 25)]
    added = addition(kept("".join(lines[:4])), stopped("".join(lines)), ended=True)
    assert added == Addition(data=lines[4].encode())
    assert addition(kept("".join(lines[:3])), stopped("".join(lines)), ended=True).lost


def test_a_burst_of_long_lines_that_are_all_alike_is_flagged() -> None:
    """The rest of one of them is like the rest of any other."""
    burst = "".join(at(7 + n / 1000, "x" * 6_000) for n in range(40))
    added = addition(kept(at(1, "x" * 6_000)), stopped(at(1, "x" * 6_000) + burst), ended=True)
    assert added.lost
    assert LOST_MARK.encode() in added.data


def test_lines_that_end_alike_do_not_connect_by_their_ends() -> None:
    """Records of one form, of which many were written after the last look."""
    records = [at(7 + n / 1000, f'{{"step": {n}, "about": "{"same " * 60}"}}') for n in range(90)]
    window = stopped("".join(records))
    cut = window.index("same ")
    assert addition(kept(records[0]), window[cut:], ended=True).lost


def test_a_line_is_archived_while_it_is_written() -> None:
    """Whatever it is: a prompt, dots, a bar; and its rest follows when it comes."""
    window = lines("one") + at(2, "step 1... ", end="")
    first = addition(kept(lines("one")), window, ended=False)
    assert first.data == at(2, "step 1... ", end="").encode()
    rest = addition(kept(window), f"{window}done\n{at(3, 'two')}", ended=False)
    assert rest == Addition(data=b"done\n" + at(3, "two").encode())
    assert addition(kept(window), window, ended=False) == Addition(data=b"")


def test_a_character_that_is_written_in_two_parts_comes_with_its_second() -> None:
    """What a reader shows for half of it is not archived, unless the container has ended."""
    half = at(1, "caf\N{REPLACEMENT CHARACTER}", end="")
    assert addition(kept(""), half, ended=False).data == at(1, "caf", end="").encode()
    assert addition(kept(""), half, ended=True).data == half.encode()


def bar(frames: int) -> str:
    return "".join(
        f"\r{n:5d}/1000 [{'#' * (n // 100):<20}] {n / 7:6.2f} it/s" for n in range(frames)
    )


@pytest.mark.parametrize("seen", [1, 150, 700, 999])
@pytest.mark.parametrize("end", ["", "\n", "\n2026-11-23T10:00:09Z bye\n"])
def test_a_progress_bar_of_40_kb_is_exact(seen: int, end: str) -> None:
    """While it grows, and where the last window begins within it; or it is flagged."""
    assert len(bar(1000)) > 40_000
    whole = at(1, bar(1000), end="") + end
    part = addition(kept(""), at(1, bar(seen), end=""), ended=False)
    assert part == Addition(data=at(1, bar(seen), end="").encode())
    assert (
        addition(kept(part.data.decode()), whole, ended=False).data
        == whole.encode()[len(part.data) :]
    )
    added = addition(kept(part.data.decode()), stopped(whole), ended=True)
    if seen < 700:
        assert added.lost
    else:
        assert added == Addition(data=whole.encode()[len(part.data) :])


def test_dots_are_flagged_once_nobody_can_tell_how_many_there_were() -> None:
    """And are archived once, however often the end is fetched."""
    archived = at(1, "." * 35_000, end="")
    window = stopped("." * 40_000)
    added = addition(kept(archived), window, ended=True)
    assert added == Addition(data=f"\n{LOST_MARK}\n{window}".encode(), lost=True)
    again = kept(archived + added.data.decode())
    assert addition(again, window, ended=True) == Addition(data=b"")


def test_an_endless_line_of_dots_is_not_archived_again_and_again() -> None:
    """It rolls out of the running container's window, and says so in the reply only."""
    window = "." * 4_100_000
    added = addition(kept(at(1, "." * 4_200_000, end="")), window, ended=False)
    assert added == Addition(data=b"", lost=True)


def test_a_long_line_that_rolls_while_it_grows_goes_on() -> None:
    """Neither what is compared nor the window holds its time."""
    words = "".join(f"{n:07d};" for n in range(600_000))
    archived = at(1, words[:4_500_000], end="")
    added = addition(kept(archived), words[500_000:4_600_000], ended=False)
    assert added == Addition(data=words[4_500_000:4_600_000].encode())
    older = addition(kept(archived), words[300_000:4_490_000], ended=False)
    assert older == Addition(data=b"")


@pytest.mark.parametrize("letter", [".", "ab", "\r"])
def test_a_hostile_line_is_joined_soon(letter: str) -> None:
    """However often a line repeats itself, and wherever it stops doing so."""
    archived = at(1, letter * 60_000 + "x", end="")
    for text in (letter * 60_000, letter * 30_000 + "y", letter * 60_000 + "x" + letter * 9):
        addition(kept(archived), text[-16_384:], ended=True)
        addition(kept(archived), text, ended=False)


def test_what_a_container_writes_like_a_time_is_none() -> None:
    """What is compared may begin there, within a line: a job must not end its own watch by that."""
    archived = f"9999-99-99T99:99:99Z x\n{lines('q' * 100, 'q' * 100)}"
    window = f"{'q' * 80}\n{lines('more', first=3)}"
    assert addition(kept(archived), window, ended=False).data == lines("more", first=3).encode()
