"""The user's own labels, by which jobs are found again."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from acijobs.domain.spec.model import told_as
from acijobs.domain.spec.wrong import wrong

MAX_LABELS = 20
MAX_VALUE_CHARS = 128

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?")


def _is_label_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise wrong(
            "is not a label name: use 1 to 63 letters, digits and '.', '_', '-', '/', "
            "with a letter or digit at both ends"
        )
    return value


def _is_label_value(value: str) -> str:
    if any(not character.isprintable() for character in value):
        raise wrong("must have printable characters only")
    return value


LabelName = Annotated[str, AfterValidator(_is_label_name), told_as(_NAME)]
Labels = Annotated[
    dict[
        LabelName,
        Annotated[str, Field(max_length=MAX_VALUE_CHARS), AfterValidator(_is_label_value)],
    ],
    Field(max_length=MAX_LABELS),
]
"""Kept with the job and searched for in the list of jobs; Azure does not see them."""
