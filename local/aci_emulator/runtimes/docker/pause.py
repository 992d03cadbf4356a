"""The image of the container that holds a group's network and volumes: one program that sleeps.

It is made here, byte by byte, because the engine may reach no registry to pull one from.
"""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile

from aci_emulator.runtimes.contract import RuntimeRefusalError

REPOSITORY = "localhost/aci-emulator-pause"
PROGRAM = "/pause"
VOLUMES = "/volumes"

_LOAD_ADDRESS = 0x400000
_HEADERS = 64 + 56
# Machine code that waits for a signal for ever. x86-64: pause(2); arm64 has none: ppoll(2) on nothing.
_MACHINES = {
    "amd64": (62, bytes.fromhex("b8220000000f05ebf7")),  # mov eax,34; syscall; jmp back
    "arm64": (
        183,
        struct.pack(
            "<7I",
            0xD2800000,  # mov x0, 0
            0xD2800001,  # mov x1, 0
            0xD2800002,  # mov x2, 0
            0xD2800003,  # mov x3, 0
            0xD2800928,  # mov x8, 73
            0xD4000001,  # svc 0
            0x17FFFFFA,  # b back to the first
        ),
    ),
}
_ALIASES = {"x86_64": "amd64", "aarch64": "arm64"}


def pause_image(architecture: str) -> tuple[str, bytes]:
    """Return the tag and the root file system (tar) of the image for an engine's architecture.

    Raises:
        RuntimeRefusalError: `Unsupported`: no program is known for it.
    """
    known = _ALIASES.get(architecture, architecture)
    if known not in _MACHINES:
        text = f"the docker runtime has no pause program for the engine's '{architecture}'"
        raise RuntimeRefusalError("Unsupported", text)
    program = _executable(*_MACHINES[known])
    tag = f"{known}-{hashlib.sha256(program).hexdigest()[:12]}"
    return tag, _tar(program)


def _executable(machine: int, code: bytes) -> bytes:
    """Return a static ELF program of one loaded segment."""
    entry, size = _LOAD_ADDRESS + _HEADERS, _HEADERS + len(code)
    identity = b"\x7fELF" + bytes([2, 1, 1, 0]) + bytes(8)
    head = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, _LOAD_ADDRESS, _LOAD_ADDRESS, size, size, 0x1000)
    return identity + head + load + code


def _tar(program: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folder = tarfile.TarInfo(VOLUMES.lstrip("/"))
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        file = tarfile.TarInfo(PROGRAM.lstrip("/"))
        file.size, file.mode = len(program), 0o755
        tar.addfile(file, io.BytesIO(program))
    return buffer.getvalue()
