"""A shell that runs the commands of a page as a reader would: one after the other, in one session."""

from __future__ import annotations

import os
import queue
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from guide import SavedFile, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[2]
MISSING = [tool for tool in ("bash", "curl", "jq", "make", "wget") if shutil.which(tool) is None]
"""What the pages' commands need and this machine does not have."""
_PATIENCE_S = 90.0
_LOOKS = re.compile(
    r"(?!.* (?:-d|-X|-O|-o|>) ?)(?:curl|cat|az container (?:show|list|logs)) ", re.DOTALL
)
"""A command that changes nothing: it is repeated until it sees what the page shows."""
_STAYS = re.compile(r"(?:\w+=\S+ )*make up\b")
"""A command that stays in its terminal until it is stopped."""


class GuideShell:
    """One session of bash between `with` and its end; `make` is that of this checkout.

    Args:
        folder: Where commands run.
        variables: What they find in their environment besides this process's own.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._environment = {**os.environ, "VENV": sys.prefix, **(variables or {})}
        self._terminals: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        self._shell = self._open("bash --noprofile --norc")
        self._lines = _lines_of(self._shell)
        self._run(_PREAMBLE)
        return self

    def __exit__(self, *_: object) -> None:
        for terminal in reversed(self._terminals):  # the first is the session itself
            _close(terminal)

    def do(self, parts: Iterable[Step | SavedFile]) -> None:
        """Run each command, save each file; all must go as the page says."""
        for part in parts:
            if isinstance(part, SavedFile):
                (self.folder / part.name).write_text(part.text, "utf-8")
            elif _STAYS.match(part.command):
                self._stay(part)
            else:
                self._follow(part)

    def _follow(self, step: Step) -> None:
        give_up_at = time.monotonic() + _PATIENCE_S
        while True:
            code, output = self._run(step.command)
            if step.is_as_shown(_without_head(output)) if step.shown else code == 0:
                return
            if not _LOOKS.match(step.command) or time.monotonic() > give_up_at:
                raise AssertionError(
                    f"{step.where}: {step.command}\nexit code {code}\n{output}\n"
                    f"--- shown:\n{step.shown}\n--- errors:\n{self._errors()}"
                )
            time.sleep(0.5)

    def _stay(self, step: Step) -> None:
        """Leave a command running in a terminal of its own, once it has said what the page shows."""
        terminal = self._open(f"bash --noprofile --norc -c {shlex.quote(_PREAMBLE + step.command)}")
        lines, said = _lines_of(terminal), ""
        while not step.is_as_shown(said):
            line = lines.get(timeout=_PATIENCE_S)
            assert line is not None, f"{step.where}: {step.command} ended:\n{said}{self._errors()}"
            said += line

    def _run(self, command: str) -> tuple[int, str]:
        """Run a command in the session; return its exit code and what it wrote."""
        mark = secrets.token_hex(8)
        assert self._shell.stdin is not None
        self._shell.stdin.write(f'{{ {command}\n}} </dev/null\necho; echo "{mark} $?"\n')
        self._shell.stdin.flush()
        said = ""
        while (line := self._lines.get(timeout=_PATIENCE_S)) is not None:
            if line.startswith(mark):
                return int(line.split()[1]), said.removesuffix("\n")
            said += line
        raise AssertionError(f"the shell ended in: {command}\n{said}{self._errors()}")

    def _open(self, command: str) -> subprocess.Popen[str]:
        with (self.folder / "errors.txt").open("ab") as errors:
            terminal = subprocess.Popen(
                shlex.split(command),
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self._terminals.append(terminal)
        return terminal

    def _errors(self) -> str:
        return (self.folder / "errors.txt").read_text("utf-8")[-4_000:]


_PREAMBLE = f"""\
make() {{ command make -s -C {shlex.quote(str(ROOT))} -o "$VENV/.installed" "$@"; }}
curl() {{ command curl --fail-with-body --noproxy '*' "$@"; }}
"""
"""`make` installs nothing: the tests run in what it would make. `curl` says when it was refused."""


def _without_head(output: str) -> str:
    """Return what pages show of an answer of `curl -i`: its body."""
    return output.partition("\n\n")[2] if output.startswith("HTTP/") else output


def _lines_of(terminal: subprocess.Popen[str]) -> queue.Queue[str | None]:
    """Return the lines that it writes, as they come; None when no more does."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert terminal.stdout is not None
        for line in terminal.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _close(terminal: subprocess.Popen[str]) -> None:
    """End it and all that it started, as closing a terminal does, but gently."""
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if terminal.poll() is None or ending is signal.SIGTERM:
            try:
                os.killpg(terminal.pid, ending)
            except ProcessLookupError:
                break
        try:
            terminal.wait(20)
        except subprocess.TimeoutExpired:
            continue
        if ending is not signal.SIGINT:
            break
    terminal.communicate()
