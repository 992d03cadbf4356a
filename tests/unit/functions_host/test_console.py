"""What the console shows of log records."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest

from functions_host.console import ConsoleFormatter, InvocationFilter, JsonFormatter, wants_colour
from functions_host.invoking.context import Invocation, current_invocation


def record(text: str = "hello", level: int = logging.INFO, **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("app", level, __file__, 1, text, (), None)
    made.created = 1_767_268_800.5  # 2026-01-01T12:00:00.5Z
    for name, value in fields.items():
        setattr(made, name, value)
    return made


ENDED: dict[str, Any] = {
    "function_name": "Pick", "function_kind": "activity", "instance_id": "i-1", "duration_s": 0.0123,
    "outcome": "Succeeded",
}  # fmt: skip


def test_an_invocation_is_one_line() -> None:
    """Function, kind, instance, outcome, duration."""
    line = ConsoleFormatter(colour=False).format(record(**ENDED))
    assert line == "12:00:00.500 Pick activity i-1 Succeeded 12.3 ms"


def test_a_failure_has_its_reason_and_its_stack_below() -> None:
    """The app's folder is left out of file names."""
    stack = '  File "/app/Pick/__init__.py", line 3, in main\n'
    failed = ENDED | {"outcome": "Failed", "failure": "ValueError: no", "stack": stack}
    lines = ConsoleFormatter(colour=False, app_dir="/app").format(record(**failed)).splitlines()
    assert lines[0].endswith("Failed 12.3 ms: ValueError: no")
    assert lines[1] == '      File "Pick/__init__.py", line 3, in main'


@pytest.mark.parametrize(
    ("fields", "colour"),
    [
        (ENDED, "\033[32m"),
        (ENDED | {"outcome": "Failed"}, "\033[31m"),
        ({"level": logging.WARNING}, "\033[33m"),
        ({"level": logging.ERROR}, "\033[31m"),
    ],
)
def test_colours_tell_good_from_bad(fields: dict[str, Any], colour: str) -> None:
    """Green, red, yellow; none when switched off."""
    assert colour in ConsoleFormatter(colour=True).format(record(**fields))
    assert "\033" not in ConsoleFormatter(colour=False).format(record(**fields))


class Terminal(io.StringIO):
    """A stream that says that it is one."""

    def isatty(self) -> bool:
        """A terminal."""
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "wanted"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (io.StringIO(), {}, False),
    ],
)
def test_colour_is_for_terminals(stream: Any, environment: dict[str, str], *, wanted: bool) -> None:
    """Unless NO_COLOR has a value (no-color.org)."""
    assert wants_colour(stream, environment) is wanted


def test_json_lines_carry_the_fields() -> None:
    """Empty ones are left out."""
    entry = json.loads(JsonFormatter().format(record(**ENDED, failure=None, stack="")))
    assert entry == {
        "time": "2026-01-01T12:00:00.500000+00:00", "level": "info", "logger": "app",
        "message": "hello", **ENDED,
    }  # fmt: skip


def test_what_the_app_logs_is_told_by_function() -> None:
    """The running invocation is known by the context."""
    token = current_invocation.set(Invocation(function="Pick", kind="activity", instance_id="i-1"))
    try:
        said = record()
        assert InvocationFilter(verbose=False).filter(said)
    finally:
        current_invocation.reset(token)
    assert ConsoleFormatter(colour=False).format(said) == "12:00:00.500 Pick hello"


def test_steps_of_an_orchestrator_are_shown_when_asked() -> None:
    """Its end and its failure always are."""
    step: dict[str, Any] = {"function_name": "O", "function_kind": "orchestrator"}
    running, done = record(**step, outcome="Running"), record(**step, outcome="Completed")
    failed = record(level=logging.ERROR, **step, outcome="Running")
    quiet, verbose = InvocationFilter(verbose=False), InvocationFilter(verbose=True)
    assert [quiet.filter(r) for r in (running, done, failed)] == [False, True, True]
    assert verbose.filter(running)


def test_log_levels_of_host_json_hold_for_functions() -> None:
    """The function's own before the one for all."""
    levels = {"Function": logging.WARNING, "Function.Pick": logging.INFO}
    chosen = InvocationFilter(verbose=False, levels=levels)
    assert chosen.filter(record(function_name="Pick"))
    assert not chosen.filter(record(function_name="Pack"))
    assert chosen.filter(record(function_name="Pack", level=logging.WARNING))
    assert chosen.filter(record())


EVIL = "alpine\x1b[2J\x9b\x7f"


def test_no_text_of_an_app_steers_the_terminal() -> None:
    """Neither a message, nor a failure, an id or a stack; the host's own colours stay."""
    evil = {"instance_id": EVIL, "outcome": "Failed", "failure": EVIL, "stack": f"x\n{EVIL}"}
    for made in (record(EVIL), record(EVIL, function_name=EVIL), record(**ENDED | evil)):
        line = ConsoleFormatter(colour=False).format(made)
        assert not set("\x1b\x9b\x7f") & set(line)
        assert "alpine\\x1b[2J\\x9b\\x7f" in line
    assert "\x1b[31m" in ConsoleFormatter(colour=True).format(record(EVIL, logging.ERROR))


def test_json_lines_have_the_same_text_and_nothing_a_terminal_obeys() -> None:
    """Whoever reads the JSON gets what was written."""
    line = JsonFormatter().format(record(EVIL))
    assert not set("\x1b\x9b\x7f") & set(line)
    assert json.loads(line)["message"] == EVIL
