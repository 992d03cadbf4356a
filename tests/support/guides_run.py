"""Which commands of the documentation tests run, and which they do not, with the reason."""

from __future__ import annotations

from dataclasses import dataclass

from azure_commands import PAGES, ROOT, simple_commands
from guide import SavedFile, Step, parts_of

OF_AZURE = "of Azure"
NOT_RUN = {
    "pip install ": "an installation",
    "npx ": "an installation",
    "make demo     #": "the tutorial runs it",
    "make test": "it would run itself",
    ".venv/bin/python -m pytest": "it would run itself",
    "make env": "it writes into the checkout: what it writes is tested on its own",
    "func start": "it needs Core Tools",
    "OTEL_EXPORTER_OTLP_ENDPOINT=": "telemetry is tested on its own",
    "make package": "for Azure: what it makes is tested on its own",
    "-m deployment.probe $URL": "of Azure: tested on its own",
    "git checkout v": "another release: upgrades are tested on their own",
    "curl $URL/api/health ": "it is that release which answers",
    "jobs.example.com": "its receiver is on the internet",
    "Telemetry=otlp ": "it needs a collector: telemetry is tested on its own",
    "SEAL_KEY=": "an operator's key: its use is tested on its own",
    "curl -X POST $URL/api/jobs": "of Azure, as in the tutorial, which runs it",
}
"""By a part of the command. What is of `az` and `azd` is checked by their parsers instead."""


@dataclass(frozen=True, kw_only=True)
class GuideRun:
    """One page that is run, or a section of it.

    Attributes:
        page: The page, from the root.
        section: The heading; empty for the whole page.
        has_azure: Whether what it asks of `az` is run, too, since the service is at hand.
    """

    page: str
    section: str = ""
    has_azure: bool = False

    @property
    def parts(self) -> list[Step | SavedFile]:
        """The commands that are run, and the files that are saved."""
        found = parts_of(ROOT / self.page, self.section)
        fine = {"", OF_AZURE} if self.has_azure else {""}
        return [part for part in found if isinstance(part, SavedFile) or reason_of(part) in fine]


WITH_KEYS = (
    GuideRun(page="docs/guides/many-jobs.md"),
    GuideRun(page="docs/guides/arrays.md"),
    GuideRun(page="docs/guides/capability-urls.md"),
    GuideRun(page="docs/guides/dry-run.md"),
    GuideRun(page="docs/guides/openapi.md"),
    GuideRun(page="docs/runbooks/cost.md"),
)
"""Run with `URL` and `KEY` of an app that asks for keys."""

WITHOUT_KEYS = (
    GuideRun(page="README.md"),
    GuideRun(page="docs/guides/follow-logs.md"),
    GuideRun(page="docs/guides/secrets.md", section="On the local stack"),
)
"""Run beside a local stack."""

FROM_MAKE_UP = (GuideRun(page="docs/guides/run-locally.md"),)
"""Pages that start the stack themselves."""

ON_AZURITE = (
    GuideRun(page="docs/guides/start-from-a-queue.md", section="On your machine", has_azure=True),
)
"""Run with the Azure CLI and Azurite."""

ON_THEIR_OWN = ("docs/tutorial.md", "docs/guides/azure-cli.md")
"""Pages with a test of their own that runs all of it."""


def reason_of(step: Step) -> str:
    """Return why a command is not run; empty if it is."""
    if any(words[0] in {"az", "azd"} for words in simple_commands(step.command)):
        return OF_AZURE
    return next((why for words, why in NOT_RUN.items() if words in step.command), "")


def steps_left_out() -> list[Step]:
    """Return every command of the documentation that no test runs, and that has no reason not to be."""
    run = [*WITH_KEYS, *WITHOUT_KEYS, *FROM_MAKE_UP, *ON_AZURITE]
    known = {part.where for each in run for part in each.parts if isinstance(part, Step)}
    return [
        step
        for page in PAGES
        if str(page.relative_to(ROOT)) not in ON_THEIR_OWN
        for step in parts_of(page)
        if isinstance(step, Step) and step.where not in known and not reason_of(step)
    ]
