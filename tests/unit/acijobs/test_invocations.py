"""How the function folders come by telemetry, and what they do with it at the end."""

from __future__ import annotations

import importlib
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from acijobs import wiring
from acijobs.telemetry import process
from recorded_telemetry import RecordedTelemetry

ROOT = Path(__file__).parents[3]
PARENT = f"00-{'a' * 32}-{'1' * 16}-01"
CONTEXT: Any = SimpleNamespace(trace_context=SimpleNamespace(trace_parent=PARENT))


@pytest.fixture
def makers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads that have made telemetry, which is on."""
    found: list[int] = []

    def new(_: object) -> RecordedTelemetry:
        found.append(threading.get_ident())
        return RecordedTelemetry()

    monkeypatch.setattr(process, "_MADE", {})
    monkeypatch.setattr(process, "_new", new)
    monkeypatch.setenv("Telemetry", "otlp")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    return found


async def test_telemetry_is_made_beside_the_event_loop(makers: list[int]) -> None:
    """Once: the other invocations of the process go on meanwhile, and later ones find it made."""
    first = await wiring.invocation_of_async(CONTEXT)
    second = await wiring.invocation_of_async(CONTEXT)
    assert first == second
    assert first.trace_parent == PARENT
    assert len(makers) == 1
    assert makers[0] != threading.get_ident()


async def test_telemetry_that_is_made_or_off_needs_no_other_thread(
    makers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request would wait for one."""
    made = wiring.telemetry()
    monkeypatch.setattr("asyncio.to_thread", None)
    assert (await wiring.invocation_of_async(CONTEXT)).telemetry is made
    monkeypatch.setenv("Telemetry", "off")
    assert (await wiring.invocation_of_async(CONTEXT)).telemetry is not made


def test_every_async_function_makes_telemetry_beside_the_loop() -> None:
    """And the others, which have a thread of their own, need not."""
    sources = {path.parent.name: path.read_text("utf-8") for path in ROOT.glob("*/__init__.py")}
    asynchronous = {name for name, text in sources.items() if "async def main(" in text}
    blocking = {name for name, text in sources.items() if "wiring.invocation(" in text}
    assert {
        name for name, text in sources.items() if "invocation_of_async(" in text
    } <= asynchronous
    assert blocking
    assert blocking & asynchronous == set()


async def test_a_round_that_fails_is_told_of_too(
    makers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What went before its failure is what one wants to see then."""
    folder, flushed = importlib.import_module("Reconcile"), []

    class Failing:
        def __init__(self, *_: object) -> None: ...

        async def round(self) -> None:
            raise ZeroDivisionError

    async def flush() -> None:
        flushed.append(len(wiring.telemetry().spans))  # type: ignore[attr-defined]

    monkeypatch.setattr(folder, "Reconciler", Failing)
    monkeypatch.setattr(folder, "Instances", lambda _: None)
    monkeypatch.setattr(wiring, "flush_telemetry", flush)
    with pytest.raises(ZeroDivisionError):
        await folder.main(None, "", CONTEXT)
    assert flushed == [1]
