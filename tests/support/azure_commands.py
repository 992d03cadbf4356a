"""The commands for Azure that the documentation names, as words."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from guide import steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_SPAN = re.compile(r"`((?:az|azd) [^`…]+)`")
_WITHIN = re.compile(r"\$\(([^()]*)\)")


def commands_of(program: str) -> list[tuple[str, list[str]]]:
    """Return every command of `az` or `azd` in the documentation: where it is, and the words behind it.

    A span of code in a sentence counts where it has an option, or is of azd.
    """
    found = []
    for page in PAGES:
        texts = [(step.where, step.command) for step in steps_of(page)]
        spans = _SPAN.findall(
            re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        )
        texts += [(page.name, span) for span in spans if " -" in span or span.startswith("azd ")]
        found += [
            (where, words[1:])
            for where, text in texts
            for words in simple_commands(text)
            if words[0] == program
        ]
    return found


def simple_commands(text: str) -> Iterator[list[str]]:
    """Yield each simple command of a line of shell, those within `$( )` first."""
    text = text.replace("\\\n", " ")
    while within := _WITHIN.search(text):
        yield from simple_commands(within[1])
        text = text[: within.start()] + "VALUE" + text[within.end() :]
    words = shlex.shlex(text, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    command: list[str] = []
    for word in [*words, ";"]:
        if set(word) <= set("();<>|&{}"):
            if command:
                yield command
            command = []
        else:
            command.append(word)
