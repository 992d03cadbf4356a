"""The command of a container."""

from __future__ import annotations

import json
import shlex
from typing import Annotated

from pydantic import BeforeValidator, Field

from acijobs.domain.spec.text import Text
from acijobs.domain.spec.wrong import wrong

_MAX_TAKEN_APART_CHARS = 1_000
"""Longest text for which a list is shown: a body may be one."""


def _words(text: str) -> list[str]:
    """Return the words of a command line; none where there are none, or too many to be shown."""
    if len(text) > _MAX_TAKEN_APART_CHARS:
        return []
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _is_command(value: object) -> object:
    if isinstance(value, str):
        words = _words(value)
        if not words:
            raise wrong("must be a list of strings, not a string")
        shown = json.dumps(words, ensure_ascii=False)
        raise wrong(f"must be a list of strings, because no shell takes it apart: use {shown}")
    if isinstance(value, list) and (not value or value[0] == ""):
        raise wrong("must name an executable first; leave it out for the image's own entry point")
    return value


Command = Annotated[
    Annotated[list[Text], Field(min_length=1, max_length=1024)] | None, BeforeValidator(_is_command)
]
"""Executable and arguments; None for the image's entry point. No shell is added."""
