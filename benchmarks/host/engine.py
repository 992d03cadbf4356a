"""Measures of our own engine; run as `python -m benchmarks.host.engine MEASURE COUNT`."""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "local"), str(ROOT / "tests" / "support")]

import azure.durable_functions as df  # noqa: E402 - needs the path above

from durable_app import SdkApp  # noqa: E402
from functions_host.durable import DurableEngine  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    import azure.durable_functions as df

    Context = df.DurableOrchestrationContext
    Steps = Generator[Any, Any, Any]

LATENESS: list[float] = []


class _Forgetful(list[tuple[str, str]]):
    """Keeps nothing, so that memory is the engine's own."""

    def append(self, item: tuple[str, str]) -> None:
        """Forget the item."""


def build_app() -> SdkApp:
    """Return the app that is measured."""
    app = SdkApp()
    app.contexts = _Forgetful()

    @app.activity
    def add(number: int) -> int:
        return number + 1

    @app.orchestrator
    def chain(context: Context) -> Steps:
        number: Any = 0
        for _ in range(5):
            number = yield context.call_activity("add", number)
        return number

    @app.orchestrator
    def fan(context: Context) -> Steps:
        count: Any = context.get_input()
        results = yield context.task_all([context.call_activity("add", n) for n in range(count)])
        return sum(results)

    @app.orchestrator
    def sleep(context: Context) -> Steps:
        due = datetime.fromisoformat(str(context.get_input()))
        yield context.create_timer(due)
        if not context.is_replaying:
            LATENESS.append((datetime.now(UTC) - due).total_seconds())

    @app.orchestrator
    def listen(context: Context) -> Steps:
        yield context.wait_for_external_event("Go")

    @app.orchestrator
    def long(context: Context) -> Steps:
        for _ in range(int(str(context.get_input()))):
            yield context.call_activity("add", 1)

    return app


async def throughput(engine: DurableEngine, count: int) -> dict[str, float]:
    """Return orchestrations per second, all started at once."""
    await _finish(engine, "chain")
    began = time.perf_counter()
    await asyncio.gather(*(_finish(engine, "chain", expected="5") for _ in range(count)))
    return {"per_s": count / (time.perf_counter() - began)}


async def fan_out(engine: DurableEngine, count: int) -> dict[str, float]:
    """Return how long one orchestration with `count` parallel activities takes."""
    began = time.perf_counter()
    await _finish(engine, "fan", count, str(count * (count + 1) // 2))
    return {"seconds": time.perf_counter() - began}


async def growth(engine: DurableEngine, count: int) -> dict[str, float]:
    """Return the mean cost of an episode, in ms, for chains of up to `count` activities."""
    figures = {}
    for length in (5, 20, 100, count):
        began = time.perf_counter()
        await _finish(engine, "long", length)
        figures[f"{length} activities"] = (time.perf_counter() - began) * 1000 / length
    return figures


async def lateness(engine: DurableEngine, count: int) -> dict[str, float]:
    """Return how late timers that are due within one second fire, in ms."""
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=12)
    dues = [due + timedelta(milliseconds=1000 * number // count) for number in range(count)]
    await asyncio.gather(*(_finish(engine, "sleep", one.isoformat()) for one in dues))
    late = sorted(LATENESS)
    return {
        "p50_ms": late[len(late) // 2] * 1000,
        "p99_ms": late[len(late) * 99 // 100 - 1] * 1000,
        "max_ms": late[-1] * 1000,
    }


async def sleepers(engine: DurableEngine, count: int) -> dict[str, float]:
    """Put `count` instances to sleep, half on timers and half on events; return nothing yet."""
    due = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for number in range(count):
        name, argument = ("sleep", due) if number % 2 else ("listen", None)
        payload = None if argument is None else json.dumps(json.dumps(argument))
        await engine.client.start_new(name, payload)
    await engine.wait_until_quiet()
    return await _idle_figures()


async def asleep(_engine: DurableEngine, _count: int) -> dict[str, float]:
    """Return the idle figures of a host that was started on a store of sleepers."""
    return await _idle_figures()


async def _idle_figures() -> dict[str, float]:
    began, used = time.perf_counter(), time.process_time()
    await asyncio.sleep(5)
    cpu = (time.process_time() - used) / (time.perf_counter() - began) * 100
    return {"rss_mb": _rss_mb(), "cpu_percent": cpu}


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


async def _finish(
    engine: DurableEngine, name: str, argument: Any = None, expected: str | None = None
) -> None:
    payload = None if argument is None else json.dumps(json.dumps(argument))
    instance_id = await engine.client.start_new(name, payload)
    instance = await engine.client.wait_for_end(instance_id, 600)
    assert instance is not None
    assert instance.status == "Completed", instance
    assert expected in {None, instance.output}


MEASURES: dict[str, Callable[[DurableEngine, int], Awaitable[dict[str, float]]]] = {
    "throughput": throughput,
    "fan_out": fan_out,
    "growth": growth,
    "lateness": lateness,
    "sleepers": sleepers,
    "asleep": asleep,
}


async def main(measure: str, count: int, folder: Path) -> None:
    """Print one measure as JSON."""
    began = time.perf_counter()
    engine = DurableEngine(build_app(), folder)
    await engine.start()
    start_s = time.perf_counter() - began
    figures = await MEASURES[measure](engine, count)
    await engine.stop()
    print(json.dumps({"start_s": start_s, **figures}))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    if len(sys.argv) > 3:
        asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(temporary)))
