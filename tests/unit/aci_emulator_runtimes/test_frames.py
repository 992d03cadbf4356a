"""Taking apart the engine's multiplexed output."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from aci_emulator.runtimes.docker.stream import FrameReader


def frame(stream: int, data: bytes) -> bytes:
    """Return one frame as an engine sends it."""
    return struct.pack(">BxxxI", stream, len(data)) + data


@given(
    frames=st.lists(st.tuples(st.integers(1, 2), st.binary(max_size=300))),
    cut=st.lists(st.integers(1, 50), min_size=1),
)
def test_output_is_the_frames_content_however_it_is_cut(
    frames: list[tuple[int, bytes]], cut: list[int]
) -> None:
    """Headers are removed, empty frames vanish, and order is kept, for any chunk borders."""
    wire = b"".join(frame(stream, data) for stream, data in frames)
    reader, found, at, turn = FrameReader(), b"", 0, 0
    while at < len(wire):
        size = cut[turn % len(cut)]
        found += reader.feed(wire[at : at + size])
        at, turn = at + size, turn + 1
    assert found == b"".join(data for _, data in frames)
    lengths = {n: sum(len(data) for stream, data in frames if stream == n) for n in (1, 2)}
    assert reader.taken == lengths


def test_output_is_given_before_its_frame_is_whole() -> None:
    """A frame that is still arriving is passed on as far as it has come."""
    reader = FrameReader()
    assert reader.feed(frame(1, b"hello world")[:13]) == b"hello"
    assert reader.feed(b" world") == b" world"
