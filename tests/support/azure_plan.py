"""Stand-ins for `az` and `azd`: they note what they are asked, and answer as a deployment would.

What a deployment would have made is the committed snapshot of the templates; so a command that asks for
an output that the templates do not have, or for another app's key, fails here as it would there.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra_templates import committed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PROGRAM = """#!{python}
import json, pathlib, sys
folder = pathlib.Path({folder!r})
asked = [{name!r}, *sys.argv[1:]]
with (folder / "asked.jsonl").open("a") as notes:
    notes.write(json.dumps(asked) + "\\n")
for known, answer in json.loads((folder / "answers.json").read_text()):
    if known == asked:
        print(answer, end="")
        sys.exit(0)
sys.exit("no such thing was deployed: " + " ".join(asked))
"""


@dataclass(frozen=True, kw_only=True)
class AzurePlan:
    """The two programs, in a folder for the front of the PATH.

    Attributes:
        folder: Where they are, and what they were asked.
    """

    folder: Path

    @classmethod
    def made(cls, folder: Path, *, answers: Mapping[str, str]) -> AzurePlan:
        """Make the programs.

        Args:
            folder: Where.
            answers: What is answered, by the whole command; nothing else succeeds.
        """
        folder.mkdir(parents=True)
        pairs = [[command.split(), answer] for command, answer in answers.items()]
        (folder / "answers.json").write_text(json.dumps(pairs), "utf-8")
        for name in ("az", "azd"):
            program = folder / name
            program.write_text(
                _PROGRAM.format(python=sys.executable, folder=str(folder), name=name), "utf-8"
            )
            program.chmod(0o755)
        return cls(folder=folder)

    @property
    def asked(self) -> list[str]:
        """What was asked, in its order."""
        notes = (self.folder / "asked.jsonl").read_text("utf-8")
        return [" ".join(json.loads(line)) for line in notes.splitlines()]


def outputs() -> dict[str, str]:
    """Return what the templates give to azd, with the parameters of the default deployment."""
    found: dict[str, str] = committed("flex")["outputs"]
    return found
