"""The commands of a page, in their order, each with what the page shows as its output."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SAVED_AS = re.compile(r"\bas `([\w.-]+)`:\s*$")
_ANYTHING = "…"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command, as it stands behind a `$`.

    Attributes:
        command: The command, which may have several lines.
        shown: What the page shows of its output; `…` stands for anything. Empty where nothing is shown.
        where: The page and the line, for messages.
    """

    command: str
    shown: str
    where: str

    def is_as_shown(self, output: str) -> bool:
        """Tell whether this output is what the page shows, but for blanks."""
        parts = (re.escape(part) for part in " ".join(self.shown.split()).split(_ANYTHING))
        pattern = ".*".join(parts)
        return re.fullmatch(pattern, " ".join(output.split()), re.DOTALL) is not None


@dataclass(frozen=True, kw_only=True)
class SavedFile:
    """A block that the page says to save under a name.

    Attributes:
        name: The file's name.
        text: What is in it.
    """

    name: str
    text: str


def parts_of(page: Path, section: str = "") -> list[Step | SavedFile]:
    """Return the commands of a page, and the files that it says to save, in their order.

    Args:
        page: The page.
        section: The heading of the section that is meant; empty for the whole page.
    """
    text, begins_at = _section(page.read_text("utf-8"), section)
    parts: list[Step | SavedFile] = []
    for block in _BLOCK.finditer(text):
        language, content = block[1], block[2]
        saved = _SAVED_AS.search(text[: block.start()])
        line = begins_at + text.count("\n", 0, block.start()) + 2
        if language == "console":
            parts += _steps(content, page.name, line)
        elif saved:
            parts.append(SavedFile(name=saved[1], text=content))
    return parts


def steps_of(page: Path, section: str = "") -> list[Step]:
    """Return the commands only."""
    return [part for part in parts_of(page, section) if isinstance(part, Step)]


def replaced(part: Step | SavedFile, words: Mapping[str, str]) -> Step | SavedFile:
    """Return the command or file with other words in place of the page's, its ports for example."""
    if isinstance(part, SavedFile):
        return SavedFile(name=part.name, text=_replaced(part.text, words))
    command, shown = _replaced(part.command, words), _replaced(part.shown, words)
    return Step(command=command, shown=shown, where=part.where)


def _replaced(text: str, words: Mapping[str, str]) -> str:
    for old, new in words.items():
        text = text.replace(old, new)
    return text


def _section(text: str, title: str) -> tuple[str, int]:
    if not title:
        return text, 0
    before, found, after = text.partition(f"\n## {title}\n")
    assert found, f"there is no section {title!r}"
    return after.split("\n## ", 1)[0], before.count("\n") + 2


def _steps(block: str, page: str, line: int) -> Iterator[Step]:
    command, shown, at = "", list[str](), line
    for number, text in enumerate(block.splitlines(), line):
        if command and not _is_whole(command):
            command += f"\n{text}"
        elif text.startswith("$ "):
            if command:
                yield Step(command=command, shown="\n".join(shown), where=f"{page}:{at}")
            command, shown, at = text.removeprefix("$ "), [], number
        else:
            shown.append(text)
    if command:
        yield Step(command=command, shown="\n".join(shown), where=f"{page}:{at}")


@cache
def _is_whole(command: str) -> bool:
    """Tell whether a shell would run this, and not wait for another line."""
    if command.endswith("\\"):
        return False
    read = subprocess.run(["bash", "-n", "-c", command], check=False, capture_output=True)
    return read.returncode == 0
