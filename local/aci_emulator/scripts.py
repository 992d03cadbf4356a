"""Scripts of the scripted runtime: how containers behave without a process."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BeforeValidator

from aci_emulator.documents import Document, Number, Whole, read

COMMAND = "script"
"""A command that begins with this word is a script by itself."""


def _none_if_forever(value: object) -> object:
    return None if value is False or value == "forever" else value


class Script(Document):
    """How containers behave whose image, name and command match.

    A container whose command is `["script", "run_s=20", "exit_code=3", "lines=30"]` follows that,
    whatever scripts there are; so a client can say by itself what its container shall do.

    Attributes:
        image, container: Globs over the image reference and the container's name.
        pull_s: How long the pull takes.
        run_s: How long it runs; None for ever (`false` in TOML, `forever` in a command).
        exit_code: What it ends with.
        exit_codes: What its first, second, … start ends with; later starts with `exit_code`.
        lines: How many lines it prints, evenly over its run, the first at once: `line 1`, ….
        output: Further output, printed at its start as it is.
        digest_of: Glob over its variables; of each the name and the SHA-256 are printed at its start.
        detail: `OOMKilled`, or empty.
        refuse: A `RuntimeRefusalError` code to answer its pull or start with.
    """

    image: str = "*"
    container: str = "*"
    pull_s: Number = 0.0
    run_s: Annotated[Number | None, BeforeValidator(_none_if_forever)] = 1.0
    exit_code: Whole = 0
    exit_codes: tuple[Whole, ...] = ()
    lines: Whole = 0
    output: str = ""
    digest_of: str = ""
    detail: str = ""
    refuse: Literal[
        "", "InaccessibleImage", "RegistryErrorResponse", "CommandNotFound", "Unsupported"
    ] = ""


def script_of(command: tuple[str, ...]) -> Script:
    """Return the script a command spells out, word by word.

    Raises:
        DocumentError: it spells something unknown.
    """
    words = dict(word.partition("=")[::2] for word in command[1:])
    return read(Script, {name: _value(name, text) for name, text in words.items()})


def _value(name: str, text: str) -> object:
    """Return a word's value as TOML would have given it."""
    field = Script.model_fields.get(name)
    if field is None or isinstance(field.default, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
