"""The commands of azd that the documentation uses, with what each takes.

Source: the usage texts in github.com/Azure/azure-dev, cli/azd/cmd/testdata/TestUsage-azd-*.snap,
read 2026-11-26.
"""

from __future__ import annotations

from dataclasses import dataclass

_EVERYWHERE = {"--debug", "--no-prompt", "--help", "-h", "--docs"}
_EVERYWHERE_WITH_VALUE = {"--cwd", "-C"}


@dataclass(frozen=True, kw_only=True)
class AzdCommand:
    """A command of azd.

    Attributes:
        words: How many words it takes, at least and at most.
        flags: Flags without a value.
        options: Flags with one.
    """

    words: tuple[int, int] = (0, 0)
    flags: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()


_ENVIRONMENT = frozenset({"-e", "--environment"})
_NEW = frozenset({"-l", "--location", "--subscription"})

COMMANDS = {
    "auth login": AzdCommand(
        flags=frozenset({"--check-status", "--managed-identity", "--use-device-code"}),
        options=frozenset({"--client-id", "--client-secret", "--tenant-id"}),
    ),
    "config set": AzdCommand(words=(2, 2)),
    "deploy": AzdCommand(words=(0, 1), flags=frozenset({"--all"}), options=_ENVIRONMENT),
    "down": AzdCommand(
        words=(0, 1), flags=frozenset({"--all", "--force", "--purge"}), options=_ENVIRONMENT
    ),
    "env get-value": AzdCommand(words=(1, 1), options=_ENVIRONMENT),
    "env new": AzdCommand(words=(1, 1), options=_NEW),
    "env set": AzdCommand(words=(1, 2), options=_ENVIRONMENT | {"--file"}),
    "provision": AzdCommand(
        words=(0, 1), flags=frozenset({"--no-state", "--preview"}), options=_ENVIRONMENT
    ),
    "up": AzdCommand(options=_ENVIRONMENT | _NEW),
}


def complaint_of(words: list[str]) -> str:
    """Return what is wrong with the words behind `azd`; empty if nothing is."""
    name = next((n for n in COMMANDS if words[: len(n.split())] == n.split()), "")
    if not name:
        return "is no command of azd that is known here"
    command, rest = COMMANDS[name], words[len(name.split()) :]
    given = 0
    while rest:
        word = rest.pop(0)
        if word in command.options | _EVERYWHERE_WITH_VALUE:
            if not rest:
                return f"{word} needs a value"
            rest.pop(0)
        elif word.startswith("-"):
            if word not in command.flags | _EVERYWHERE:
                return f"{word} is no flag of azd {name}"
        else:
            given += 1
    least, most = command.words
    return "" if least <= given <= most else f"azd {name} takes {least} to {most} words"
