"""Whether azure-cli would take a command: asked of its own parser, which runs nothing."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = """
import contextlib, io, json, sys
from azure.cli.core import get_default_cli
from knack.events import EVENT_INVOKER_POST_PARSE_ARGS

class Parsed(BaseException):
    pass

def stop(cli, **given):
    raise Parsed

complaints = []
for line in sys.stdin:
    cli, words, said = get_default_cli(), json.loads(line), io.StringIO()
    cli.register_event(EVENT_INVOKER_POST_PARSE_ARGS, stop)
    cli.invocation = cli.invocation_cls(
        cli_ctx=cli,
        parser_cls=cli.parser_cls,
        commands_loader_cls=cli.commands_loader_cls,
        help_cls=cli.help_cls,
    )
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            cli.invocation.execute(list(words))
            complaints.append([words, "was not parsed"])
        except Parsed:
            pass
        except BaseException as problem:
            complaints.append([words, f"{type(problem).__name__}: {problem} {said.getvalue()}"])
json.dump(complaints, sys.stdout)
"""


def complaints_of(az: Path, commands: list[list[str]], folder: Path) -> list[str]:
    """Return what azure-cli's parser says against these commands.

    Args:
        az: The path of `az`; its Python is beside it.
        commands: The words behind `az`, of each command.
        folder: Where it keeps its configuration.
    """
    done = subprocess.run(
        [str(az.with_name("python")), "-c", _PROGRAM],
        input="".join(json.dumps(words) + "\n" for words in commands),
        env={
            "AZURE_CONFIG_DIR": str(folder),
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "HOME": str(folder),
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    return [f"az {' '.join(words)}: {text}" for words, text in json.loads(done.stdout)]
