"""Which image names the process runtime takes for image names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aci_emulator.runtimes.contract import RuntimeRefusalError
from aci_emulator.runtimes.process.runtime import ProcessRuntime

if TYPE_CHECKING:
    from pathlib import Path

GOOD = [
    "busybox",
    "busybox:1.36",
    "mcr.microsoft.com/azuredocs/aci-helloworld:latest",
    "localhost:5000/a/b_c/d--e:V1.0_x",
    "Team.azurecr.io/app@sha256:" + "a" * 64,
]
BAD = [
    "",
    " ",
    "UPPER",
    "a//b",
    "a:",
    "a:b:c",
    "-a",
    "a@sha256:short",
    "a b",
    "a\n",
    "http://x/y",
    "a/",
    "a:" + "t" * 129,
]


@pytest.mark.parametrize("image", GOOD)
async def test_a_reference_gets_an_identity(tmp_path: Path, image: str) -> None:
    """The same for the same reference, another for another."""
    runtime = ProcessRuntime(tmp_path)
    assert await runtime.pull(image, ()) == await runtime.pull(image, ())
    assert await runtime.pull(image, ()) != await runtime.pull(f"x/{'y' * 3}", ())


@pytest.mark.parametrize("image", BAD)
async def test_what_is_no_reference_is_refused(tmp_path: Path, image: str) -> None:
    """By the grammar of the distribution specification."""
    with pytest.raises(RuntimeRefusalError) as caught:
        await ProcessRuntime(tmp_path).pull(image, ())
    assert caught.value.code == "InaccessibleImage"
