"""The console log: one line per invocation, in colour on a terminal, or JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from functions_host.invoking.context import current_invocation
from loopback.printable import printable, printable_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS = (
    "function_name", "function_kind", "invocation_id", "instance_id", "duration_s", "outcome",
    "failure", "stack",
)  # fmt: skip
_RED, _GREEN, _YELLOW, _BLUE, _DIM, _BOLD, _RESET = (
    "\033[31m", "\033[32m", "\033[33m", "\033[36m", "\033[2m", "\033[1m", "\033[0m",
)  # fmt: skip
_GOOD = frozenset({"Succeeded", "Completed"})
_BAD = frozenset({"Failed"})
_LEVELS = {
    "trace": logging.DEBUG, "debug": logging.DEBUG, "information": logging.INFO,
    "warning": logging.WARNING, "error": logging.ERROR, "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 10,
}  # fmt: skip
# Libraries that narrate each request at INFO; --verbose brings them back.
_CHATTY = ("azure", "aiohttp", "urllib3", "asyncio")


class InvocationFilter(logging.Filter):
    """Tells each record which invocation wrote it, and drops what is not to be shown.

    Args:
        verbose: Whether an orchestrator's episodes that do not end it are shown too.
        levels: The lowest level shown, by category: `Function` or `Function.<name>`.
    """

    def __init__(self, *, verbose: bool, levels: Mapping[str, int] | None = None) -> None:
        super().__init__()
        self._verbose = verbose
        self._levels = levels or {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is shown."""
        invocation = current_invocation.get()
        if invocation is not None and not hasattr(record, "function_name"):
            record.function_name = invocation.function
            record.invocation_id = invocation.invocation_id
            record.instance_id = invocation.instance_id
            record.function_kind = invocation.kind
        if record.levelno < self._lowest(getattr(record, "function_name", None)):
            return False
        if self._verbose or record.levelno > logging.INFO:
            return True
        step = getattr(record, "function_kind", "") == "orchestrator"
        return not (step and getattr(record, "outcome", "Completed") == "Running")

    def _lowest(self, function: str | None) -> int:
        if function is None:
            return logging.NOTSET
        return self._levels.get(
            f"Function.{function}", self._levels.get("Function", logging.NOTSET)
        )


class ConsoleFormatter(logging.Formatter):
    """Lines to read.

    Args:
        colour: Whether to use ANSI colours.
        app_dir: Stripped from the file names of tracebacks.
    """

    def __init__(self, *, colour: bool, app_dir: str = "") -> None:
        super().__init__()
        self._colour = colour
        self._app_dir = app_dir.rstrip("/") + "/" if app_dir else ""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, a traceback indented below it."""
        moment = datetime.fromtimestamp(record.created, UTC)
        time_text = self._paint(_DIM, moment.strftime("%H:%M:%S.%f")[:-3])
        outcome = getattr(record, "outcome", None)
        text = self._message(record) if outcome is None else self._invocation(record, str(outcome))
        stack = str(getattr(record, "stack", "") or "")
        if record.exc_info:
            stack += self.formatException(record.exc_info)
        below = "".join(
            f"\n    {line}" for line in printable(stack.replace(self._app_dir, "")).splitlines()
        )
        return f"{time_text} {text}{self._paint(_DIM, below) if below else ''}"

    def _invocation(self, record: logging.LogRecord, outcome: str) -> str:
        fields = {
            name: printable(value) if isinstance(value, str) else value
            for name, value in vars(record).items()
        }
        colour = _RED if outcome in _BAD else _GREEN if outcome in _GOOD else _BLUE
        failure = fields.get("failure")
        whose = fields.get("instance_id") or fields.get("invocation_id") or ""
        parts = [
            self._paint(_BOLD, f"{fields.get('function_name')}"),
            self._paint(_DIM, f"{fields.get('function_kind', '')} {whose}".strip()),
            self._paint(colour, printable(outcome)),
            f"{float(fields.get('duration_s') or 0) * 1000:.1f} ms",
        ]
        return " ".join(parts) + (
            f": {self._paint(_RED, printable(str(failure)))}" if failure else ""
        )

    def _message(self, record: logging.LogRecord) -> str:
        message = printable(record.getMessage())
        function = getattr(record, "function_name", None)
        if function is not None:
            message = f"{self._paint(_BOLD, printable(str(function)))} {message}"
        if record.levelno >= logging.ERROR:
            return self._paint(_RED, message)
        if record.levelno >= logging.WARNING:
            return self._paint(_YELLOW, message)
        return message

    def _paint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colour and text else text


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in _FIELDS:
            value = getattr(record, name, None)
            if value not in {None, ""}:
                entry[name] = value
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return printable_json(json.dumps(entry, ensure_ascii=False, default=str))


def wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Tell whether to colour: on a terminal, unless NO_COLOR is set."""
    return stream.isatty() and not environment.get("NO_COLOR")


def set_up_logging(
    *, verbose: bool, as_json: bool, app_dir: str, levels: Mapping[str, str]
) -> None:
    """Send all log records of the process to standard output, in the way asked for.

    Args:
        verbose: Debug records of the host, and what libraries say.
        as_json: JSON lines instead of text.
        app_dir: Shortens file names in tracebacks.
        levels: host.json's `logging.logLevel`.
    """
    handler = logging.StreamHandler(sys.stdout)
    named = {category: _level(name) for category, name in levels.items()}
    handler.addFilter(InvocationFilter(verbose=verbose, levels=named))
    colour = wants_colour(sys.stdout, os.environ)
    handler.setFormatter(
        JsonFormatter() if as_json else ConsoleFormatter(colour=colour, app_dir=app_dir)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    default = _level(levels.get("default", "Information"))
    root.setLevel(default)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.INFO if verbose else logging.WARNING)
    logging.getLogger("functions_host").setLevel(
        logging.DEBUG if verbose else min(default, logging.INFO)
    )


def _level(name: str) -> int:
    return _LEVELS.get(name.casefold(), logging.INFO)
