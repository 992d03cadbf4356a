from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from acijobs.logs import window as log_window
from acijobs.logs import within_line
from acijobs.logs.window import LOST_MARK, Addition, ArchivedEnd, addition
from acijobs_log_model import ServiceLog, Window

if TYPE_CHECKING:
    from collections.abc import Iterable

RUNNING_BYTES = 600
STOPPED_BYTES = 240
STOPPED_LINES = 5
COMPARED = 300
PROOF = 40
MARK = f"{LOST_MARK}\n".encode()
STAMP_AT_LINE_START = re.compile(rb"(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
SMALL: dict[str, Any] = {
    "_RUNNING_LIMIT_BYTES": RUNNING_BYTES,
    "_STOPPED_LIMIT_BYTES": STOPPED_BYTES,
    "_STOPPED_LIMIT_LINES": STOPPED_LINES,
    "COMPARED_BYTES": COMPARED,
}
TEXTS = st.text(alphabet="ab é漢😀\r\ufffd\u2028", max_size=9) | st.just("same again")
"""Too short to prove a place within a line; what is longer here is never the same again."""

CUT_CHARACTER_BYTES = bytes(range(0x80, 0xC0))
FRAME = "\r{:06d}|{:<12}|"


class _LogIsJoined(RuleBasedStateMachine):
    """However the log is written, read, repeated and torn, what is kept is what Azure showed.

    No two lines here are the same to the nanosecond; the test after this one has such lines.
    """

    def __init__(self) -> None:
        super().__init__()
        self.service = ServiceLog(
            running_bytes=RUNNING_BYTES, stopped_bytes=STOPPED_BYTES, stopped_lines=STOPPED_LINES
        )
        self.archive = b""
        self.run = 0
        self.kept_to = 0
        self.count = 0
        self.older: Window | None = None
        self.patches = ExitStack()

    @initialize()
    def begin(self) -> None:
        self.patches.enter_context(patch.multiple(log_window, **SMALL))
        self.patches.enter_context(patch.object(within_line, "PROOF_BYTES", PROOF))

    def teardown(self) -> None:
        self.patches.close()

    @precondition(lambda self: not self.service.is_stopped)
    @rule(texts=st.lists(TEXTS, min_size=1, max_size=12))
    def write_lines(self, texts: list[str]) -> None:
        for text in texts:
            self.service.write(text)

    @precondition(lambda self: not self.service.is_stopped)
    @rule(lines=st.integers(min_value=2, max_value=6))
    def write_lines_at_one_time(self, lines: int) -> None:
        self.service.write("burst")
        for _ in range(lines):
            self.count += 1
            self.service.write(f"{self.count:06d}", same_time=True)

    @precondition(lambda self: not self.service.is_stopped)
    @rule(text=TEXTS)
    def write_part_of_a_line(self, text: str) -> None:
        self.count += 1
        self.service.write(f"{self.count:06d}{text[:6]}", ends_line=False)

    @precondition(lambda self: not self.service.is_stopped)
    @rule(frames=st.integers(min_value=1, max_value=60), ends_line=st.booleans())
    def draw_a_bar(self, frames: int, *, ends_line: bool) -> None:
        for frame in range(frames):
            self.count += 1
            self.service.write(FRAME.format(self.count, "#" * (frame % 13)), ends_line=False)
        if ends_line:
            self.service.write("")

    @precondition(lambda self: not self.service.is_stopped)
    @rule(size=st.sampled_from([100, 200, 250, 350, 700]), end=st.sampled_from(["", "é", "\r"]))
    def write_a_long_line(self, size: int, end: str) -> None:
        self.count += 1
        words = "".join(f"{self.count:06d}.{word:05d};" for word in range(size // 13))
        self.service.write(words + end)

    @precondition(lambda self: not self.service.is_stopped)
    @rule()
    def restart(self) -> None:
        # All that is kept of the log may be half of its first time, which the next one shares.
        if self.since_mark() == 0 or STAMP_AT_LINE_START.search(self.archive[-self.since_mark() :]):
            self.service.restart()

    @precondition(lambda self: not self.service.is_stopped)
    @rule()
    def stop(self) -> None:
        self.service.stop()

    @rule()
    def poll(self) -> None:
        self.lay(self.service.read(), ended=self.service.is_stopped)

    @rule()
    def poll_and_crash_before_the_reply(self) -> None:
        window, ended = self.service.read(), self.service.is_stopped
        self.lay(window, ended=ended)
        before = self.archive
        self.lay(window, ended=ended)
        assert self.archive == before

    @rule(share=st.floats(min_value=0, max_value=1))
    def poll_and_crash_within_the_append(self, share: float) -> None:
        self.lay(self.service.read(), ended=self.service.is_stopped, written_share=share)

    @rule()
    def collect_because_of_a_cancel(self) -> None:
        """The container may still run, and write."""
        self.lay(self.service.read(), ended=True)

    @rule()
    def begin_a_slow_read(self) -> None:
        self.older = self.service.read()

    @precondition(lambda self: self.older is not None)
    @rule()
    def end_the_slow_read(self) -> None:
        assert self.older is not None
        window, self.older = self.older, None
        if window.run == self.service.run and self.kept_to - window.end < COMPARED // 2:
            # Whether a first window is a stopped container's is found out by the use case.
            self.lay(window, ended=window.is_stopped and not self.archive)

    def lay(self, window: Window, *, ended: bool, written_share: float = 1) -> None:
        kept = ArchivedEnd(size_bytes=len(self.archive), data=self.archive[-COMPARED:])
        added = addition(kept, window.text, ended=ended)
        # While a line is written, its last character may not be whole yet.
        left = 0 if ended else len(window.text) - len(window.text.rstrip("\ufffd"))
        end = window.end - left * len("\ufffd".encode())
        if end <= window.start:  # nothing to see yet
            assert added == Addition(data=b"")
            return
        self.check(added, window, end, ended=ended)
        self.keep(added, end, written_share)

    def check(self, added: Addition, window: Window, end: int, *, ended: bool) -> None:
        """Compare with what is known of both sides; only what nobody can know is left open."""
        shown = window.text.encode()[: len(window.text.encode()) - (window.end - end)]
        marked = (b"\n" if self.archive[-1:] not in {b"", b"\n"} else b"") + MARK + shown
        truth = self.service.whole
        if not self.archive:
            full = self.is_as_large_as_allowed(window.text.encode(), ended=ended)
            if window.start > 0 or (added.lost and full):
                assert added == Addition(data=marked, lost=True)
            else:
                assert added == Addition(data=truth[:end])
            return
        if self.archive.endswith(MARK):  # torn right behind the mark
            assert added == Addition(data=shown, lost=True)
            return
        if window.run != self.run or window.start > self.kept_to:
            assert added == Addition(data=marked, lost=True), "lines were lost, but not flagged"
            return
        if added.lost:
            assert added.data == marked
            start = max(window.start, self.kept_to - min(self.since_mark(), COMPARED))
            shared = truth[start : min(self.kept_to, end)]
            if b"\n" not in shared and truth.count(shared) > 1:
                return  # all that is known is how several lines of one time begin
            assert not STAMP_AT_LINE_START.search(shared), "false alarm"
            of_last_line = shared[shared.rfind(b"\n", 0, -1) + 1 :]
            assert len(of_last_line.lstrip(CUT_CHARACTER_BYTES)) < PROOF, "false alarm"
            return
        assert added.data == truth[self.kept_to : end]

    def since_mark(self) -> int:
        at = self.archive.rfind(MARK)
        return len(self.archive) - (at + len(MARK) if at >= 0 else 0)

    def keep(self, added: Addition, end: int, share: float) -> None:
        # An append of the mark is torn behind it at the earliest; it is one block, or one write.
        floor = added.data.find(MARK) + len(MARK) if MARK in added.data else 0
        written = floor + round((len(added.data) - floor) * share)
        self.archive += added.data[:written]
        if added.lost or self.run != self.service.run or self.kept_to < end:
            self.run = self.service.run
            unwritten = len(added.data) - written
            self.kept_to = max(end - unwritten, 0)

    @staticmethod
    def is_as_large_as_allowed(shown: bytes, *, ended: bool) -> bool:
        if len(shown) >= (STOPPED_BYTES if ended else RUNNING_BYTES):
            return True
        lines = shown.count(b"\n") + (not shown.endswith(b"\n"))
        return ended and lines >= STOPPED_LINES


TestLogIsJoined = _LogIsJoined.TestCase
TestLogIsJoined.settings = settings(
    max_examples=500,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def polls(service: ServiceLog, writes: Iterable[list[str]]) -> Iterable[Window]:
    """Write each batch of lines at one time only, and read after each."""
    for batch in writes:
        for text in batch:
            service.write(text, same_time=True)
        yield service.read()


@given(st.lists(st.lists(st.sampled_from(["x", "y", ""]), max_size=8), min_size=1, max_size=8))
def test_lines_that_are_the_same_to_the_nanosecond_are_kept_while_none_has_rolled_out(
    writes: list[list[str]],
) -> None:
    """Equal times and equal lines are exact as long as Azure still has the whole log."""
    service = ServiceLog(running_bytes=10**9, stopped_bytes=10**9, stopped_lines=10**9)
    archive = b""
    for window in polls(service, writes):
        kept = ArchivedEnd(size_bytes=len(archive), data=archive[-log_window.COMPARED_BYTES :])
        archive += addition(kept, window.text, ended=False).data
    assert archive == service.whole


@given(st.lists(st.lists(st.sampled_from(["x", "y", ""]), max_size=8), min_size=1, max_size=20))
def test_no_line_is_repeated_however_many_are_the_same_to_the_nanosecond(
    writes: list[list[str]],
) -> None:
    """Where lines that roll out cannot be told apart, one may be missing, but none comes twice."""
    service = ServiceLog(running_bytes=RUNNING_BYTES, stopped_bytes=240, stopped_lines=5)
    archive = b""
    with patch.multiple(log_window, **SMALL):
        for window in polls(service, writes):
            kept = ArchivedEnd(size_bytes=len(archive), data=archive[-COMPARED:])
            added = addition(kept, window.text, ended=False)
            assert not added.lost
            archive += added.data
    assert len(archive) <= len(service.whole)
    assert service.whole.endswith(archive[-20:])
